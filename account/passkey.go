package account

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/aurora-push/aurora"
)

// Passkey is a key in a phone, computer or security key that signs its person
// in: alone, since unlocking it is a factor too, or after the password.
type Passkey struct {
	ID           int64
	PersonID     int64
	CredentialID []byte
	Name         string
	Data         string // the credential as JSON; it holds no secret
	CreatedAt    time.Time
	UsedAt       time.Time // zero: not yet
}

// Passkeys stores passkeys.
type Passkeys interface {
	// PutPasskey stores a new one unless the person has max; a credential id that
	// is there already is aurora.Conflict.
	PutPasskey(ctx context.Context, p Passkey, max int) (Passkey, error)
	// PasskeysOf returns a person's passkeys, the oldest first.
	PasskeysOf(ctx context.Context, personID int64) ([]Passkey, error)
	// UsePasskey notes a use with the data that it changed.
	UsePasskey(ctx context.Context, id int64, data string, at time.Time) error
	// DropPasskey returns ErrNone if the person has no such passkey.
	DropPasskey(ctx context.Context, personID, id int64) (Passkey, error)
	// PersonByID returns ErrNone if there is nobody.
	PersonByID(ctx context.Context, id int64) (Person, error)
}

const (
	maxPasskeys  = 20
	ceremonyLife = 5 * time.Minute
	stateLabel   = "webauthn state"
)

// Ceremony is what a browser needs to ask for a passkey.
type Ceremony struct {
	Options json.RawMessage // for navigator.credentials
	State   string          // comes back with the answer; sealed
}

// holder is a person as the library wants them.
type holder struct {
	person   Person
	passkeys []Passkey
}

// WebAuthnID is the user handle: it must say who, and not who that is.
func (h holder) WebAuthnID() []byte {
	return binary.BigEndian.AppendUint64([]byte("aurora"), uint64(h.person.ID))
}
func (h holder) WebAuthnName() string        { return h.person.Email }
func (h holder) WebAuthnDisplayName() string { return h.person.Email }

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	var all []webauthn.Credential
	for _, p := range h.passkeys {
		var c webauthn.Credential
		if json.Unmarshal([]byte(p.Data), &c) == nil {
			all = append(all, c)
		}
	}
	return all
}

// site returns the library set up for the address that the browser shows.
// Passkeys belong to a host name; browsers make none for an IP address.
func site(base string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return nil, aurora.Errorf(aurora.Invalid, "The server's address %.100q is not a URL with a host.", base)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, aurora.Errorf(aurora.Invalid, "Browsers make passkeys for host names only. Open the console by a name, such as localhost, instead of %s.", u.Hostname())
	}
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife}
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: issuer, RPOrigins: []string{u.Scheme + "://" + u.Host},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil, aurora.Errorf(aurora.Invalid, "Passkeys do not work at this address: %w", err)
	}
	return w, nil
}

// PasskeysWork reports whether browsers make passkeys for an address.
func PasskeysWork(base string) bool {
	_, err := site(base)
	return err == nil
}

// begin seals a ceremony's state and makes it good for one answer.
func (s *Service) begin(ctx context.Context, options any, data *webauthn.SessionData, whom LinkFor) (Ceremony, error) {
	state, err := json.Marshal(data)
	if err != nil {
		return Ceremony{}, err
	}
	text, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	if err := s.c.Links.PutLink(ctx, hash(data.Challenge), ceremony, whom, time.Now().Add(ceremonyLife)); err != nil {
		return Ceremony{}, err
	}
	return Ceremony{text, base64.RawURLEncoding.EncodeToString(s.c.Seal.Close(state, stateLabel))}, nil
}

var errCeremonyOver = aurora.Errorf(aurora.Invalid, "The passkey's answer came too late or a second time. Try again.")

// answered opens a ceremony's state, once.
func (s *Service) answered(ctx context.Context, state string) (data webauthn.SessionData, whom LinkFor, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(state)
	if err != nil {
		return data, whom, errCeremonyOver
	}
	text, err := s.c.Seal.Open(sealed, stateLabel)
	if err != nil || json.Unmarshal(text, &data) != nil {
		return data, whom, errCeremonyOver
	}
	whom, err = s.c.Links.UseLink(ctx, hash(data.Challenge), ceremony)
	if errors.Is(err, ErrNone) {
		err = errCeremonyOver
	}
	return data, whom, err
}

func (s *Service) holder(ctx context.Context, personID int64) (h holder, err error) {
	if h.person, err = s.c.Passkeys.PersonByID(ctx, personID); err != nil {
		return h, err
	}
	h.passkeys, err = s.c.Passkeys.PasskeysOf(ctx, personID)
	return h, err
}

// BeginPasskey starts making a passkey at the address that the browser shows.
// The person must know their password.
func (s *Service) BeginPasskey(ctx context.Context, v Visitor, base, password string) (Ceremony, error) {
	w, err := site(base)
	if err != nil {
		return Ceremony{}, err
	}
	if err := s.confirm(ctx, v, password); err != nil {
		return Ceremony{}, err
	}
	h, err := s.holder(ctx, v.PersonID)
	if err != nil {
		return Ceremony{}, err
	}
	var have []protocol.CredentialDescriptor
	for _, c := range h.WebAuthnCredentials() {
		have = append(have, c.Descriptor())
	}
	creation, data, err := w.BeginRegistration(h, webauthn.WithExclusions(have),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired}))
	if err != nil {
		return Ceremony{}, err
	}
	return s.begin(ctx, creation, data, LinkFor{PersonID: v.PersonID})
}

