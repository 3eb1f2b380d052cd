package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aurora-push/aurora"
)

// MaxCredentialFile is the largest credential file that is read, in bytes. A
// .p12 with a long chain has about ten thousand.
const MaxCredentialFile = 1 << 20

// Upload is a credential as its owner hands it in.
type Upload = aurora.CredentialFile

// Sealed is a credential with its file, sealed.
type Sealed struct {
	aurora.Credential
	File []byte
}

// Credentials stores at most one credential for each app and environment.
type Credentials interface {
	// PutCredentials replaces the slots in one transaction and lets the app's
	// waiting jobs run at once.
	PutCredentials(ctx context.Context, appID int64, cs []Sealed) error
	// Credentials returns an app's slots, development first.
	Credentials(ctx context.Context, appID int64) ([]aurora.Credential, error)
	// Credential returns one slot, or ErrNone.
	Credential(ctx context.Context, appID int64, env aurora.Environment) (Sealed, error)
	RemoveCredential(ctx context.Context, appID int64, env aurora.Environment) error
	// ProvedCredential notes that APNs accepts a credential: it is not parked any
	// more, and waiting jobs run at once.
	ProvedCredential(ctx context.Context, id int64, at time.Time) error
	// ParkCredential notes why APNs refuses a credential; "" lifts it.
	ParkCredential(ctx context.Context, id int64, reason string) error
}

// Prover reads credential files and tries them out. The channel does both.
type Prover interface {
	// Inspect reads a file without the network. The result has one entry in
	// Environments for each that it can serve. Refusals are *aurora.Error.
	Inspect(up Upload) (aurora.InspectedCredential, error)
	// Prove makes a live handshake with APNs, with a bound on its time.
	Prove(ctx context.Context, up Upload, env aurora.Environment, topic string) error
}

// StoreCredential checks an upload against the app, proves it in a live
// handshake with APNs for each environment it fills, and stores it. Nothing is
// stored unless every slot was accepted.
func (s *Service) StoreCredential(ctx context.Context, app aurora.App, up Upload) ([]aurora.Credential, error) {
	return s.StoreCredentials(ctx, app, up)
}

// StoreCredentials is StoreCredential for several files that are accepted or
// refused together.
func (s *Service) StoreCredentials(ctx context.Context, app aurora.App, ups ...Upload) (all []aurora.Credential, err error) {
	return s.storeCredentials(ctx, app, s.c.Credentials.PutCredentials, ups)
}

func (s *Service) storeCredentials(ctx context.Context, app aurora.App, put func(ctx context.Context, appID int64, cs []Sealed) error, ups []Upload) (all []aurora.Credential, err error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return nil, err
	}
	var sealed []Sealed
	for _, up := range ups {
		slots, err := s.accept(ctx, app, up)
		if err != nil {
			return nil, err
		}
		file := packFile(up)
		for _, c := range slots {
			sealed = append(sealed, Sealed{c, s.c.Seal.Close(file, credentialLabel(app.ID, c.Environment))})
		}
		all = append(all, slots...)
	}
	err = put(ctx, app.ID, sealed)
	s.credentialsChanged(app.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "credential.stored", Subject: c.Environment.String(), Detail: c.Name})
	}
	s.c.Logger.InfoContext(ctx, "credential stored", "app", app.Key, "name", all[0].Name, "slots", len(all))
	return all, nil
}

// accept checks and proves an upload and returns the slots it fills.
func (s *Service) accept(ctx context.Context, app aurora.App, up Upload) ([]aurora.Credential, error) {
	if len(up.File) > MaxCredentialFile {
		return nil, aurora.Errorf(aurora.TooLarge, "The file is over 1 MiB; a push certificate or key has a few kilobytes. Export the certificate and its key alone.")
	}
	found, err := s.c.Prover.Inspect(up)
	if err != nil {
		return nil, err
	}
	slots, err := fit(app, found, up.Environment, time.Now())
	if err != nil {
		return nil, err
	}
	return s.prove(ctx, up, slots)
}

// prove tries each slot out at APNs. A key that Apple restricts to one
// environment does not say so in its file, so for a key that was given for all
// slots one acceptance is enough, if the other answer was a refusal.
func (s *Service) prove(ctx context.Context, up Upload, slots []aurora.Credential) ([]aurora.Credential, error) {
	var proved []aurora.Credential
	var refusal error
	for _, c := range slots {
		err := s.c.Prover.Prove(ctx, up, c.Environment, c.Topic)
		switch {
		case err == nil:
			c.ValidatedAt = time.Now()
			proved = append(proved, c)
		case c.Kind == aurora.KeyCredential && aurora.KindOf(err) == aurora.Invalid:
			refusal = err
		default:
			return nil, err
		}
	}
	if len(proved) == 0 {
		return nil, refusal
	}
	return proved, nil
}

