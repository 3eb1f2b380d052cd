package store

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// insertJob stores a job. due is when it may be leased: for one that is leased
// already, when its lease ends.
func insertJob(t *tx, j dispatch.Job, holder string, due time.Time) error {
	_, err := t.exec("INSERT INTO job (id, message_id, app_id, lane, block, attempt, due_at, holder, fence, targets, badges, part, environment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		j.ID, int64(j.MessageID), j.AppID, int(j.Lane), j.Block, j.Attempt, millis(due), holder, j.Fence, optionalBlob(j.Targets), encodeBadges(j.Badges), string(j.Part), int(j.Environment))
	return err
}

// newJobID returns a job id that no message has as its own: those stay below
// 2^53. An id must not come again, or a worker that lost its lease could settle
// another's job.
func newJobID() int64 { return 1<<53 + rand.Int64N(1<<62) }

func optionalBlob(b *roaring.Bitmap) []byte {
	if b == nil {
		return nil
	}
	return blobOf(b)
}

const jobColumns = "id, message_id, app_id, lane, block, attempt, due_at, fence, targets, badges, part, environment, problem"

func scanJob(row scanner) (j dispatch.Job, err error) {
	var due int64
	var targets, badges []byte
	if err := row.Scan(&j.ID, &j.MessageID, &j.AppID, &j.Lane, &j.Block, &j.Attempt, &due, &j.Fence, &targets, &badges, &j.Part, &j.Environment, &j.Problem); err != nil {
		return j, err
	}
	j.NotBefore = fromMillis(due)
	if targets != nil {
		j.Targets = roaring.New()
		j.Damaged = j.Targets.UnmarshalBinary(targets)
	}
	var badgesErr error
	j.Badges, badgesErr = decodeBadges(badges)
	j.Damaged = errors.Join(j.Damaged, badgesErr) // one row that is must not keep the others from being leased
	return j, nil
}

// LeaseJobs leases jobs that are due. An expired lease makes a job due again;
// its new fence keeps the old holder from settling it.
func (s *Store) LeaseJobs(ctx context.Context, lane dispatch.Lane, holder string, until time.Time, max int, except ...aurora.Environment) (jobs []dispatch.Job, err error) {
	if err := s.endDoubts(ctx); err != nil {
		return nil, err
	}
	not := [2]int{-1, -1} // there are two environments
	for i, env := range except {
		not[i] = int(env)
	}
	var due int
	err = s.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE lane = $1 AND due_at <= $2 AND environment <> $3 AND environment <> $4 LIMIT 1) q", int(lane), time.Now().UnixMilli(), not[0], not[1]).Scan(&due)
	if err != nil || due == 0 { // an idle lane costs a read, not a commit
		return nil, err
	}
	err = s.claim(ctx, func(t *tx) error {
		jobs = nil
		// The app with the fewest jobs ahead of it goes first.
		return t.rows(func(row scanner) error {
			j, err := scanJob(row)
			jobs = append(jobs, j)
			return err
		}, `UPDATE job SET holder = $3, due_at = $4, fence = fence + 1 WHERE id IN (
			SELECT j.id FROM job j JOIN (SELECT id, ROW_NUMBER() OVER (PARTITION BY app_id ORDER BY due_at, id) AS place FROM job WHERE lane = $1 AND due_at <= $2 AND environment <> $6 AND environment <> $7 ORDER BY due_at LIMIT 10000) q
			ON q.id = j.id WHERE j.due_at <= $2 ORDER BY q.place, j.id LIMIT $5`+s.dialect.skipLocked+`) RETURNING `+jobColumns, int(lane), millis(t.now), holder, millis(until), max, not[0], not[1])
	})
	s.doubts.of(err, holder, until, 0, lane)
	if err != nil { // what was read is not leased: another may work on it
		return nil, err
	}
	return jobs, nil
}

