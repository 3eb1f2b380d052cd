package store

import (
	"context"
	"database/sql"
	"iter"
	"math"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// The statements of an export, each for a run of devices that share badges.
const (
	exportQuery       = "SELECT " + deviceColumns + " FROM device WHERE app_id = $1 AND number >= $2 ORDER BY number LIMIT $3"
	exportTokensQuery = "SELECT number, kind, name, token, environment FROM special_token WHERE app_id = $1 AND number >= $2 AND number <= $3 ORDER BY number, kind, name"
)

// exportPage is how many devices are in memory at a time.
const exportPage = 512

// ExportDevices yields the devices of an app as of one moment.
func (s *Store) ExportDevices(ctx context.Context, appID int64) iter.Seq2[registry.Row, error] {
	return func(yield func(registry.Row, error) bool) {
		for _, query := range []string{exportQuery, exportTokensQuery, badgeQuery} { // before a connection is held: see LoadBlock
			if _, err := s.prepared(ctx, query); err != nil {
				yield(registry.Row{}, err)
				return
			}
		}
		t, err := s.reads.BeginTx(ctx, s.dialect.moment)
		if err != nil {
			yield(registry.Row{}, err)
			return
		}
		defer t.Rollback()
		e := export{s: s, t: t, appID: appID, run: math.MaxUint32}
		for from := int64(0); ; {
			rows, err := e.page(ctx, from)
			if err != nil {
				yield(registry.Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) < exportPage {
				return
			}
			from = int64(rows[len(rows)-1].Device.Number) + 1
		}
	}
}

// export is one in progress.
type export struct {
	s     *Store
	t     *sql.Tx
	appID int64
	run   uint32 // that icons is of
	icons badges
}

func (e *export) page(ctx context.Context, from int64) (rows []registry.Row, err error) {
	at := map[uint32]int{}
	err = e.read(ctx, func(row scanner) error {
		d, err := scanDevice(row)
		at[d.Number] = len(rows)
		rows = append(rows, registry.Row{Device: d})
		return err
	}, exportQuery, e.appID, from, exportPage)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	for i := range rows {
		if err := e.badge(ctx, &rows[i].Device.Device); err != nil {
			return nil, err
		}
	}
	err = e.read(ctx, func(row scanner) error {
		var n uint32
		var one aurora.NamedToken
		var kind string
		var env int
		if err := row.Scan(&n, &kind, &one.Name, &one.Token, &env); err != nil {
			return err
		}
		one.Kind = aurora.TokenKind(kind)
		if i, ok := at[n]; ok {
			rows[i].Tokens = append(rows[i].Tokens, one)
			rows[i].SetEnvironment(aurora.Environment(env))
		}
		return nil
	}, exportTokensQuery, e.appID, from, int64(rows[len(rows)-1].Device.Number))
	return rows, err
}

func (e *export) read(ctx context.Context, scan func(scanner) error, query string, args ...any) error {
	st, err := e.s.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := e.t.StmtContext(ctx, st).QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

func (e *export) badge(ctx context.Context, d *aurora.Device) error {
	if run := d.Number / badgeRun; run != e.run {
		var blob []byte
		err := e.read(ctx, func(row scanner) error { return row.Scan(&blob) }, badgeQuery, e.appID, run)
		if err != nil {
			return err
		}
		if e.icons, err = decodeRun(blob); err != nil {
			return err
		}
		e.run = run
	}
	d.Badge = int(e.icons[d.Number%badgeRun])
	return nil
}
