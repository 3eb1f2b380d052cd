package store

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store/storetest"
)

// two opens one PostgreSQL schema as two servers do.
func two(t *testing.T) (a, b *Store) {
	t.Helper()
	url := storetest.NewSchema(t)
	open := func() *Store {
		s, err := OpenURL(t.Context(), url, nil)
		check(t, err)
		t.Cleanup(func() { check(t, s.Close()) })
		return s
	}
	return open(), open()
}

func makeApp(t *testing.T, s *Store) aurora.App {
	t.Helper()
	var owner int64
	check(t, s.write(t.Context(), func(x *tx) error {
		return x.row("INSERT INTO account (email, password_hash, dev_key, dev_secret, created_at) VALUES ($1, '', $1, $2, 0) RETURNING id", aurora.NewKey(), []byte("s")).Scan(&owner)
	}))
	app, err := s.CreateApp(t.Context(), aurora.App{AccountID: owner, Key: aurora.NewKey()}, []byte("s"))
	check(t, err)
	return app
}

// Two servers register, mark and fold at the same moment: no device number is
// given twice, no mark is lost, and each server keeps to blocks of its own.
func TestTwoServersAtOnce(t *testing.T) {
	a, b := two(t)
	app := makeApp(t, a)
	const each, rounds = 150, 40
	id := aurora.MessageID(7)
	all := roaring.New()
	all.AddRange(0, 2*rounds)
	many := all.Clone()
	many.AddRange(1000, 2000) // so that the message has bitmaps and no notes
	_, _, err := a.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: id, AppID: app.ID}, Targets: many})
	check(t, err)
	var wg sync.WaitGroup
	numbers := make([]map[uint32]bool, 2)
	for i, s := range []*Store{a, b} {
		numbers[i] = map[uint32]bool{}
		wg.Go(func() {
			var mu sync.Mutex
			var inner sync.WaitGroup
			for worker := range 6 {
				inner.Go(func() {
					for n := range each / 6 {
						d := registry.Stored{InstallID: fmt.Sprint(i, " ", worker, " ", n), SecretHash: []byte("digest")}
						d.AppID, d.RegistrationID, d.Platform, d.RegisteredAt = app.ID, aurora.NewKey(), aurora.IOS, time.Now()
						stored, err := s.RegisterDevice(t.Context(), d)
						if err != nil {
							t.Errorf("server %d: %v", i, err)
							return
						}
						mu.Lock()
						numbers[i][stored.Number] = true
						mu.Unlock()
					}
				})
			}
			inner.Wait()
		})
		wg.Go(func() {
			for n := range rounds { // all of one row
				err := s.write(t.Context(), func(x *tx) error {
					return addMark(x, id, aurora.Received, roaring.BitmapOf(uint32(2*n+i)))
				})
				if err != nil {
					t.Errorf("server %d: %v", i, err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				if _, _, err := s.Fold(t.Context()); err != nil {
					t.Errorf("server %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	got := roaring.New()
	blocks := map[uint32]int{}
	for i := range numbers {
		for n := range numbers[i] {
			if got.Contains(n) {
				t.Errorf("number %d was given twice", n)
			}
			got.Add(n)
			blocks[n>>16] |= 1 << i
		}
	}
	if got.GetCardinality() != 2*each || len(blocks) != 2 || blocks[0] == 3 || blocks[1] == 3 {
		t.Errorf("%d devices in blocks %v, want %d and a block for each server", got.GetCardinality(), blocks, 2*each)
	}
	for folded := 1; folded > 0; {
		folded, _, err = a.Fold(t.Context())
		check(t, err)
	}
	indexed := roaring.New()
	for block := range uint32(2) {
		one, err := b.LoadBlock(t.Context(), app.ID, block, nil)
		check(t, err)
		indexed.Or(one.All)
	}
	if !indexed.Equals(got) {
		t.Errorf("%d devices are in the index and %d are registered", indexed.GetCardinality(), got.GetCardinality())
	}
	received, err := b.WithoutMark(t.Context(), id, 0, aurora.Received, "none")
	if err != nil || !received.Equals(all) {
		t.Errorf("%d of %d marks are kept, %v", received.GetCardinality(), all.GetCardinality(), err)
	}
}

// A limit holds however many ask at once.
func TestLimitsHoldBetweenServers(t *testing.T) {
	a, b := two(t)
	app := makeApp(t, a)
	var wg sync.WaitGroup
	for i := range 24 {
		s := []*Store{a, b}[i%2]
		wg.Go(func() {
			err := s.PutTestDevice(t.Context(), app.ID, registry.TestDevice{RegistrationID: fmt.Sprint(i)}, 5)
			if err != nil && aurora.KindOf(err) != aurora.Full {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := a.TestDevices(t.Context(), app.ID)
	if err != nil || len(list) != 5 {
		t.Errorf("%d test devices, %v; want the limit of 5", len(list), err)
	}
}

// Every job is leased once, and the same CID makes one message, through
// whichever server it comes.
func TestLeasesAndCIDsBetweenServers(t *testing.T) {
	a, b := two(t)
	app := makeApp(t, a)
	blocks := make([]uint32, 60)
	for i := range blocks {
		blocks[i] = uint32(i)
	}
	_, _, err := a.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: 1, AppID: app.ID}, Blocks: blocks})
	check(t, err)
	var mu sync.Mutex
	leased := map[int64]int{}
	ids := map[aurora.MessageID]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		s := []*Store{a, b}[i%2]
		wg.Go(func() {
			for {
				jobs, err := s.LeaseJobs(t.Context(), dispatch.Broadcast, s.Node(), time.Now().Add(time.Minute), 4)
				if err != nil || len(jobs) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, j := range jobs {
					leased[j.ID]++
				}
				mu.Unlock()
			}
		})
		wg.Go(func() {
			m := aurora.Message{ID: aurora.MessageID(100 + i), AppID: app.ID}
			r, _, err := s.AcceptMessage(t.Context(), dispatch.Accepted{Message: m, CID: "one", Targets: roaring.BitmapOf(1)})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			ids[r.MessageID] = true
			mu.Unlock()
		})
	}
	wg.Wait()
	for id, times := range leased {
		if times > 1 {
			t.Errorf("job %d was leased %d times", id, times)
		}
	}
	if len(leased) != len(blocks) {
		t.Errorf("%d of %d jobs were leased", len(leased), len(blocks))
	}
	if len(ids) != 1 {
		t.Errorf("one CID made %d messages", len(ids))
	}
}

const deadAfter = 15 * time.Second

// A server that is silent for too long loses what it has leased, its numbers
// too, and can settle nothing of it when it wakes; and one that stops in order
// leaves nothing behind.
func TestDeadServersAreBuried(t *testing.T) {
	a, b := two(t)
	app := makeApp(t, a)
	_, err := a.Beat(t.Context(), "a", time.Now(), deadAfter)
	check(t, err)
	_, j, err := a.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: 1, AppID: app.ID}, Targets: roaring.BitmapOf(1), Holder: a.Node(), Until: time.Now().Add(time.Hour)})
	check(t, err)
	first := registry.Stored{InstallID: "1", SecretHash: []byte("digest")}
	first.AppID, first.RegistrationID, first.Platform = app.ID, "r1", aurora.IOS
	_, err = a.RegisterDevice(t.Context(), first)
	check(t, err)
	c, err := b.Beat(t.Context(), "b", time.Now(), deadAfter)
	if err != nil || len(c.Nodes) != 2 || len(c.Freed) != 0 || c.Ahead.Abs() > time.Second {
		t.Errorf("the cluster is %+v, %v; want two servers", c, err)
	}
	b.beats.since -= deadAfter.Milliseconds() // as if it had begun so long ago
	check(t, b.write(t.Context(), func(x *tx) error {
		_, err := x.exec("UPDATE node SET seen_at = seen_at - $2 WHERE id = $1", a.Node(), (deadAfter + time.Second).Milliseconds())
		return err
	}))
	if c, err = b.Beat(t.Context(), "b", time.Now(), deadAfter); err != nil || len(c.Nodes) != 1 || fmt.Sprint(c.Freed) != "[a]" {
		t.Errorf("the cluster is %+v, %v; want a freed", c, err)
	}
	jobs, err := b.LeaseJobs(t.Context(), dispatch.Direct, b.Node(), time.Now().Add(time.Minute), 10)
	if err != nil || len(jobs) != 1 || jobs[0].ID != j.ID {
		t.Fatalf("leased %+v, %v; want the dead server's job", jobs, err)
	}
	j.Targets = roaring.New()
	if err := a.Settle(t.Context(), dispatch.Settlement{Job: *j, Done: true}); err != dispatch.ErrLost {
		t.Errorf("the dead server settled: %v", err)
	}
	second := first
	second.InstallID, second.RegistrationID = "2", "r2"
	stored, err := b.RegisterDevice(t.Context(), second)
	if err != nil || stored.Number != 1 {
		t.Errorf("the next device has number %d, %v; want the dead server's next, 1", stored.Number, err)
	}
	third := first
	third.InstallID, third.RegistrationID = "3", "r3"
	stored, err = a.RegisterDevice(t.Context(), third) // it wakes
	if err != nil || stored.Number == 0 || stored.Number == 1 {
		t.Errorf("the device registered by the sleeper has number %d, %v", stored.Number, err)
	}
	check(t, b.leave())
	var nodes, held int
	check(t, a.row(t.Context(), "SELECT (SELECT COUNT(*) FROM node), (SELECT COUNT(*) FROM number_range WHERE holder = $1)", b.Node()).Scan(&nodes, &held))
	if nodes != 0 || held != 0 {
		t.Errorf("%d servers and %d ranges of numbers are left", nodes, held)
	}
}

// A database that is gone for a while is waited for; what was stored is there,
// and what could not be stored is said plainly.
func TestDatabaseIsRestarted(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	s, err := OpenURL(t.Context(), server.URL(), nil)
	check(t, err)
	defer s.Close()
	app := makeApp(t, s)
	accept := func(id aurora.MessageID) error {
		_, _, err := s.AcceptMessage(t.Context(), dispatch.Accepted{Message: aurora.Message{ID: id, AppID: app.ID}, Targets: roaring.BitmapOf(1)})
		return err
	}
	for id := range aurora.MessageID(20) {
		check(t, accept(id+1))
	}
	server.Stop(9)
	begin := time.Now()
	if err := accept(21); aurora.KindOf(err) != aurora.Unavailable || time.Since(begin) > 2*againTime {
		t.Errorf("without a database, after %v: %v", time.Since(begin), err)
	}
	done := make(chan error)
	go func() { done <- accept(22) }() // it is tried for some seconds
	check(t, server.Start())
	if err := <-done; err != nil && aurora.KindOf(err) != aurora.Unavailable {
		t.Error(err)
	}
	check(t, accept(23))
	var kept int
	check(t, s.row(t.Context(), "SELECT COUNT(*) FROM message WHERE id <= 20 OR id = 23").Scan(&kept))
	if kept != 21 {
		t.Errorf("%d of 21 messages are kept", kept)
	}
}

// What is wrong with a database is said when it is opened.
func TestDatabasesThatDoNotFit(t *testing.T) {
	url := storetest.NewSchema(t)
	for _, c := range []struct{ url, want string }{
		{"mysql://x", "not a URL such as postgres://"},
		{"postgres://user:p%zz@host/db", "not a URL such as postgres://"},
		{url + "&search_path=nowhere_at_all", "none of the schemas"},
		{url + "&default_transaction_read_only=on", "read-only"},
	} {
		s, err := OpenURL(t.Context(), c.url, nil)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
	}
}
