package store

import (
	"context"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// A device that registers writes no history, and one that goes on with its token
// neither: a row is written when a token ends.

// noteToken brings a device's history up to date with a change of its token.
func noteToken(t *tx, before, after aurora.Device) error {
	switch {
	case before.Token == after.Token && before.RetiredReason != "" && after.RetiredReason == "" && before.Token != "":
		// It is live again, so it has not ended.
		_, err := t.exec("DELETE FROM past_token WHERE app_id = $1 AND number = $2 AND ended_at = $3", before.AppID, before.Number, millis(before.RetiredAt))
		return err
	case before.Token == after.Token || before.Token == "":
		return nil
	case before.RetiredReason != "": // noted when it was retired, unless it was imported so
		return endToken(t, before, registry.PastToken{Until: before.RetiredAt, Reason: before.RetiredReason})
	case after.Token == "":
		return endToken(t, before, registry.PastToken{Until: t.now, Reason: registry.TokenRemoved})
	}
	return endToken(t, before, registry.PastToken{Until: t.now, Reason: registry.TokenReplaced})
}

// endToken adds a device's token to its history, of which the newest stay.
func endToken(t *tx, d aurora.Device, p registry.PastToken) error {
	added, err := t.exec(`INSERT INTO past_token (app_id, number, ended_at, token, environment, since, reason, message_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (app_id, number, ended_at, token) DO NOTHING`,
		d.AppID, d.Number, millis(p.Until), registry.ShortToken(d.Token), int(d.Environment), millis(d.TokenAt), p.Reason, int64(p.MessageID))
	if err != nil || added == 0 {
		return err
	}
	_, err = t.exec(`DELETE FROM past_token WHERE app_id = $1 AND number = $2 AND ended_at <= (SELECT p.ended_at FROM past_token p
		WHERE p.app_id = $1 AND p.number = $2 ORDER BY p.ended_at DESC LIMIT 1 OFFSET $3)`, d.AppID, d.Number, registry.MaxPastTokens)
	return err
}

// PastTokens returns a device's former tokens, the newest first.
func (s *Store) PastTokens(ctx context.Context, appID int64, number uint32) (list []registry.PastToken, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var p registry.PastToken
		var env int
		var since, until int64
		err := row.Scan(&p.Token, &env, &since, &until, &p.Reason, &p.MessageID)
		p.Environment, p.Since, p.Until = aurora.Environment(env), fromMillis(since), fromMillis(until)
		list = append(list, p)
		return err
	}, "SELECT token, environment, since, ended_at, reason, message_id FROM past_token WHERE app_id = $1 AND number = $2 ORDER BY ended_at DESC, token LIMIT $3", appID, number, registry.MaxPastTokens)
	return list, err
}
