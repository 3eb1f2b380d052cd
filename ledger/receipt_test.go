package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/bus"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/store"
)

// Whatever many devices report at once, each message ends with exactly the
// devices that it targeted and that reported it.
func TestManyDevicesReportAtOnce(t *testing.T) {
	b := newBook(t)
	draw := rand.New(rand.NewPCG(1, 2))
	const devices = 70_000 // two blocks
	targets := map[aurora.MessageID]*roaring.Bitmap{}
	for _, n := range []int{1, 5, 64, 65, 5000} {
		set := roaring.New()
		for range n {
			set.Add(uint32(draw.IntN(devices)))
		}
		targets[b.message(set.Clone(), map[aurora.Mark]*roaring.Bitmap{aurora.Accepted: set.Clone()})] = set
	}
	type sets struct{ received, opened *roaring.Bitmap }
	want := map[aurora.MessageID]sets{}
	reports := map[uint32][]aurora.Receipt{}
	for id, set := range targets {
		want[id] = sets{roaring.New(), roaring.New()}
		for range 3000 {
			number := uint32(draw.IntN(devices))
			if draw.IntN(2) == 0 { // one it targeted
				number, _ = set.Select(uint32(draw.IntN(int(set.GetCardinality()))))
			}
			event := []aurora.ReceiptEvent{aurora.ReceivedEvent, aurora.OpenedEvent}[draw.IntN(2)]
			if reports[number] = append(reports[number], aurora.Receipt{MessageID: id, Event: event}); !set.Contains(number) || len(reports[number]) > ledger.MaxReceipts {
				reports[number] = reports[number][:min(len(reports[number]), ledger.MaxReceipts)]
				continue
			}
			want[id].received.Add(number)
			if event == aurora.OpenedEvent {
				want[id].opened.Add(number)
			}
		}
	}
	for range 2 { // a repeat changes nothing
		var wg sync.WaitGroup
		for number, list := range reports {
			wg.Go(func() {
				if err := b.ledger.AddReceipts(t.Context(), aurora.Device{AppID: b.app, Number: number}, list); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for id, w := range want {
		r, err := b.ledger.Report(t.Context(), b.app, id)
		if err != nil || r.Received != w.received.GetCardinality() || r.Opened != w.opened.GetCardinality() {
			t.Errorf("message to %d: %d received, %d opened, %v; want %d and %d", targets[id].GetCardinality(), r.Received, r.Opened, err, w.received.GetCardinality(), w.opened.GetCardinality())
		}
		left := roaring.AndNot(w.received, w.opened)
		for block := range uint32(2) {
			got, err := b.ledger.WithoutMark(t.Context(), id, block, aurora.Received, aurora.Opened)
			if err != nil {
				t.Fatal(err)
			}
			left.AndNot(got)
			if stray := roaring.AndNot(got, w.received); !stray.IsEmpty() {
				t.Errorf("message to %d: %v devices in block %d received nothing", targets[id].GetCardinality(), stray.GetCardinality(), block)
			}
		}
		if !left.IsEmpty() {
			t.Errorf("message to %d: %d received it, did not open it, and are not found", targets[id].GetCardinality(), left.GetCardinality())
		}
	}
}

// One message whose record is damaged keeps no other's receipts back.
func TestReceiptsBesideADamagedMessage(t *testing.T) {
	dir := t.TempDir()
	b := newBookIn(t, dir)
	me := roaring.BitmapOf(b.device.Number)
	damaged, sound := b.message(me.Clone(), nil), b.message(me.Clone(), nil)
	damage(t, dir, "UPDATE message SET notes = 'damaged' WHERE id = $1", int64(damaged))
	report := []aurora.Receipt{{MessageID: damaged, Event: aurora.ReceivedEvent}, {MessageID: sound, Event: aurora.ReceivedEvent}}
	if err := b.ledger.AddReceipts(t.Context(), b.device, report); err == nil {
		t.Error("nothing is said of the damage")
	}
	if r, err := b.ledger.Report(t.Context(), b.app, sound); err != nil || r.Received != 1 {
		t.Errorf("the other message has %d received, %v; want 1", r.Received, err)
	}
}

// BenchmarkReceipts is devices that each report one message that went to a
// million, all at once.
func BenchmarkReceipts(b *testing.B) {
	const devices = 1_000_000
	db, err := store.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var p account.Founder
	p.Email, p.DevSecret = "owner@example.com", []byte("sealed")
	if _, err := db.CreateAccount(b.Context(), p, nil); err != nil {
		b.Fatal(err)
	}
	blocks := make([]uint32, devices/65536+1)
	for i := range blocks {
		blocks[i] = uint32(i)
	}
	m := aurora.Message{ID: 1, AppID: 1}
	if _, _, err := db.AcceptMessage(b.Context(), dispatch.Accepted{Message: m, Blocks: blocks}); err != nil {
		b.Fatal(err)
	}
	for _, block := range blocks {
		set := roaring.New()
		set.AddRange(uint64(block)*65536, min(uint64(block+1)*65536, devices))
		jobs, err := db.LeaseJobs(b.Context(), dispatch.Broadcast, "me", m.AcceptedAt, 1)
		if err != nil || len(jobs) != 1 {
			b.Fatal(jobs, err)
		}
		if _, err := db.PlanJob(b.Context(), jobs[0], &m, set, nil); err != nil {
			b.Fatal(err)
		}
	}
	s := ledger.New(db, nil, &bus.Local{})
	for _, callers := range []int{64, 1024} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			b.SetParallelism(callers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					d := aurora.Device{AppID: 1, Number: rand.Uint32N(devices)}
					if err := s.AddReceipts(b.Context(), d, []aurora.Receipt{{MessageID: 1, Event: aurora.ReceivedEvent}}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
		})
	}
}
