package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The deployment files set nothing that `aurora serve` does not know.
func TestDeploymentFilesNameFlags(t *testing.T) {
	serve, _, err := root().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`\bAURORA_[A-Z_]+\b`)
	found := 0
	err = filepath.WalkDir(filepath.Join("..", "..", "deploy"), func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.Name() == ".build" { // tools of deploy/lint
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range variable.FindAllString(string(text), -1) {
			found++
			flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "AURORA_"), "_", "-"))
			if flag != "key" && serve.Flags().Lookup(flag) == nil { // AURORA_KEY has no flag: it is a secret
				t.Errorf("%s sets %s, and aurora serve has no flag --%s", path, name, flag)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d variables, %v", found, err)
	}
}

// deployed is the first group of a pattern in a deployment file.
func deployed(t *testing.T, file, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", file))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)" + pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has nothing like %s", file, pattern)
	}
	return string(found[1])
}

const kubernetes = "kubernetes/aurora.yaml"

// The ports, the user and the folder of the image are those that the other files
// speak of, and every secret that is asked for stands in the example.
func TestDeploymentFilesAgree(t *testing.T) {
	for _, same := range [][]string{
		{deployed(t, "Dockerfile", `AURORA_LISTEN=:(\d+)`), deployed(t, "Dockerfile", `^EXPOSE (\d+)$`), deployed(t, kubernetes, `name: http, containerPort: (\d+)`), deployed(t, "compose.yaml", `ports: \["8080:(\d+)"\]`)},
		{deployed(t, kubernetes, `AURORA_ADMIN_LISTEN, value: ":(\d+)"`), deployed(t, kubernetes, `name: admin, containerPort: (\d+)`)},
		{deployed(t, "Dockerfile", `^USER (\d+):`), deployed(t, "Dockerfile", `--chown=(\d+):`), deployed(t, kubernetes, `runAsUser: (\d+)`), deployed(t, kubernetes, `fsGroup: (\d+)`)},
		{deployed(t, "Dockerfile", `AURORA_DATA=(\S+)`), deployed(t, "Dockerfile", `^VOLUME (\S+)`), deployed(t, kubernetes, `name: data, mountPath: ([^}]+)`), deployed(t, "compose.yaml", `"aurora:(/[^"]+)"`)},
		{deployed(t, kubernetes, `(?s)kind: Service.*?targetPort: (\w+)`), deployed(t, kubernetes, `name: (\w+), containerPort: 8080`)},
	} {
		for _, one := range same[1:] {
			if one != same[0] {
				t.Errorf("%q should be one and the same", same)
			}
		}
	}
	for _, asked := range regexp.MustCompile(`secretKeyRef: \{name: aurora, key: (\w+)\}`).FindAllStringSubmatch(deployed(t, kubernetes, `(?s)(.*)`), -1) {
		deployed(t, "kubernetes/secret.example.yaml", `^  (`+asked[1]+`): \S`)
	}
}

// Whoever stops a server waits longer than it may take to end: the drain delay
// and shutdownTime.
func TestDeploymentFilesLetServersEnd(t *testing.T) {
	for file, patterns := range map[string][2]string{
		"compose.yaml":           {`AURORA_DRAIN_DELAY: (\S+)`, `stop_grace_period: (\S+)`},
		kubernetes:               {`AURORA_DRAIN_DELAY, value: "(\w+)"`, `terminationGracePeriodSeconds: (\d+)`},
		"systemd/aurora.service": {`AURORA_DRAIN_DELAY=(\w+)`, `TimeoutStopSec=(\d+)`},
	} {
		var times [2]time.Duration
		for i, pattern := range patterns {
			text := deployed(t, file, pattern)
			if !strings.HasSuffix(text, "s") {
				text += "s"
			}
			var err error
			if times[i], err = time.ParseDuration(text); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		if times[1] < times[0]+shutdownTime+5*time.Second {
			t.Errorf("%s: a server that drains for %s gets %s to end, which may take %s more", file, times[0], times[1], shutdownTime)
		}
	}
}
