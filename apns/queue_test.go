package apns

import (
	"slices"
	"testing"
	"testing/synctest"
)

// A login code passes a push to everybody, also when there is no more room for
// that one; and however many login codes there are, it goes on.
func TestUrgentNotificationsPassTheOthers(t *testing.T) {
	script(t, Config{QueueSize: 20}, func(t *testing.T, g *gateway) {
		var answered []uint64
		submit := func(i int, urgent bool) {
			n := notification(i)
			n.Urgent = urgent
			if err := g.client.Submit(t.Context(), n, func(r *Result) { answered = append(answered, r.Notification.Tag) }); err != nil {
				t.Errorf("notification %d: %v", i, err)
			}
		}
		g.announce([]setting{{settingMaxStreams, 1}})
		for i := range 21 {
			submit(i, false)
			synctest.Wait() // the first is on the wire, so that the others fill the queue
		}
		full := make(chan struct{})
		go func() { submit(21, false); close(full) }()
		synctest.Wait()
		for i := range 20 {
			submit(100+i, true)
		}
		if n := g.client.Stats().Queued; n != 40 {
			t.Fatalf("%d notifications wait, want 40", n)
		}
		g.serve()
		<-full
		g.serve()
		// One is on the wire; then seven urgent ones for each other, in their order.
		want := []uint64{0}
		want = append(want, 100, 101, 102, 103, 104, 105, 106, 1, 107, 108, 109, 110, 111, 112, 113, 2, 114, 115, 116, 117, 118, 119)
		for i := uint64(3); i <= 21; i++ {
			want = append(want, i)
		}
		if !slices.Equal(answered, want) {
			t.Errorf("answered in the order\n%v, want\n%v", answered, want)
		}
	})
}

func TestWhatIsUrgentEndsWithTheClient(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		for i := range 3 {
			n := notification(i)
			n.Urgent = true
			if err := g.client.Submit(t.Context(), n, g.record); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		g.client.Close()
		g.settled(1, 3, failed(CauseClosed, true))
	})
}
