package store

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

// arrivalTime is how long a file may take to arrive before it is dropped.
const arrivalTime = time.Hour

// BeginFile notes a file and drops what is left of others.
func (s *Store) BeginFile(ctx context.Context, f dispatch.File) error {
	var over []string
	err := s.rows(ctx, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		over = append(over, id)
		return err
	}, "SELECT id FROM audience_file WHERE complete = 1 AND expires_at < $1 OR complete = 0 AND created_at < $2 LIMIT 100", millis(f.CreatedAt), millis(f.CreatedAt.Add(-arrivalTime)))
	if err != nil {
		return err
	}
	for _, id := range over { // each in a transaction of its own: it may have 10 MB
		if err := s.write(ctx, func(t *tx) error { return dropFile(t, id) }); err != nil {
			return err
		}
	}
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO audience_file (id, app_id, account_id, kind, name, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, 0)",
			f.ID, f.Owner.AppID, f.Owner.AccountID, string(f.Kind), f.Name, millis(f.CreatedAt))
		return err
	})
}

func dropFile(t *tx, id string) error {
	if _, err := t.exec("DELETE FROM audience_file_part WHERE file_id = $1", id); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM audience_file WHERE id = $1", id)
	return err
}

// AddFilePart stores some lines of a file.
func (s *Store) AddFilePart(ctx context.Context, id string, part int, lines []byte) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO audience_file_part (file_id, part, lines) VALUES ($1, $2, $3)", id, part, lines)
		return err
	})
}

// CompleteFile makes a file count.
func (s *Store) CompleteFile(ctx context.Context, f dispatch.File, max int) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.gate("audience files", f.Owner.AccountID); err != nil {
			return err
		}
		var others int
		if err := t.row("SELECT COUNT(*) FROM audience_file WHERE account_id = $1 AND app_id = $2 AND complete = 1 AND expires_at >= $3", f.Owner.AccountID, f.Owner.AppID, millis(t.now)).Scan(&others); err != nil {
			return err
		}
		if others >= max {
			return aurora.Errorf(aurora.Full, "There are %d files already, the most that are kept. Delete one with DELETE /v3/files/{file_id}.", others)
		}
		_, err := t.exec("UPDATE audience_file SET complete = 1, expires_at = $2 WHERE id = $1", f.ID, millis(f.ExpiresAt))
		return err
	})
}

// DropFile deletes an owner's file.
func (s *Store) DropFile(ctx context.Context, owner dispatch.FileOwner, id string) error {
	return s.write(ctx, func(t *tx) error {
		var n int
		if err := t.row("SELECT COUNT(*) FROM audience_file WHERE id = $1 AND account_id = $2 AND app_id = $3", id, owner.AccountID, owner.AppID).Scan(&n); err != nil || n == 0 {
			return err
		}
		return dropFile(t, id)
	})
}

// Files returns an owner's complete files that have not expired.
func (s *Store) Files(ctx context.Context, owner dispatch.FileOwner) (files []dispatch.File, err error) {
	err = s.rows(ctx, func(row scanner) error {
		f := dispatch.File{Owner: owner}
		var kind string
		var created, expires int64
		err := row.Scan(&f.ID, &kind, &f.Name, &created, &expires)
		f.Kind, f.CreatedAt, f.ExpiresAt = dispatch.FileKind(kind), fromMillis(created), fromMillis(expires)
		files = append(files, f)
		return err
	}, "SELECT id, kind, name, created_at, expires_at FROM audience_file WHERE account_id = $1 AND app_id = $2 AND complete = 1 AND expires_at >= $3 ORDER BY created_at, id",
		owner.AccountID, owner.AppID, time.Now().UnixMilli())
	return files, err
}

// ReadFile yields the parts of a file. Each is read by itself, so that no
// snapshot is held while the lines are looked up.
func (s *Store) ReadFile(ctx context.Context, id string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for part := 0; ; part++ {
			var lines []byte
			found := false
			err := s.rows(ctx, func(row scanner) error {
				found = true
				return row.Scan(&lines)
			}, "SELECT lines FROM audience_file_part WHERE file_id = $1 AND part = $2", id, part)
			if err != nil {
				yield(nil, err)
				return
			}
			if !found || !yield(lines, nil) {
				return
			}
		}
	}
}

// valuesAtOnce is how many values one statement looks up: fewer are made up
// with repeats, so that the statement is one and stays prepared.
const valuesAtOnce = 128

var placesOfValues = func() string {
	places := make([]string, valuesAtOnce)
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+2)
	}
	return strings.Join(places, ", ")
}()

// LookupValues adds the devices with any of the aliases or registration ids.
func (s *Store) LookupValues(ctx context.Context, appID int64, f audience.Field, values []string, into *roaring.Bitmap) error {
	column := map[audience.Field]string{audience.Alias: "alias", audience.Registration: "registration_id"}[f]
	query := "SELECT number FROM device WHERE " + column + " IN (" + placesOfValues + ") AND app_id = $1"
	args := make([]any, 1+valuesAtOnce)
	args[0] = appID
	for len(values) > 0 {
		n := min(len(values), valuesAtOnce)
		for i := range valuesAtOnce {
			args[1+i] = values[min(i, n-1)]
		}
		values = values[n:]
		err := s.rows(ctx, func(row scanner) error {
			var number uint32
			err := row.Scan(&number)
			into.Add(number)
			return err
		}, query, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// putSelection stores the devices of a message by block.
func putSelection(t *tx, a dispatch.Accepted) error {
	for block, part := range audience.ByBlock(a.Selection) {
		if _, err := t.exec("INSERT INTO selection (message_id, block, app_id, bitmap) VALUES ($1, $2, $3, $4)", int64(a.Message.ID), block, a.Message.AppID, blobOf(part)); err != nil {
			return err
		}
	}
	return nil
}

// dropSelection forgets a block of a message's devices, which its job has
// frozen.
func dropSelection(t *tx, j dispatch.Job, m *aurora.Message) error {
	if !strings.HasPrefix(m.Audience, string(audience.List)+":") {
		return nil
	}
	_, err := t.exec("DELETE FROM selection WHERE message_id = $1 AND block = $2", int64(j.MessageID), j.Block)
	return err
}
