package account

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
)

// Apps stores apps; their Master Secrets come and go sealed.
type Apps interface {
	CreateApp(ctx context.Context, a aurora.App, sealed []byte) (aurora.App, error)
	// AppByKey returns ErrNone if there is no such app.
	AppByKey(ctx context.Context, key string) (aurora.App, []byte, error)
	// AppByID returns ErrNone if there is no such app.
	AppByID(ctx context.Context, id int64) (aurora.App, error)
	// AppsOf returns an account's apps, oldest first, without secrets.
	AppsOf(ctx context.Context, accountID int64) ([]aurora.App, error)
	// AllApps returns every account's apps, oldest first, without secrets.
	AllApps(ctx context.Context) ([]aurora.App, error)
}

// cacheLife bounds how long a change made by another process goes unnoticed.
const cacheLife = 10 * time.Second

type cachedApp struct {
	app    aurora.App
	access Access
	at     time.Time
}

// CreateApp makes an app with a fresh AppKey and Master Secret.
func (s *Service) CreateApp(ctx context.Context, accountID int64, name, bundleID string) (aurora.App, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return aurora.App{}, err
	}
	if err := aurora.ValidateName(name); err != nil {
		return aurora.App{}, err
	}
	if err := aurora.ValidateBundleID(bundleID); err != nil {
		return aurora.App{}, err
	}
	a := aurora.App{AccountID: accountID, Key: aurora.NewKey(), MasterSecret: aurora.NewSecret(aurora.NewKey()), Name: name, BundleID: bundleID, CreatedAt: time.Now()}
	a, err := s.c.Apps.CreateApp(ctx, a, s.c.Seal.Close([]byte(a.MasterSecret.Reveal()), masterLabel(a.Key)))
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: a.AccountID, AppID: a.ID, Action: "app.created", Subject: a.Key, Detail: a.Name})
	}
	return a, err
}

// Apps returns the account's apps, oldest first. Their secrets are not filled in.
func (s *Service) Apps(ctx context.Context, accountID int64) ([]aurora.App, error) {
	return s.c.Apps.AppsOf(ctx, accountID)
}

// AllApps returns every app of the installation, for its operator, without
// secrets.
func (s *Service) AllApps(ctx context.Context) ([]aurora.App, error) { return s.c.Apps.AllApps(ctx) }

// App returns an app of the account, with its secret; aurora.NotFound for
// anyone else's.
func (s *Service) App(ctx context.Context, accountID int64, key string) (aurora.App, error) {
	a, err := s.AppByKey(ctx, key)
	if err == nil && a.AccountID != accountID {
		err = errNoApp(key)
	}
	if err != nil {
		return aurora.App{}, err
	}
	return a, nil
}

// RevealSecret returns an app's Master Secret to somebody who wants to see it,
// and notes who did.
func (s *Service) RevealSecret(ctx context.Context, app aurora.App) (aurora.Secret, error) {
	if err := aurora.Require(ctx, aurora.SecretsRight); err != nil {
		return aurora.Secret{}, err
	}
	fresh, err := s.AppByKey(ctx, app.Key)
	if err != nil {
		return aurora.Secret{}, err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "secret.shown", Subject: app.Key})
	return fresh.MasterSecret, nil
}

// AppByKey returns an app by its AppKey, with its secret; aurora.NotFound if
// there is none.
func (s *Service) AppByKey(ctx context.Context, key string) (aurora.App, error) {
	c, err := s.cachedApp(ctx, key)
	return c.app, err
}

func (s *Service) cachedApp(ctx context.Context, key string) (cachedApp, error) {
	if !aurora.ValidKey(key) {
		return cachedApp{}, errNoApp(key)
	}
	if c, ok := s.cache.Load(key); ok && time.Since(c.(cachedApp).at) < cacheLife {
		return c.(cachedApp), nil
	}
	changes := s.changes.Load()
	c := cachedApp{at: time.Now()} // before it is read: what changes meanwhile is not newer
	app, sealed, err := s.c.Apps.AppByKey(ctx, key)
	if errors.Is(err, ErrNone) {
		return c, errNoApp(key)
	}
	if err != nil {
		return c, err
	}
	if app.MasterSecret, err = s.openMaster(sealed, app.Key); err != nil {
		return c, err
	}
	c.app = app
	if c.access, err = s.c.Accesses.Access(ctx, app.ID); err != nil {
		return c, err
	}
	if c.access.Previous != nil {
		if c.access.previous, err = s.openMaster(c.access.Previous, app.Key); err != nil {
			return c, err
		}
	}
	s.unlessChanged(changes, func() { s.cache.Store(key, c) }, func() { s.cache.Delete(key) })
	return c, nil
}

func (s *Service) openMaster(sealed []byte, appKey string) (aurora.Secret, error) {
	secret, err := s.c.Seal.Open(sealed, masterLabel(appKey))
	return aurora.NewSecret(string(secret)), err
}

func errNoApp(key string) error {
	return aurora.Errorf(aurora.NotFound, "There is no app with AppKey %.40q.", key)
}
