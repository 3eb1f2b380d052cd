package mail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// TestNewSignInIsTold: a person is told once of each browser and network that
// they sign in from, but not of the first, of those that they have used, and of a
// browser that knows them.
func TestNewSignInIsTold(t *testing.T) {
	o := openOffice(t, false, "")
	s := installation{t.TempDir(), relay(t, "smtp://"+o.address), o.trust}.open(t)
	defer func() { stop(t, s) }()
	check(t, s.Start(t.Context()))
	const who, password = "mia@example.com", "correct horse battery"
	_, _, err := s.Accounts.Create(t.Context(), who, password)
	check(t, err)
	from := func(agent, address string) context.Context {
		return account.WithAgent(aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.VisitorActor, Address: address}), agent)
	}
	signIn := func(ctx context.Context) string {
		t.Helper()
		in, err := s.Accounts.SignIn(ctx, who, password)
		check(t, err)
		return in.Session
	}
	home := signIn(from("Firefox/140.0 Linux", "192.0.2.1"))
	signIn(from("Firefox/141.0 Linux", "192.0.2.1"))
	signIn(from("Safari/605 iPhone", "2001:db8::1")) // told
	signIn(from("Safari/606 iPhone", "2001:db8::2")) // the same network
	kept, err := s.Accounts.Remember(t.Context(), home)
	check(t, err)
	signIn(account.WithDevice(from("Firefox/141.0 Linux", "203.0.113.9"), kept))
	v, err := s.Accounts.Session(t.Context(), home)
	check(t, err)
	sessions, err := s.Accounts.Sessions(t.Context(), v.PersonID, home)
	check(t, err)
	var marked []string
	for _, in := range sessions {
		if in.New {
			marked = append(marked, in.Address)
		}
	}
	if all := strings.Join(marked, " "); !strings.Contains(all, "2001:db8::1") || strings.Contains(all, "192.0.2.1") || strings.Contains(all, "2001:db8::2") {
		t.Errorf("marked as new: %q", marked)
	}

	_, err = s.Accounts.EndOtherSessions(t.Context(), v, home)
	check(t, err)
	check(t, s.Accounts.SignOut(t.Context(), home))
	signIn(from("curl/8.5", "198.51.100.7")) // told, though no session is left to tell it from
	check(t, s.Mail.Invite(t.Context(), invitation("last@example.com")))
	got := o.has(t, 3)
	told := map[string]bool{}
	for _, m := range got {
		body := strings.ReplaceAll(m.body, "=\r\n", "")
		for _, address := range []string{"192.0.2.1", "2001:db8::1", "2001:db8::2", "203.0.113.9", "198.51.100.7"} {
			if strings.Contains(body, address+". You have not") && m.to == who && m.Header.Get("Subject") == "A new sign-in to Aurora" {
				told[address] = true
			}
		}
	}
	if len(got) != 3 || len(told) != 2 || !told["2001:db8::1"] || !told["198.51.100.7"] {
		t.Errorf("%d mails, told of %v", len(got), told)
	}
}
