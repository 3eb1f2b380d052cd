package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/inbox"
	"github.com/aurora-push/aurora/ledger"
)

// broadcasts are in-app messages to two blocks of devices: iPhones have even
// numbers.
type broadcasts struct {
	*testing.T
	s    *Store
	next aurora.MessageID
}

func newBroadcasts(t *testing.T) *broadcasts {
	t.Helper()
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &broadcasts{t, s, 1000}
}

func (b *broadcasts) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// accept stores a message whose blocks are to be planned yet.
func (b *broadcasts) accept(override aurora.MessageID) *aurora.Message {
	b.Helper()
	b.next++
	m := &aurora.Message{ID: b.next, AppID: 1, AcceptedAt: time.Now(), Content: aurora.Content{InApp: &aurora.InAppMessage{Content: "x"}}, Options: aurora.Options{OverrideID: override}}
	_, _, err := b.s.AcceptMessage(b.Context(), dispatch.Accepted{Message: *m, Blocks: []uint32{0, 1}})
	b.check(err)
	return m
}

// plan makes a block of the message wait for the devices.
func (b *broadcasts) plan(m *aurora.Message, block int64, numbers *roaring.Bitmap) {
	b.Helper()
	jobs, err := b.s.LeaseJobs(b.Context(), dispatch.Broadcast, "me", time.Now().Add(time.Minute), 100)
	b.check(err)
	for _, j := range jobs {
		if j.MessageID != m.ID || j.Block != block {
			continue
		}
		j.ByPlatform = split(numbers)
		planned, err := b.s.PlanJob(b.Context(), j, m, numbers, roaring.New())
		b.check(err)
		if !planned.Targets.IsEmpty() {
			b.Errorf("%d devices are to be notified of an in-app message", planned.Targets.GetCardinality())
		}
		b.check(b.s.Settle(b.Context(), dispatch.Settlement{Job: planned, Done: true}))
	}
	b.check(b.s.write(b.Context(), func(t *tx) error { return release(t, "me") }))
}

func split(numbers *roaring.Bitmap) byPlatform {
	devices := byPlatform{aurora.IOS: roaring.New(), aurora.Android: roaring.New()}
	for it := numbers.Iterator(); it.HasNext(); {
		n := it.Next()
		devices[platformOf(n)].Add(n)
	}
	return devices
}

func platformOf(n uint32) aurora.Platform { return []aurora.Platform{aurora.IOS, aurora.Android}[n%2] }

func (b *broadcasts) ack(m *aurora.Message, n uint32) {
	b.Helper()
	_, err := b.s.AddReceipts(b.Context(), []ledger.Reported{{AppID: 1, MessageID: m.ID, Part: aurora.MessagePart, Received: roaring.BitmapOf(n), Opened: roaring.New()}})
	b.check(err)
}

// waits returns the messages that wait for a device, newest first.
func (b *broadcasts) waits(n uint32) (ids []aurora.MessageID) {
	b.Helper()
	waiting, _, err := b.s.Inbox(b.Context(), 1, n, nil)
	b.check(err)
	for _, w := range waiting {
		ids = append(ids, w.Message.ID)
	}
	return ids
}

func (b *broadcasts) set(id aurora.MessageID, block uint32, mark aurora.Mark) *roaring.Bitmap {
	b.Helper()
	found, err := b.s.WithoutMark(b.Context(), id, block, mark, "none")
	b.check(err)
	return found
}

