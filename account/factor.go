package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Totp is a person's second factor by code.
type Totp struct {
	Secret      []byte // sealed
	ConfirmedAt time.Time
	LastStep    int64
}

// Factors stores second factors by code.
type Factors interface {
	// Totp returns ErrNone if the person has none, not even an unconfirmed one.
	Totp(ctx context.Context, personID int64) (Totp, error)
	// PutTotp stores a secret that is not confirmed yet; a confirmed one stays and
	// is ErrNone.
	PutTotp(ctx context.Context, personID int64, sealed []byte) error
	// UseTotp confirms the secret and notes the step of a code. ErrNone if that
	// step or a later one was used before.
	UseTotp(ctx context.Context, personID, step int64) error
	// DropTotp removes the secret.
	DropTotp(ctx context.Context, personID int64) error
	// PutRecoveryCodes replaces a person's recovery codes by hashes of new ones.
	PutRecoveryCodes(ctx context.Context, personID int64, hashes [][]byte) error
	// UseRecoveryCode deletes a code: ErrNone if there is none. left counts the rest.
	UseRecoveryCode(ctx context.Context, personID int64, hash []byte) (left int, err error)
}

const (
	recoveryCodes = 10
	issuer        = "Aurora"
)

func totpLabel(email string) string { return "totp " + email }

// SecondFactors is what a person has beside the password.
type SecondFactors struct {
	Codes    bool // an authenticator app makes codes
	Passkeys []Passkey
}

// Any reports whether a password alone does not sign in.
func (f SecondFactors) Any() bool { return f.Codes || len(f.Passkeys) > 0 }

// SecondFactors returns what a person has beside the password.
func (s *Service) SecondFactors(ctx context.Context, personID int64) (f SecondFactors, err error) {
	t, err := s.c.Factors.Totp(ctx, personID)
	if err != nil && !errors.Is(err, ErrNone) {
		return f, err
	}
	f.Codes = err == nil && !t.ConfirmedAt.IsZero()
	f.Passkeys, err = s.c.Passkeys.PasskeysOf(ctx, personID)
	return f, err
}

func (s *Service) hasSecondFactor(ctx context.Context, personID int64) (bool, error) {
	f, err := s.SecondFactors(ctx, personID)
	return f.Any(), err
}

// Enrolment is what an authenticator app needs, until its first code confirms it.
type Enrolment struct {
	Secret string // base32, to type
	URI    string // otpauth://…, for a QR code
}

// BeginCodes makes a secret for an authenticator app. It protects nothing until
// ConfirmCodes. The person must know their password, so that a borrowed browser
// cannot lock its owner out.
func (s *Service) BeginCodes(ctx context.Context, v Visitor, password string) (Enrolment, error) {
	if err := s.confirm(ctx, v, password); err != nil {
		return Enrolment{}, err
	}
	var secret [totpSecret]byte
	rand.Read(secret[:])
	err := s.c.Factors.PutTotp(ctx, v.PersonID, s.c.Seal.Close(secret[:], totpLabel(v.Email)))
	if errors.Is(err, ErrNone) {
		return Enrolment{}, aurora.Errorf(aurora.Conflict, "Codes are on already. Switch them off first to use another app.")
	}
	return enrolment(v.Email, secret[:]), err
}

func enrolment(email string, secret []byte) Enrolment {
	return Enrolment{base32NoPad.EncodeToString(secret), totpURI(issuer, email, secret)}
}

// PendingCodes returns the enrolment that BeginCodes made and nothing has
// confirmed yet; ok is false if there is none.
func (s *Service) PendingCodes(ctx context.Context, v Visitor) (e Enrolment, ok bool, err error) {
	t, err := s.c.Factors.Totp(ctx, v.PersonID)
	if errors.Is(err, ErrNone) || err == nil && !t.ConfirmedAt.IsZero() {
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	secret, err := s.c.Seal.Open(t.Secret, totpLabel(v.Email))
	return enrolment(v.Email, secret), err == nil, err
}

// ConfirmCodes switches codes on by a first right one, and returns recovery
// codes, which are shown once.
func (s *Service) ConfirmCodes(ctx context.Context, v Visitor, code string) ([]string, error) {
	// Once codes are on, a borrowed browser must not get recovery codes by one.
	if _, pending, err := s.PendingCodes(ctx, v); err != nil {
		return nil, err
	} else if !pending {
		return nil, aurora.Errorf(aurora.Conflict, "No code is waited for: codes are on already, or were not begun. Load the page again.")
	}
	if err := s.checkCode(ctx, v.PersonID, v.Email, code); err != nil {
		return nil, err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "codes.enabled", Subject: v.Email})
	return s.newRecoveryCodes(ctx, v.PersonID)
}

var errWrongCode = aurora.Errorf(aurora.Unauthorized, "That code is not right. Each code of the app works once and for half a minute; check the phone's clock and type the newest.")

