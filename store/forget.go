package store

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// What is deleted by age goes in portions, each a write that others hardly wait
// for. What is old is found by a read, which nobody waits for.
const (
	forgetMessages  = 50   // messages deleted by one write; one to millions has some hundred rows of outcomes
	forgetRows      = 500  // other rows deleted by one write
	forgetLook      = 5000 // rows looked at by one read
	freePagesToKeep = 256  // free pages that stay for what comes next
)

// ofMessage are the tables whose rows belong to a message.
var ofMessage = []string{"mark", "selection", "group_message", "inbox"}

// ForgetMessages deletes a portion of the messages accepted before a moment
// with their outcomes. One with work left is kept. Ids rise with time, so the
// old ones are the first.
func (s *Store) ForgetMessages(ctx context.Context, before time.Time) (more bool, err error) {
	var ids []int64
	err = s.rows(ctx, func(row scanner) error {
		var id, accepted int64
		if err := row.Scan(&id, &accepted); err != nil {
			return err
		}
		if accepted < millis(before) {
			ids = append(ids, id)
		}
		return nil
	}, "SELECT id, accepted_at FROM message WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.message_id = message.id) ORDER BY id LIMIT $1", forgetMessages)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		for _, id := range ids {
			for _, table := range ofMessage {
				if _, err := t.exec("DELETE FROM "+table+" WHERE message_id = $1", id); err != nil {
					return err
				}
			}
			t.changesMarks(aurora.MessageID(id))
			if _, err := t.exec("DELETE FROM message WHERE id = $1", id); err != nil {
				return err
			}
		}
		return nil
	})
	return len(ids) == forgetMessages, err
}

// ForgetSchedules deletes a portion of the schedules that were finished before
// a moment, with what became of them.
func (s *Store) ForgetSchedules(ctx context.Context, before time.Time) (more bool, err error) {
	var ids []string
	err = s.rows(ctx, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT id FROM schedule WHERE finished_at > 0 AND finished_at < $1 OR finished_at = 0 AND enabled = 0 AND last_at < $1 LIMIT $2", millis(before), forgetRows)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec("DELETE FROM firing WHERE schedule_id = $1", id); err != nil {
				return err
			}
			if _, err := t.exec("DELETE FROM schedule WHERE id = $1", id); err != nil {
				return err
			}
		}
		return nil
	})
	return len(ids) == forgetRows, err
}

// ForgetGroupPushes deletes a portion of the pushes to groups that began before
// a moment, or a day ago at the latest, and have no message left in any app.
func (s *Store) ForgetGroupPushes(ctx context.Context, before time.Time) (more bool, err error) {
	if remembered := time.Now().Add(-cidLife); remembered.Before(before) {
		before = remembered
	}
	const old = "created_at < $1 AND NOT EXISTS (SELECT 1 FROM group_message m WHERE m.group_push_id = group_push.id)"
	var ids []int64
	err = s.rows(ctx, func(row scanner) error {
		var id int64
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT id FROM group_push WHERE "+old+" ORDER BY created_at LIMIT $2", millis(before), forgetRows)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec("DELETE FROM group_push WHERE id = $2 AND "+old, millis(before), id); err != nil {
				return err
			}
		}
		return nil
	})
	return len(ids) == forgetRows, err
}

// cidKey is the place of a cid in its table.
type cidKey struct {
	app int64
	cid string
}

// ForgetCIDs deletes the clients' ids that are no longer remembered anyway. It
// passes through each table once, a page after the other.
func (s *Store) ForgetCIDs(ctx context.Context, now time.Time) error {
	for _, table := range []string{"cid", "schedule_cid"} {
		var last cidKey
		for {
			looked := 0
			var old []cidKey
			err := s.rows(ctx, func(row scanner) error {
				var created int64
				err := row.Scan(&last.app, &last.cid, &created)
				if looked++; created < millis(now.Add(-cidLife)) {
					old = append(old, last)
				}
				return err
			}, "SELECT app_id, cid, created_at FROM "+table+" WHERE app_id = $1 AND cid > $2 OR app_id > $1 ORDER BY app_id, cid LIMIT $3", last.app, last.cid, forgetLook)
			if err != nil {
				return err
			}
			for len(old) > 0 {
				portion := old[:min(len(old), forgetRows)]
				old = old[len(portion):]
				err := s.write(ctx, func(t *tx) error {
					for _, k := range portion { // used anew meanwhile, it is young
						if _, err := t.exec("DELETE FROM "+table+" WHERE app_id = $1 AND cid = $2 AND created_at < $3", k.app, k.cid, millis(now.Add(-cidLife))); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			if looked < forgetLook {
				break
			}
		}
	}
	return nil
}

// ReturnSpace gives a portion of the pages that have become free back to the
// file system. A database that was made before Aurora did so keeps them for its
// own use: see docs/operating.md.
func (s *Store) ReturnSpace(ctx context.Context) (more bool, err error) {
	if !s.dialect.returnsPages {
		return false, nil
	}
	var mode, free int
	if err := s.row(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil || mode != incremental {
		return false, err
	}
	if err := s.row(ctx, "PRAGMA freelist_count").Scan(&free); err != nil || free <= freePagesToKeep {
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		// It frees one page a row, so the rows have to be read to the end.
		return t.rows(func(scanner) error { return nil }, "PRAGMA incremental_vacuum(256)")
	})
	return err == nil, err
}

const incremental = 2 // PRAGMA auto_vacuum: pages are given back when that is asked for
