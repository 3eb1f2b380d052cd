package store

import (
	"context"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// PutTestDevice stores or renames a test device.
func (s *Store) PutTestDevice(ctx context.Context, appID int64, d registry.TestDevice, max int) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.gate("test devices", appID); err != nil {
			return err
		}
		var others int
		if err := t.row("SELECT COUNT(*) FROM test_device WHERE app_id = $1 AND registration_id <> $2", appID, d.RegistrationID).Scan(&others); err != nil {
			return err
		}
		if others >= max {
			return aurora.Errorf(aurora.Full, "The app has %d test devices, and no more are allowed. Delete one.", others)
		}
		_, err := t.exec("INSERT INTO test_device (app_id, registration_id, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (app_id, registration_id) DO UPDATE SET name = excluded.name",
			appID, d.RegistrationID, d.Name, millis(d.CreatedAt))
		return err
	})
}

// DropTestDevice makes a test device an ordinary one.
func (s *Store) DropTestDevice(ctx context.Context, appID int64, registrationID string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM test_device WHERE app_id = $1 AND registration_id = $2", appID, registrationID)
		return err
	})
}

// TestDevices returns an app's test devices, oldest first.
func (s *Store) TestDevices(ctx context.Context, appID int64) (list []registry.TestDevice, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var d registry.TestDevice
		var created int64
		err := row.Scan(&d.RegistrationID, &d.Name, &created)
		d.CreatedAt = fromMillis(created)
		list = append(list, d)
		return err
	}, "SELECT registration_id, name, created_at FROM test_device WHERE app_id = $1 ORDER BY created_at, registration_id", appID)
	return list, err
}
