//go:build linux

package main_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// The image of deploy/Dockerfile has the program and a folder for its data, and
// nothing else that the program needs: it starts as a user without a name in a
// root folder that it cannot write, is asked what Kubernetes asks, and ends in
// order. Certificates and time zones, which the image has too, are left out.
func TestImageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile(filepath.Join("..", "..", "deploy", "Dockerfile"))
	check(t, err)
	if build := `CGO_ENABLED=0 go build -trimpath -ldflags='-s -w'`; !strings.Contains(string(dockerfile), build) {
		t.Errorf("the Dockerfile builds otherwise than these tests: %s", build)
	}
	program, err := elf.Open(binary)
	check(t, err)
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is not static: it has %v", p.Type)
		}
	}
	check(t, program.Close())
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: to start the program in a root folder of its own takes root")
	}

	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, "data"), 0o755))
	check(t, os.Chown(filepath.Join(root, "data"), imageUser, imageUser))
	if err := os.Link(binary, filepath.Join(root, "aurora")); err != nil {
		t.Fatal(err)
	}
	check(t, os.Chmod(root, 0o555)) // and root's: read-only for the user
	env := strings.Fields(regexp.MustCompile(`(?m)^ENV (.+)$`).FindStringSubmatch(string(dockerfile))[1])
	server := (&script{t: t}).launch(&exec.Cmd{Path: "/aurora", Args: []string{"/aurora", "serve"}, Dir: "/", Env: append(env, "AURORA_LISTEN=127.0.0.1:0"),
		SysProcAttr: &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: imageUser, Gid: imageUser}}})
	url := server.says(`ready at (http://\S+)`)
	server.says(`/setup\?link=(\S+)`) // it has written its database
	manifest, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", "aurora.yaml"))
	check(t, err)
	probes := regexp.MustCompile(`httpGet: \{path: (\S+), port: http\}`).FindAllSubmatch(manifest, -1)
	if len(probes) != 3 {
		t.Errorf("Kubernetes asks at %d addresses, want startup, liveness and readiness", len(probes))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, p := range probes {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+string(p[1]), nil)
		check(t, err)
		resp, err := http.DefaultClient.Do(q)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", p[1], resp.Status)
		}
	}
	server.stop()
	for line := range bytes.Lines([]byte(server.text())) {
		if bytes.HasPrefix(line, []byte("{")) && !json.Valid(line) {
			t.Errorf("a line of the log is not JSON: %s", line)
		}
	}
	if list, err := os.ReadDir(root); err != nil || len(list) != 2 {
		t.Errorf("the root folder holds %v, %v", list, err)
	}
}

// imageUser is who the image's program runs as.
const imageUser = 65532
