package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/client"
)

func timestamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// A reader that is cut off again and again, by its connections and by the server
// that restarts, sees every message settle.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorldApart(t, api.Limits{})
	var cut atomic.Int64
	c := w.clientWith(client.Settings{HTTP: &http.Client{Transport: cutsOff{w.transport(), &cut}}, Retry: client.Retry{First: 10 * time.Millisecond, Longest: 100 * time.Millisecond}})
	sender := w.client(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	kinds := []client.EventType{client.MessageSettled}
	after := w.firstEvent(ctx, sender, kinds)
	var sent []string
	push := func() {
		r, err := sender.Push(ctx, w.hello())
		w.must(err)
		sent = append(sent, r.MessageID)
	}
	const n = 6
	for range 3 { // while nobody reads
		push()
	}
	seen := map[string]bool{}
	for e, err := range c.Events(ctx, client.EventOptions{Types: kinds, After: after}) {
		if err != nil || e.Type != client.MessageSettled {
			t.Fatalf("after %d events: %+v, %v", len(seen), e, err)
		}
		if !slices.Contains(sent, e.Data.MessageID) || seen[e.ID] {
			continue // one before the first, or one that comes again
		}
		if seen[e.ID] = true; len(seen) == n {
			break
		}
		for len(seen) == len(sent) || len(sent)%3 != 0 {
			push()
		}
		if len(seen) == 2 {
			stopped, end := context.WithTimeout(ctx, 20*time.Second)
			w.must(w.server.Shutdown(stopped))
			end()
			w.must(w.start(t.Context()))
		}
	}
	if len(seen) != n || cut.Load() < 1 {
		t.Errorf("%d of %d events came; the stream was cut off %d times", len(seen), n, cut.Load())
	}
}

// firstEvent reads one event: from then on the server writes them, also while
// nobody reads.
func (w *world) firstEvent(ctx context.Context, sender *client.Client, kinds []client.EventType) (id string) {
	w.Helper()
	reading, stop := context.WithCancel(ctx)
	var sending sync.WaitGroup
	sending.Go(func() { // until it is heard
		for reading.Err() == nil {
			if _, err := sender.Push(ctx, w.hello()); err != nil {
				w.Error(err)
				return
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-reading.Done():
			}
		}
	})
	defer sending.Wait()
	defer stop()
	for e, err := range sender.Events(reading, client.EventOptions{Types: kinds}) {
		w.must(err)
		return e.ID
	}
	return ""
}

// cutsOff ends each event stream after some bytes.
type cutsOff struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c cutsOff) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		resp.Body = &shortBody{resp.Body, 1200, c.n}
	}
	return resp, err
}

type shortBody struct {
	body interface {
		Read([]byte) (int, error)
		Close() error
	}
	left int
	n    *atomic.Int64
}

func (s *shortBody) Read(p []byte) (int, error) {
	if s.left <= 0 {
		s.n.Add(1)
		return 0, errors.New("the connection broke")
	}
	n, err := s.body.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

func (s *shortBody) Close() error { return s.body.Close() }

// What ends a stream.
func TestEventsEnd(t *testing.T) {
	w := newWorld(t)
	errorOf := func(c *client.Client, ctx context.Context, o client.EventOptions) error {
		for _, err := range c.Events(ctx, o) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	c := w.client(nil)
	w.refused("a type that does not exist", errorOf(c, t.Context(), client.EventOptions{Types: []client.EventType{"message.lost"}}), client.ErrInvalid, 9002)
	w.refused("an id that is none", errorOf(c, t.Context(), client.EventOptions{After: "yesterday"}), client.ErrInvalid, 9002)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	if err := errorOf(c, ctx, client.EventOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller's context ended it: %v", err)
	}
	away, err := client.New(client.Config{Server: nowhere(t), AppKey: "k", MasterSecret: "s", Settings: client.Settings{Retry: client.Retry{First: 10 * time.Millisecond}}})
	w.must(err)
	err = errorOf(away, t.Context(), client.EventOptions{GiveUpAfter: 300 * time.Millisecond})
	if e, ok := errors.AsType[*client.UnansweredError](err); !ok || e.Attempts < 2 {
		t.Errorf("a server that is away: %v", err)
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }))
	defer page.Close()
	other, err := client.New(client.Config{Server: page.URL, AppKey: "k", MasterSecret: "s"})
	w.must(err)
	if err := errorOf(other, t.Context(), client.EventOptions{GiveUpAfter: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "no event stream") {
		t.Errorf("a page instead of a stream: %v", err)
	}
}

// Events that may be missing are said to be.
func TestEventsGap(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for e, err := range w.client(nil).Events(ctx, client.EventOptions{After: "evt_1"}) {
		w.must(err)
		if e.Type != client.StreamGap || e.Data.Text == "" {
			t.Errorf("the first event is %+v", e)
		}
		break
	}
}
