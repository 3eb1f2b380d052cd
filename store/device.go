package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

const deviceColumns = `app_id, number, registration_id, install_id, secret_hash, platform, token, environment, token_at,
	retired_reason, retired_at, COALESCE(alias, ''), tags, mobile, push_disabled, muted, profile, registered_at, seen_at`

func scanDevice(row scanner) (d registry.Stored, err error) {
	var platform, tags, profile string
	var env int
	var tokenAt, retiredAt, registered, seen int64
	var install, token []byte
	err = row.Scan(&d.AppID, &d.Number, &d.RegistrationID, &install, &d.SecretHash, &platform, &token, &env, &tokenAt,
		&d.RetiredReason, &retiredAt, &d.Alias, &tags, &d.Mobile, &d.PushDisabled, &d.Muted, &profile, &registered, &seen)
	if err != nil {
		return d, none(err, registry.ErrNone)
	}
	d.Platform, d.Environment, d.Tags = aurora.Platform(platform), aurora.Environment(env), splitTags(tags)
	d.TokenAt, d.RetiredAt, d.RegisteredAt, d.SeenAt = fromMillis(tokenAt), fromMillis(retiredAt), fromMillis(registered), fromMillis(seen)
	d.InstallID, d.Token = unpackInstall(install), hex.EncodeToString(token)
	d.Profile, err = unpackProfile(profile)
	return d, err
}