// FreeLeases gives every leased job back if this is the only server that can use
// the database, at its start, and has parked ones looked at again. Of servers
// that share one, Beat finds the dead.
func (s *Store) FreeLeases(ctx context.Context) error {
	if s.dialect.shared {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE job SET holder = '', due_at = $1 WHERE holder <> '' OR problem <> ''", millis(t.now))
		return err
	})
}

// PlanJob freezes the devices of a block job.
func (s *Store) PlanJob(ctx context.Context, j dispatch.Job, m *aurora.Message, targets, reachable *roaring.Bitmap) (dispatch.Job, error) {
	err := s.write(ctx, func(t *tx) (err error) {
		j.Targets = targets.Clone()
		if m.Content.InApp != nil {
			j.Targets = byPlatform(j.ByPlatform).notified(&m.Content)
		}
		if j.Badges, err = applyBadges(t, j.AppID, m, reachable); err != nil {
			return err
		}
		changed, err := t.exec("UPDATE job SET targets = $3, badges = $4 WHERE id = $1 AND fence = $2", j.ID, j.Fence, blobOf(j.Targets), encodeBadges(j.Badges))
		if err != nil {
			return err
		}
		if changed == 0 {
			return dispatch.ErrLost
		}
		if j.Part == aurora.VoIPPart {
			return addMark(t, j.MessageID, aurora.VoIP(aurora.Targeted), targets)
		}
		if err := dropSelection(t, j, m); err != nil {
			return err
		}
		if m.Content.InApp == nil {
			return addMark(t, j.MessageID, aurora.Targeted, targets)
		}
		if err := addMark(t, j.MessageID, aurora.Targeted, j.Targets); err != nil {
			return err
		}
		if err := addMarks(t, j.MessageID, byPlatform(j.ByPlatform).targeted()); err != nil {
			return err
		}
		return enqueue(t, m, j.ByPlatform, j.Block)
	})
	return j, err
}

// Settle writes outcomes, retired tokens and a job's progress.
func (s *Store) Settle(ctx context.Context, st dispatch.Settlement) error {
	return s.write(ctx, func(t *tx) (err error) {
		if st, err = unlessStopped(t, st); err != nil {
			return err
		}
		if err := settleJob(t, st); err != nil {
			return err
		}
		if err := addMarks(t, st.Job.MessageID, st.Marks); err != nil {
			return err
		}
		retired := map[string]*roaring.Bitmap{}
		for _, r := range st.Retired {
			done, err := retire(t, st.Job, r)
			if err != nil {
				return err
			}
			if done && retired[r.Reason] == nil {
				retired[r.Reason] = roaring.New()
			}
			if done {
				retired[r.Reason].Add(r.Number)
			}
		}
		for _, slice := range st.Slices {
			slice.ID = newJobID()
			if err := insertJob(t, slice, "", slice.NotBefore); err != nil {
				return err
			}
		}
		if err := s.tellSettlement(t, st, retired); err != nil || st.Retry == nil {
			return err
		}
		retry := *st.Retry
		retry.ID = newJobID()
		return insertJob(t, retry, "", retry.NotBefore)
	})
}

// GiveBack ends a job's lease as it is stored: what was not settled is done
// again by whoever leases it from a moment on.
func (s *Store) GiveBack(ctx context.Context, j dispatch.Job, due time.Time) error {
	return s.write(ctx, func(t *tx) error {
		stopped, err := t.stopped(j.MessageID)
		if err != nil {
			return err
		}
		if stopped {
			due = t.now
		}
		changed, err := t.exec("UPDATE job SET holder = '', due_at = $3 WHERE id = $1 AND fence = $2", j.ID, j.Fence, millis(due))
		if err == nil && changed == 0 {
			return dispatch.ErrLost
		}
		return err
	})
}

