package client_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aurora-push/aurora/client"
)

// BenchmarkPush is what the client itself costs: pushes on kept connections to a
// server that answers at once. It also tells how many connections were made.
func BenchmarkPush(b *testing.B) {
	var made atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"sendno":"1","msg_id":"58512043210007"}`))
	}))
	s.Config.ConnState = countNew(&made)
	s.Start()
	defer s.Close()
	c, err := client.New(client.Config{Server: s.URL, AppKey: "0123456789abcdef01234567", MasterSecret: "0123456789abcdef01234567"})
	if err != nil {
		b.Fatal(err)
	}
	p := client.Push{Audience: client.Audience{Alias: []string{"ann"}}, Notification: &client.Notification{IOS: &client.IOS{Alert: client.Text("Your code is 123456"), Sound: client.DefaultSound}}}
	b.ReportAllocs()
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			if _, err := c.Push(b.Context(), p); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(made.Load()), "connections")
}

func countNew(n *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
}
