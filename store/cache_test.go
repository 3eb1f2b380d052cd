package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// cachedTerms are of all kinds that are kept in memory.
func cachedTerms() (terms []audience.Term) {
	for i := range 4 {
		terms = append(terms, audience.Term{Field: audience.Tag, Value: fmt.Sprint("t", i)}, audience.Term{Field: audience.Version, Value: fmt.Sprint("1.", i), Rel: audience.AtLeast})
	}
	return append(terms, audience.Term{Field: audience.Language, Value: "zh"}, audience.Term{Field: audience.Tag, Value: "nobody"},
		audience.Term{Field: audience.Seen, Value: "2026-01-02", Rel: audience.AtLeast}, audience.Term{Field: audience.Version, Value: "1.1", Rel: audience.Less})
}

// Whichever server changes and folds, and however little it may keep, every
// server knows what is in the database.
func TestBitmapsInMemoryAreThoseOfTheDatabase(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	var servers []*Store
	for i := range 3 {
		s, err := openTest(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		s.LimitBitmaps([]int64{1 << 20, 3000, 0}[i])
		servers = append(servers, s)
	}
	plain := servers[2] // keeps none
	const devices = 20
	var d registry.Stored
	for i := range devices {
		d.AppID, d.InstallID, d.RegistrationID, d.Platform, d.SecretHash = 1, fmt.Sprint("install-", i), fmt.Sprint("rid", i), aurora.IOS, []byte("x")
		if i == 0 {
			d.AppID = makeApp(t, plain).ID
		}
		stored, err := plain.RegisterDevice(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		d.Number = stored.Number
	}
	app, block := d.AppID, audience.BlockOf(d.Number)
	first := d.Number - devices + 1
	rnd := rand.New(rand.NewPCG(3, 4))
	for round := range 250 {
		s := servers[rnd.IntN(3)]
		switch rnd.IntN(5) {
		case 0:
			if _, _, err := s.Fold(ctx); err != nil {
				t.Fatal(err)
			}
		case 1:
			touch := registry.Touch{AppID: app, Number: first + rnd.Uint32N(devices), At: time.Date(2026, 1, 1+round/100, 0, 0, 0, 0, time.UTC)}
			if err := s.Notice(ctx, nil, []registry.Touch{touch}); err != nil {
				t.Fatal(err)
			}
		default:
			if err := s.ChangeDevice(ctx, app, first+rnd.Uint32N(devices), func(d *aurora.Device) error {
				d.Tags = []string{fmt.Sprint("t", rnd.IntN(4)), fmt.Sprint("t", 4+rnd.IntN(4))}
				d.Profile.AppVersion = fmt.Sprint("1.", rnd.IntN(5))
				d.Profile.Language = []string{"zh", "zh-CN", "en", ""}[rnd.IntN(4)]
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		same(t, ctx, servers, app, block)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if servers[1].bitmaps.size > 3000 || servers[2].bitmaps.size != 0 || servers[0].bitmaps.size == 0 {
		t.Errorf("the servers keep %d, %d and %d bytes", servers[0].bitmaps.size, servers[1].bitmaps.size, servers[2].bitmaps.size)
	}
}

// same compares what the servers load.
func same(t *testing.T, ctx context.Context, servers []*Store, app int64, block uint32) {
	t.Helper()
	terms := cachedTerms()
	want, err := servers[len(servers)-1].LoadBlock(ctx, app, block, terms)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range servers {
		got, err := s.LoadBlock(ctx, app, block, terms)
		if err != nil {
			t.Fatal(err)
		}
		if !got.All.Equals(want.All) {
			t.Errorf("server %d: everyone is %v, want %v", i, got.All, want.All)
		}
		for _, term := range terms {
			if !got.Terms[term].Equals(want.Terms[term]) {
				t.Errorf("server %d: %v is %v, want %v", i, term, got.Terms[term], want.Terms[term])
			}
		}
	}
}

// Loading while others change and fold gives no bitmap to two hands.
func TestBitmapsAreReadByMany(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	app := makeApp(t, s).ID
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var number uint32
	for i := range 50 {
		var d registry.Stored
		d.AppID, d.InstallID, d.RegistrationID, d.Platform, d.SecretHash = app, fmt.Sprint("install-", i), fmt.Sprint("rid", i), aurora.IOS, []byte("x")
		stored, err := s.RegisterDevice(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		number = stored.Number
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 40 {
				if err := s.ChangeDevice(ctx, app, number-uint32(n), func(d *aurora.Device) error { d.Tags = []string{fmt.Sprint("t", n%4)}; return nil }); err != nil {
					t.Error(err)
				}
				if _, _, err := s.Fold(ctx); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			s.LimitBitmaps(int64(1000 << i))
			for range 100 {
				b, err := s.LoadBlock(ctx, app, audience.BlockOf(number), cachedTerms())
				if err != nil || b.All.GetCardinality() != 50 {
					t.Errorf("everyone is %v, %v", b.All, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for round := range 2 { // before and after folding the rest
		devices, err := s.FindDevices(ctx, app, registry.Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			term, want := audience.Term{Field: audience.Tag, Value: fmt.Sprint("t", i)}, uint64(0)
			for _, d := range devices {
				if slices.Contains(d.Tags, term.Value) {
					want++
				}
			}
			b, err := s.LoadBlock(ctx, app, audience.BlockOf(number), []audience.Term{term})
			if err != nil || b.Terms[term].GetCardinality() != want || want == 0 {
				t.Errorf("round %d: the index has %v with the tag %s, the rows %d, %v", round, b.Terms[term], term.Value, want, err)
			}
		}
		if _, _, err := s.Fold(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
