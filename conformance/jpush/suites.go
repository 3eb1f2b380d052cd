package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora/simulator/iphone"
)

// suite is the tests that a client brings itself.
type suite struct {
	name string
	of   string // what is run
	// prepare fetches and compiles outside, where there is a network.
	prepare func(ctx context.Context, dir string) error
	run     func(r *suiteRun) error
}

// suites are those of the clients that have one; jiguang-sdk-java has none.
var suites = []*suite{
	{"python", "tests of a checkout of jpush-api-python-client on the package", preparePythonSuite, runPythonSuite},
	{"node-sdk", "the tests in the package jpush-sdk", prepareNodeSuite("sdk"), runNodeSuite("node-sdk", "jpush-sdk", "Payload.tests.js", "Push.tests.js")},
	{"node-async", "the tests in the package jpush-async", prepareNodeSuite("async"), runNodeSuite("node-async", "jpush-async", "Payload.tests.js")},
	{"java", "tests of a checkout of jpush-api-java-client on the package", prepareJavaSuite, runJavaSuite},
	{"php", "a checkout of jpush-api-php-client", findPHP, runPHPSuite},
	{"go", "a checkout of jpush-api-go-client", prepareGoSuite, runGoSuite},
}

// suiteRun is one run of a suite, with an app and the devices of JPush's test
// account.
type suiteRun struct {
	ctx     context.Context
	dir     string // what prepare left
	work    string // a folder of its own
	app     *app
	third   string // a device that no phone stands behind
	devices int    // made so far
	results []suiteResult
}

// suiteResult is what became of one test.
type suiteResult struct {
	Test   string `json:"test"`
	Failed bool   `json:"failed"`
	Why    string `json:"why"`
}

//go:embed excluded.txt
var excludedText string

// exclusion is a test that cannot pass against Aurora, or is not run, with the
// reason.
type exclusion struct{ suite, test, reason string }

// exclusions reads excluded.txt: suite, test and reason, parted by " | ".
func exclusions() (list []exclusion, err error) {
	for line := range strings.Lines(excludedText) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, " | ", 3)
		if len(parts) != 3 {
			return nil, fmt.Errorf("excluded.txt has the line %q", line)
		}
		list = append(list, exclusion{parts[0], parts[1], parts[2]})
	}
	return list, nil
}

