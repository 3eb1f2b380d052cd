package store

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// CreatePlan stores a push plan.
func (s *Store) CreatePlan(ctx context.Context, appID int64, p dispatch.Plan, max int) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.gate("push plans", appID); err != nil {
			return err
		}
		var n int
		if err := t.row("SELECT COUNT(*) FROM push_plan WHERE app_id = $1", appID).Scan(&n); err != nil {
			return err
		}
		if n >= max {
			return aurora.Errorf(aurora.Full, "The app has %d push plans, and no more are allowed.", n)
		}
		changed, err := t.exec("INSERT INTO push_plan (app_id, name, description, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (app_id, name) DO NOTHING", appID, p.Name, p.Description, millis(p.CreatedAt))
		if err == nil && changed == 0 {
			return aurora.Errorf(aurora.Conflict, "The app has a push plan %.80q already. PUT /v3/push_plan/update changes its description.", p.Name)
		}
		return err
	})
}

// DescribePlan changes a plan's description.
func (s *Store) DescribePlan(ctx context.Context, appID int64, name, description string) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec("UPDATE push_plan SET description = $3 WHERE app_id = $1 AND name = $2", appID, name, description)
		if err == nil && changed == 0 {
			return aurora.Errorf(aurora.NotFound, "The app has no push plan %.80q. POST /v3/push_plan/create makes one.", name)
		}
		return err
	})
}

// Plans returns a page of the app's plans. An app has few, so they are all read.
func (s *Store) Plans(ctx context.Context, appID int64, text string, offset, limit int) (page []dispatch.Plan, total int, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var p dispatch.Plan
		var created, used int64
		if err := row.Scan(&p.Name, &p.Description, &p.Pushes, &created, &used); err != nil {
			return err
		}
		if !strings.Contains(p.Name, text) && !strings.Contains(p.Description, text) {
			return nil
		}
		p.CreatedAt, p.LastUsedAt = fromMillis(created), fromMillis(used)
		if total++; total > offset && len(page) < limit {
			page = append(page, p)
		}
		return nil
	}, "SELECT name, description, push_count, created_at, last_used_at FROM push_plan WHERE app_id = $1 ORDER BY created_at DESC, name", appID)
	return page, total, err
}

// UsePlan counts a push.
func (s *Store) UsePlan(ctx context.Context, appID int64, name string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE push_plan SET push_count = push_count + 1, last_used_at = $3 WHERE app_id = $1 AND name = $2", appID, name, millis(t.now))
		return err
	})
}

// CreateImage stores an image and drops the app's old ones.
func (s *Store) CreateImage(ctx context.Context, m dispatch.Image, before time.Time, max int) error {
	urls, err := json.Marshal(m.URLs)
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM image WHERE app_id = $1 AND created_at < $2", m.AppID, millis(before)); err != nil {
			return err
		}
		if err := t.gate("images", m.AppID); err != nil {
			return err
		}
		var n int
		if err := t.row("SELECT COUNT(*) FROM image WHERE app_id = $1", m.AppID).Scan(&n); err != nil {
			return err
		}
		if n >= max {
			return aurora.Errorf(aurora.Full, "The app has made %d images within 30 days, and no more are kept.", n)
		}
		_, err := t.exec("INSERT INTO image (id, app_id, kind, urls, created_at) VALUES ($1, $2, $3, $4, $5)", m.ID, m.AppID, m.Kind, string(urls), millis(m.CreatedAt))
		return err
	})
}

var errNoImage = aurora.Errorf(aurora.NotFound, "The app has no image with this media_id; images are kept for 30 days.")

// ChangeImage adds addresses to an image.
func (s *Store) ChangeImage(ctx context.Context, m dispatch.Image, after time.Time) (stored dispatch.Image, err error) {
	err = s.write(ctx, func(t *tx) error {
		var urls string
		var created int64
		stored = dispatch.Image{ID: m.ID, AppID: m.AppID, URLs: map[string]string{}}
		err := t.row("SELECT kind, urls, created_at FROM image WHERE id = $1 AND app_id = $2 AND created_at >= $3", m.ID, m.AppID, millis(after)).Scan(&stored.Kind, &urls, &created)
		if err = none(err, errNoImage); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(urls), &stored.URLs); err != nil {
			return err
		}
		stored.CreatedAt = fromMillis(created)
		maps.Copy(stored.URLs, m.URLs)
		if m.Kind != 0 {
			stored.Kind = m.Kind
		}
		text, err := json.Marshal(stored.URLs)
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE image SET kind = $2, urls = $3 WHERE id = $1", m.ID, stored.Kind, string(text))
		return err
	})
	return stored, err
}
