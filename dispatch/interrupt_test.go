package dispatch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store"
)

// flaky is the real database with writes of outcomes that fail when the test
// says so, as with a full disk.
type flaky struct {
	*store.Store
	settle func(dispatch.Settlement) error // an error fails the write before it begins
}

func (f *flaky) Settle(ctx context.Context, st dispatch.Settlement) error {
	if err := f.settle(st); err != nil {
		return err
	}
	return f.Store.Settle(ctx, st)
}

// A vendor that takes nothing for a while must not keep the database from
// everybody else: workers that wait for room hold no connection to it.
func TestBlockedSendersLeaveTheDatabaseToOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 3 {
			w.device(i+1, aurora.Development)
		}
		room := make(chan struct{})
		w.vendor.open = func() (aurora.Route, error) {
			return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
				<-room
				go done(d, aurora.Outcome{})
				return nil
			}}, nil
		}
		var ids []aurora.MessageID
		for range 64 { // more than the database has connections
			ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
			receipt, err := w.dispatch.Accept(ctx, w.app, dispatch.Request{Message: alert("hi")})
			cancel()
			if err != nil {
				t.Errorf("after %d pushes that wait for the vendor the next one is refused: %v", len(ids), err)
				break
			}
			ids = append(ids, receipt.MessageID)
			synctest.Wait()
		}
		close(room)
		for _, id := range ids {
			w.expect(id, "done targeted 3 accepted 3 pending 0 failed []")
		}
	})
}

// An outcome is not forgotten because writing it failed once.
func TestOutcomesSurviveAFailedWrite(t *testing.T) {
	inWorld(t, func(w *world) {
		db := &flaky{Store: w.db}
		failures := 0
		db.settle = func(dispatch.Settlement) error {
			if failures++; failures == 1 {
				return errors.New("database or disk is full")
			}
			return nil
		}
		w.restart(db)
		w.device(1, aurora.Development)
		w.device(2, aurora.Development)
		var late func()
		w.vendor.open = func() (aurora.Route, error) {
			return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
				if d.Number == 1 && late == nil {
					late = func() { done(d, aurora.Outcome{}) }
					return nil
				}
				go done(d, aurora.Outcome{})
				return nil
			}}, nil
		}
		id := w.push(dispatch.Request{Message: alert("hi")})
		time.Sleep(time.Second)
		synctest.Wait()
		late()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if failures < 2 {
			t.Fatalf("%d writes of outcomes, want several", failures)
		}
		w.expect(id, "done targeted 2 accepted 2 pending 0 failed []")
	})
}

// Outcomes that arrive while the server stops are on record.
func TestOutcomesSurviveAShutdown(t *testing.T) {
	for range 20 { // whether the write or the end comes first is chance
		inWorld(t, func(w *world) {
			w.device(1, aurora.Development)
			w.device(2, aurora.Development)
			answers := make(chan func(), 2)
			w.vendor.open = func() (aurora.Route, error) {
				return aurora.Route{CredentialID: 7, Send: func(_ context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
					answers <- func() { done(d, aurora.Outcome{}) }
					return nil
				}}, nil
			}
			id := w.push(dispatch.Request{Message: alert("hi")})
			synctest.Wait()
			(<-answers)()
			go func() {
				time.Sleep(time.Second)
				(<-answers)()
			}()
			time.Sleep(99 * time.Millisecond) // the write of the first is near
			go func() {
				time.Sleep(time.Millisecond)
				w.halt()
			}()
			time.Sleep(10 * time.Second)
			w.expect(id, "done targeted 2 accepted 2 pending 0 failed []")
		})
	}
}

// Who has lost the lease stops sending: another worker repeats the rest.
func TestLostLeaseStopsSending(t *testing.T) {
	inWorld(t, func(w *world) {
		db := &flaky{Store: w.db}
		db.settle = func(dispatch.Settlement) error { return dispatch.ErrLost }
		w.restart(db)
		for i := range 50 {
			w.device(i+1, aurora.Development)
		}
		sent := 0
		w.vendor.open = func() (aurora.Route, error) {
			return aurora.Route{CredentialID: 7, Send: func(ctx context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
				select {
				case <-time.After(20 * time.Millisecond): // a busy vendor
				case <-ctx.Done():
					return ctx.Err()
				}
				sent++
				go done(d, aurora.Outcome{})
				return nil
			}}, nil
		}
		w.push(dispatch.Request{Message: alert("hi")})
		time.Sleep(30 * time.Second) // less than the lease
		synctest.Wait()
		if sent > 10 {
			t.Errorf("%d deliveries after the lease was lost, want an end within 100 ms", sent)
		}
	})
}

// restart replaces the workers by ones that see the database through db.
func (w *world) restart(db dispatch.Messages) {
	w.Helper()
	w.halt()
	if err := w.db.FreeLeases(w.Context()); err != nil {
		w.Fatal(err)
	}
	w.dispatch = dispatch.New(dispatch.Config{Messages: db, Registry: w.registry, Channel: w.vendor, Parker: w.vendor})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.dispatch.Run(ctx) }()
	synctest.Wait()
	w.halt = func() {
		cancel()
		<-done
	}
}

// A job that is interrupted again and again rests in between, and ends with
// its message's time.
func TestInterruptedJobsDoNotSpin(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		opened := 0
		w.vendor.open = func() (aurora.Route, error) {
			if opened++; opened > 1000 { // or the test would not end
				return aurora.Route{}, aurora.Errorf(aurora.NotFound, "enough")
			}
			return aurora.Route{CredentialID: 7, Send: func(context.Context, aurora.Delivery, func(aurora.Delivery, aurora.Outcome)) error {
				return errors.New("the client was closed")
			}}, nil
		}
		m, ttl := alert("hi"), int64(60)
		m.Options.TimeToLive = &ttl
		id := w.push(dispatch.Request{Message: m})
		time.Sleep(2 * time.Minute)
		w.expect(id, "done targeted 1 accepted 0 pending 0 failed [{Expired 1}]")
		if opened > 60 {
			t.Errorf("%d attempts in a minute", opened)
		}
	})
}