// fit decides which slots a credential fills and refuses one that does not
// belong to the app or the slot.
func fit(app aurora.App, found aurora.InspectedCredential, want aurora.Environment, now time.Time) ([]aurora.Credential, error) {
	c := found.Credential
	if c.Kind == aurora.CertificateCredential {
		if c.BundleID != app.BundleID {
			return nil, aurora.Errorf(aurora.Invalid, "The certificate is for the bundle id %s, but this app's is %s. Upload the certificate made for %s, or create another app.", c.BundleID, app.BundleID, app.BundleID)
		}
		if now.Before(c.NotBefore) {
			return nil, aurora.Errorf(aurora.Invalid, "The certificate is not valid before %s. Check this server's clock, or wait until then.", day(c.NotBefore))
		}
		if !now.Before(c.NotAfter) {
			return nil, aurora.Errorf(aurora.Invalid, "The certificate expired on %s. Create a new one at developer.apple.com and upload that.", day(c.NotAfter))
		}
	}
	c.AppID, c.Topic = app.ID, app.BundleID
	var slots []aurora.Credential
	for _, env := range found.Environments {
		if want == aurora.NoEnvironment || want == env {
			c.Environment = env
			slots = append(slots, c)
		}
	}
	if len(slots) == 0 {
		has := found.Environments[0]
		return nil, aurora.Errorf(aurora.Invalid, "This is a %s certificate and the slot is for %s. Put it into the %s slot, or upload a certificate that covers %s.", has, want, has, want)
	}
	return slots, nil
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// Credentials returns an app's credentials, development first.
func (s *Service) Credentials(ctx context.Context, appID int64) ([]aurora.Credential, error) {
	return s.c.Credentials.Credentials(ctx, appID)
}

// RemoveCredential empties a slot.
func (s *Service) RemoveCredential(ctx context.Context, appID int64, env aurora.Environment) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	defer s.credentialsChanged(appID)
	if err := s.c.Credentials.RemoveCredential(ctx, appID, env); err != nil {
		return err
	}
	s.Record(ctx, aurora.AuditEntry{AppID: appID, Action: "credential.removed", Subject: env.String()})
	return nil
}

// credentialSlot is where an app's credential for an environment is.
type credentialSlot struct {
	app int64
	env aurora.Environment
}

type cachedCredential struct {
	credential aurora.Credential
	file       aurora.CredentialFile
	at         time.Time
}

// OpenCredential returns the credential of a slot and its file in the clear,
// for sending; aurora.NotFound if the slot is empty. One that is in use is kept
// for a moment: every push asks. One that is missing or parked is not, so that
// its replacement is taken at once, whoever stored it.
func (s *Service) OpenCredential(ctx context.Context, appID int64, env aurora.Environment) (aurora.Credential, aurora.CredentialFile, error) {
	at := credentialSlot{appID, env}
	if c, ok := s.credentials.Load(at); ok && time.Since(c.(cachedCredential).at) < cacheLife {
		return c.(cachedCredential).credential, c.(cachedCredential).file, nil
	}
	changes := s.changes.Load()
	c, file, err := s.openCredential(ctx, appID, env)
	if err == nil && c.Parked == "" {
		s.unlessChanged(changes, func() { s.credentials.Store(at, cachedCredential{c, file, time.Now()}) }, func() { s.credentials.Delete(at) })
	}
	return c, file, err
}

func (s *Service) openCredential(ctx context.Context, appID int64, env aurora.Environment) (aurora.Credential, aurora.CredentialFile, error) {
	c, err := s.c.Credentials.Credential(ctx, appID, env)
	if errors.Is(err, ErrNone) {
		return c.Credential, aurora.CredentialFile{}, aurora.Errorf(aurora.NotFound, "The app has no %s credential.", env)
	}
	if err != nil {
		return c.Credential, aurora.CredentialFile{}, err
	}
	file, err := s.c.Seal.Open(c.File, credentialLabel(appID, env))
	if err != nil {
		return c.Credential, aurora.CredentialFile{}, err
	}
	p, err := unpackFile(file)
	return c.Credential, aurora.CredentialFile{File: p.File, Password: p.Password, KeyID: c.KeyID, TeamID: c.TeamID, Environment: env}, err
}

// ProbeCredential asks APNs again about the credential of a slot, and lifts what
// it was parked for if APNs accepts it. Nothing reaches any phone.
func (s *Service) ProbeCredential(ctx context.Context, app aurora.App, env aurora.Environment) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	c, file, err := s.openCredential(ctx, app.ID, env)
	if err != nil {
		return err
	}
	err = s.c.Prover.Prove(ctx, file, env, c.Topic)
	if aurora.KindOf(err) == aurora.Unavailable {
		refusal, _ := errors.AsType[*aurora.Error](err)
		return &aurora.Error{Kind: aurora.Unavailable, Text: fmt.Sprintf("APNs (%s) could not be asked: %v. The credential stays as it was. Check the network, and that a firewall lets this server out to port 443 or 2197; then ask again.", env, refusal.Err), Err: err}
	}
	if err != nil {
		return err
	}
	defer s.credentialsChanged(app.ID)
	return s.c.Credentials.ProvedCredential(ctx, c.ID, time.Now())
}

// packedFile is what is sealed: the password is needed to read the file again.
type packedFile struct {
	File     []byte
	Password string
}

func packFile(up Upload) []byte {
	b, err := json.Marshal(packedFile{up.File, up.Password})
	if err != nil { // bytes and a string always encode
		panic(err)
	}
	return b
}

func unpackFile(b []byte) (packedFile, error) {
	var p packedFile
	err := json.Unmarshal(b, &p)
	return p, err
}

func credentialLabel(appID int64, env aurora.Environment) string {
	return fmt.Sprintf("credential %d %s", appID, env)
}

// ParkCredential notes why APNs refuses a credential, so that its owner sees
// it and the app's pushes wait; "" lifts it.
func (s *Service) ParkCredential(ctx context.Context, id int64, reason string) error {
	if reason != "" {
		s.c.Logger.WarnContext(ctx, "credential parked", "credential", id, "reason", reason)
	}
	defer s.changed()
	return s.c.Credentials.ParkCredential(ctx, id, reason)
}
