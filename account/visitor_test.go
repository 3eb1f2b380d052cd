package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

// TestNothingDearForAnybody: what a visitor sends without a valid link hashes no
// password, and what makes rows is bounded for an address.
func TestNothingDearForAnybody(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	empty := account.FillGate() // whatever hashes waits now
	_, err := s.CreateOwner(t.Context(), "no link", email, password)
	refused(t, err, aurora.Forbidden)
	_, err = s.JoinNew(t.Context(), "no link", password)
	refused(t, err, aurora.Forbidden)
	empty()

	from := func(address string) error {
		_, err := s.AskForPasskey(aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.VisitorActor, Address: address}), "http://localhost:8080", "")
		return err
	}
	for i := range 30 {
		check(t, from(fmt.Sprintf("2001:db8::%x", i)))
	}
	refused(t, from("2001:db8::1"), aurora.TooMany)
	check(t, from("2001:db8:1::1"))
}

// TestPasswordChangeEndsHalfSignIns: who knew the old password and owes the
// second factor starts again.
func TestPasswordChangeEndsHalfSignIns(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		ctx := t.Context()
		_, _, err := s.Create(ctx, email, password)
		check(t, err)
		v, session := visitor(t, s)
		enrolled, err := s.BeginCodes(ctx, v, password)
		check(t, err)
		_, err = s.ConfirmCodes(ctx, v, appCode(t, enrolled.URI))
		check(t, err)
		_, err = s.ConfirmCodes(ctx, v, "123456") // and not by guessing for new recovery codes
		refused(t, err, aurora.Conflict)
		for name, change := range map[string]func() error{
			"a new password":      func() error { return s.ChangePassword(ctx, v, session, password, "another good password") },
			"the end of sessions": func() error { _, err := s.EndOtherSessions(ctx, v, session); return err },
		} {
			in, err := s.SignIn(ctx, email, password)
			if err != nil {
				in, err = s.SignIn(ctx, email, "another good password")
			}
			check(t, err)
			if _, err := s.StepFactors(ctx, in.Step); err != nil {
				t.Fatalf("before %s: %v", name, err)
			}
			check(t, change())
			_, err = s.StepFactors(ctx, in.Step)
			refused(t, err, aurora.Forbidden)
			time.Sleep(time.Minute)
			_, err = s.SignInWithCode(ctx, in.Step, appCode(t, enrolled.URI))
			refused(t, err, aurora.Forbidden)
		}
	})
}

// TestManyWrongCodesAreNoted: after twenty no more are taken from anywhere, the
// accounts of the person read why, and a recovery code still works.
func TestManyWrongCodesAreNoted(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		ctx := t.Context()
		a, _, err := s.Create(ctx, email, password)
		check(t, err)
		v, _ := visitor(t, s)
		enrolled, err := s.BeginCodes(ctx, v, password)
		check(t, err)
		recovery, err := s.ConfirmCodes(ctx, v, appCode(t, enrolled.URI))
		check(t, err)
		in, err := s.SignIn(ctx, email, password)
		check(t, err)
		from := func(i int, code string) error {
			_, err := s.SignInWithCode(aurora.WithActor(ctx, aurora.Actor{Kind: aurora.VisitorActor, Address: fmt.Sprintf("198.51.100.%d", i)}), in.Step, code)
			return err
		}
		for i := range 20 {
			refused(t, from(i, "12345x"), aurora.Unauthorized)
		}
		if sentence := refused(t, from(77, appCode(t, enrolled.URI)), aurora.TooMany); !strings.Contains(sentence, "recovery code") {
			t.Error(sentence)
		}
		noted, err := s.Audit(ctx, account.AuditQuery{AccountID: a.ID, Action: "codes.guessed", Limit: 10})
		if err != nil || len(noted) != 1 || noted[0].Actor.Address != "198.51.100.19" {
			t.Errorf("%+v, %v", noted, err)
		}
		check(t, from(78, recovery[0]))
	})
}
