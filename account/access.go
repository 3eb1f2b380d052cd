package account

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/aurora-push/aurora"
)

// Access is what an app keeps beside its Master Secret: who may call from
// where, and the secret before this one.
type Access struct {
	Allow         AllowList
	Previous      []byte // the Master Secret before, sealed; nil if there is none
	PreviousUntil time.Time

	previous aurora.Secret
}

func (a *Access) previousIs(secret string, now time.Time) bool {
	return now.Before(a.PreviousUntil) && a.Previous != nil && a.previous.Equal(secret)
}

// Accesses stores the access of apps.
type Accesses interface {
	// Access returns the zero Access for an app that has none stored.
	Access(ctx context.Context, appID int64) (Access, error)
	PutAllowList(ctx context.Context, appID int64, list AllowList) error
	// RotateSecret makes the app's stored secret the previous one, valid until
	// the time, and stores a new one.
	RotateSecret(ctx context.Context, appID int64, sealed []byte, until time.Time) error
}

// MaxOverlap is the longest that a Master Secret stays valid after its
// rotation.
const MaxOverlap = 30 * 24 * time.Hour

// RotateSecret gives an app a new Master Secret. The old one stays valid for
// the overlap, 0 to MaxOverlap; a rotation within it ends the one before at
// once. Other servers of the database learn of it within ten seconds.
func (s *Service) RotateSecret(ctx context.Context, app aurora.App, overlap time.Duration) (aurora.Secret, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return aurora.Secret{}, err
	}
	if overlap < 0 || overlap > MaxOverlap {
		return aurora.Secret{}, aurora.Errorf(aurora.Invalid, "The old secret can stay valid for 0 to %d seconds (30 days).", int(MaxOverlap.Seconds()))
	}
	secret := aurora.NewSecret(aurora.NewKey())
	until := time.Now().Add(overlap)
	if err := s.c.Accesses.RotateSecret(ctx, app.ID, s.c.Seal.Close([]byte(secret.Reveal()), masterLabel(app.Key)), until); err != nil {
		return aurora.Secret{}, err
	}
	s.changed()
	detail := "the old one is valid until " + until.UTC().Format(time.RFC3339)
	if overlap == 0 {
		detail = "the old one is no longer valid"
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "secret.rotated", Subject: app.Key, Detail: detail})
	return secret, nil
}

// OldSecretUntil returns until when the Master Secret before the newest
// rotation is still accepted; the zero time if it is not.
func (s *Service) OldSecretUntil(ctx context.Context, appID int64) (time.Time, error) {
	a, err := s.c.Accesses.Access(ctx, appID)
	if err != nil || a.Previous == nil || !time.Now().Before(a.PreviousUntil) {
		return time.Time{}, err
	}
	return a.PreviousUntil, nil
}

// AllowList returns the addresses that an app's servers may call from; none
// means any.
func (s *Service) AllowList(ctx context.Context, appID int64) (AllowList, error) {
	a, err := s.c.Accesses.Access(ctx, appID)
	return a.Allow, err
}

// SetAllowList replaces an app's allow-list. A caller that would lock itself
// out is refused; the zero address, for the command line, is not checked.
func (s *Service) SetAllowList(ctx context.Context, app aurora.App, entries []string, from netip.Addr) (AllowList, error) {
	if err := aurora.Require(ctx, aurora.ConfigureRight); err != nil {
		return nil, err
	}
	list, err := ParseAllowList(entries)
	if err != nil {
		return nil, err
	}
	if from.IsValid() && !list.Has(from) {
		return nil, aurora.Errorf(aurora.Conflict, "Your own address, %s, is not on the list, so that you could not change it back. Add it, or use `aurora app allow` beside the server.", from.Unmap())
	}
	if err := s.c.Accesses.PutAllowList(ctx, app.ID, list); err != nil {
		return nil, err
	}
	s.changed()
	detail := "any address"
	if len(list) > 0 {
		detail = fmt.Sprintf("%.500s", list)
	}
	s.Record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: "allow-list.changed", Subject: app.Key, Detail: detail})
	return list, nil
}

func masterLabel(appKey string) string { return "master_secret " + appKey }
