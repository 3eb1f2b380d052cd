package bus

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/aurora-push/aurora/store/storetest"
)

// runNATS starts a NATS server that ends with the test.
func runNATS(t *testing.T, o natsserver.Options) *natsserver.Server {
	t.Helper()
	o.Host, o.NoLog, o.NoSigs = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = -1 // any
	}
	s, err := natsserver.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(s.Shutdown)
	return s
}

const patience = 20 * time.Second

// kinds are the implementations: each function makes a bus that shares its
// hints with those that it made before.
var kinds = map[string]func(t *testing.T) func() Bus{
	"local": func(*testing.T) func() Bus {
		b := &Local{}
		return func() Bus { return b }
	},
	"PostgreSQL": func(t *testing.T) func() Bus {
		url := storetest.NewSchema(t)
		return func() Bus {
			b, err := NewPostgres(url)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	},
	"NATS": func(t *testing.T) func() Bus {
		url := runNATS(t, natsserver.Options{Authorization: "s3cret"}).ClientURL()
		url = strings.Replace(url, "nats://", "nats://s3cret@", 1)
		return func() Bus {
			b, err := NewNATS(url, "test")
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	},
}

// Every kind does what Bus promises.
func TestEveryKind(t *testing.T) {
	for name, make := range kinds {
		t.Run(name, func(t *testing.T) {
			next := make(t)
			join := func() Bus {
				b := next()
				t.Cleanup(b.Close)
				return b
			}
			a, b := join(), join()
			t.Run("reaches its topic everywhere", func(t *testing.T) { reaches(t, a, b) })
			t.Run("never blocks", func(t *testing.T) { neverBlocks(t, a) })
			t.Run("ends", func(t *testing.T) { ends(t, a, join()) })
		})
	}
}

// meet publishes until the other has heard once: until then a hint may be lost.
func meet(t *testing.T, from, to Bus) {
	t.Helper()
	hints, stop := to.Subscribe("meet")
	defer stop()
	for begin := time.Now(); time.Since(begin) < patience; {
		from.Publish("meet", "hello")
		select {
		case <-hints:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("no hint arrives: %v, %v", from.Trouble(), to.Trouble())
}

func reaches(t *testing.T, a, b Bus) {
	meet(t, a, b)
	meet(t, b, a)
	if a.Trouble() != nil || b.Trouble() != nil {
		t.Errorf("trouble: %v, %v", a.Trouble(), b.Trouble())
	}
	here, stopHere := a.Subscribe("app 1")
	there, stopThere := b.Subscribe("app 1")
	other, stopOther := b.Subscribe("app 2")
	defer stopHere()
	defer stopThere()
	defer stopOther()
	a.Publish("app 1", "moved")
	for _, hints := range []<-chan string{here, there} {
		select {
		case h := <-hints:
			if h != "moved" {
				t.Errorf("the hint became %q", h)
			}
		case <-time.After(patience):
			t.Fatal("the hint does not arrive")
		}
	}
	a.Publish("app 2", "after") // once this is there, a second "moved" would be too
	if h := <-other; h != "after" {
		t.Errorf("topic 2 got %q", h)
	}
	if len(here)+len(there) != 0 {
		t.Error("a hint came twice")
	}
}

func neverBlocks(t *testing.T, b Bus) {
	hints, stop := b.Subscribe("busy")
	defer stop()
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for i := range 5 * outDepth {
				b.Publish("busy", fmt.Sprint(i))
			}
			b.Publish("busy", strings.Repeat("x", 2*bundleSize))
		})
	}
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("publishing blocks when nobody reads")
	}
	if len(hints) != depth {
		t.Errorf("%d hints wait, want %d", len(hints), depth)
	}
}

func ends(t *testing.T, a, c Bus) {
	hints, stop := c.Subscribe("x")
	stop()
	stop() // harmless
	for range hints {
	}
	c.Close()
	c.Close()
	c.Publish("x", "late")
	a.Publish("x", "late") // to one that left
}

// Hints go on after whatever carries them was away.
func TestCarriersComeBack(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		server := storetest.NewServer(t)
		comeBack(t, func() (Bus, error) { return NewPostgres(server.URL()) }, func() { server.Stop(9) }, func() {
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("NATS", func(t *testing.T) {
		first := runNATS(t, natsserver.Options{})
		port := first.Addr().String()
		comeBack(t, func() (Bus, error) { return NewNATS("nats://"+port, "test") }, first.Shutdown, func() {
			var o natsserver.Options
			fmt.Sscanf(port[strings.LastIndex(port, ":")+1:], "%d", &o.Port)
			runNATS(t, o)
		})
	})
}

func comeBack(t *testing.T, join func() (Bus, error), kill, revive func()) {
	a, err := join()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := join()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	meet(t, a, b)
	kill()
	for begin := time.Now(); a.Trouble() == nil; time.Sleep(10 * time.Millisecond) {
		a.Publish("x", "y")
		if time.Since(begin) > patience {
			t.Fatal("nothing carries hints and no trouble is told")
		}
	}
	revive()
	meet(t, a, b)
	meet(t, b, a)
}

// Who may not connect is told so, and who asks nobody is named.
func TestNATSAndItsUsers(t *testing.T) {
	guarded := runNATS(t, natsserver.Options{Authorization: "s3cret"}).ClientURL()
	if b, err := NewNATS(strings.Replace(guarded, "nats://", "nats://wrong@", 1), "test"); err == nil || !strings.Contains(err.Error(), "refuses the user") {
		if b != nil {
			b.Close()
		}
		t.Errorf("a wrong token: %v", err)
	}
	open, err := NewNATS(runNATS(t, natsserver.Options{}).ClientURL(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if open.Open() != ErrOpen {
		t.Error("a server without users is not named")
	}
	for _, url := range []string{"", "localhost:4222", "http://x"} {
		if _, err := NewNATS(url, "test"); err == nil || !strings.Contains(err.Error(), "is not a URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
