package registry

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// TestDevice is a device that pushes with options.test_model reach.
type TestDevice struct {
	RegistrationID string
	Name           string
	CreatedAt      time.Time
}

// TestDevices stores test devices.
type TestDevices interface {
	// PutTestDevice stores a test device, or renames it. With max of them there
	// already a new one is refused with aurora.Full.
	PutTestDevice(ctx context.Context, appID int64, d TestDevice, max int) error
	// DropTestDevice does nothing if it is none.
	DropTestDevice(ctx context.Context, appID int64, registrationID string) error
	// TestDevices returns them, oldest first.
	TestDevices(ctx context.Context, appID int64) ([]TestDevice, error)
}

// maxTestDevices keeps a test push a handful.
const maxTestDevices = 100

// PutTestDevice makes a device of the app a test device, or renames it; with
// change it must be one already.
func (s *Service) PutTestDevice(ctx context.Context, appID int64, registrationID, name string, change bool) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	if len(name) > 255 {
		return aurora.Errorf(aurora.Invalid, "The test device's name may have 255 bytes.")
	}
	if err := aurora.CheckText("device_name", name); err != nil {
		return err
	}
	if err := aurora.ValidateRegistrationID(registrationID); err != nil {
		return err
	}
	if _, err := s.Device(ctx, appID, registrationID); err != nil {
		return err
	}
	if change {
		known, err := s.store.TestDevices(ctx, appID)
		if err != nil {
			return err
		}
		if !hasTestDevice(known, registrationID) {
			return aurora.Errorf(aurora.NotFound, "The device is no test device. POST /v3/test/model/add makes it one.")
		}
	}
	err := s.store.PutTestDevice(ctx, appID, TestDevice{registrationID, name, time.Now()}, maxTestDevices)
	if err == nil {
		s.note(ctx, appID, "test-device.set", registrationID, name)
	}
	return err
}

func hasTestDevice(list []TestDevice, id string) bool {
	for _, d := range list {
		if d.RegistrationID == id {
			return true
		}
	}
	return false
}

// DropTestDevice makes a test device an ordinary one; it is none as well.
func (s *Service) DropTestDevice(ctx context.Context, appID int64, registrationID string) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	known, err := s.store.TestDevices(ctx, appID)
	if err != nil || !hasTestDevice(known, registrationID) {
		return err
	}
	if err = s.store.DropTestDevice(ctx, appID, registrationID); err == nil {
		s.note(ctx, appID, "test-device.removed", registrationID, "")
	}
	return err
}

// ListTestDevices returns an app's test devices, oldest first.
func (s *Service) ListTestDevices(ctx context.Context, appID int64) ([]TestDevice, error) {
	return s.store.TestDevices(ctx, appID)
}

// TestDevices returns the registration ids of an app's test devices.
func (s *Service) TestDevices(ctx context.Context, appID int64) ([]string, error) {
	list, err := s.store.TestDevices(ctx, appID)
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.RegistrationID
	}
	return ids, err
}