// checkCode uses a code of the authenticator app.
func (s *Service) checkCode(ctx context.Context, personID int64, email, code string) error {
	g := s.guessAt(ctx, email).atSecond()
	if err := s.attempt(g); err != nil {
		return err
	}
	if err := s.attemptCode(ctx, g, personID); err != nil {
		return err
	}
	t, err := s.c.Factors.Totp(ctx, personID)
	if errors.Is(err, ErrNone) {
		return errWrongCode
	}
	if err != nil {
		return err
	}
	secret, err := s.c.Seal.Open(t.Secret, totpLabel(email))
	if err != nil {
		return err
	}
	step := totpMatch(secret, tidyCode(code), time.Now())
	if step == 0 {
		return errWrongCode
	}
	if err := s.c.Factors.UseTotp(ctx, personID, step); errors.Is(err, ErrNone) {
		return aurora.Errorf(aurora.Unauthorized, "That code was used before. Wait for the next one.")
	} else if err != nil {
		return err
	}
	s.guesses.succeeded(g)
	s.guesses.rightCode(g)
	return nil
}

func (s *Service) newRecoveryCodes(ctx context.Context, personID int64) ([]string, error) {
	codes, hashes := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		var b [10]byte
		rand.Read(b[:])
		text := base32NoPad.EncodeToString(b[:]) // 16 characters: 80 bits, which a plain digest hides well enough
		hashes[i] = hash(text)
		codes[i] = strings.ToLower(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
	}
	return codes, s.c.Factors.PutRecoveryCodes(ctx, personID, hashes)
}

// RenewRecoveryCodes replaces a person's recovery codes.
func (s *Service) RenewRecoveryCodes(ctx context.Context, v Visitor, password string) ([]string, error) {
	if err := s.confirm(ctx, v, password); err != nil {
		return nil, err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "recovery-codes.renewed", Subject: v.Email})
	return s.newRecoveryCodes(ctx, v.PersonID)
}

// DisableCodes switches codes off; the person must know their password.
func (s *Service) DisableCodes(ctx context.Context, v Visitor, password string) error {
	if err := s.confirm(ctx, v, password); err != nil {
		return err
	}
	if err := s.c.Factors.DropTotp(ctx, v.PersonID); err != nil {
		return err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "codes.disabled", Subject: v.Email})
	return nil
}

var errStepOver = aurora.Errorf(aurora.Forbidden, "This sign-in took longer than ten minutes or was completed before. Sign in again.")

// whoOwes returns who has given a right password and owes the second factor.
func (s *Service) whoOwes(ctx context.Context, step string) (personID int64, email string, err error) {
	whom, err := s.c.Links.Link(ctx, hash(step), secondStep)
	if errors.Is(err, ErrNone) {
		return 0, "", errStepOver
	}
	if err != nil {
		return 0, "", err
	}
	p, err := s.c.Passkeys.PersonByID(ctx, whom.PersonID)
	if errors.Is(err, ErrNone) {
		return 0, "", errStepOver
	}
	return p.ID, p.Email, err
}

// StepFactors returns what the person who owes a second factor could use.
func (s *Service) StepFactors(ctx context.Context, step string) (SecondFactors, error) {
	id, _, err := s.whoOwes(ctx, step)
	if err != nil {
		return SecondFactors{}, err
	}
	return s.SecondFactors(ctx, id)
}

// SignInWithCode completes a sign-in by a code of the authenticator app or one
// of the recovery codes.
func (s *Service) SignInWithCode(ctx context.Context, step, code string) (string, error) {
	id, email, err := s.whoOwes(ctx, step)
	if err != nil {
		return "", err
	}
	how := "with a password and a code"
	if tidy := tidyCode(code); len(tidy) == 16 {
		how = "with a password and a recovery code"
		err = s.useRecoveryCode(ctx, id, email, tidy)
	} else {
		err = s.checkCode(ctx, id, email, code)
	}
	if err != nil {
		return "", err
	}
	return s.completeStep(ctx, step, id, email, how)
}

func (s *Service) useRecoveryCode(ctx context.Context, personID int64, email, code string) error {
	g := s.guessAt(ctx, email).atSecond()
	if err := s.attempt(g); err != nil {
		return err
	}
	left, err := s.c.Factors.UseRecoveryCode(ctx, personID, hash(code))
	if errors.Is(err, ErrNone) {
		return aurora.Errorf(aurora.Unauthorized, "That recovery code is not right, or was used before.")
	}
	if err != nil {
		return err
	}
	s.guesses.succeeded(g)
	s.recordOf(ctx, personID, email, "recovery-code.used", fmt.Sprintf("%d left", left))
	return nil
}

// completeStep opens the session that was owed. Of two that complete one step
// together, one does.
func (s *Service) completeStep(ctx context.Context, step string, personID int64, email, how string) (string, error) {
	if _, err := s.c.Links.UseLink(ctx, hash(step), secondStep); errors.Is(err, ErrNone) {
		return "", errStepOver
	} else if err != nil {
		return "", err
	}
	return s.openSession(ctx, personID, email, how)
}
