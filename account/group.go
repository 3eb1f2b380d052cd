package account

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
)

// Groups stores groups of apps; their secrets come and go sealed.
type Groups interface {
	// CreateGroup refuses a second group of the same name with aurora.Conflict.
	CreateGroup(ctx context.Context, g aurora.Group, sealed []byte) (aurora.Group, error)
	// GroupByKey returns ErrNone if there is no such group.
	GroupByKey(ctx context.Context, key string) (aurora.Group, []byte, error)
	// GroupsOf returns an account's groups, oldest first, without secrets.
	GroupsOf(ctx context.Context, accountID int64) ([]aurora.Group, error)
	// DropGroup forgets a group. Its apps and what was sent to them stay.
	DropGroup(ctx context.Context, groupID int64) error
	// SetMember puts an app into a group or takes it out. An app too many is
	// refused with aurora.Full; what is so already stays so.
	SetMember(ctx context.Context, groupID, appID int64, member bool, max int) error
	// GroupApps returns the apps of a group, oldest first, without secrets.
	GroupApps(ctx context.Context, groupID int64) ([]aurora.App, error)
}

// maxGroupApps bounds what one push to a group sets in motion.
const maxGroupApps = 100

// CreateGroup makes an empty group with a fresh key and secret.
func (s *Service) CreateGroup(ctx context.Context, accountID int64, name string) (aurora.Group, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return aurora.Group{}, err
	}
	if err := aurora.ValidateName(name); err != nil {
		return aurora.Group{}, err
	}
	g := aurora.Group{AccountID: accountID, Key: aurora.NewKey(), Secret: aurora.NewSecret(aurora.NewKey()), Name: name, CreatedAt: time.Now()}
	g, err := s.c.Groups.CreateGroup(ctx, g, s.c.Seal.Close([]byte(g.Secret.Reveal()), groupLabel(g.Key)))
	if err == nil {
		s.Record(ctx, aurora.AuditEntry{AccountID: accountID, Action: "group.created", Subject: g.Key, Detail: g.Name})
	}
	return g, err
}

func groupLabel(key string) string { return "group_secret " + key }

// Groups returns the account's groups, oldest first, without secrets.
func (s *Service) Groups(ctx context.Context, accountID int64) ([]aurora.Group, error) {
	return s.c.Groups.GroupsOf(ctx, accountID)
}

// Group returns a group of the account, with its secret; aurora.NotFound for
// anyone else's.
func (s *Service) Group(ctx context.Context, accountID int64, key string) (aurora.Group, error) {
	g, err := s.groupByKey(ctx, key)
	if err != nil {
		return aurora.Group{}, err
	}
	if g.AccountID != accountID {
		return aurora.Group{}, errNoGroup(key)
	}
	return g, nil
}

func (s *Service) groupByKey(ctx context.Context, key string) (aurora.Group, error) {
	if !aurora.ValidKey(key) {
		return aurora.Group{}, errNoGroup(key)
	}
	g, sealed, err := s.c.Groups.GroupByKey(ctx, key)
	if errors.Is(err, ErrNone) {
		return g, errNoGroup(key)
	}
	if err != nil {
		return g, err
	}
	secret, err := s.c.Seal.Open(sealed, groupLabel(g.Key))
	g.Secret = aurora.NewSecret(string(secret))
	return g, err
}

func errNoGroup(key string) error {
	return aurora.Errorf(aurora.NotFound, "There is no group with the key %.40q.", key)
}

// DeleteGroup forgets a group of the account; its apps stay as they are.
func (s *Service) DeleteGroup(ctx context.Context, accountID int64, key string) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	g, err := s.Group(ctx, accountID, key)
	if err != nil {
		return err
	}
	if err := s.c.Groups.DropGroup(ctx, g.ID); err != nil {
		return err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: accountID, Action: "group.deleted", Subject: g.Key, Detail: g.Name})
	return nil
}

// SetGroupApp puts an app into a group, or takes it out. Both must be the
// account's.
func (s *Service) SetGroupApp(ctx context.Context, accountID int64, groupKey, appKey string, member bool) error {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return err
	}
	g, err := s.Group(ctx, accountID, groupKey)
	if err != nil {
		return err
	}
	app, err := s.App(ctx, accountID, appKey)
	if err != nil {
		return err
	}
	if err := s.c.Groups.SetMember(ctx, g.ID, app.ID, member, maxGroupApps); err != nil {
		return err
	}
	action := "group.app-added"
	if !member {
		action = "group.app-removed"
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: accountID, AppID: app.ID, Action: action, Subject: g.Key, Detail: app.Key})
	return nil
}

// GroupApps returns the apps of a group, oldest first, without secrets.
func (s *Service) GroupApps(ctx context.Context, groupID int64) ([]aurora.App, error) {
	return s.c.Groups.GroupApps(ctx, groupID)
}

// RevealGroupSecret returns a group's secret to somebody who wants to see it,
// and notes who did.
func (s *Service) RevealGroupSecret(ctx context.Context, accountID int64, key string) (aurora.Secret, error) {
	if err := aurora.Require(ctx, aurora.SecretsRight); err != nil {
		return aurora.Secret{}, err
	}
	g, err := s.Group(ctx, accountID, key)
	if err != nil {
		return aurora.Secret{}, err
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: accountID, Action: "group.secret-shown", Subject: key, Detail: g.Name})
	return g.Secret, nil
}

// AuthenticateGroup returns the group that a key and secret prove, or
// aurora.Unauthorized.
func (s *Service) AuthenticateGroup(ctx context.Context, key, secret string) (aurora.Group, error) {
	g, err := s.groupByKey(ctx, key)
	if err != nil && aurora.KindOf(err) != aurora.NotFound {
		return aurora.Group{}, err
	}
	if err != nil || !g.Secret.Equal(secret) {
		return aurora.Group{}, aurora.Errorf(aurora.Unauthorized, "The group key or the group's secret is not right. `aurora group list` shows the groups of an account.")
	}
	return g, nil
}
