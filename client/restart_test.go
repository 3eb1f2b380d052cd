package client_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/client"
)

// A server that stops and comes back while many send is not noticed by them, and
// every push arrives once.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	w := newWorldApart(t, api.Limits{})
	const senders, each = 8, 15
	var failed atomic.Int64
	c := w.clientWith(client.Settings{
		HTTP:      &http.Client{Transport: &losesSome{next: http.DefaultTransport}},
		Retry:     client.Retry{First: 20 * time.Millisecond, Longest: 200 * time.Millisecond},
		OnAttempt: func(a client.Attempt) { failed.Add(int64(min(a.Wait, 1))) },
	})
	ids := make(chan string, senders*each)
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for range each {
				r, err := c.Push(t.Context(), w.hello())
				if err != nil {
					t.Error(err)
					return
				}
				ids <- r.MessageID
			}
		})
	}
	for len(ids) < senders*each/4 && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w.must(w.server.Shutdown(ctx))
	w.must(w.start(t.Context()))
	sending.Wait()
	close(ids)
	sent := map[string]bool{}
	for id := range ids {
		if r := w.settled(c, id); r.Accepted != 1 {
			t.Errorf("message %s: %+v", id, r)
		}
		sent[id] = true
	}
	if len(sent) != senders*each {
		t.Errorf("%d different messages of %d pushes", len(sent), senders*each)
	}
	got := w.arrived()
	for id, n := range got {
		if n != 1 || !sent[id] {
			t.Errorf("APNs got message %s %d times; it is one of ours: %v", id, n, sent[id])
		}
	}
	if len(got) != senders*each {
		t.Errorf("APNs got %d messages of %d", len(got), senders*each)
	}
	if failed.Load() < 10 {
		t.Errorf("only %d attempts failed: the test did not test", failed.Load())
	}
}

// losesSome loses every seventh answer: the server has done its work.
type losesSome struct {
	next http.RoundTripper
	n    atomic.Int64
}

func (l *losesSome) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err == nil && l.n.Add(1)%7 == 0 {
		resp.Body.Close()
		return nil, errors.New("the connection broke before the answer")
	}
	return resp, err
}

// gateway answers in the place of a server, in a bubble of time.
type gateway func(attempt int, r *http.Request) *http.Response

func (g gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	n := r.Context().Value(attempts{}).(*int)
	*n++
	resp := g(*n, r)
	if resp == nil {
		return nil, errors.New("the connection broke")
	}
	resp.Request = r
	return resp, nil
}

type attempts struct{}

func answer(status int, body string, header ...string) *http.Response {
	rec := httptest.NewRecorder()
	for i := 0; i+1 < len(header); i += 2 {
		rec.Header().Set(header[i], header[i+1])
	}
	rec.WriteHeader(status)
	rec.WriteString(body)
	return rec.Result()
}

