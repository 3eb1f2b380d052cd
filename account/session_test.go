package account_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

func TestSignIn(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	ctx := t.Context()
	owner, _, err := s.Create(ctx, email, password)
	check(t, err)
	for _, typed := range []string{email, " Mia@Example.com "} {
		in, err := s.SignIn(ctx, typed, password)
		check(t, err)
		session := in.Session
		if v, err := s.Session(ctx, session); err != nil || v.Account.ID != owner.ID || v.Email != email || v.Role != aurora.OwnerRole {
			t.Errorf("%+v, %v", v, err)
		}
		check(t, s.SignOut(ctx, session))
		_, err = s.Session(ctx, session)
		refused(t, err, aurora.Unauthorized)
	}
	// Nobody learns from the answer who has an account.
	_, err = s.SignIn(ctx, email, "wrong password")
	known := refused(t, err, aurora.Unauthorized)
	_, err = s.SignIn(ctx, "nobody@example.com", password)
	if unknown := refused(t, err, aurora.Unauthorized); unknown != known {
		t.Errorf("%q and %q", known, unknown)
	}
	for _, session := range []string{"", "x", strings.Repeat("A", 43)} {
		_, err := s.Session(ctx, session)
		refused(t, err, aurora.Unauthorized)
	}
}

// TestGuessingIsSlow: after five wrong passwords even the right one waits, and
// the sentence says how long.
func TestGuessingIsSlow(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		_, _, err := s.Create(t.Context(), email, password)
		check(t, err)
		for range 5 {
			_, err := s.SignIn(t.Context(), email, "wrong password")
			refused(t, err, aurora.Unauthorized)
		}
		_, err = s.SignIn(t.Context(), strings.ToUpper(email), password)
		if sentence := refused(t, err, aurora.TooMany); !strings.Contains(sentence, "12 seconds") && !strings.Contains(sentence, "13 seconds") {
			t.Error(sentence)
		}
		time.Sleep(13 * time.Second)
		in, err := s.SignIn(t.Context(), email, password)
		if err != nil {
			t.Fatalf("after the wait: %v", err)
		}
		// Others guess on from here; who is known, or signed in, is not kept out.
		for range 5 {
			s.SignIn(t.Context(), email, "wrong password")
		}
		kept, err := s.Remember(t.Context(), in.Session)
		check(t, err)
		_, _, err = s.Create(t.Context(), "eve@example.com", password)
		check(t, err)
		eve, err := s.SignIn(aurora.WithActor(t.Context(), aurora.Actor{Address: "192.0.2.9"}), "eve@example.com", password)
		check(t, err)
		evesKept, err := s.Remember(t.Context(), eve.Session)
		check(t, err)
		for _, forged := range []string{"", "x", "_" + kept[1:], evesKept} {
			_, err := s.SignIn(account.WithDevice(t.Context(), forged), email, password)
			refused(t, err, aurora.TooMany)
		}
		if _, err := s.SignIn(account.WithDevice(t.Context(), kept), email, password); err != nil {
			t.Errorf("a known device: %v", err)
		}
		v, err := s.Session(t.Context(), in.Session)
		check(t, err)
		check(t, s.ChangePassword(t.Context(), v, in.Session, password, "another good password"))
		time.Sleep(account.DeviceLife + time.Hour)
		for range 5 {
			s.SignIn(t.Context(), email, "wrong password")
		}
		_, err = s.SignIn(account.WithDevice(t.Context(), kept), email, "another good password")
		refused(t, err, aurora.TooMany)
	})
}

func TestNewAccount(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	for _, tt := range []struct{ email, password string }{
		{"", password}, {"mia", password}, {"Mia <mia@example.com>", password}, {"mia@example.com, eve@example.com", password}, {strings.Repeat("m", 250) + "@example.com", password},
		{email, ""}, {email, "short pas"}, {email, strings.Repeat("p", 257)},
	} {
		_, _, err := s.Create(t.Context(), tt.email, tt.password)
		refused(t, err, aurora.Invalid)
	}
	if first, err := s.FirstRun(t.Context()); err != nil || !first {
		t.Errorf("an account was made by refused requests (%v)", err)
	}
	a, secret, err := s.Create(t.Context(), email, password)
	check(t, err)
	if !aurora.ValidKey(a.DevKey) || !aurora.ValidKey(secret.Reveal()) {
		t.Errorf("%+v", a)
	}
	_, _, err = s.Create(t.Context(), strings.ToUpper(email), password)
	refused(t, err, aurora.Conflict)
}

// TestSessionsExpire: a session ends thirty days after it began.
func TestSessionsExpire(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		_, _, err := s.Create(t.Context(), email, password)
		check(t, err)
		in, err := s.SignIn(t.Context(), email, password)
		check(t, err)
		session := in.Session
		time.Sleep(30*24*time.Hour - time.Minute)
		if _, err := s.Session(t.Context(), session); err != nil {
			t.Errorf("before the thirty days are over: %v", err)
		}
		time.Sleep(2 * time.Minute)
		_, err = s.Session(t.Context(), session)
		refused(t, err, aurora.Unauthorized)
	})
}

// inBubble runs a test on services in a bubble with a clock of its own.
func inBubble(t *testing.T, test func(*testing.T, *account.Service)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := server.Open(t.Context(), server.Config{Data: dir})
		check(t, err)
		test(t, s.Accounts)
		check(t, s.Shutdown(context.Background()))
	})
}

