package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// ImportDevices stores rows of a file and how far it has come.
func (s *Store) ImportDevices(ctx context.Context, appID int64, rows []registry.Row, state registry.ImportState) (done registry.ImportState, refused map[int]error, err error) {
	type prepared struct {
		v     values
		terms []string
	}
	list := make([]prepared, len(rows))
	for i := range rows {
		if list[i].v, err = valuesOf(rows[i].Device); err != nil {
			return state, nil, err
		}
		list[i].terms = append(indexTerms(rows[i].Device.Device), everyone)
	}
	err = s.writeFor(ctx, appID, func(t *tx) error {
		if len(rows) > bulkRows {
			t.w.bulk()
		}
		done, refused = state, map[int]error{}
		icons := importedBadges{}
		aliases, err := countAliases(t, appID, rows)
		if err != nil {
			return err
		}
		for i := range rows {
			added, number, refusal, err := importRow(t, &rows[i], list[i].v, list[i].terms, aliases)
			switch {
			case err != nil:
				return err
			case refusal != nil:
				refused[i] = refusal
				done.Rejected++
				continue
			case added:
				done.Added++
			default:
				done.Changed++
			}
			if rows[i].Sets("tokens") {
				if err := importTokens(t, appID, number, &rows[i]); err != nil {
					return err
				}
			}
			if badge := rows[i].Device.Badge; rows[i].Sets("badge") && (badge != 0 || !added) {
				icons.set(number, badge)
			}
		}
		if err := icons.write(t, appID); err != nil {
			return err
		}
		if done.Source == "" {
			return nil
		}
		_, err = t.exec(`INSERT INTO device_import (app_id, source, offset_at, digest, line, added, changed, rejected, started_at, finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (app_id, source) DO UPDATE SET offset_at = excluded.offset_at, digest = excluded.digest, line = excluded.line, added = excluded.added,
			changed = excluded.changed, rejected = excluded.rejected, started_at = excluded.started_at, finished_at = excluded.finished_at`,
			appID, done.Source, done.Offset, done.Digest, done.Line, done.Added, done.Changed, done.Rejected, millis(done.StartedAt), millis(done.FinishedAt))
		return err
	})
	return done, refused, err
}

// importRow stores a new device or changes the one that the row is about. A
// refusal leaves everything as it was.
func importRow(t *tx, row *registry.Row, v values, terms []string, aliases aliasCounts) (added bool, number uint32, refusal, err error) {
	d := row.Device
	if refusal = aliases.refusal(row); refusal != nil { // unless the row is about one of those who have the alias
		known, err := importedDevice(t, row, v)
		if errors.Is(err, registry.ErrNone) {
			return false, 0, refusal, nil
		}
		if err != nil {
			return false, 0, nil, err
		}
		number, refusal, err = changeImported(t, row, v, known, aliases)
		return false, number, refusal, err
	}
	if d.Number, err = t.number(d.AppID); err != nil {
		return false, 0, nil, err
	}
	if added, err = insertDevice(t, d, v); err != nil {
		return false, 0, nil, err
	}
	if !added {
		known, err := importedDevice(t, row, v)
		if err == nil {
			t.unused(d.AppID)
			number, refusal, err = changeImported(t, row, v, known, aliases)
			return false, number, refusal, err
		}
		if !errors.Is(err, registry.ErrNone) {
			return false, 0, nil, err
		}
		// Another device has its token, which goes to this one, or its install id.
		if taken, err := hasInstall(t, d.AppID, v.install, noDevice); err != nil || taken {
			t.unused(d.AppID)
			return false, 0, row.InstallError(), err
		}
		if err := takeToken(t, d.AppID, v.token); err != nil {
			return false, 0, nil, err
		}
		if _, err = insertDevice(t, d, v); err != nil {
			return false, 0, nil, err
		}
	}
	t.reindex(d.AppID, d.Number, nil, terms)
	aliases.add(d.Alias, 1)
	return true, d.Number, nil, nil
}

// noDevice is the number of a device that is not there yet.
const noDevice = int64(-1)

// aliasCounts are how many devices have each alias of the rows.
type aliasCounts map[string]int

