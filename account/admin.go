package account

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
)

// Admin stores what a developer's own programs do with apps.
type Admin interface {
	// ProvisionApp stores a new app, or returns the account's app of the same
	// package with its sealed secret.
	ProvisionApp(ctx context.Context, a aurora.App, sealed []byte) (app aurora.App, secret []byte, created bool, err error)
	// AdoptCredentials is PutCredentials for an app that takes the bundle id which
	// its first credentials are for, in the same transaction.
	AdoptCredentials(ctx context.Context, appID int64, bundleID string, cs []Sealed) error
	// MarkDeleted makes an app unreachable and takes away its credentials.
	MarkDeleted(ctx context.Context, appID int64) error
	// DropJobs deletes some of an app's jobs, and reports when none is left.
	DropJobs(ctx context.Context, appID int64) (done bool, err error)
	// Erase deletes some of what belongs to apps that were deleted before a
	// moment, and reports when nothing is left.
	Erase(ctx context.Context, before time.Time) (done bool, err error)
}

// AuthenticateDeveloper returns the account that a developer key and secret
// prove: aurora.NotFound for an unknown key, aurora.Unauthorized for a wrong
// secret.
func (s *Service) AuthenticateDeveloper(ctx context.Context, key, secret string) (aurora.Account, error) {
	p, err := s.c.People.AccountByDevKey(ctx, key)
	if errors.Is(err, ErrNone) {
		return aurora.Account{}, aurora.Errorf(aurora.NotFound, "There is no developer key %.40q.", key)
	}
	if err != nil {
		return aurora.Account{}, err
	}
	own, err := s.c.Seal.Open(p.DevSecret, "dev_secret "+p.DevKey)
	if err != nil {
		return aurora.Account{}, err
	}
	if !aurora.NewSecret(string(own)).Equal(secret) {
		return aurora.Account{}, aurora.Errorf(aurora.Unauthorized, "The developer secret is not right.")
	}
	return p.Account, nil
}

// ProvisionApp makes an app for a package name, or returns the one that the
// account has for it, with its secret. The package stands for the bundle id
// until the first certificate says another. A group's name puts the app into
// that group of the account, which is made if it is not there.
func (s *Service) ProvisionApp(ctx context.Context, accountID int64, name, pkg, group string) (app aurora.App, created bool, err error) {
	if err := aurora.ValidateName(name); err != nil {
		return app, false, err
	}
	if aurora.ValidateBundleID(pkg) != nil {
		return app, false, aurora.Errorf(aurora.Invalid, "android_package must be letters, digits, hyphens and single periods, at most 155, such as org.example.reader.")
	}
	if group != "" {
		if err := aurora.ValidateName(group); err != nil { // before there is an app that the group cannot take
			return app, false, err
		}
	}
	app = aurora.App{AccountID: accountID, Key: aurora.NewKey(), MasterSecret: aurora.NewSecret(aurora.NewKey()), Name: name, BundleID: pkg, Package: pkg, CreatedAt: time.Now()}
	stored, sealed, created, err := s.c.Admin.ProvisionApp(ctx, app, s.c.Seal.Close([]byte(app.MasterSecret.Reveal()), masterLabel(app.Key)))
	if err != nil {
		return app, false, err
	}
	if stored.MasterSecret, err = s.openMaster(sealed, stored.Key); err != nil {
		return app, false, err
	}
	if created {
		s.Record(ctx, aurora.AuditEntry{AccountID: accountID, AppID: stored.ID, Action: "app.created", Subject: stored.Key, Detail: stored.Name})
	}
	if group == "" {
		return stored, created, nil
	}
	g, err := s.groupNamed(ctx, accountID, group)
	if err != nil {
		return stored, created, err
	}
	return stored, created, s.c.Groups.SetMember(ctx, g.ID, stored.ID, true, maxGroupApps)
}

// groupNamed returns the account's group of a name, which it makes if needed.
func (s *Service) groupNamed(ctx context.Context, accountID int64, name string) (aurora.Group, error) {
	g, err := s.CreateGroup(ctx, accountID, name)
	if aurora.KindOf(err) != aurora.Conflict {
		return g, err
	}
	all, err := s.Groups(ctx, accountID)
	for _, g := range all {
		if g.Name == name {
			return g, err
		}
	}
	return g, errors.Join(err, errNoGroup(name))
}

// ProvisionCertificates stores an app's certificates, all or none. An app that
// was provisioned and has none yet takes the bundle id that they are for.
// Certificates for another bundle id than the app's are refused as
// aurora.Conflict once it has some.
func (s *Service) ProvisionCertificates(ctx context.Context, app aurora.App, ups []Upload) error {
	stored, err := s.c.Credentials.Credentials(ctx, app.ID)
	if err != nil {
		return err
	}
	found, err := s.c.Prover.Inspect(ups[0])
	if err != nil {
		return err
	}
	asked := app.BundleID
	switch id := found.Credential.BundleID; {
	case id == "" || id == app.BundleID:
	case len(stored) > 0:
		return aurora.Errorf(aurora.Conflict, "The app has a certificate for %s already, and this one is for %s. Upload one made for %s, or create another app.", app.BundleID, id, app.BundleID)
	case app.Package != "" && app.BundleID == app.Package:
		app.BundleID = id
	}
	put := s.c.Credentials.PutCredentials
	if app.BundleID != asked {
		put = func(ctx context.Context, appID int64, cs []Sealed) error {
			return s.c.Admin.AdoptCredentials(ctx, appID, app.BundleID, cs)
		}
	}
	_, err = s.storeCredentials(ctx, app, put, ups)
	return err
}

// DeleteApp ends an app of the account for good. When it returns the AppKey,
// its devices and its credentials are of no use any more and what was waiting
// is not sent; what the app owned is erased soon after, by Run. Another process
// may take the AppKey for up to ten seconds more.
func (s *Service) DeleteApp(ctx context.Context, accountID int64, key string) error {
	if err := aurora.Require(ctx, aurora.DeleteRight); err != nil {
		return err
	}
	app, err := s.App(ctx, accountID, key)
	if err != nil {
		return err
	}
	if err := s.c.Admin.MarkDeleted(ctx, app.ID); err != nil {
		return err
	}
	s.changed()
	s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "app.deleted", Subject: app.Key, Detail: app.Name})
	s.c.Logger.InfoContext(ctx, "app deleted", "app", app.Key, "name", app.Name)
	for {
		done, err := s.c.Admin.DropJobs(ctx, app.ID)
		if err != nil { // the app is gone already, without credentials nothing is sent, and Run erases jobs too
			s.c.Logger.WarnContext(ctx, "the jobs of a deleted app are taken away later", "app", app.Key, "error", err)
			return nil
		}
		if done {
			return nil
		}
	}
}

const (
	// eraseDelay is longer than another process can still take the AppKey, so
	// that nothing comes in after the erasing.
	eraseDelay = 3 * cacheLife
	erasePause = 10 * time.Second
)

// Run erases what belonged to deleted apps, in short transactions, until the
// context ends.
func (s *Service) Run(ctx context.Context) {
	for ctx.Err() == nil {
		done, err := s.c.Admin.Erase(ctx, time.Now().Add(-eraseDelay))
		if err != nil && ctx.Err() == nil {
			s.c.Logger.ErrorContext(ctx, "a deleted app could not be erased yet", "error", err)
		}
		if !done && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(erasePause):
		}
	}
}
