package store

import (
	"context"
	"errors"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
)

// CreateGroup stores a group without members.
func (s *Store) CreateGroup(ctx context.Context, g aurora.Group, sealed []byte) (aurora.Group, error) {
	err := s.write(ctx, func(t *tx) error {
		err := t.row("INSERT INTO app_group (account_id, group_key, secret, name, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, name) DO NOTHING RETURNING id",
			g.AccountID, g.Key, sealed, g.Name, millis(g.CreatedAt)).Scan(&g.ID)
		if err = none(err, account.ErrNone); errors.Is(err, account.ErrNone) {
			return aurora.Errorf(aurora.Conflict, "The account has a group %q already. Use that one, or choose another name.", g.Name)
		}
		return err
	})
	return g, err
}

const groupColumns = "id, account_id, group_key, secret, name, created_at"

func scanGroup(row scanner) (g aurora.Group, sealed []byte, err error) {
	var created int64
	err = row.Scan(&g.ID, &g.AccountID, &g.Key, &sealed, &g.Name, &created)
	g.CreatedAt = fromMillis(created)
	return g, sealed, none(err, account.ErrNone)
}

// GroupByKey returns account.ErrNone if there is no such group.
func (s *Store) GroupByKey(ctx context.Context, key string) (aurora.Group, []byte, error) {
	return scanGroup(s.row(ctx, "SELECT "+groupColumns+" FROM app_group WHERE group_key = $1", key))
}

// GroupsOf returns an account's groups, oldest first.
func (s *Store) GroupsOf(ctx context.Context, accountID int64) (gs []aurora.Group, err error) {
	err = s.rows(ctx, func(row scanner) error {
		g, _, err := scanGroup(row)
		gs = append(gs, g)
		return err
	}, "SELECT "+groupColumns+" FROM app_group WHERE account_id = $1 ORDER BY id", accountID)
	return gs, err
}

// DropGroup forgets a group.
func (s *Store) DropGroup(ctx context.Context, groupID int64) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM group_member WHERE group_id = $1", groupID); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM app_group WHERE id = $1", groupID)
		return err
	})
}

// SetMember puts an app into a group or takes it out.
func (s *Store) SetMember(ctx context.Context, groupID, appID int64, member bool, max int) error {
	return s.write(ctx, func(t *tx) error {
		if !member {
			_, err := t.exec("DELETE FROM group_member WHERE group_id = $1 AND app_id = $2", groupID, appID)
			return err
		}
		if err := t.gate("group members", groupID); err != nil {
			return err
		}
		var others int
		if err := t.row("SELECT COUNT(*) FROM group_member WHERE group_id = $1 AND app_id <> $2", groupID, appID).Scan(&others); err != nil {
			return err
		}
		if others >= max {
			return aurora.Errorf(aurora.Full, "The group has %d apps, and no more are allowed. Take one out.", others)
		}
		_, err := t.exec("INSERT INTO group_member (group_id, app_id) VALUES ($1, $2) ON CONFLICT (group_id, app_id) DO NOTHING", groupID, appID)
		return err
	})
}

// GroupApps returns the apps of a group, oldest first.
func (s *Store) GroupApps(ctx context.Context, groupID int64) (apps []aurora.App, err error) {
	err = s.rows(ctx, func(row scanner) error {
		a, _, err := scanApp(row)
		apps = append(apps, a)
		return err
	}, "SELECT "+appColumns+" FROM app WHERE deleted_at = 0 AND id IN (SELECT app_id FROM group_member WHERE group_id = $1) ORDER BY id", groupID)
	return apps, err
}

// BeginGroupPush notes a push to a group, or returns the one that used its CID
// within a day.
func (s *Store) BeginGroupPush(ctx context.Context, groupID int64, id aurora.MessageID, cid string) (first aurora.MessageID, err error) {
	err = s.write(ctx, func(t *tx) error {
		first = id
		if cid != "" {
			if err := t.gate("group pushes", groupID); err != nil {
				return err
			}
			err := t.row("SELECT id FROM group_push WHERE group_id = $1 AND cid = $2 AND created_at >= $3", groupID, cid, millis(t.now.Add(-cidLife))).Scan(&first)
			if err = none(err, ledger.ErrNone); !errors.Is(err, ledger.ErrNone) {
				return err
			}
		}
		_, err := t.exec("INSERT INTO group_push (id, group_id, cid, created_at) VALUES ($1, $2, $3, $4)", int64(id), groupID, cid, millis(t.now))
		return err
	})
	return first, err
}

// GroupMessages returns what a push to the group became in each app; nothing
// for another group's.
func (s *Store) GroupMessages(ctx context.Context, groupID int64, id aurora.MessageID) (list []dispatch.GroupMessage, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var m dispatch.GroupMessage
		err := row.Scan(&m.AppID, &m.MessageID)
		list = append(list, m)
		return err
	}, "SELECT m.app_id, m.message_id FROM group_message m JOIN group_push p ON p.id = m.group_push_id WHERE p.id = $1 AND p.group_id = $2 ORDER BY m.app_id", int64(id), groupID)
	return list, err
}
