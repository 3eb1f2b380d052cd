package account_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// appCode is what an authenticator app shows for an otpauth URI now: a reading
// of RFC 6238 of its own.
func appCode(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	check(t, err)
	secret, err := base32.StdEncoding.DecodeString(u.Query().Get("secret"))
	check(t, err)
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30)))
	sum := mac.Sum(nil)
	part := sum[sum[19]&15:]
	return fmt.Sprintf("%06d", (uint32(part[0]&127)<<24|uint32(part[1])<<16|uint32(part[2])<<8|uint32(part[3]))%1000000)
}

// visitor signs in with the password alone.
func visitor(t *testing.T, s *account.Service) (account.Visitor, string) {
	t.Helper()
	in, err := s.SignIn(t.Context(), email, password)
	check(t, err)
	v, err := s.Session(t.Context(), in.Session)
	check(t, err)
	return v, in.Session
}

// TestCodes: with codes on, the password alone opens nothing; each code works
// once; recovery codes work once each; switching off needs the password.
func TestCodes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		ctx := t.Context()
		_, _, err := s.Create(ctx, email, password)
		check(t, err)
		v, _ := visitor(t, s)
		_, err = s.BeginCodes(ctx, v, "wrong password")
		refused(t, err, aurora.Forbidden)
		enrolled, err := s.BeginCodes(ctx, v, password)
		check(t, err)
		if in, err := s.SignIn(ctx, email, password); err != nil || in.Session == "" {
			t.Errorf("an enrolment that nobody confirmed protects already: %+v, %v", in, err)
		}
		if again, ok, err := s.PendingCodes(ctx, v); err != nil || !ok || again != enrolled {
			t.Errorf("%+v, %v, %v", again, ok, err)
		}
		_, err = s.ConfirmCodes(ctx, v, "000000")
		refused(t, err, aurora.Unauthorized)
		used := appCode(t, enrolled.URI)
		recovery, err := s.ConfirmCodes(ctx, v, used)
		check(t, err)
		if len(recovery) != 10 {
			t.Fatalf("recovery codes %v", recovery)
		}
		_, err = s.BeginCodes(ctx, v, password)
		refused(t, err, aurora.Conflict)

		step := func() string {
			t.Helper()
			in, err := s.SignIn(ctx, email, password)
			check(t, err)
			if in.Session != "" || in.Step == "" {
				t.Fatalf("the password alone opened a session: %+v", in)
			}
			_, err = s.Session(ctx, in.Step)
			refused(t, err, aurora.Unauthorized)
			return in.Step
		}
		first := step()
		_, err = s.SignInWithCode(ctx, first, used)
		refused(t, err, aurora.Unauthorized) // the code that confirmed, again
		time.Sleep(30 * time.Second)
		session, err := s.SignInWithCode(ctx, first, " "+appCode(t, enrolled.URI)[:3]+" "+appCode(t, enrolled.URI)[3:])
		check(t, err)
		if v, err := s.Session(ctx, session); err != nil || v.Email != email {
			t.Errorf("%+v, %v", v, err)
		}
		time.Sleep(time.Minute)
		_, err = s.SignInWithCode(ctx, first, appCode(t, enrolled.URI)) // a step ends once
		refused(t, err, aurora.Forbidden)

		late := step()
		time.Sleep(11 * time.Minute)
		_, err = s.SignInWithCode(ctx, late, appCode(t, enrolled.URI))
		refused(t, err, aurora.Forbidden)

		if _, err := s.SignInWithCode(ctx, step(), recovery[3]); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		again := step()
		_, err = s.SignInWithCode(ctx, again, recovery[3])
		refused(t, err, aurora.Unauthorized)
		for range 10 { // six digits are few: guessing them is slow too
			if _, err = s.SignInWithCode(ctx, again, "123456"); aurora.KindOf(err) == aurora.TooMany {
				break
			}
		}
		refused(t, err, aurora.TooMany)
		time.Sleep(time.Hour)

		refused(t, s.DisableCodes(ctx, v, "wrong password"), aurora.Forbidden)
		check(t, s.DisableCodes(ctx, v, password))
		if in, err := s.SignIn(ctx, email, password); err != nil || in.Session == "" {
			t.Errorf("%+v, %v", in, err)
		}
	})
}

// TestSecondStepIsNoSession: what was never handed out opens nothing.
func TestSecondStepIsNoSession(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		for _, step := range []string{"", "x"} {
			_, err := s.SignInWithCode(t.Context(), step, "123456")
			refused(t, err, aurora.Forbidden)
			_, err = s.StepFactors(t.Context(), step)
			refused(t, err, aurora.Forbidden)
		}
	})
}
