package store

import (
	"context"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// StopMessage notes that a message is stopped, makes its waiting jobs due, and
// gives up its in-app message where it still waits.
func (s *Store) StopMessage(ctx context.Context, appID int64, id aurora.MessageID) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.gate("stopped", id); err != nil {
			return err
		}
		changed, err := t.exec("UPDATE message SET stopped_at = $3 WHERE id = $1 AND app_id = $2 AND stopped_at = 0", int64(id), appID, millis(t.now))
		if err != nil || changed == 0 {
			return err
		}
		if _, err = t.exec("UPDATE job SET due_at = $2 WHERE message_id = $1 AND holder = '' AND due_at > $2", int64(id), millis(t.now)); err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM paced WHERE app_id = $1 AND message_id = $2", appID, int64(id)); err != nil {
			return err
		}
		if err := t.gate("waiting", id); err != nil {
			return err
		}
		_, err = giveUp(t, appID, id, aurora.ReasonStopped)
		return err
	})
}

// stopped reports whether a message was stopped. StopMessage cannot make due
// what is stored after it: whoever stores a job that is to wait asks first.
func (t *tx) stopped(id aurora.MessageID) (bool, error) {
	if err := t.gate("stopped", id); err != nil {
		return false, err
	}
	var at int64
	err := t.row("SELECT stopped_at FROM message WHERE id = $1", int64(id)).Scan(&at)
	return at != 0, none(err, nil)
}

// unlessStopped makes what is to wait due at once if the message was stopped.
func unlessStopped(t *tx, st dispatch.Settlement) (dispatch.Settlement, error) {
	givenBack := !st.Done && st.Until.IsZero()
	if len(st.Slices) == 0 && st.Retry == nil && !givenBack {
		return st, nil
	}
	stopped, err := t.stopped(st.Job.MessageID)
	if err != nil || !stopped {
		return st, err
	}
	st.Job.NotBefore = t.now
	st.Slices = slices.Clone(st.Slices)
	for i := range st.Slices {
		st.Slices[i].NotBefore = t.now
	}
	if st.Retry != nil {
		retry := *st.Retry
		retry.NotBefore = t.now
		st.Retry = &retry
	}
	return st, nil
}