// TestLinksExpire: a link is good for a day.
func TestLinksExpire(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		setup, err := s.IssueLink(t.Context(), account.SetupLink, 0)
		check(t, err)
		time.Sleep(24*time.Hour + time.Minute)
		_, err = s.CreateOwner(t.Context(), setup, email, password)
		refused(t, err, aurora.Forbidden)

		setup, err = s.IssueLink(t.Context(), account.SetupLink, 0)
		check(t, err)
		time.Sleep(24*time.Hour - time.Minute)
		owner, err := s.CreateOwner(t.Context(), setup, email, password)
		check(t, err)
		link, err := s.IssueLink(t.Context(), account.SignInLink, owner.ID)
		check(t, err)
		time.Sleep(24*time.Hour + time.Minute)
		_, err = s.SignInByLink(t.Context(), link)
		refused(t, err, aurora.Unauthorized)
	})
}

// TestSetupLink: it makes one account, only the newest works, and a mistyped
// form does not use it up.
func TestSetupLink(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	ctx := t.Context()
	older, err := s.IssueLink(ctx, account.SetupLink, 0)
	check(t, err)
	link, err := s.IssueLink(ctx, account.SetupLink, 0)
	check(t, err)
	for _, wrong := range []string{"", "x", older, strings.Repeat("A", 43)} {
		_, err := s.CreateOwner(ctx, wrong, email, password)
		if sentence := refused(t, err, aurora.Forbidden); !strings.Contains(sentence, "aurora serve") {
			t.Error(sentence)
		}
	}
	_, err = s.SignInByLink(ctx, link)
	refused(t, err, aurora.Unauthorized)
	_, err = s.CreateOwner(ctx, link, "not an address", password)
	refused(t, err, aurora.Invalid)
	_, err = s.CreateOwner(ctx, link, email, "short")
	refused(t, err, aurora.Invalid)

	_, err = s.CreateOwner(ctx, link, email, password)
	check(t, err)
	if first, err := s.FirstRun(ctx); err != nil || first {
		t.Errorf("still the first run (%v)", err)
	}
	_, err = s.CreateOwner(ctx, link, "eve@example.com", password)
	refused(t, err, aurora.Forbidden)
}

// TestSetupLinkDiesWithTheFirstAccount: whoever reads an old log cannot make
// themselves an account beside one that the command line made.
func TestSetupLinkDiesWithTheFirstAccount(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	link, err := s.IssueLink(t.Context(), account.SetupLink, 0)
	check(t, err)
	_, _, err = s.Create(t.Context(), email, password)
	check(t, err)
	_, err = s.CreateOwner(t.Context(), link, "eve@example.com", password)
	refused(t, err, aurora.Forbidden)
}

// TestLinksWorkOnce: of many that use a link at the same time, one gets in.
func TestLinksWorkOnce(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	ctx := t.Context()
	owner, _, err := s.Create(ctx, email, password)
	check(t, err)
	link, err := s.IssueLink(ctx, account.SignInLink, owner.ID)
	check(t, err)
	another, err := s.IssueLink(ctx, account.SignInLink, owner.ID) // does not end the first
	check(t, err)
	_, err = s.CreateOwner(ctx, another, "eve@example.com", password)
	refused(t, err, aurora.Forbidden)
	var in atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			session, err := s.SignInByLink(ctx, link)
			if err == nil {
				in.Add(1)
				if v, err := s.Session(ctx, session); err != nil || v.Account.ID != owner.ID {
					t.Errorf("%+v, %v", v, err)
				}
			} else if aurora.KindOf(err) != aurora.Unauthorized {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in by one link", in.Load())
	}
	if _, err := s.SignInByLink(ctx, another); err != nil {
		t.Error(err)
	}
}

// TestAppsAreTheirOwners: nobody else's account finds an app, and the Master
// Secret proves exactly one.
func TestAppsAreTheirOwners(t *testing.T) {
	srv := open(t, server.Config{Data: t.TempDir()})
	s, ctx := srv.Accounts, t.Context()
	app := newApp(t, srv)
	eve, _, err := s.Create(ctx, "eve@example.com", password)
	check(t, err)
	theirs, err := s.CreateApp(ctx, eve.ID, "Other", bundleID)
	check(t, err)
	if !aurora.ValidKey(app.Key) || !aurora.ValidKey(app.MasterSecret.Reveal()) || app.Key == theirs.Key || app.MasterSecret == theirs.MasterSecret {
		t.Errorf("%+v and %+v", app, theirs)
	}
	_, err = s.App(ctx, eve.ID, app.Key)
	refused(t, err, aurora.NotFound)
	if apps, err := s.Apps(ctx, eve.ID); err != nil || len(apps) != 1 || apps[0].Key != theirs.Key {
		t.Errorf("%+v, %v", apps, err)
	}
	if a, err := s.Authenticate(ctx, app.Key, app.MasterSecret.Reveal()); err != nil || a.App.ID != app.ID || a.Key != nil {
		t.Errorf("%+v, %v", a, err)
	}
	for _, pair := range [][2]string{{app.Key, theirs.MasterSecret.Reveal()}, {app.Key, ""}, {theirs.Key, app.MasterSecret.Reveal()}, {aurora.NewKey(), app.MasterSecret.Reveal()}, {"", ""}, {app.Key, app.MasterSecret.Reveal() + "0"}} {
		_, err := s.Authenticate(ctx, pair[0], pair[1])
		refused(t, err, aurora.Unauthorized)
	}
}
