package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func preparePythonSuite(ctx context.Context, dir string) error {
	if _, err := checkout("jpush-api-python-client", "tests"); err != nil {
		return err
	}
	return buildPython(ctx, filepath.Join(dir, "..", "..", "python"))
}

func runPythonSuite(r *suiteRun) error {
	from, err := checkout("jpush-api-python-client", "tests")
	if err != nil {
		return err
	}
	tests := filepath.Join(r.work, "tests")
	if err := r.ours(filepath.Join(from, "tests"), tests); err != nil {
		return err
	}
	conf := fmt.Sprintf("app_key = u%q\nmaster_secret = u%q\n", r.app.key, r.app.secret)
	if err := os.WriteFile(filepath.Join(tests, "conf.py"), []byte(conf), 0o600); err != nil {
		return err
	}
	for _, folder := range []string{"devices", "push", "report", "schedule"} { // they are no packages yet
		if err := os.WriteFile(filepath.Join(tests, folder, "__init__.py"), nil, 0o644); err != nil {
			return err
		}
	}
	script, err := filepath.Abs(filepath.Join("python", "suite.py"))
	if err != nil {
		return err
	}
	c := exec.CommandContext(r.ctx, filepath.Join(r.dir, "..", "..", "python", "venv", "bin", "python"), script)
	c.Dir, c.Env = r.work, []string{"PYTHONPATH=" + r.work}
	return r.execute(c)
}

// prepareNodeSuite fetches the package, and the test programs that it names.
func prepareNodeSuite(which string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		package_ := filepath.Join(dir, "..", "..", "node-"+which)
		if err := os.MkdirAll(package_, 0o755); err != nil {
			return err
		}
		if err := buildNode(which)(ctx, package_); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, "node_modules", "mocha")); err == nil {
			return nil
		}
		return command(ctx, dir, "npm", "install", "--prefix", dir, "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "mocha@10", "should@1.2.2")
	}
}

// runNodeSuite runs files of a package's tests, in a copy of it whose settings are
// the app's.
func runNodeSuite(folder, name string, files ...string) func(*suiteRun) error {
	return func(r *suiteRun) error {
		modules := filepath.Join(r.work, "node_modules")
		if err := os.CopyFS(modules, os.DirFS(filepath.Join(r.dir, "..", "..", folder, "node_modules"))); err != nil {
			return err
		}
		at := filepath.Join(modules, name)
		settings := filepath.Join(at, "test", "BaseTest.js")
		if _, err := os.Stat(settings); errors.Is(err, os.ErrNotExist) {
			settings += ".example"
		}
		text, err := os.ReadFile(settings)
		if err != nil {
			return err
		}
		own := fmt.Sprintf("\nexports.appKey = '%s'\nexports.masterSecret = '%s'\nexports.REGISTRATION_ID1 = '%s'\nexports.REGISTRATION_ID2 = '%s'\n",
			r.app.key, r.app.secret, r.app.production.registrationID, r.app.development.registrationID)
		if strings.Contains(string(text), "exports.TAG1 = 'xxxxx'") { // nothing is filled in
			own += "exports.ALERT = 'alert'\nexports.TITLE = 'title'\nexports.MSG_CONTENT = 'content'\nexports.TAG1 = 'tag1'\nexports.TAG2 = 'tag2'\nexports.TAG_ALL = 'tag_all'\n" +
				"exports.TAG_NO = 'tag_no'\nexports.ALIAS1 = 'alias1'\nexports.ALIAS2 = 'alias2'\nexports.ALIAS_NO = 'alias_no'\n"
		}
		if err := os.WriteFile(filepath.Join(at, "test", "BaseTest.js"), append(text, own...), 0o600); err != nil {
			return err
		}
		report := filepath.Join(r.work, "report.json")
		arguments := []string{"--no-deprecation", filepath.Join(r.dir, "node_modules", "mocha", "bin", "mocha.js"), "--timeout", "10000", "--exit", "--reporter", "json", "--reporter-option", "output=" + report}
		for _, f := range files {
			arguments = append(arguments, filepath.Join("test", f))
		}
		c := exec.CommandContext(r.ctx, "node", arguments...)
		c.Dir, c.Env = at, append(os.Environ(), "NODE_PATH="+filepath.Join(r.dir, "node_modules"))
		out, _ := c.CombinedOutput() // tests may fail
		return r.readMocha(report, string(out))
	}
}

