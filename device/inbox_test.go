package device

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// next takes a message, or "" if there is none within a while.
func next(t *testing.T, c *Client) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	m, err := c.Receive(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Content
}

func TestInAppMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		c := start(t, a, store)
		mustSync(t, c)
		a.say("11", "early")
		if got := next(t, c); got != "" {
			t.Errorf("%q came to an app that is not connected", got)
		}
		c.SetConnected(true)
		if got := next(t, c); got != "early" {
			t.Errorf("received %q", got)
		}
		time.Sleep(time.Hour) // with one open question after the other
		began := time.Now()
		a.say("12", "late")
		if got := next(t, c); got != "late" || time.Since(began) > time.Second {
			t.Errorf("received %q after %v", got, time.Since(began))
		}
		mustSync(t, c)
		// The notification of the same push is an event of its own.
		c.HandleReceived([]byte(`{"_j_msgid":12}`))
		mustSync(t, c)
		if got := strings.Join(a.events(), ", "); got != "11 received, 12 received, 12 received" {
			t.Errorf("reported: %s", got)
		}
		c.SetConnected(false)
		synctest.Wait()
		a.mu.Lock()
		asked := len(a.requests)
		a.mu.Unlock()
		a.say("13", "unheard")
		time.Sleep(time.Hour)
		if a.mu.Lock(); len(a.requests) != asked {
			t.Errorf("%d requests in the background", len(a.requests)-asked)
		}
		a.mu.Unlock()
	})
}

// TestInAppOnce: the app gets a message once, whatever is lost on the way and however often it starts.
func TestInAppOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		c := start(t, a, store)
		mustSync(t, c)
		a.say("21", "taken")
		a.say("22", "not taken")
		a.fail(fault{}, fault{cut: true}, fault{offline: true}) // the first answer to the receipts is lost
		c.SetConnected(true)
		if got := next(t, c); got != "taken" {
			t.Errorf("received %q", got)
		}
		stop(t, c)

		// What Aurora noted is lost too, as after a restored backup: all comes again.
		a.mu.Lock()
		a.receipts = nil
		a.mu.Unlock()
		c = start(t, a, store)
		c.SetConnected(true)
		if got := next(t, c); got != "not taken" {
			t.Errorf("received %q", got)
		}
		if got := next(t, c); got != "" {
			t.Errorf("received %q once more", got)
		}
		mustSync(t, c)
		if got := a.events(); !slices.Equal(got, []string{"21 received", "22 received"}) {
			t.Errorf("acknowledged: %v", got)
		}
	})
}

// TestInAppUnanswered: a server that answers at once is not asked in a circle.
func TestInAppUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAurora()
		c := start(t, a, new(MemoryStore))
		mustSync(t, c)
		for range 5000 {
			a.fail(fault{status: 200, body: `{"messages":[]}`})
		}
		a.mu.Lock()
		asked := len(a.requests)
		a.mu.Unlock()
		c.SetConnected(true)
		time.Sleep(time.Hour)
		a.mu.Lock()
		defer a.mu.Unlock()
		if n := len(a.requests) - asked; n < 10 || n > 60 {
			t.Errorf("asked %d times within an hour", n)
		}
	})
}
