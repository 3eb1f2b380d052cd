package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/ledger"
)

// TestSplitPushes: sums by a property equal those of looking at every device of
// every message, for small sets and large ones, over several blocks.
func TestSplitPushes(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const devices, app = 2*audience.BlockSize + 1000, 7
	draw := rand.New(rand.NewPCG(3, 4))
	version := make([]string, devices)
	terms := map[string]*roaring.Bitmap{}
	for n := range version {
		version[n] = []string{"", "4.0", "4.1", "4.2", "3.9"}[draw.IntN(5)]
		if n%1000 == 0 {
			version[n] = fmt.Sprintf("0.%d", n/1000) // rare ones, which are the others
		}
		if version[n] != "" {
			term := string(audience.Version) + ":" + version[n]
			if terms[term] == nil {
				terms[term] = roaring.New()
			}
			terms[term].Add(uint32(n))
		}
	}
	now := time.Now().Truncate(time.Millisecond) // as times are stored
	starts := []time.Time{now.Add(-3 * time.Hour), now.Add(-2 * time.Hour), now.Add(-time.Hour)}
	want := map[string][]ledger.Figures{}
	count := func(n uint32, at int, mark aurora.Mark) {
		value := version[n]
		switch value {
		case "4.0", "4.1", "4.2", "3.9":
		default:
			value = ""
		}
		if want[value] == nil {
			want[value] = make([]ledger.Figures, len(starts))
		}
		want[value][at].Count(mark, 1)
	}
	err = s.write(t.Context(), func(x *tx) error {
		if _, err := x.exec("INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (1, 'm', '', 'd', $1, 0)", []byte{1}); err != nil {
			return err
		}
		if _, err := x.exec("INSERT INTO app (id, account_id, app_key, master_secret, name, bundle_id, next_number, created_at) VALUES ($1, 1, 'k', $2, 'n', 'b', $3, 0)", app, []byte{1}, devices); err != nil {
			return err
		}
		for term, numbers := range terms {
			for block, part := range audience.ByBlock(numbers) {
				if _, err := x.exec("INSERT INTO index_block (app_id, block, term, bitmap) VALUES ($1, $2, $3, $4)", app, block, term, blobOf(part)); err != nil {
					return err
				}
			}
		}
		for id := range 12 { // the first one is too old
			at := now.Add(time.Duration(id-13) * 15 * time.Minute)
			period := 0
			for period+1 < len(starts) && !at.Before(starts[period+1]) {
				period++
			}
			var notes []byte
			for _, mark := range []aurora.Mark{aurora.Targeted, aurora.Accepted, aurora.Failed("Unregistered"), aurora.Received, aurora.Opened} {
				numbers := roaring.New()
				for range []int{3, 500, 60_000}[id%3] {
					numbers.Add(uint32(draw.IntN(devices)))
				}
				if !at.Before(starts[0]) {
					numbers.Iterate(func(n uint32) bool { count(n, period, mark); return true })
				}
				if id%3 == 0 {
					notes = appendNote(notes, at, mark, numbers)
					continue
				}
				for block, part := range audience.ByBlock(numbers) {
					if _, err := x.exec("INSERT INTO mark (message_id, block, mark, bitmap, devices, written_at) VALUES ($1, $2, $3, $4, $5, 0)", id+1, block, string(mark), blobOf(part), int64(part.GetCardinality())); err != nil {
						return err
					}
				}
			}
			if _, err := x.exec("INSERT INTO message (id, app_id, sendno, source, platforms, audience, content, options, accepted_at, notes) VALUES ($1, $2, 0, '', '', '', '', '', $3, $4)", id+1, app, millis(at), string(notes)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	q := ledger.SplitQuery{AppID: app, Field: audience.Version, Starts: starts, Values: 4, Messages: 100, Notes: 100}
	split, err := s.SplitPushes(t.Context(), q)
	if err != nil || split.Partial || len(split.Rows) != 5 {
		t.Fatalf("%d rows, %v, %v", len(split.Rows), split.Partial, err)
	}
	for _, row := range split.Rows {
		for at, got := range row.Periods {
			expected := want[row.Value][at]
			expected.Start = starts[at]
			if got != expected {
				t.Errorf("%q in period %d: %+v, want %+v", row.Value, at, got, expected)
			}
		}
	}
	for max, wantMore := range map[int]bool{5: true, 100: false} { // older messages end the reading, and do not fail it
		if list, more, err := s.PushesSince(t.Context(), app, starts[0], max); err != nil || more != wantMore || len(list) != min(max, 11) {
			t.Errorf("%d messages, %v, %v", len(list), more, err)
		}
	}
	q.Messages = 2
	if split, err := s.SplitPushes(t.Context(), q); err != nil || !split.Partial {
		t.Errorf("with room for two messages: %v, %v", split.Partial, err)
	}
}
