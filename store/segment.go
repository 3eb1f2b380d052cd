package store

import (
	"context"

	"github.com/aurora-push/aurora/registry"
)

// Segments returns an app's segments, by name.
func (s *Store) Segments(ctx context.Context, appID int64) (list []registry.Segment, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var g registry.Segment
		var created, changed int64
		err := row.Scan(&g.Name, &g.Expression, &created, &changed)
		g.CreatedAt, g.ChangedAt = fromMillis(created), fromMillis(changed)
		list = append(list, g)
		return err
	}, "SELECT name, expression, created_at, changed_at FROM segment WHERE app_id = $1 ORDER BY name", appID)
	return list, err
}

// AddSegment stores a new segment.
func (s *Store) AddSegment(ctx context.Context, appID int64, g registry.Segment, max int) error {
	return s.writeFor(ctx, appID, func(t *tx) error {
		if err := t.gate("segments", appID); err != nil {
			return err
		}
		var have int
		if err := t.row("SELECT COUNT(*) FROM segment WHERE app_id = $1", appID).Scan(&have); err != nil {
			return err
		}
		if have >= max {
			return registry.ErrFull
		}
		added, err := t.exec("INSERT INTO segment (app_id, name, expression, created_at, changed_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (app_id, name) DO NOTHING",
			appID, g.Name, g.Expression, millis(g.CreatedAt), millis(g.ChangedAt))
		if err == nil && added == 0 {
			return registry.ErrExists
		}
		return err
	})
}

// ChangeSegment replaces a segment's expression.
func (s *Store) ChangeSegment(ctx context.Context, appID int64, g registry.Segment) error {
	return s.writeFor(ctx, appID, func(t *tx) error {
		changed, err := t.exec("UPDATE segment SET expression = $3, changed_at = $4 WHERE app_id = $1 AND name = $2", appID, g.Name, g.Expression, millis(g.ChangedAt))
		if err == nil && changed == 0 {
			return registry.ErrNone
		}
		return err
	})
}

// DropSegment deletes a segment.
func (s *Store) DropSegment(ctx context.Context, appID int64, name string) error {
	return s.writeFor(ctx, appID, func(t *tx) error {
		dropped, err := t.exec("DELETE FROM segment WHERE app_id = $1 AND name = $2", appID, name)
		if err == nil && dropped == 0 {
			return registry.ErrNone
		}
		return err
	})
}
