package device

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// brokenStore fails on demand.
type brokenStore struct {
	MemoryStore
	load, save error
}

func (s *brokenStore) Load() ([]byte, error) {
	if s.load != nil {
		return nil, s.load
	}
	return s.MemoryStore.Load()
}

func (s *brokenStore) Save(data []byte) error {
	if s.save != nil {
		return s.save
	}
	return s.MemoryStore.Save(data)
}

func TestAStoreThatCannotBeReadYetKeepsItsIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(brokenStore)
		c := start(t, a, store)
		c.SetTags([]string{"old"})
		mustSync(t, c)
		stop(t, c)
		store.load = errors.New("the phone was not unlocked since it started")
		c = start(t, a, store)
		c.AddTags("new")
		c.HandleReceived([]byte(`{"_j_msgid":4}`))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.load) {
			t.Fatalf("sync returned %v, want the deadline and its cause", err)
		}
		stop(t, c) // settle all goroutines before the store changes under them
		store.load = nil
		c = start(t, a, store)
		mustSync(t, c)
		a.only()
	})
}

func TestNothingIsSentUnderAnIdentityThatCouldNotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(brokenStore)
		store.save = errors.New("disk full")
		start(t, a, store)
		time.Sleep(time.Minute)
		if n := a.count(""); n != 0 {
			t.Fatalf("%d requests", n)
		}
	})
}

func TestADamagedRecordStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newAurora(), new(MemoryStore)
		store.Save([]byte(`{"version":1,"inst`))
		c := start(t, a, store)
		mustSync(t, c)
		a.only()
	})
}