// What is repeated, how often, and how long it takes.
func TestRepeats(t *testing.T) {
	push := func(ctx context.Context, c *client.Client) error {
		_, err := c.Push(ctx, client.Push{Audience: client.Audience{All: true}})
		return err
	}
	create := func(ctx context.Context, c *client.Client) error {
		_, err := c.CreateKey(ctx, client.NewKey{Name: "n"})
		return err
	}
	remove := func(ctx context.Context, c *client.Client) error { return c.DeleteSchedule(ctx, "id") }
	upload := func(ctx context.Context, c *client.Client) error {
		_, err := c.UploadAliases(ctx, "vip.txt", strings.NewReader("a\nb\n"), 0)
		return err
	}
	const fine = `{"sendno":"1","msg_id":"2"}`
	const missing = `{"error":{"code":8104,"message":"There is no such schedule."}}`
	always := func(resp func() *http.Response) gateway {
		return func(int, *http.Request) *http.Response { return resp() }
	}
	then := func(first, later func() *http.Response) gateway {
		return func(n int, _ *http.Request) *http.Response {
			if n == 1 {
				return first()
			}
			return later()
		}
	}
	give := func(status int, body string, header ...string) func() *http.Response {
		return func() *http.Response { return answer(status, body, header...) }
	}
	broken := func() *http.Response { return nil }
	for _, tt := range []struct {
		name     string
		do       func(context.Context, *client.Client) error
		server   gateway
		want     error // nil for success
		attempts [2]int
		took     [2]time.Duration
	}{
		{"a push after a break", push, then(broken, give(200, fine)), nil, [2]int{2, 2}, [2]time.Duration{125 * time.Millisecond, 250 * time.Millisecond}},
		{"a push while a gateway restarts", push, then(give(502, "<html>"), give(200, fine)), nil, [2]int{2, 2}, [2]time.Duration{125 * time.Millisecond, 250 * time.Millisecond}},
		{"a push that is never answered", push, always(broken), &client.UnansweredError{}, [2]int{7, 11}, [2]time.Duration{15 * time.Second, 30 * time.Second}},
		{"a wish to wait that fits", push, then(give(503, "", "Retry-After", "7"), give(200, fine)), nil, [2]int{2, 2}, [2]time.Duration{7 * time.Second, 7 * time.Second}},
		{"a wish to wait too long", push, always(give(429, "", "Retry-After", "120")), client.ErrTooMany, [2]int{1, 1}, [2]time.Duration{0, 0}},
		{"the end of a minute's calls", push, then(give(429, "", "X-Rate-Limit-Reset", "9"), give(200, fine)), nil, [2]int{2, 2}, [2]time.Duration{9 * time.Second, 9 * time.Second}},
		{"a defect", push, always(give(500, `{"error":{"code":1000,"message":"no"}}`)), client.ErrInternal, [2]int{3, 3}, [2]time.Duration{375 * time.Millisecond, 750 * time.Millisecond}},
		{"a refusal", push, always(give(400, `{"error":{"code":1003,"message":"no"}}`)), client.ErrInvalid, [2]int{1, 1}, [2]time.Duration{0, 0}},
		{"a redirect", push, always(give(302, "", "Location", "https://elsewhere.example.com")), client.ErrInvalid, [2]int{1, 1}, [2]time.Duration{0, 0}},
		{"a page that is no answer", push, then(give(200, "<html>"), give(200, fine)), nil, [2]int{2, 2}, [2]time.Duration{125 * time.Millisecond, 250 * time.Millisecond}},
		{"a new key after too many calls", create, then(give(429, "", "Retry-After", "1"), give(200, `{"id":1}`)), nil, [2]int{2, 2}, [2]time.Duration{time.Second, time.Second}},
		{"a new key while a gateway restarts", create, always(give(503, "")), client.ErrUnavailable, [2]int{1, 1}, [2]time.Duration{0, 0}},
		{"something deleted by an attempt without an answer", remove, then(broken, give(404, missing)), nil, [2]int{2, 2}, [2]time.Duration{125 * time.Millisecond, 250 * time.Millisecond}},
		{"something to delete that is not there", remove, always(give(404, missing)), client.ErrNotFound, [2]int{1, 1}, [2]time.Duration{0, 0}},
		{"an upload while a gateway restarts", upload, always(give(502, "")), client.ErrUnavailable, [2]int{1, 1}, [2]time.Duration{0, 0}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := client.New(client.Config{Server: "https://push.example.com", AppKey: "k", MasterSecret: "s", Settings: client.Settings{HTTP: &http.Client{Transport: sentBy{tt.server}}}})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			begin := time.Now()
			err = tt.do(context.WithValue(t.Context(), attempts{}, &n), c)
			took := time.Since(begin)
			switch _, unanswered := tt.want.(*client.UnansweredError); {
			case unanswered:
				if e, ok := errors.AsType[*client.UnansweredError](err); !ok || e.Attempts != n {
					t.Errorf("%s: %v", tt.name, err)
				}
			case !errors.Is(err, tt.want):
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
			if n < tt.attempts[0] || n > tt.attempts[1] || took < tt.took[0] || took > tt.took[1]+time.Millisecond {
				t.Errorf("%s: %d attempts in %v; want %v in %v", tt.name, n, took, tt.attempts, tt.took)
			}
		})
	}
}

// sentBy reads a request's body, as a connection does.
type sentBy struct{ gateway }

func (s sentBy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
		var rest [512]byte
		for {
			if _, err := r.Body.Read(rest[:]); err != nil {
				break
			}
		}
	}
	return s.gateway.RoundTrip(r)
}

// A deletion whose answer is lost has succeeded, whatever the repeat is told.
func TestDeletionWithoutAnAnswer(t *testing.T) {
	w := newWorld(t)
	transport := &losing{}
	c := w.client(transport)
	id, err := c.CreateSchedule(t.Context(), client.NewSchedule{Name: "later", Trigger: client.Trigger{At: time.Now().Add(time.Hour)}, Push: w.hello()})
	w.must(err)
	transport.left.Store(1)
	w.must(c.DeleteSchedule(t.Context(), id))
	w.refused("once more", c.DeleteSchedule(t.Context(), id), client.ErrNotFound, 8104)
}

// An attempt ends after its time, and the call with its caller's context.
func TestSilentServer(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	c, err := client.New(client.Config{Server: silent.URL, AppKey: "k", MasterSecret: "s", Settings: client.Settings{Timeout: 50 * time.Millisecond, Retry: client.Retry{Within: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Report(t.Context(), "1")
	if e, ok := errors.AsType[*client.UnansweredError](err); !ok || !e.Sent || e.Attempts != 1 || !strings.Contains(err.Error(), "50ms") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent server: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Report(ctx, "1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that its caller ended: %v", err)
	}
}

// An answer without an end is not read to it.
func TestEndlessAnswer(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for text := []byte(strings.Repeat(" ", 64<<10)); ; {
			if _, err := w.Write(text); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	c, err := client.New(client.Config{Server: endless.URL, AppKey: "k", MasterSecret: "s", Settings: client.Settings{Retry: client.Retry{Within: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Report(t.Context(), "1"); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("an endless answer: %v", err)
	}
}

// A server whose certificate nobody trusts is given up at once.
func TestUntrustedServer(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it would complain of our distrust
	untrusted.StartTLS()
	defer untrusted.Close()
	c, err := client.New(client.Config{Server: untrusted.URL, AppKey: "k", MasterSecret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Report(t.Context(), "1")
	if e, ok := errors.AsType[*client.UnansweredError](err); !ok || e.Attempts != 1 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an untrusted server: %v", err)
	}
}