// Whatever happens in whatever order, a device waits for exactly what it was
// meant to get and neither got nor lost, and every device has one fate.
func TestBroadcastsToInboxes(t *testing.T) {
	b := newBroadcasts(t)
	draw := rand.New(rand.NewPCG(3, 5))
	devices := make([]uint32, 40)
	for i := range devices {
		devices[i] = uint32(draw.IntN(2 * audience.BlockSize))
	}
	const waiting, received, failed = "waits", "received", "failed"
	type message struct {
		*aurora.Message
		planned  [2]bool
		stopped  bool
		replaced *message
		fate     map[uint32]string
	}
	var messages []*message
	var enqueue func(m *message, n uint32)
	enqueue = func(m *message, n uint32) {
		switch {
		case m.fate[n] == received:
		case m.replaced != nil:
			m.fate[n] = failed
			enqueue(m.replaced, n)
		case m.stopped:
			m.fate[n] = failed
		default:
			m.fate[n] = waiting
		}
	}
	for step := range 400 {
		if step%8 == 0 {
			m := &message{fate: map[uint32]string{}}
			var old *message
			if len(messages) > 0 && draw.IntN(3) == 0 {
				if o := messages[draw.IntN(len(messages))]; o.replaced == nil {
					old = o
				}
			}
			if old == nil {
				m.Message = b.accept(0)
			} else {
				m.Message = b.accept(old.ID)
				old.replaced = m
				for n, f := range old.fate {
					if f == waiting {
						old.fate[n] = failed
						enqueue(m, n)
					}
				}
			}
			messages = append(messages, m)
		}
		m := messages[draw.IntN(len(messages))]
		n := devices[draw.IntN(len(devices))]
		switch draw.IntN(8) {
		case 0, 1, 2:
			block := draw.IntN(2)
			if m.planned[block] {
				continue
			}
			m.planned[block] = true
			numbers := roaring.New()
			for _, n := range devices {
				if int(audience.BlockOf(n)) == block && draw.IntN(2) == 0 {
					numbers.Add(n)
				}
			}
			b.plan(m.Message, int64(block), numbers)
			for it := numbers.Iterator(); it.HasNext(); {
				enqueue(m, it.Next())
			}
		case 3, 4, 5:
			b.ack(m.Message, n)
			if m.fate[n] != "" { // also one that was dropped, but had it already
				m.fate[n] = map[string]string{waiting: received, received: received, failed: failed}[m.fate[n]]
			}
		case 6:
			b.check(b.s.DropInbox(t.Context(), 1, n, []aurora.MessageID{m.ID}, aurora.ReasonOverflow))
			if m.fate[n] == waiting {
				m.fate[n] = failed
			}
		case 7:
			if draw.IntN(4) > 0 || m.stopped {
				continue
			}
			b.check(b.s.StopMessage(t.Context(), 1, m.ID))
			m.stopped = true
			for n, f := range m.fate {
				if f == waiting {
					m.fate[n] = failed
				}
			}
		}
		for _, n := range devices {
			var want []aurora.MessageID
			for i := len(messages) - 1; i >= 0; i-- {
				if messages[i].fate[n] == waiting {
					want = append(want, messages[i].ID)
				}
			}
			if got := b.waits(n); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("step %d: for device %d wait %v, want %v", step, n, got, want)
			}
		}
	}
	left := 0
	for _, m := range messages {
		for block := range uint32(2) {
			left += int(b.set(m.ID, block, aurora.InAppWaiting).GetCardinality())
		}
	}
	if left == 0 {
		t.Error("nothing waits at the end: the test has shown little")
	}
}

// A broadcast costs a row for each block, whatever the devices do.
func TestBroadcastIsARowForEachBlock(t *testing.T) {
	b := newBroadcasts(t)
	m := b.accept(0)
	for block := range int64(2) {
		numbers := roaring.New()
		numbers.AddRange(uint64(block)*audience.BlockSize, uint64(block+1)*audience.BlockSize)
		b.plan(m, block, numbers)
	}
	rows := func() (n int) {
		b.check(b.s.row(t.Context(), "SELECT COUNT(*) FROM inbox").Scan(&n))
		return n
	}
	if n := rows(); n != 2 {
		t.Errorf("%d rows for two blocks", n)
	}
	arrivals, latest, err := b.s.Arrivals(t.Context(), 0, 10)
	if err != nil || len(arrivals) != 2 || arrivals[1] != (inbox.Arrival{Seq: latest, AppID: 1, Block: 1, Shared: true}) {
		t.Errorf("arrived %+v, %d, %v", arrivals, latest, err)
	}
	all := roaring.New()
	all.AddRange(0, 2*audience.BlockSize)
	_, err = b.s.AddReceipts(t.Context(), []ledger.Reported{{AppID: 1, MessageID: m.ID, Received: all, Opened: roaring.New()}})
	b.check(err)
	if n := rows(); n != 0 {
		t.Errorf("%d rows are left when all have it", n)
	}
	if _, again, err := b.s.Arrivals(t.Context(), latest, 0); err != nil || again != latest {
		t.Errorf("the latest arrival became %d, %v", again, err)
	}
	next := b.accept(0)
	b.plan(next, 0, roaring.BitmapOf(7))
	if later, _, err := b.s.Arrivals(t.Context(), latest, 10); err != nil || len(later) != 1 || later[0].Seq <= latest {
		t.Errorf("after %d arrived %+v, %v", latest, later, err)
	}
	tally, err := b.s.Tally(t.Context(), m.ID)
	if got, want := fmt.Sprint(tally.Marks), "map[inapp:android:received:65536 inapp:android:targeted:65536 inapp:ios:received:65536 inapp:ios:targeted:65536]"; err != nil || got != want {
		t.Errorf("the tally is %s, %v", got, err)
	}
}

// What waits for other devices of the block, however much, does not hide what
// waits for this one.
func TestManyBroadcastsToOthers(t *testing.T) {
	b := newBroadcasts(t)
	mine := b.accept(0)
	b.plan(mine, 0, roaring.BitmapOf(7))
	for range 2*inboxDepth + 1 {
		b.plan(b.accept(0), 0, roaring.BitmapOf(8))
	}
	if ids := b.waits(7); len(ids) != 1 || ids[0] != mine.ID {
		t.Errorf("waiting: %v, want %v", ids, mine.ID)
	}
}