// runSuites runs clients' own tests and says which of them fail that should not.
func runSuites(ctx context.Context, aurora, build string, names []string) error {
	chosen, err := chooseSuites(names)
	if err != nil {
		return err
	}
	excluded, err := exclusions()
	if err != nil {
		return err
	}
	dir := func(s *suite) string { return filepath.Join(build, "suites", s.name) }
	if !inside() {
		for _, s := range chosen {
			unready := &client{build: s.prepare}
			unready.prepare(ctx, dir(s)) // the note says why it could not
		}
		started, err := goInside(ctx, aurora, build)
		if !started && err == nil {
			err = errors.New("the suites run with JPush's own addresses, which takes namespaces: be root")
		}
		return err
	}
	temporary, err := os.MkdirTemp("", "jpush-suites-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	i, err := install(ctx, aurora, temporary)
	if err != nil {
		return err
	}
	defer i.stop()
	unexpected := false
	for _, s := range chosen {
		if why := (&client{}).find(dir(s)); why != nil {
			fmt.Printf("\nSKIPPED  %s: %v\n", s.name, why)
			continue
		}
		results, err := i.runSuite(ctx, s, dir(s), filepath.Join(temporary, s.name))
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		unexpected = judge(os.Stdout, s, results, excluded) || unexpected
	}
	if unexpected {
		return errors.New("a test failed that is not in excluded.txt")
	}
	return nil
}

func chooseSuites(names []string) ([]*suite, error) {
	if len(names) == 0 {
		return suites, nil
	}
	var chosen []*suite
	for _, name := range names {
		i := slices.IndexFunc(suites, func(s *suite) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no suite %s", name)
		}
		chosen = append(chosen, suites[i])
	}
	return chosen, nil
}

func (i *installation) runSuite(ctx context.Context, s *suite, dir, work string) ([]suiteResult, error) {
	a, err := i.newApp(ctx, "suite-"+s.name)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	r := &suiteRun{ctx: ctx, dir: dir, work: work, app: a}
	if err := r.populate(i.url); err != nil {
		return nil, err
	}
	err = s.run(r)
	if err == nil && len(r.results) == 0 {
		err = errors.New("no test ran")
	}
	return r.results, err
}

// populate gives the app what JPush's test account has: iPhones with these aliases
// and tags, devices of other platforms, a live activity, and a schedule.
func (r *suiteRun) populate(url string) error {
	tagged := func(alias string, tags ...string) object {
		o := object{"tags": object{"add": tags}}
		if alias != "" {
			o["alias"] = alias
		}
		return o
	}
	changes := map[string]object{
		r.app.production.registrationID:  tagged("alias1", "tag1", "tag2", "tag3", "tag_all"),
		r.app.development.registrationID: tagged("alias2", "tag1", "tag2", "tag_all"),
	}
	for _, platform := range []string{"android", "hmos", "quickapp"} {
		id, err := r.register(url, object{"platform": platform})
		if err != nil {
			return err
		}
		changes[id] = tagged("", "tag1", "tag2", "tag_all")
	}
	var err error
	if r.third, err = r.register(url, object{"platform": "ios"}); err != nil {
		return err
	}
	for id, change := range changes {
		if err := r.post(url+"/v3/devices/"+id, change, r.app.key, r.app.secret, &struct{}{}); err != nil {
			return err
		}
	}
	if err := r.startActivity(url); err != nil {
		return err
	}
	return r.post(url+"/v3/schedules", object{"name": "left by an earlier run", "enabled": true,
		"trigger": object{"single": object{"time": time.Now().AddDate(0, 1, 0).In(china).Format(scheduleTime)}},
		"push":    object{"platform": "all", "audience": "all", "notification": object{"alert": "later"}}}, r.app.key, r.app.secret, &struct{}{})
}

// startActivity starts the live activity of JPush's test account on a phone.
func (r *suiteRun) startActivity(url string) error {
	const name = "LiveActivity-1"
	p := r.app.development
	err := r.post(url+"/v3/push", object{"platform": []string{"ios"}, "audience": object{"registration_id": []string{p.registrationID}}, "options": object{"apns_production": false},
		"live_activity": object{"ios": object{"event": "start", "attributes-type": iphone.SampleActivity, "attributes": object{"id": name}, "content-state": object{"n": 0}, "alert": object{"title": "t", "body": "b"}}}},
		r.app.key, r.app.secret, &struct{}{})
	if err != nil {
		return err
	}
	_, err = p.see(r.ctx, func(st iphone.State) bool {
		s, _ := st.App(p.bundleID)
		return len(st.Activities) > 0 && st.Activities[0].Token != "" && s.Synced
	})
	return err
}

// register makes a device that no phone stands behind.
func (r *suiteRun) register(url string, device object) (string, error) {
	r.devices++
	var a struct {
		ID string `json:"registration_id"`
	}
	err := r.post(url+"/v1/devices", device.with(object{"app_key": r.app.key, "install_id": fmt.Sprintf("further-device-%d", r.devices), "secret": strings.Repeat("0123456789", 4)}), "", "", &a)
	return a.ID, err
}

func (r *suiteRun) post(url string, body object, user, secret string, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(r.ctx, http.MethodPost, url, strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	if user != "" {
		request.SetBasicAuth(user, secret)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s answered %s: %s", url, answer.Status, text)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// accountIDs are the registration ids of JPush's test account, which tests hold as
// texts.
var accountIDs = regexp.MustCompile(`090c1f59f89|1507bfd3f7c466c355c|0900e8d85ef|0a04ad7d8b4|18071adc030dcba91c0`)

// ours copies tests and replaces what belongs to JPush's test account: the
// registration ids, and what else is given.
func (r *suiteRun) ours(from, to string, more ...*strings.Replacer) error {
	ids := map[string]string{"0a04ad7d8b4": r.app.development.registrationID, "18071adc030dcba91c0": r.third}
	return filepath.WalkDir(from, func(at string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		changed := accountIDs.ReplaceAllStringFunc(string(text), func(id string) string {
			if own := ids[id]; own != "" {
				return own
			}
			return r.app.production.registrationID
		})
		for _, replace := range more {
			changed = replace.Replace(changed)
		}
		rest, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rest)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, []byte(changed), 0o644)
	})
}

// execute runs a program that prints a line "result {…}" for each test. How it
// ends does not matter: tests may fail.
func (r *suiteRun) execute(c *exec.Cmd) error {
	c.Env = append(os.Environ(), c.Env...)
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints strings.Builder
	c.Stderr = &complaints
	if err := c.Start(); err != nil {
		return err
	}
	patience := time.AfterFunc(8*time.Minute, func() { c.Process.Kill() })
	defer patience.Stop()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		_, text, ours := strings.Cut(lines.Text(), "result {") // tests print too, also without an end of line
		if !ours {
			continue
		}
		var one suiteResult
		if err := json.Unmarshal([]byte("{"+text), &one); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		r.results = append(r.results, one)
	}
	_ = c.Wait()
	if len(r.results) == 0 {
		return fmt.Errorf("no test ran: %s", tail(complaints.String()))
	}
	return nil
}

// judge prints what became of a suite, and reports whether a test failed that is
// not excluded.
func judge(out io.Writer, s *suite, results []suiteResult, excluded []exclusion) (unexpected bool) {
	passed, known := 0, 0
	var bad, listed []string
	for _, r := range results {
		i := slices.IndexFunc(excluded, func(e exclusion) bool { return e.suite == s.name && e.test == r.Test })
		switch {
		case !r.Failed && i >= 0:
			passed++
			listed = append(listed, fmt.Sprintf("  passes, though excluded.txt has it: %s", r.Test))
		case !r.Failed:
			passed++
		case i >= 0:
			known++
			listed = append(listed, fmt.Sprintf("  excluded: %s: %s", r.Test, excluded[i].reason))
		default:
			bad = append(bad, fmt.Sprintf("  FAIL %s: %s", r.Test, shorten(r.Why, 300)))
		}
	}
	fmt.Fprintf(out, "\n== %s: %s ==\n%d tests, %d pass, %d fail and are excluded, %d FAIL\n", s.name, s.of, len(results), passed, known, len(bad))
	for _, line := range slices.Concat(bad, listed) {
		fmt.Fprintln(out, line)
	}
	return len(bad) > 0
}
