package client_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora/client"
)

// singles yields n pushes to devices in turn.
func singles(n int, devices ...string) iter.Seq[client.Single] {
	return func(yield func(client.Single) bool) {
		for i := range n {
			if !yield(client.Single{RegistrationID: devices[i%len(devices)], Notification: &client.Notification{Alert: client.Text("Your code")}, Options: client.Options{Environment: client.Development}}) {
				return
			}
		}
	}
}

// Many pushes, with calls whose answers are lost: each has one result, and each
// arrives once.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	devices := []string{w.device, w.newDevice(), w.newDevice()}
	c := w.client(&losesSome{next: http.DefaultTransport})
	w.must(c.ChangeLabels(t.Context(), devices[2], client.LabelChange{Alias: new("ann")}))
	const n = 600
	pushes := func(yield func(client.Single) bool) {
		i := 0
		for p := range singles(n, devices...) {
			switch i++; {
			case i%10 == 3:
				p.RegistrationID, p.Alias = "", "ann"
			case i == 100:
				p.Alias = "nobody"
				p.RegistrationID = ""
			case i == 200:
				p.Alias = "both"
			case i == 300:
				p.Options.SendNo, p.Options.TimeToLive = 1, new(20*24*time.Hour)
			}
			if !yield(p) {
				return
			}
		}
	}
	seen := map[int]bool{}
	sent := map[string]bool{}
	for r := range c.Batch(t.Context(), pushes, client.BatchOptions{Size: 64}) {
		if seen[r.Index] {
			t.Errorf("push %d has two results", r.Index)
		}
		seen[r.Index] = true
		switch r.Index {
		case 99:
			if !errors.Is(r.Err, client.ErrNoTarget) {
				t.Errorf("a push to nobody: %v", r.Err)
			}
		case 199, 299:
			if !errors.Is(r.Err, client.ErrInvalid) {
				t.Errorf("push %d: %v", r.Index, r.Err)
			}
		default:
			if r.Err != nil || r.MessageID == "" || r.CID == "" {
				t.Fatalf("push %d: %+v", r.Index, r)
			}
			sent[r.MessageID] = true
		}
	}
	if len(seen) != n || len(sent) != n-3 {
		t.Errorf("%d results, %d different messages of %d pushes", len(seen), len(sent), n)
	}
	sure := w.client(nil)
	for id := range sent {
		w.settled(sure, id)
	}
	got := w.arrived()
	for id, times := range got {
		if times != 1 || !sent[id] {
			t.Errorf("APNs got message %s %d times; it is one of ours: %v", id, times, sent[id])
		}
	}
	if len(got) != n-3 {
		t.Errorf("APNs got %d messages of %d", len(got), n-3)
	}
}

// The same cid twice is one push.
func TestBatchWithOneCIDTwice(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	cid := c.NewCID()
	pushes := func(yield func(client.Single) bool) {
		for p := range singles(2, w.device) {
			p.CID = cid
			if !yield(p) {
				return
			}
		}
	}
	ids := map[string]bool{}
	for r := range c.Batch(t.Context(), pushes, client.BatchOptions{Calls: 1}) {
		w.must(r.Err)
		ids[r.MessageID] = true
	}
	if len(ids) != 1 {
		t.Errorf("one cid made %d messages", len(ids))
	}
}

// Whoever takes no results stops the taking of pushes; whoever leaves ends it
// all.
func TestBatchObeysItsReader(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	var taken atomic.Int64
	endless := func(yield func(client.Single) bool) {
		for p := range singles(1<<30, w.device) {
			taken.Add(1)
			if !yield(p) {
				return
			}
		}
	}
	const size, calls = 10, 2
	for range c.Batch(t.Context(), endless, client.BatchOptions{Size: size, Calls: calls}) {
		// Nothing is taken while the loop's body runs, but for what fits under way.
		steady, since := taken.Load(), time.Now()
		for time.Since(since) < 200*time.Millisecond {
			if n := taken.Load(); n != steady {
				steady, since = n, time.Now()
			}
			time.Sleep(time.Millisecond)
			if steady > 1000 {
				t.Fatalf("%d pushes were taken for a reader that takes none", steady)
			}
		}
		if most := int64(size*(calls+2) + 2); steady > most {
			t.Errorf("%d pushes were taken for a reader that takes none; want at most %d", steady, most)
		}
		break
	}
	stacks := make([]byte, 4<<20)
	for late := time.Now().Add(5 * time.Second); strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "client.(*batch)"); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("a part of the batch still runs")
		}
	}
}

// The end of the context ends a batch, and every push that was taken has a result.
func TestBatchEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var taken atomic.Int64
	pushes := func(yield func(client.Single) bool) {
		for p := range singles(1<<30, w.device) {
			taken.Add(1)
			if !yield(p) {
				return
			}
		}
	}
	results, ended := 0, 0
	for r := range w.client(nil).Batch(ctx, pushes, client.BatchOptions{Size: 20}) {
		if results++; results == 50 {
			cancel()
		}
		if errors.Is(r.Err, context.Canceled) {
			ended++
		} else if r.Err != nil && !strings.Contains(r.Err.Error(), "canceled") {
			t.Errorf("push %d: %v", r.Index, r.Err)
		}
	}
	if int64(results) != taken.Load() || ended == 0 {
		t.Errorf("%d pushes were taken; %d results, %d of them ended by the context", taken.Load(), results, ended)
	}
}
