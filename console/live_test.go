package console

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// subscriber reads a stream as a browser does.
type subscriber struct {
	t    *testing.T
	scan *bufio.Scanner
}

func subscribe(t *testing.T, ctx context.Context, base, path string) (*http.Response, *subscriber) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: ownerSession})
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	scan := bufio.NewScanner(answer.Body)
	scan.Buffer(nil, 1<<20)
	return answer, &subscriber{t, scan}
}

// next returns the data of the next event.
func (s *subscriber) next() string {
	s.t.Helper()
	var data strings.Builder
	for s.scan.Scan() {
		line := s.scan.Text()
		if line == "" && data.Len() > 0 {
			return data.String()
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			data.WriteString(text + "\n")
		}
	}
	s.t.Fatalf("the stream ended: %v", s.scan.Err())
	return ""
}

func TestLiveReport(t *testing.T) {
	w := newWorld(plain)
	server := httptest.NewServer(newConsole(t, w))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, s := subscribe(t, ctx, server.URL, full+"/messages/"+messageID.String()+"/live")
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	contains(t, s.next(), "5,122")
	w.received(messageID-1, 1) // another message: not this page's concern
	w.received(messageID, 6001)
	contains(t, s.next(), "6,001")
}

// A stream is held back to five updates a second, and reads again without a hint.
func TestLiveRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(plain)
		v := newVisitor(t, w, ownerSession)
		out := &counter{ResponseRecorder: httptest.NewRecorder()}
		ended := make(chan struct{})
		r := request("GET", full+"/messages/"+messageID.String()+"/live")
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: ownerSession})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			defer close(ended)
			v.handler.ServeHTTP(out, r.WithContext(ctx))
		}()
		synctest.Wait()
		for i := range 100 { // a second of hints, 100 a second
			w.received(messageID, uint64(i))
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if out.updates < 4 || out.updates > 7 {
			t.Errorf("%d updates in a second, want about five", out.updates)
		}
		w.mu.Lock()
		w.reports[1][0].Received = 424242 // the hint is lost
		w.mu.Unlock()
		time.Sleep(liveRefresh + time.Second)
		synctest.Wait()
		contains(t, out.Body.String(), "424,242")
		stop()
		<-ended
	})
}

// A stream ends within seconds when its session does, becomes another account's,
// or the app is gone, however much there is to tell; nothing is left behind.
func TestLiveEndsWithTheSession(t *testing.T) {
	for name, end := range map[string]func(*world){
		"signed out":      func(w *world) { delete(w.sessions, ownerSession) },
		"another account": func(w *world) { w.sessions[ownerSession] = other },
		"app deleted":     func(w *world) { w.apps = w.apps[1:] },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(plain)
			v := newVisitor(t, w, ownerSession)
			ended := make(chan struct{})
			r := request("GET", full+"/messages/"+messageID.String()+"/live")
			r.AddCookie(&http.Cookie{Name: sessionCookie, Value: ownerSession})
			go func() {
				defer close(ended)
				v.handler.ServeHTTP(httptest.NewRecorder(), r)
			}()
			over := func() bool {
				synctest.Wait()
				select {
				case <-ended:
					return true
				default:
					return false
				}
			}
			busy := func(d time.Duration) {
				for range d / (250 * time.Millisecond) { // slower than they are read
					w.hint(messageID)
					time.Sleep(250 * time.Millisecond)
				}
			}
			if busy(2 * liveCheck); over() {
				t.Errorf("%s: the stream ended before", name)
			}
			w.mu.Lock()
			end(w)
			w.mu.Unlock()
			if busy(2 * liveCheck); !over() {
				t.Fatalf("%s: the stream goes on", name)
			}
			if n := w.watching(); n != 0 {
				t.Errorf("%s: %d watchers are left", name, n)
			}
		})
	}
}

// counter counts the events it is sent.
type counter struct {
	*httptest.ResponseRecorder
	updates int
}

func (c *counter) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "event: update\n") {
		c.updates++
	}
	return c.ResponseRecorder.Write(b)
}

func FuzzEvent(f *testing.F) {
	f.Add("a\r\nb\rc\nd\n\nevent: x\ndata: y")
	f.Fuzz(func(t *testing.T, data string) {
		text := event("update", data)
		if !strings.HasPrefix(text, "event: update\ndata: ") || !strings.HasSuffix(text, "\n\n") || strings.Contains(text, "\r") {
			t.Fatalf("%q", text)
		}
		body := strings.TrimSuffix(strings.TrimPrefix(text, "event: update\n"), "\n\n")
		for line := range strings.SplitSeq(body, "\n") {
			if !strings.HasPrefix(line, "data: ") {
				t.Fatalf("%q smuggles the line %q", data, line)
			}
		}
	})
}
