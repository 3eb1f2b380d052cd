package store

import (
	"context"
	"errors"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

var errTooManyTokens = errors.New("store: too many tokens of a device")

// ChangeDeviceTokens is ChangeDevice with tokens of the device beside that of
// notifications, which are taken from any other that had them. It reports
// false, and does nothing, if there would be more than max.
func (s *Store) ChangeDeviceTokens(ctx context.Context, appID int64, number uint32, env aurora.Environment, tokens []aurora.NamedToken, max int, change func(*aurora.Device) error) (ok bool, err error) {
	err = s.writeFor(ctx, appID, func(t *tx) error {
		if err := changeDevice(t, appID, number, change); err != nil {
			return err
		}
		for _, one := range tokens {
			if err := putSpecialToken(t, appID, number, env, one, max); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errTooManyTokens) { // which has undone the rest
		return false, nil
	}
	return err == nil, err
}

// putSpecialToken stores one token, or removes it if it is empty.
func putSpecialToken(t *tx, appID int64, number uint32, env aurora.Environment, one aurora.NamedToken, max int) error {
	if _, err := t.exec("DELETE FROM special_token WHERE app_id = $1 AND number = $2 AND kind = $3 AND name = $4", appID, number, string(one.Kind), one.Name); err != nil || one.Token == "" {
		return err
	}
	if _, err := t.exec("DELETE FROM special_token WHERE app_id = $1 AND token = $2", appID, one.Token); err != nil {
		return err
	}
	var count int
	if err := t.row("SELECT COUNT(*) FROM special_token WHERE app_id = $1 AND number = $2", appID, number).Scan(&count); err != nil {
		return err
	}
	if count >= max {
		return errTooManyTokens
	}
	_, err := t.exec("INSERT INTO special_token (app_id, number, kind, name, token, environment, token_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		appID, number, string(one.Kind), one.Name, one.Token, int(env), millis(t.now))
	return err
}

// Tokens returns a device's tokens beside that of notifications.
func (s *Store) Tokens(ctx context.Context, appID int64, number uint32) (list []aurora.NamedToken, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var n aurora.NamedToken
		var kind string
		err := row.Scan(&kind, &n.Name, &n.Token)
		n.Kind = aurora.TokenKind(kind)
		list = append(list, n)
		return err
	}, "SELECT kind, name, token FROM special_token WHERE app_id = $1 AND number = $2 ORDER BY kind, name", appID, number)
	return list, err
}

// forgetToken removes a dead token unless it was reported since.
func forgetToken(t *tx, appID int64, r dispatch.Retirement) error {
	before := r.InactiveAt
	if before.IsZero() {
		before = t.now
	}
	_, err := t.exec("DELETE FROM special_token WHERE app_id = $1 AND number = $2 AND token = $3 AND token_at <= $4", appID, r.Number, r.Token, millis(before))
	return err
}

// ActivityDevices returns the devices that have a token for a live activity.
func (s *Store) ActivityDevices(ctx context.Context, appID int64, id string) (*roaring.Bitmap, error) {
	numbers := roaring.New()
	err := s.rows(ctx, func(row scanner) error {
		var n uint32
		err := row.Scan(&n)
		numbers.Add(n)
		return err
	}, "SELECT number FROM special_token WHERE app_id = $1 AND kind = $2 AND name = $3", appID, string(aurora.ActivityToken), id)
	return numbers, err
}

// ReadTokens yields devices by ascending number with their tokens of a kind and
// a name, in portions as ReadTargets.
func (s *Store) ReadTokens(ctx context.Context, appID int64, numbers *roaring.Bitmap, kind aurora.TokenKind, name string) iter.Seq2[dispatch.Target, error] {
	return func(yield func(dispatch.Target, error) bool) {
		for target, err := range s.ReadTargets(ctx, appID, numbers) {
			if err != nil {
				yield(target, err)
				return
			}
			var env int
			target.Token, target.Environment, target.RetiredReason = "", aurora.NoEnvironment, ""
			err := s.rows(ctx, func(row scanner) error { return row.Scan(&target.Token, &env) },
				"SELECT token, environment FROM special_token WHERE app_id = $1 AND number = $2 AND kind = $3 AND name = $4", appID, target.Number, string(kind), name)
			if target.Environment = aurora.Environment(env); !yield(target, err) || err != nil {
				return
			}
		}
	}
}
