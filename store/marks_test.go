package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// TestMarksInAudience: who counts the devices that opened a message counts all
// that are on record when it asks, whatever was counted before.
func TestMarksInAudience(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	check(t, err)
	defer s.Close()
	const app, devices, id = 1, 20, aurora.MessageID(1 << 40)
	check(t, s.write(t.Context(), func(x *tx) error {
		for _, text := range []string{
			"INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (1, 'e', '', 'd', ' ', 0)",
			"INSERT INTO app (id, account_id, app_key, master_secret, name, bundle_id, next_number, created_at) VALUES (1, 1, 'k', ' ', 'App', 'b', 400, 0)",
			"INSERT INTO message (id, app_id, sendno, source, platforms, audience, content, options, accepted_at) VALUES (1099511627776, 1, 1, 'api', '', 'all', '{}', '{}', 0)",
		} {
			if _, err := x.exec(text); err != nil {
				return err
			}
		}
		return nil
	}))
	term := func(f audience.Field) audience.Term { return audience.Term{Field: f, Value: fmt.Sprint(id)} }
	count := func(f audience.Field) uint64 {
		t.Helper()
		b, err := s.LoadBlock(t.Context(), app, 0, []audience.Term{term(f)})
		check(t, err)
		return b.Terms[term(f)].GetCardinality()
	}
	mark := func(m aurora.Mark, n int) {
		check(t, s.write(t.Context(), func(x *tx) error { return addMark(x, id, m, roaring.BitmapOf(uint32(n))) }))
	}
	var rivals sync.WaitGroup // that count all the time what is being marked
	for range 2 {
		rivals.Go(func() {
			before := uint64(0)
			for range 3 * devices {
				b, err := s.LoadBlock(t.Context(), app, 0, []audience.Term{term(audience.Opened), term(audience.Sent)})
				if err != nil {
					t.Error(err)
					return
				}
				now := b.Terms[term(audience.Opened)].GetCardinality()
				if now < before {
					t.Errorf("%d devices had opened it, then %d", before, now)
					return
				}
				before = now
			}
		})
	}
	for n := range devices {
		mark(aurora.Opened, n)
		if got := count(audience.Opened); got != uint64(n+1) {
			t.Errorf("%d devices opened it, want %d", got, n+1)
			break
		}
		if got := count(audience.Received); got != uint64(n) {
			t.Errorf("%d devices received it, want %d", got, n)
			break
		}
		mark(aurora.InApp(aurora.IOS, aurora.Received), n)
	}
	rivals.Wait()
}
