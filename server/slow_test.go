package server

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections within the process, on which time is the
// bubble's.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  *sync.Once
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Whoever sends slowly is cut off: a header after 10 seconds, a body after 30
// and a second for each 100,000 bytes it is said to have, an idle connection
// after two minutes.
func TestSlowClients(t *testing.T) {
	for name, tt := range map[string]struct {
		send   []string // one a second
		after  time.Duration
		cutOff bool // while the body is read
	}{
		"nothing":             {nil, headerTime, false},
		"half a request line": {[]string{"GET /v3/pu"}, headerTime, false},
		"a header, line by line": {strings.SplitAfter("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nB: c\r\nC: d\r\nD: e\r\nE: f\r\nF: g\r\nG: h\r\nH: i\r\nI: j\r\n", "\r\n")[:10],
			headerTime, false},
		"no body":      {[]string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"}, bodyTime, true},
		"half a body":  {[]string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "ab"}, bodyTime, true},
		"a large body": {[]string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", "ab"}, bodyTime + 10*time.Second, true},
		"idle":         {[]string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, 2 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				read := make(chan error, 1)
				handler := boundTimes(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, err := io.ReadAll(r.Body)
					if r.ContentLength > 0 {
						read <- err
					}
					w.Write([]byte("{}"))
				}))
				listener := pipes{make(chan net.Conn), make(chan struct{}), new(sync.Once)}
				server := newHTTP(handler, slog.New(slog.DiscardHandler))
				go server.Serve(lenient{listener})
				defer server.Close()
				client, far := net.Pipe()
				defer client.Close()
				began := time.Now()
				listener.conns <- far
				ended := make(chan time.Duration, 1)
				go func() { // whatever comes is read, until the server hangs up
					io.Copy(io.Discard, bufio.NewReader(client))
					ended <- time.Since(began)
				}()
				for _, part := range tt.send {
					if _, err := io.WriteString(client, part); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				if tt.cutOff {
					if err := <-read; err == nil || time.Since(began) < tt.after || time.Since(began) > tt.after+time.Second {
						t.Errorf("the body was read with %v after %v", err, time.Since(began))
					}
				}
				if took := <-ended; took < tt.after || took > tt.after+3*time.Second {
					t.Errorf("hung up after %v, want %v", took, tt.after)
				}
			})
		})
	}
}
