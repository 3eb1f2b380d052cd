package device

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

func TestAnExtensionSendsItsReceiptAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		extension := func(o *Options) { o.ReceiptsOnly = true }

		c := start(t, a, store, extension) // before the app has registered: nothing can be sent, nothing is lost
		c.HandleReceived([]byte(`{"_j_msgid":1}`))
		mustSync(t, c)
		stop(t, c)
		if n := a.count(""); n != 0 {
			t.Fatalf("%d requests without a registration", n)
		}

		c = start(t, a, store)
		mustSync(t, c)
		stop(t, c)
		before := a.count("")
		c = start(t, a, store, extension)
		a.fail(fault{status: 503})
		c.HandleReceived([]byte(`{"_j_msgid":2}`))
		mustSync(t, c)
		stop(t, c)
		if n := a.count("") - before; n != 2 || a.count("PATCH") != 0 {
			t.Errorf("%d requests for one receipt with one retry: %v", n, a.requests[before:])
		}
		if got := a.events(); !slices.Equal(got, []string{"1 received", "2 received"}) {
			t.Errorf("receipts %v", got)
		}

		// Deleted on the server meanwhile: the app registers anew and delivers.
		a.mu.Lock()
		clear(a.devices)
		a.mu.Unlock()
		c = start(t, a, store, extension)
		c.HandleReceived([]byte(`{"_j_msgid":3}`))
		mustSync(t, c)
		stop(t, c)
		c = start(t, a, store)
		mustSync(t, c)
		if got := a.events(); len(got) != 3 {
			t.Errorf("receipts %v", got)
		}
	})
}

func TestReceiptsAreBatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		for i := range 250 {
			c.HandleReceived(fmt.Appendf(nil, `{"_j_msgid":%d}`, i))
		}
		mustSync(t, c)
		if len(a.events()) != 250 || !slices.Equal(a.batches, []int{100, 100, 50}) {
			t.Fatalf("%d receipts in requests of %v", len(a.events()), a.batches)
		}
	})
}

func TestTheReceiptQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		for i := range maxQueuedReceipts + 7 {
			c.HandleReceived(fmt.Appendf(nil, `{"_j_msgid":%d}`, i))
		}
		mustSync(t, c)
		if got := a.events(); len(got) != maxQueuedReceipts || got[0] != "7 received" {
			t.Fatalf("%d receipts, the first is %s", len(got), got[0])
		}
	})
}

func TestARefusedReceiptDoesNotTakeOthersAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		a.fail(fault{offline: true})
		c := start(t, a, nil)
		for _, id := range []int{1, 2, 666666, 3} {
			c.HandleReceived(fmt.Appendf(nil, `{"_j_msgid":%d}`, id))
		}
		var refusal *RefusedError
		if err := c.Sync(t.Context()); !errors.As(err, &refusal) || refusal.Code != 7020 {
			t.Fatalf("sync returned %v", err)
		}
		if got := a.events(); !slices.Equal(got, []string{"1 received", "2 received", "3 received"}) {
			t.Fatalf("receipts %v", got)
		}
	})
}
