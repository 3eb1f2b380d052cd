package apns

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Everything promised survives the end of the process, also without Shutdown:
// the folder is copied while the server runs, as a kill would leave it.
func TestRestartKeepsPromises(t *testing.T) {
	dir := t.TempDir()
	s, phone, token, _ := live(t, Config{Dir: dir})
	credential := mustIssue(t, s, IssueRequest{})
	key := mustIssue(t, s, IssueRequest{Key: true})
	gone := phone.register("com.example.Gone", Production, "i1")
	phone.register("com.example.Gone", Production, "i2")
	newProvider(t, s, Production, key).push(t, push{token: gone, header: header("apns-topic", "com.example.Gone")})
	p := newProvider(t, s, Production, credential)
	p.push(t, push{token: token, body: body("seen")})
	n := phone.next()
	phone.ack(n, "ok")
	phone.quiet()
	phone.leave(s, "p1")
	p.push(t, push{token: token, body: body("replaced")})
	p.push(t, push{token: token, body: body("kept")})

	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	torn, err := os.OpenFile(filepath.Join(killed, "registry.journal"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	torn.WriteString(`{"done":1`) // died in the middle of a line
	torn.Close()

	again := startServer(t, Config{Dir: killed})
	if !bytes.Equal(again.CAPEM(), s.CAPEM()) {
		t.Error("another authority after the restart")
	}
	phone = connectPhone(t, again, "p1")
	n = phone.next()
	if string(n.Payload) != body("kept") || n.Token != token {
		t.Fatalf("after the restart the phone got %+v", n)
	}
	phone.ack(n, "ok")
	if same := phone.register(testBundle, Production, "i1"); same != token {
		t.Errorf("the token changed from %s to %s", token, same)
	}
	if r := newProvider(t, again, Production, credential).push(t, push{token: token}); r.Status != 200 {
		t.Errorf("the old certificate: %+v", r)
	}
	r := newProvider(t, again, Production, key).push(t, push{token: gone, header: header("apns-topic", "com.example.Gone")})
	if r.Status != 410 || r.Timestamp == 0 {
		t.Errorf("the dead token with the old key: %+v", r)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, Config{Dir: dir})
	for name, want := range map[string]os.FileMode{"ca.pem": 0o644, "ca.key": 0o600, "issuer.key": 0o600, "registry.journal": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
	second, err := NewServer(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "another local APNs is running") {
		t.Errorf("a second server on the folder: %v", err)
	}
	// What another process issues is honoured by the running server.
	phone := connectPhone(t, s, "p1")
	token := phone.register(testBundle, Production, "i1")
	for _, request := range []IssueRequest{{}, {Key: true}} {
		if r := newProvider(t, s, Production, mustIssue(t, second, request)).push(t, push{token: token}); r.Status != 200 {
			t.Errorf("%+v issued elsewhere: %+v", request, r)
		}
	}
}

func TestDamagedFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "registry.journal"), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewServer(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a damaged journal: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := NewServer(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("an authority without its key: %v", err)
	}
}

// The journal is rewritten when it has grown, and loses nothing by it.
func TestJournalIsRewritten(t *testing.T) {
	dir := t.TempDir()
	s, phone, token, _ := live(t, Config{Dir: dir})
	phone.leave(s, "p1")
	send := sender(t, s, token)
	send(1)
	s.registry.mu.Lock()
	limit := s.registry.journal.size + 2000
	s.registry.journal.limit = limit
	s.registry.mu.Unlock()
	for range 20 { // some 600 bytes each
		send(2)
		s.registry.mu.Lock()
		if size := s.registry.journal.size; size > limit {
			t.Errorf("the journal has %d bytes, the limit is %d", size, limit)
		}
		s.registry.journal.limit = limit
		s.registry.mu.Unlock()
	}
	send(3)
	ctx, cancel := contextWithTimeout(t, 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	again := startServer(t, Config{Dir: dir})
	phone = connectPhone(t, again, "p1")
	if n := phone.next(); n.APNsID != uuid(3) {
		t.Errorf("after a rewrite and a restart the phone got %+v", n)
	}
}