func (r *suiteRun) readMocha(file, said string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%w: %s", err, tail(said))
	}
	var report struct {
		Tests []struct {
			Title string `json:"fullTitle"`
			Err   struct {
				Message string `json:"message"`
			} `json:"err"`
		} `json:"tests"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return err
	}
	for _, t := range report.Tests {
		r.results = append(r.results, suiteResult{t.Title, t.Err.Message != "", t.Err.Message})
	}
	return nil
}

func prepareJavaSuite(ctx context.Context, dir string) error {
	if _, err := checkout("jpush-api-java-client", filepath.Join("src", "test")); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join("java", "suite.xml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), text, 0o644); err != nil {
		return err
	}
	return command(ctx, dir, "mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies")
}

// notJavaTests are files that are no tests of the client against a server: a
// server of their own, helpers, and a class that the package does not have.
var notJavaTests = []string{"/push/mock/", "FileClient2.java"}

func runJavaSuite(r *suiteRun) error {
	from, err := checkout("jpush-api-java-client", filepath.Join("src", "test", "java"))
	if err != nil {
		return err
	}
	from = filepath.Join(from, "src", "test", "java")
	api := filepath.Join(from, "cn", "jpush", "api")
	base, err := os.ReadFile(filepath.Join(api, "BaseTest.java"))
	if err != nil {
		return err
	}
	activity, err := os.ReadFile(filepath.Join(api, "push", "model", "LiveActivityTest.java")) // has another account's
	if err != nil {
		return err
	}
	other := textAfter(activity, `new JPushClient("`) // the secret, which comes first
	source := filepath.Join(r.work, "src")
	if err := r.ours(from, source, strings.NewReplacer(
		textAfter(base, ` APP_KEY = "`), r.app.key, textAfter(base, ` MASTER_SECRET = "`), r.app.secret,
		other, r.app.secret, textAfter(activity, other+`", "`), r.app.key)); err != nil {
		return err
	}
	var files, classes []string
	err = filepath.WalkDir(source, func(at string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(at) != ".java" || slices.ContainsFunc(notJavaTests, func(s string) bool { return strings.Contains(at, s) }) {
			return err
		}
		files = append(files, at)
		name, err := filepath.Rel(source, strings.TrimSuffix(at, ".java"))
		if short := filepath.Base(name); (strings.HasSuffix(short, "Test") || short == "ReportFunctionTests") && !strings.HasPrefix(short, "Base") {
			classes = append(classes, strings.ReplaceAll(name, string(filepath.Separator), "."))
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.work, "README.md"), []byte("a list of aliases\n"), 0o644); err != nil { // a test uploads it
		return err
	}
	path := filepath.Join(r.work, "classes") + string(os.PathListSeparator) + filepath.Join(r.dir, "target", "dependency", "*")
	if err := os.MkdirAll(filepath.Join(r.work, "classes"), 0o755); err != nil {
		return err
	}
	compile := append([]string{"-nowarn", "-encoding", "UTF-8", "-d", filepath.Join(r.work, "classes"), "-cp", path, filepath.Join("java", "suite", "Suite.java")}, files...)
	if err := command(r.ctx, ".", "javac", compile...); err != nil {
		return err
	}
	arguments := []string{"-Xmx300m", "-cp", path}
	for _, module := range []string{"java.nio", "sun.nio.ch", "java.lang"} { // netty and mockito are older than modules
		arguments = append(arguments, "--add-opens", "java.base/"+module+"=ALL-UNNAMED")
	}
	c := exec.CommandContext(r.ctx, "java", append(append(arguments, "Suite"), classes...)...)
	c.Dir = r.work
	return r.execute(c)
}

// textAfter returns what stands between some text and the next quotation mark.
func textAfter(source []byte, mark string) string {
	_, rest, _ := strings.Cut(string(source), mark)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// runPHPSuite runs the tests where they are: they take their settings from the
// environment.
func runPHPSuite(r *suiteRun) error {
	from, err := checkout("jpush-api-php-client", "autoload.php")
	if err != nil {
		return err
	}
	script, err := filepath.Abs(filepath.Join("php", "suite.php"))
	if err != nil {
		return err
	}
	c := exec.CommandContext(r.ctx, "php", script, from)
	c.Dir = r.work // where the client writes its log
	c.Env = []string{"app_key=" + r.app.key, "master_secret=" + r.app.secret, "registration_id=" + r.app.production.registrationID}
	return r.execute(c)
}

func prepareGoSuite(ctx context.Context, dir string) error { return buildGo(ctx, dir) }

// runGoSuite runs the client's tests, which talk to no server: those that did have
// names that the go command passes over.
func runGoSuite(r *suiteRun) error {
	c := exec.CommandContext(r.ctx, "go", "test", "-vet=off", "-json", "github.com/DeanThompson/jpush-api-go-client/...")
	c.Env = append(os.Environ(), "GO111MODULE=off", "GOFLAGS=", "GOPATH="+r.dir)
	out, _ := c.Output() // tests may fail
	for line := range strings.Lines(string(out)) {
		var e struct{ Action, Package, Test string }
		if json.Unmarshal([]byte(line), &e) != nil || e.Test == "" || e.Action != "pass" && e.Action != "fail" {
			continue
		}
		r.results = append(r.results, suiteResult{filepath.Base(e.Package) + "." + e.Test, e.Action == "fail", ""})
	}
	return nil
}