// AddPasskey stores the passkey that a browser made. The first second factor
// brings recovery codes, which are shown once.
func (s *Service) AddPasskey(ctx context.Context, v Visitor, base, name, state string, answer []byte) ([]string, error) {
	w, err := site(base)
	if err != nil {
		return nil, err
	}
	if name, err = passkeyName(name); err != nil {
		return nil, err
	}
	data, whom, err := s.answered(ctx, state)
	if err != nil {
		return nil, err
	}
	if whom.PersonID != v.PersonID {
		return nil, errCeremonyOver
	}
	h, err := s.holder(ctx, v.PersonID)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, aurora.Errorf(aurora.Invalid, "The browser's answer is no passkey: %w", err)
	}
	made, err := w.CreateCredential(h, data, parsed)
	if err != nil {
		return nil, aurora.Errorf(aurora.Invalid, "The passkey was not accepted: %w", err)
	}
	text, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	had, err := s.hasSecondFactor(ctx, v.PersonID)
	if err != nil {
		return nil, err
	}
	if _, err := s.c.Passkeys.PutPasskey(ctx, Passkey{PersonID: v.PersonID, CredentialID: made.ID, Name: name, Data: string(text), CreatedAt: time.Now()}, maxPasskeys); err != nil {
		return nil, err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "passkey.added", Subject: v.Email, Detail: name})
	if had {
		return nil, nil
	}
	return s.newRecoveryCodes(ctx, v.PersonID)
}

func passkeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "Passkey", nil
	}
	if utf8.RuneCountInString(name) > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", aurora.Errorf(aurora.Invalid, "The passkey's name must be 1 to 64 printable characters.")
	}
	return name, nil
}

// RemovePasskey forgets a passkey; the person must know their password.
func (s *Service) RemovePasskey(ctx context.Context, v Visitor, id int64, password string) error {
	if err := s.confirm(ctx, v, password); err != nil {
		return err
	}
	p, err := s.c.Passkeys.DropPasskey(ctx, v.PersonID, id)
	if errors.Is(err, ErrNone) {
		return aurora.Errorf(aurora.NotFound, "You have no such passkey any more.")
	}
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: v.Account.ID, Action: "passkey.removed", Subject: v.Email, Detail: p.Name})
	}
	return err
}

// AskForPasskey starts a sign-in by passkey: after a password if a step is
// owed, else by the passkey alone, whoever's it is.
func (s *Service) AskForPasskey(ctx context.Context, base, step string) (Ceremony, error) {
	if err := s.ask(ctx); err != nil {
		return Ceremony{}, err
	}
	w, err := site(base)
	if err != nil {
		return Ceremony{}, err
	}
	if step == "" {
		options, data, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return Ceremony{}, err
		}
		return s.begin(ctx, options, data, LinkFor{})
	}
	id, _, err := s.whoOwes(ctx, step)
	if err != nil {
		return Ceremony{}, err
	}
	h, err := s.holder(ctx, id)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.passkeys) == 0 {
		return Ceremony{}, aurora.Errorf(aurora.NotFound, "You have no passkey. Use a code of your app or a recovery code.")
	}
	options, data, err := w.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return Ceremony{}, err
	}
	return s.begin(ctx, options, data, LinkFor{PersonID: id})
}

const wrongPasskey = "The passkey was not accepted. Try again, or sign in with your password: %w"

// SignInWithPasskey completes what AskForPasskey began.
func (s *Service) SignInWithPasskey(ctx context.Context, base, step, state string, answer []byte) (string, error) {
	w, err := site(base)
	if err != nil {
		return "", err
	}
	data, whom, err := s.answered(ctx, state)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", aurora.Errorf(aurora.Unauthorized, wrongPasskey, err)
	}
	var h holder
	var used *webauthn.Credential
	if whom.PersonID != 0 {
		if h, err = s.holder(ctx, whom.PersonID); err == nil {
			used, err = w.ValidateLogin(h, data, parsed)
		}
	} else {
		used, err = w.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
			rest, ok := strings.CutPrefix(string(handle), "aurora")
			if !ok || len(rest) != 8 {
				return nil, ErrNone
			}
			var err error
			h, err = s.holder(ctx, int64(binary.BigEndian.Uint64([]byte(rest))))
			return h, err
		}, data, parsed)
	}
	if err != nil {
		return "", aurora.Errorf(aurora.Unauthorized, wrongPasskey, err)
	}
	if err := s.notePasskey(ctx, h, used); err != nil {
		return "", err
	}
	s.guesses.succeeded(s.guessAt(ctx, h.person.Email))
	if whom.PersonID != 0 {
		return s.completeStep(ctx, step, h.person.ID, h.person.Email, "with a password and a passkey")
	}
	return s.openSession(ctx, h.person.ID, h.person.Email, "with a passkey")
}

// notePasskey stores the rise of a passkey's counter, and refuses one that fell:
// somebody has copied the key (WebAuthn §6.1.1).
func (s *Service) notePasskey(ctx context.Context, h holder, used *webauthn.Credential) error {
	if used.Authenticator.CloneWarning {
		s.recordOf(ctx, h.person.ID, h.person.Email, "passkey.copied", "its counter fell; refused")
		return aurora.Errorf(aurora.Unauthorized, "This passkey's counter went backwards, as if it had been copied. Sign in another way, remove it on the page Security, and make a new one.")
	}
	text, err := json.Marshal(used)
	if err != nil {
		return err
	}
	for _, p := range h.passkeys {
		if string(p.CredentialID) == string(used.ID) {
			return s.c.Passkeys.UsePasskey(ctx, p.ID, string(text), time.Now())
		}
	}
	return nil
}
