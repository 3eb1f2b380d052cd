package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// A device whose token the vendor calls dead is in quarantine: it keeps the
// token, nothing is sent to it, and it can be restored. It leaves by itself when
// its app reports a token. After some time of silence it is deleted.

// Quarantined is a device in quarantine.
type Quarantined struct {
	aurora.Device
	// FoundBy is the message whose answer said so; 0 if it is not known, as of an
	// imported device.
	FoundBy aurora.MessageID
}

// QuarantineFilter selects devices in quarantine.
type QuarantineFilter struct {
	Reason       string    // the vendor's; "" for any
	Since, Until time.Time // when they came into it; Until is excluded; zero for any time
}

// QuarantinePlace is a device's place in the list, which goes from the newest
// to the oldest. The zero value is before the first.
type QuarantinePlace struct {
	At     time.Time
	Number uint32
}

// Quarantine stores which devices are in it.
type Quarantine interface {
	// Quarantined returns up to limit devices after a place. With restorable it
	// leaves out those whose token another device has by now.
	Quarantined(ctx context.Context, appID int64, f QuarantineFilter, after QuarantinePlace, restorable bool, limit int) ([]Quarantined, error)
	// ForgetDevices deletes a portion of the devices that came into quarantine
	// before a moment and were not seen since; more tells whether to go on after
	// the place that it returns.
	ForgetDevices(ctx context.Context, before time.Time, after ForgetPlace) (deleted int, next ForgetPlace, more bool, err error)
	// PastTokens returns a device's former tokens, the newest first.
	PastTokens(ctx context.Context, appID int64, number uint32) ([]PastToken, error)
}

// ForgetPlace is how far a pass of deletions has come.
type ForgetPlace struct {
	AppID int64
	At    time.Time
	// Number is of the last device that was looked at, -1 before the first.
	Number int64
}

const (
	// MaxRestored is how many devices one call restores by a filter, and
	// MaxRestoredIDs how many by their registration ids.
	MaxRestored    = 10_000
	MaxRestoredIDs = 1000
	// DefaultKeepQuarantined is how long a silent device stays in quarantine.
	DefaultKeepQuarantined = 30 * 24 * time.Hour
)

// Quarantined returns up to limit (1 to 1000) devices in quarantine after a
// place, those that came last first.
func (s *Service) Quarantined(ctx context.Context, appID int64, f QuarantineFilter, after QuarantinePlace, limit int) ([]Quarantined, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	return s.store.Quarantined(ctx, appID, f, after, false, min(max(limit, 1), 1000))
}

func (f QuarantineFilter) validate() error {
	if len(f.Reason) > 64 || !aurora.ValidText(f.Reason) {
		return aurora.Errorf(aurora.Invalid, "reason is a word of at most 64 bytes, such as Unregistered.")
	}
	if !f.Until.IsZero() && !f.Until.After(f.Since) {
		return aurora.Errorf(aurora.Invalid, "until must be later than since.")
	}
	return nil
}

// CountQuarantined returns how many devices of an app are in quarantine.
func (s *Service) CountQuarantined(ctx context.Context, appID int64) (uint64, error) {
	return s.Count(ctx, appID, audience.Is(audience.State, audience.Quarantined))
}

// Restore takes devices out of quarantine by their registration ids, up to
// MaxRestoredIDs: pushes are sent to their tokens again, and if APNs calls one
// dead again, it is back. Those that are not in quarantine, or whose token
// another device has by now, stay as they are and are not counted.
// *UnknownDevices, and nothing is changed, if an id is not the app's.
func (s *Service) Restore(ctx context.Context, app aurora.App, registrationIDs []string) (restored int, err error) {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return 0, err
	}
	if len(registrationIDs) == 0 || len(registrationIDs) > MaxRestoredIDs {
		return 0, aurora.Errorf(aurora.Invalid, "Name 1 to %d registration ids.", MaxRestoredIDs)
	}
	numbers, err := s.resolve(ctx, app.ID, registrationIDs)
	if err != nil {
		return 0, err
	}
	for portion := range slices.Chunk(numbers, changeBatch) {
		n, err := s.restore(ctx, app.ID, portion)
		if err != nil {
			return restored, err
		}
		restored += n
	}
	s.restored(ctx, app, restored, "by registration id")
	return restored, nil
}

// RestoreAll is Restore for every device that a filter selects, up to
// MaxRestored; more tells that some may be left, for another call.
func (s *Service) RestoreAll(ctx context.Context, app aurora.App, f QuarantineFilter) (restored int, more bool, err error) {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return 0, false, err
	}
	if err := f.validate(); err != nil {
		return 0, false, err
	}
	for more = true; more && restored < MaxRestored; {
		list, err := s.store.Quarantined(ctx, app.ID, f, QuarantinePlace{}, true, changeBatch)
		if err != nil {
			return restored, true, err
		}
		numbers := make([]uint32, len(list))
		for i, d := range list {
			numbers[i] = d.Number
		}
		n, err := s.restore(ctx, app.ID, numbers)
		if err != nil {
			return restored, true, err
		}
		restored += n
		more = len(list) == changeBatch && n > 0
	}
	how := "all"
	if f.Reason != "" {
		how = "with the reason " + f.Reason
	}
	s.restored(ctx, app, restored, how)
	return restored, more, nil
}

// restore is one transaction.
func (s *Service) restore(ctx context.Context, appID int64, numbers []uint32) (int, error) {
	done := roaring.New() // not a count: the transaction may be carried out again
	err := s.store.ChangeDevices(ctx, appID, numbers, func(d *aurora.Device) error {
		if d.RetiredReason == "" || d.Token == "" {
			done.Remove(d.Number)
			return nil
		}
		// TokenAt stays: were it now, APNs' word that the token died before now
		// would not be believed again.
		d.RetiredReason, d.RetiredAt = "", time.Time{}
		done.Add(d.Number)
		return nil
	})
	return int(done.GetCardinality()), err
}

func (s *Service) restored(ctx context.Context, app aurora.App, n int, detail string) {
	if n == 0 {
		return
	}
	s.note(ctx, app.ID, "devices.restored", app.Key, fmt.Sprintf("%d, %s", n, detail))
	s.hint(app.ID)
}

// Forgetter returns what a server's retention calls to delete silent devices
// that came into quarantine more than keep ago; 0 means DefaultKeepQuarantined.
// Each call deletes a portion; more tells whether to call again.
func (s *Service) Forgetter(keep time.Duration) func(ctx context.Context, now time.Time) (more bool, err error) {
	if keep == 0 {
		keep = DefaultKeepQuarantined
	}
	at, total := ForgetPlace{Number: -1}, 0
	return func(ctx context.Context, now time.Time) (more bool, err error) {
		deleted, next, more, err := s.store.ForgetDevices(ctx, now.Add(-keep), at)
		total += deleted
		if at = next; err == nil && !more {
			if total > 0 {
				s.logger.InfoContext(ctx, "devices were deleted that had been in quarantine for long", "devices", total)
			}
			at, total = ForgetPlace{Number: -1}, 0
		}
		return more, err
	}
}
