package apns

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
)

// Bench mode with Apple's window gives credit back: a client that obeys it gets
// several windows' worth of requests through.
func TestBenchWindow(t *testing.T) {
	s := startServer(t, Config{Bench: true, BenchWindow: defaultWindow})
	p := newProvider(t, s, Production, nil)
	const requests = 64
	body := bytes.Repeat([]byte("x"), 4096) // four windows in all
	var senders sync.WaitGroup
	for range requests {
		senders.Go(func() {
			answer, err := p.http.Post(p.url+"/3/device/abcd", "application/json", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Error(answer.Status)
			}
		})
	}
	senders.Wait()
	if got := s.Counters()["received"]; got != requests {
		t.Errorf("%d of %d arrived", got, requests)
	}
	if _, err := NewServer(Config{Bench: true, BenchWindow: 1000}); err == nil {
		t.Error("a window below HTTP/2's least is taken")
	}
}
