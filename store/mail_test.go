package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/mail"
)

// TestMailIsLeasedOnce: of several who look at once each gets letters of its own,
// and a lease that ends gives them to the next.
func TestMailIsLeasedOnce(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	var letters []mail.Letter
	for i := range 30 {
		letters = append(letters, mail.Letter{To: fmt.Sprintf("%d@example.com", i), Subject: "x", Sealed: []byte{1}, CreatedAt: time.Now()})
	}
	if err := s.PutMail(ctx, letters, len(letters)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutMail(ctx, letters[:1], len(letters)); aurora.KindOf(err) != aurora.Full {
		t.Errorf("one too many: %v", err)
	}
	leased := map[int64]int{}
	var last mail.Letter
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				got, err := s.LeaseMail(ctx, time.Now().Add(time.Hour), 3)
				if err != nil {
					t.Error(err)
				}
				if err != nil || len(got) == 0 {
					return
				}
				mu.Lock()
				for _, l := range got {
					leased[l.ID]++
					last = l
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(leased) != len(letters) {
		t.Errorf("%d of %d were leased", len(leased), len(letters))
	}
	for id, n := range leased {
		if n != 1 {
			t.Errorf("letter %d was leased %d times", id, n)
		}
	}
	last.Attempt++
	if err := s.SettleMail(ctx, last, mail.Fate{Problem: "no such user"}); err != nil {
		t.Fatal(err)
	}
	if q, err := s.MailQueue(ctx); err != nil || q.Waiting != 29 || q.GivenUp != 1 || q.Problem != "no such user" || q.At.IsZero() {
		t.Errorf("%+v, %v", q, err)
	}
	if err := s.SweepMail(ctx, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if q, err := s.MailQueue(ctx); err != nil || q.Waiting != 29 || q.GivenUp != 0 {
		t.Errorf("after sweeping: %+v, %v", q, err)
	}
}

// TestExpiryMailIsStoredOnce though several look at once.
func TestExpiryMailIsStoredOnce(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.PutExpiryMail(t.Context(), 5, 7, []mail.Letter{{To: "mia@example.com", Sealed: []byte{1}, CreatedAt: time.Now()}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if q, err := s.MailQueue(t.Context()); err != nil || q.Waiting != 1 {
		t.Errorf("%+v, %v", q, err)
	}
}
