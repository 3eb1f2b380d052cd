package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora/registry"
)

// foundBy is the message that retired a device's token. A rare twin, two tokens
// of a device that ended in the same millisecond, may bring the other's.
const foundBy = `COALESCE((SELECT MAX(p.message_id) FROM past_token p WHERE p.app_id = device.app_id AND p.number = device.number AND p.ended_at = device.retired_at), 0)`

// Quarantined returns devices in quarantine, those that came last first.
func (s *Store) Quarantined(ctx context.Context, appID int64, f registry.QuarantineFilter, after registry.QuarantinePlace, restorable bool, limit int) (list []registry.Quarantined, err error) {
	before, number := int64(math.MaxInt64), int64(0)
	if !after.At.IsZero() {
		before, number = millis(after.At), int64(after.Number)
	}
	since, until := int64(0), int64(math.MaxInt64)
	if !f.Since.IsZero() {
		since = millis(f.Since)
	}
	if !f.Until.IsZero() {
		until = millis(f.Until)
	}
	only := ""
	if restorable {
		only = " AND token IS NOT NULL"
	}
	err = s.rows(ctx, func(row scanner) error {
		var q registry.Quarantined
		d, err := scanDevice(with{row, []any{&q.FoundBy}})
		q.Device = d.Device
		list = append(list, q)
		return err
	}, "SELECT "+deviceColumns+", "+foundBy+` FROM device WHERE app_id = $1 AND retired_at > 0 AND (retired_at, number) < ($2, $3)
		AND retired_at >= $4 AND retired_at < $5 AND ($6 = '' OR retired_reason = $6)`+only+" ORDER BY retired_at DESC, number DESC LIMIT $7",
		appID, before, number, since, until, f.Reason, limit)
	return list, err
}

// forgetDevices is how many devices one write deletes: others wait some 20 ms.
const forgetDevices = 200

// ForgetDevices deletes a portion of the devices that came into quarantine
// before a moment and were not seen since.
func (s *Store) ForgetDevices(ctx context.Context, before time.Time, after registry.ForgetPlace) (deleted int, next registry.ForgetPlace, more bool, err error) {
	next, looked := after, 0
	var numbers []uint32
	err = s.rows(ctx, func(row scanner) error {
		var retired, seen int64
		err := row.Scan(&next.Number, &retired, &seen)
		if next.At = fromMillis(retired); seen < millis(before) {
			numbers = append(numbers, uint32(next.Number))
		}
		looked++
		return err
	}, "SELECT number, retired_at, seen_at FROM device WHERE app_id = $1 AND retired_at > 0 AND retired_at < $2 AND (retired_at, number) > ($3, $4) ORDER BY retired_at, number LIMIT $5",
		after.AppID, millis(before), millis(after.At), after.Number, forgetDevices)
	if err != nil {
		return 0, after, false, err
	}
	if looked < forgetDevices { // this app is through
		next, more, err = s.nextApp(ctx, after.AppID)
		if err != nil {
			return 0, after, false, err
		}
	}
	if len(numbers) == 0 {
		return 0, next, more || looked == forgetDevices, nil
	}
	err = s.writeFor(ctx, after.AppID, func(t *tx) error {
		deleted = 0
		for some := range slices.Chunk(numbers, deleteAtOnce) {
			n, err := deleteSilent(t, after.AppID, some, before)
			if err != nil {
				return err
			}
			deleted += n
		}
		return nil
	})
	if err != nil {
		return 0, after, false, err
	}
	return deleted, next, more || looked == forgetDevices, nil
}

// nextApp returns the beginning of the app after one; false if there is none.
func (s *Store) nextApp(ctx context.Context, appID int64) (place registry.ForgetPlace, found bool, err error) {
	place.Number = -1
	err = s.rows(ctx, func(row scanner) error {
		found = true
		return row.Scan(&place.AppID)
	}, "SELECT id FROM app WHERE id > $1 ORDER BY id LIMIT 1", appID)
	return place, found, err
}

// ofDevice are the tables, beside the device's own, whose rows belong to a
// device, and how they name it. Bitmaps of outcomes and of who was seen keep its
// number, which no other device gets.
var ofDevice = []struct{ table, number string }{{"special_token", "number"}, {"past_token", "number"}, {"inbox", "place"}, {"device", "number"}}

// deleteAtOnce is how many devices one statement deletes. Fewer are named
// several times, so that there is one statement.
const deleteAtOnce = 20

// among is the condition of a column to be one of deleteAtOnce numbers from $2 on.
var among = func() string {
	var b strings.Builder
	for i := range deleteAtOnce {
		fmt.Fprintf(&b, ", $%d", i+2)
	}
	return " IN (" + b.String()[2:] + ")"
}()

// deleteSilent deletes those of the devices that are still in quarantine since
// before a moment, and silent: others were restored, or came back.
func deleteSilent(t *tx, appID int64, numbers []uint32, before time.Time) (deleted int, err error) {
	args := func(numbers []uint32) []any {
		list := []any{appID}
		for i := range deleteAtOnce {
			list = append(list, numbers[min(i, len(numbers)-1)])
		}
		return list
	}
	var gone []registry.Stored
	err = t.rows(func(row scanner) error {
		d, err := scanDevice(row)
		if err == nil && !d.RetiredAt.IsZero() && d.RetiredAt.Before(before) && d.SeenAt.Before(before) {
			gone = append(gone, d)
		}
		return err
	}, "SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND number"+among, args(numbers)...)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	icons := importedBadges{}
	numbers = nil // the transaction may be carried out again with those it was given
	for _, d := range gone {
		icons.set(d.Number, 0)
		numbers = append(numbers, d.Number)
		t.reindex(appID, d.Number, append(indexTerms(d.Device), everyone), nil)
		if _, err := t.exec("DELETE FROM test_device WHERE app_id = $1 AND registration_id = $2", appID, d.RegistrationID); err != nil {
			return 0, err
		}
	}
	for _, of := range ofDevice {
		if _, err := t.exec("DELETE FROM "+of.table+" WHERE app_id = $1 AND "+of.number+among, args(numbers)...); err != nil {
			return 0, err
		}
	}
	return len(gone), icons.write(t, appID)
}