func settleJob(t *tx, st dispatch.Settlement) (err error) {
	var changed int64
	switch j := st.Job; {
	case st.Done:
		changed, err = t.exec("DELETE FROM job WHERE id = $1 AND fence = $2", j.ID, j.Fence)
	case st.Until.IsZero(): // given back
		changed, err = t.exec("UPDATE job SET targets = $3, holder = '', due_at = $4 WHERE id = $1 AND fence = $2", j.ID, j.Fence, blobOf(j.Targets), millis(j.NotBefore))
	default:
		changed, err = t.exec("UPDATE job SET targets = $3, due_at = $4 WHERE id = $1 AND fence = $2", j.ID, j.Fence, blobOf(j.Targets), millis(st.Until))
	}
	if err == nil && changed == 0 {
		return dispatch.ErrLost
	}
	return err
}

// retire takes a token out of use unless the device has reported one since.
func retire(t *tx, j dispatch.Job, r dispatch.Retirement) (done bool, err error) {
	appID := j.AppID
	if r.Kind != aurora.NotificationToken {
		return false, forgetToken(t, appID, r) // the device can still be reached
	}
	stored, err := scanDevice(t.row("SELECT "+deviceColumns+" FROM device WHERE app_id = $1 AND number = $2", appID, r.Number))
	if errors.Is(err, registry.ErrNone) { // deleted meanwhile
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if stored.Token != r.Token || stored.RetiredReason != "" {
		return false, nil
	}
	if !r.InactiveAt.IsZero() && stored.TokenAt.After(r.InactiveAt) {
		return false, nil
	}
	d := stored.Device
	d.RetiredReason, d.RetiredAt = r.Reason, t.now
	if err := endToken(t, stored.Device, registry.PastToken{Until: t.now, Reason: r.Reason, MessageID: j.MessageID}); err != nil {
		return false, err
	}
	return true, putDevice(t, stored.Device, d)
}

// addMarks notes what became of devices.
func addMarks(t *tx, id aurora.MessageID, marks map[aurora.Mark]*roaring.Bitmap) error {
	if done, err := addNotes(t, id, marks); done || err != nil {
		return err
	}
	for mark, numbers := range marks {
		if err := addMark(t, id, mark, numbers); err != nil {
			return err
		}
	}
	return nil
}

// addMark merges devices into a message's bitmaps.
func addMark(t *tx, id aurora.MessageID, mark aurora.Mark, numbers *roaring.Bitmap) error {
	for block, part := range audience.ByBlock(numbers) {
		b, err := loadMark(t, id, block, mark)
		if err != nil {
			return err
		}
		b.Or(part)
		if err := putMark(t, id, block, mark, b); err != nil {
			return err
		}
	}
	return nil
}

func loadMark(t *tx, id aurora.MessageID, block uint32, mark aurora.Mark) (*roaring.Bitmap, error) {
	return loadBitmap(t.row("SELECT bitmap FROM mark WHERE message_id = $1 AND block = $2 AND mark = $3", int64(id), block, string(mark)))
}

func putMark(t *tx, id aurora.MessageID, block uint32, mark aurora.Mark, b *roaring.Bitmap) error {
	t.changesMarks(id)
	_, err := t.exec(`INSERT INTO mark (message_id, block, mark, bitmap, devices, written_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (message_id, block, mark) DO UPDATE SET bitmap = excluded.bitmap, devices = excluded.devices, written_at = excluded.written_at`,
		int64(id), block, string(mark), blobOf(b), int64(b.GetCardinality()), millis(t.now))
	return err
}

// encodeBadges writes pairs as varints: the distance to the previous device
// number, then the badge.
func encodeBadges(badges dispatch.Badges) []byte {
	var b []byte
	previous := uint32(0)
	for _, p := range badges {
		b = binary.AppendUvarint(b, uint64(p.Number-previous))
		b = binary.AppendUvarint(b, uint64(p.Badge))
		previous = p.Number
	}
	return b
}

func decodeBadges(b []byte) (badges dispatch.Badges, err error) {
	previous := uint32(0)
	for len(b) > 0 {
		distance, n := binary.Uvarint(b)
		badge, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 {
			return nil, errors.New("store: a job's badges are damaged")
		}
		previous += uint32(distance)
		badges = append(badges, dispatch.BadgeOf{Number: previous, Badge: uint32(badge)})
		b = b[n+m:]
	}
	return badges, nil
}