// countAliases counts before the first row, for all of them at once.
func countAliases(t *tx, appID int64, rows []registry.Row) (aliasCounts, error) {
	counts := aliasCounts{}
	for i := range rows {
		if alias := rows[i].Device.Alias; alias != "" {
			counts[alias] = 0
		}
	}
	args := make([]any, 1+valuesAtOnce)
	args[0] = appID
	for aliases := range slices.Chunk(slices.Sorted(maps.Keys(counts)), valuesAtOnce) {
		for i := range valuesAtOnce {
			args[1+i] = aliases[min(i, len(aliases)-1)]
		}
		if err := t.rows(func(row scanner) error {
			var alias string
			var n int
			err := row.Scan(&alias, &n)
			counts[alias] = n
			return err
		}, "SELECT alias, COUNT(*) FROM device WHERE app_id = $1 AND alias IN ("+placesOfValues+") GROUP BY alias", args...); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// refusal is for a row with an alias that too many others have.
func (c aliasCounts) refusal(row *registry.Row) error {
	if row.Device.Alias == "" {
		return nil
	}
	return row.AliasError(c[row.Device.Alias])
}

// add counts devices that got or lost an alias, if it is one of the rows'.
func (c aliasCounts) add(alias string, devices int) {
	if _, known := c[alias]; known {
		c[alias] += devices
	}
}

// importedDevice returns the device that a row is about, or registry.ErrNone:
// by its registration id if the file has one, else by its token.
func importedDevice(t *tx, row *registry.Row, v values) (registry.Stored, error) {
	if row.Sets("registration_id") && row.Device.RegistrationID != "" {
		return scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE registration_id = $1 AND app_id = $2", row.Device.RegistrationID, row.Device.AppID))
	}
	return scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND token = $2", row.Device.AppID, v.token))
}

func changeImported(t *tx, row *registry.Row, v values, known registry.Stored, aliases aliasCounts) (number uint32, refusal, err error) {
	d := known.Device
	d.Tags = slices.Clone(d.Tags)
	row.Apply(&d)
	if d.Alias != known.Alias {
		if refusal := aliases.refusal(row); refusal != nil {
			return d.Number, refusal, nil
		}
	}
	if v.install != nil && known.InstallID == "" {
		taken, err := hasInstall(t, d.AppID, v.install, int64(d.Number))
		if err != nil || taken {
			return d.Number, row.InstallError(), err
		}
		if err := setInstall(t, d.AppID, d.Number, v.install, row.Device.SecretHash); err != nil {
			return d.Number, nil, err
		}
	}
	if d.Token != "" && d.Token != known.Token {
		if err := takeToken(t, d.AppID, v.token); err != nil {
			return d.Number, nil, err
		}
	}
	if d.Alias != known.Alias {
		aliases.add(known.Alias, -1)
		aliases.add(d.Alias, 1)
	}
	return d.Number, nil, putDevice(t, known.Device, d)
}

func hasInstall(t *tx, appID int64, install []byte, number int64) (bool, error) {
	if install == nil {
		return false, nil
	}
	var n int
	err := t.row("SELECT COUNT(*) FROM device WHERE app_id = $1 AND install_id = $2 AND number <> $3", appID, install, number).Scan(&n)
	return n > 0, err
}

// setInstall gives a device its installation.
func setInstall(t *tx, appID int64, number uint32, install, secret []byte) error {
	_, err := t.exec("UPDATE device SET install_id = $3, secret_hash = $4 WHERE app_id = $1 AND number = $2", appID, number, install, secret)
	return err
}

// importTokens replaces a device's tokens beside that of notifications.
func importTokens(t *tx, appID int64, number uint32, row *registry.Row) error {
	if _, err := t.exec("DELETE FROM special_token WHERE app_id = $1 AND number = $2", appID, number); err != nil {
		return err
	}
	for _, one := range row.Tokens {
		if err := putSpecialToken(t, appID, number, row.Environment(), one, aurora.MaxActivityTokens); err != nil {
			return err
		}
	}
	return nil
}

// importedBadges gathers badges, so that neighbours cost one write.
type importedBadges map[uint32]map[uint32]int // by run, then by number

func (b importedBadges) set(number uint32, badge int) {
	run := number / badgeRun
	if b[run] == nil {
		b[run] = map[uint32]int{}
	}
	b[run][number%badgeRun] = badge
}

func (b importedBadges) write(t *tx, appID int64) error {
	for run, set := range b {
		icons, err := loadRun(t, appID, run)
		if err != nil {
			return err
		}
		before := icons
		for place, badge := range set {
			icons[place] = uint32(badge)
		}
		if icons == before { // as of devices that never had any
			continue
		}
		if err := putRun(t, appID, run, &icons); err != nil {
			return err
		}
	}
	return nil
}

// ImportState returns how far a file has come.
func (s *Store) ImportState(ctx context.Context, appID int64, source string) (state registry.ImportState, err error) {
	var started, finished int64
	err = s.row(ctx, "SELECT source, offset_at, digest, line, added, changed, rejected, started_at, finished_at FROM device_import WHERE app_id = $1 AND source = $2", appID, source).
		Scan(&state.Source, &state.Offset, &state.Digest, &state.Line, &state.Added, &state.Changed, &state.Rejected, &started, &finished)
	state.StartedAt, state.FinishedAt = fromMillis(started), fromMillis(finished)
	return state, none(err, registry.ErrNone)
}
