package store

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

var errNoLimit = errors.New("store: the app has no limit")

// ApprovalLimit returns 0 for an app without one.
func (s *Store) ApprovalLimit(ctx context.Context, appID int64) (limit uint64, err error) {
	err = none(s.row(ctx, "SELECT devices FROM approval_limit WHERE app_id = $1", appID).Scan(&limit), errNoLimit)
	if errors.Is(err, errNoLimit) {
		return 0, nil
	}
	return limit, err
}

// PutApprovalLimit stores it.
func (s *Store) PutApprovalLimit(ctx context.Context, appID int64, limit uint64) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO approval_limit (app_id, devices) VALUES ($1, $2) ON CONFLICT (app_id) DO UPDATE SET devices = excluded.devices", appID, int64(limit))
		return err
	})
}

// PutApproval stores a push that waits, once.
func (s *Store) PutApproval(ctx context.Context, a dispatch.Approval, since time.Time, max int) (fresh bool, err error) {
	rule, push, err := encodeSchedule(a.Schedule)
	if err != nil {
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		fresh = false
		if _, err := t.exec("DELETE FROM approval WHERE app_id = $1 AND created_at < $2", a.AppID, millis(since)); err != nil {
			return err
		}
		if err := t.gate("approvals", a.AppID); err != nil {
			return err
		}
		var waiting int
		if err := t.row("SELECT COUNT(*) FROM approval WHERE app_id = $1", a.AppID).Scan(&waiting); err != nil {
			return err
		}
		if waiting >= max {
			return aurora.Errorf(aurora.Full, "%d pushes wait for approval, and no more may. Approve or withdraw some.", waiting)
		}
		stored, err := t.exec(`INSERT INTO approval (app_id, id, name, rule, push, trigger_body, push_body, asked_by, targeted, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (app_id, id) DO NOTHING`,
			a.AppID, a.ID, a.Name, rule, push, string(a.TriggerBody), string(a.PushBody), a.AskedBy, int64(a.Targeted), millis(a.CreatedAt))
		fresh = stored > 0
		return err
	})
	return fresh, err
}

// wider reads more columns behind those that a scan asks for.
type wider struct {
	row  scanner
	more []any
}

func (w wider) Scan(into ...any) error { return w.row.Scan(append(into, w.more...)...) }

// Approvals returns what waits, oldest first.
func (s *Store) Approvals(ctx context.Context, appID int64, since time.Time) (list []dispatch.Approval, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var a dispatch.Approval
		var err error
		a.Schedule, err = scanSchedule(wider{row, []any{&a.AskedBy, &a.Targeted}})
		list = append(list, a)
		return err
	}, "SELECT id, app_id, name, 1, rule, push, trigger_body, push_body, created_at, 0, 0, 0, 1, asked_by, targeted FROM approval WHERE app_id = $1 AND created_at >= $2 ORDER BY created_at, id", appID, millis(since))
	return list, err
}

// DropApproval forgets one.
func (s *Store) DropApproval(ctx context.Context, appID int64, id string) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec("DELETE FROM approval WHERE app_id = $1 AND id = $2", appID, id)
		if err == nil && changed == 0 {
			return aurora.Errorf(aurora.NotFound, "This push does not wait any more: it was sent, withdrawn, or forgotten after a week.")
		}
		return err
	})
}