// Tags are stored joined by commas, which a tag cannot contain.
func splitTags(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// RegisterDevice stores a device under the next free number of its app, or
// returns the one that already has the install id.
func (s *Store) RegisterDevice(ctx context.Context, d registry.Stored) (registry.Stored, error) {
	values, err := valuesOf(d)
	if err != nil {
		return d, err
	}
	terms := append(indexTerms(d.Device), everyone)
	var stored registry.Stored
	err = s.writeFor(ctx, d.AppID, func(t *tx) (err error) {
		stored, err = registerDevice(t, d, values, terms)
		return err
	})
	return stored, err
}

func registerDevice(t *tx, d registry.Stored, v values, terms []string) (_ registry.Stored, err error) {
	if d.Number, err = t.number(d.AppID); err != nil {
		return d, err
	}
	added, err := insertDevice(t, d, v)
	if err == nil && !added { // a known installation, or its token is another's
		known, err := scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND install_id = $2", d.AppID, v.install))
		if !errors.Is(err, registry.ErrNone) {
			t.unused(d.AppID)
			return known, err
		}
		adopted, err := adopt(t, d, v)
		if !errors.Is(err, registry.ErrNone) {
			t.unused(d.AppID)
			return adopted, err
		}
		if err := takeToken(t, d.AppID, v.token); err != nil {
			return d, err
		}
		if added, err = insertDevice(t, d, v); err != nil {
			return d, err
		}
		if !added {
			return d, fmt.Errorf("store: the registration id %s was given twice", d.RegistrationID)
		}
	}
	if err != nil {
		return d, err
	}
	noticeNew(t, d.Device)
	t.reindex(d.AppID, d.Number, nil, terms)
	return d, nil
}

// adopt gives an installation the imported device that has its token, or
// returns registry.ErrNone: so the registration id, alias and tags that came
// from elsewhere live on when the app on the phone first meets Aurora.
func adopt(t *tx, d registry.Stored, v values) (registry.Stored, error) {
	if v.token == nil {
		return d, registry.ErrNone
	}
	imported, err := scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND token = $2 AND install_id IS NULL AND platform = $3", d.AppID, v.token, string(d.Platform)))
	if err != nil {
		return d, err
	}
	changed := imported.Device
	changed.SeenAt, changed.TokenAt, changed.Environment, changed.RetiredReason, changed.RetiredAt = d.SeenAt, d.TokenAt, d.Environment, "", time.Time{}
	if d.Profile != (aurora.Profile{}) {
		changed.Profile = d.Profile
	}
	if err := putDevice(t, imported.Device, changed); err != nil {
		return d, err
	}
	imported.Device, imported.InstallID, imported.SecretHash = changed, d.InstallID, d.SecretHash
	return imported, setInstall(t, d.AppID, changed.Number, v.install, d.SecretHash)
}

// insertDevice adds a device's row, unless its installation, registration id
// or token is there already.
func insertDevice(t *tx, d registry.Stored, v values) (added bool, err error) {
	n, err := t.exec(`INSERT INTO device (app_id, number, registration_id, install_id, secret_hash, platform, token, environment, token_at,
			retired_reason, retired_at, alias, tags, mobile, push_disabled, muted, profile, registered_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULLIF($12, ''), $13, $14, $15, $16, $17, $18, $19) ON CONFLICT DO NOTHING`,
		d.AppID, d.Number, d.RegistrationID, v.install, d.SecretHash, string(d.Platform), v.token, int(d.Environment), millis(d.TokenAt),
		d.RetiredReason, millis(d.RetiredAt), d.Alias, v.tags, d.Mobile, d.PushDisabled, d.Muted, v.profile, millis(d.RegisteredAt), millis(d.SeenAt))
	return n > 0, err
}

// values are the columns of a device that are put together: outside of the
// transaction, which others wait for.
type values struct {
	tags, profile  string
	install, token []byte
}

func valuesOf(d registry.Stored) (v values, err error) {
	v = values{tags: strings.Join(d.Tags, ","), profile: packProfile(d.Profile), install: packInstall(d.InstallID)}
	v.token, err = packToken(d.Token)
	return v, err
}

// ChangeDevice applies change to a stored device. Another device of the app
// that holds the resulting token loses it: a token has one owner.
func (s *Store) ChangeDevice(ctx context.Context, appID int64, number uint32, change func(*aurora.Device) error) error {
	return s.writeFor(ctx, appID, func(t *tx) error { return changeDevice(t, appID, number, change) })
}

func changeDevice(t *tx, appID int64, number uint32, change func(*aurora.Device) error) error {
	stored, err := scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND number = $2", appID, number))
	if err != nil {
		return err
	}
	d := stored.Device
	d.Tags, d.Badge = slices.Clone(d.Tags), aurora.NoBadge
	if err := change(&d); err != nil {
		return err
	}
	if d.Badge != aurora.NoBadge { // it was set
		if err := putBadge(t, appID, number, d.Badge); err != nil {
			return err
		}
	}
	if d.Token != "" && d.Token != stored.Token {
		token, err := packToken(d.Token)
		if err != nil {
			return err
		}
		if err := takeToken(t, appID, token); err != nil {
			return err
		}
	}
	return putDevice(t, stored.Device, d)
}

// takeToken removes a token from the device of the app that has it.
func takeToken(t *tx, appID int64, token []byte) error {
	if token == nil {
		return nil
	}
	previous, err := scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND token = $2", appID, token))
	if errors.Is(err, registry.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	d := previous.Device
	d.Token, d.Environment = "", aurora.NoEnvironment
	if d.RetiredReason == "" {
		if err := endToken(t, previous.Device, registry.PastToken{Until: t.now, Reason: registry.TokenMoved}); err != nil {
			return err
		}
	}
	return writeDevice(t, previous.Device, d)
}

// putDevice writes a device that was changed, and the history of its token.
func putDevice(t *tx, before, d aurora.Device) error {
	if err := noteToken(t, before, d); err != nil {
		return err
	}
	return writeDevice(t, before, d)
}

func writeDevice(t *tx, before, d aurora.Device) error {
	v, err := valuesOf(registry.Stored{Device: d})
	if err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE device SET token = $3, environment = $4, token_at = $5, retired_reason = $6, retired_at = $7, alias = NULLIF($8, ''),
		tags = $9, push_disabled = $10, muted = $11, profile = $12, seen_at = $13, mobile = $14 WHERE app_id = $1 AND number = $2`,
		d.AppID, d.Number, v.token, int(d.Environment), millis(d.TokenAt), d.RetiredReason, millis(d.RetiredAt), d.Alias,
		v.tags, d.PushDisabled, d.Muted, v.profile, millis(d.SeenAt), d.Mobile); err != nil {
		return err
	}
	t.reindex(d.AppID, d.Number, indexTerms(before), indexTerms(d))
	return nil
}

// DevicesByRegistration returns the devices with a registration id, one for
// each app that has it.
func (s *Store) DevicesByRegistration(ctx context.Context, registrationID string) (ds []registry.Stored, err error) {
	err = s.rows(ctx, func(row scanner) error {
		d, err := scanDevice(row)
		ds = append(ds, d)
		return err
	}, "SELECT "+deviceColumns+" FROM device WHERE registration_id = $1 AND EXISTS (SELECT 1 FROM app WHERE id = device.app_id AND deleted_at = 0)", registrationID)
	if err != nil {
		return nil, err
	}
	for i := range ds {
		if err := s.fillBadges(ctx, &ds[i].Device); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// tokenSearchQuery orders by a sum: by the number itself SQLite would walk
// through all devices of the app.
const tokenSearchQuery = "SELECT number FROM device WHERE app_id = $1 AND token BETWEEN $2 AND $3 AND number < $4 ORDER BY number + 0 DESC LIMIT $5"

// FindDevices returns devices in descending number.
func (s *Store) FindDevices(ctx context.Context, appID int64, q registry.Query) (ds []aurora.Device, err error) {
	if q.Before == 0 {
		q.Before = 1 << 32
	}
	scan := func(row scanner) error {
		d, err := scanDevice(row)
		ds = append(ds, d.Device)
		return err
	}
	if q.Text == "" {
		err = s.rows(ctx, scan, "SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3", appID, q.Before, q.Limit)
		return ds, err
	}
	// Each is an index look-up; a tag is searched by its bitmap.
	numbers, err := s.tagged(ctx, appID, q)
	if err != nil {
		return nil, err
	}
	add := func(row scanner) error {
		var n uint32
		err := row.Scan(&n)
		numbers = append(numbers, n)
		return err
	}
	for _, column := range []string{"registration_id", "alias"} {
		if err := s.rows(ctx, add, "SELECT number FROM device WHERE app_id = $1 AND "+column+" = $2 AND number < $3 ORDER BY number DESC LIMIT $4", appID, q.Text, q.Before, q.Limit); err != nil {
			return nil, err
		}
	}
	if low, high, ok := tokenRange(q.Text); ok {
		if err := s.rows(ctx, add, tokenSearchQuery, appID, low, high, q.Before, q.Limit); err != nil {
			return nil, err
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	slices.Reverse(numbers)
	for _, n := range numbers[:min(len(numbers), q.Limit)] {
		if err := s.rows(quick(ctx), scan, "SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND number = $2", appID, n); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// tagged returns the newest devices that carry the searched text as a tag.
func (s *Store) tagged(ctx context.Context, appID int64, q registry.Query) ([]uint32, error) {
	blocks, err := s.Blocks(ctx, appID)
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	tag := audience.Term{Field: audience.Tag, Value: q.Text}
	for block := int64(blocks) - 1; block >= 0 && len(numbers) < q.Limit; block-- {
		b, err := s.LoadBlock(ctx, appID, uint32(block), []audience.Term{tag})
		if err != nil {
			return nil, err
		}
		found, err := b.With(tag)
		if err != nil {
			return nil, err
		}
		for it := found.ReverseIterator(); it.HasNext() && len(numbers) < q.Limit; {
			if n := it.Next(); int64(n) < q.Before {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers, nil
}
