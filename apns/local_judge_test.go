package apns_test

import (
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// What a case is judged by, at the caller's end and at the local APNs.

func (l *local) record(r *apns.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results[r.Notification.Tag] = append(l.results[r.Notification.Tag], *r)
	close(l.changed)
	l.changed = make(chan struct{})
}

// result waits for the result of a notification; there must be one and no more.
func (l *local) result(i int) apns.Result {
	l.Helper()
	bound := time.NewTimer(20 * time.Minute)
	defer bound.Stop()
	for {
		l.mu.Lock()
		results, changed := l.results[uint64(i)], l.changed
		l.mu.Unlock()
		if len(results) > 1 {
			l.Fatalf("notification %d has %d results", i, len(results))
		}
		if len(results) == 1 {
			return results[0]
		}
		select {
		case <-changed:
		case <-bound.C:
			l.Fatalf("notification %d got no result", i)
		}
	}
}

func (l *local) all(from, to int, right func(apns.Result) bool) {
	l.Helper()
	for i := from; i < to; i++ {
		if r := l.result(i); !right(r) {
			l.Fatalf("notification %d: %+v", i, r)
		}
	}
}

// none requires that nothing has been settled yet.
func (l *local) none(from, to int) {
	l.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := from; i < to; i++ {
		if results := l.results[uint64(i)]; len(results) > 0 {
			l.Fatalf("notification %d is settled already: %+v", i, results[0])
		}
	}
}

// accepted requires that everything was accepted, exactly once, by what both ends say.
func (l *local) accepted(from, to int) {
	l.Helper()
	l.all(from, to, apns.Result.Accepted)
	taken := l.taken()
	for i := from; i < to; i++ {
		if n := taken[device(i)]; n != 1 {
			l.Fatalf("the local APNs accepted notification %d %d times", i, n)
		}
	}
}

// taken counts by device token what the local APNs accepted.
func (l *local) taken() map[string]int {
	taken := map[string]int{}
	for _, n := range l.server.Notifications(50_000) {
		if n.Status == 200 {
			taken[n.Token]++
		}
	}
	return taken
}

// seen gives what arrived for a device, the oldest first.
func (l *local) seen(token string) (list []localapns.Notification) {
	for _, n := range l.server.Notifications(50_000) {
		if n.Token == token {
			list = append(list, n)
		}
	}
	slices.Reverse(list)
	return list
}

// counts compares counters of the local APNs.
func (l *local) counts(want map[string]uint64) {
	l.Helper()
	counters := l.server.Counters()
	for name, n := range want {
		if counters[name] != n {
			l.Errorf("the local APNs counts %s %d times, want %d; all: %v", name, counters[name], n, counters)
		}
	}
}

// wait lets time pass and everything come to rest.
func (l *local) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (l *local) fault(f localapns.Fault) {
	l.Helper()
	if err := l.server.AddFault(f); err != nil {
		l.Fatal(err)
	}
}

func (l *local) policy(change func(*localapns.Policy)) {
	l.Helper()
	policy := l.server.Policy()
	change(&policy)
	if err := l.server.SetPolicy(policy); err != nil {
		l.Fatal(err)
	}
}

func failed(cause apns.FailureCause, safe bool) func(apns.Result) bool {
	return func(r apns.Result) bool {
		var failure *apns.Failure
		return errors.As(r.Err, &failure) && failure.Cause == cause && failure.Safe == safe
	}
}

func answered(status int, reason string) func(apns.Result) bool {
	return func(r apns.Result) bool { return r.Status == status && r.Reason == reason && r.Err == nil }
}
