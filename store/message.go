package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
)

// cidLife is how long a client's id for a push stays known (spec/rest-api.md §7.15).
const cidLife = 24 * time.Hour

// AcceptMessage stores a message and its jobs, unless its CID was used before.
func (s *Store) AcceptMessage(ctx context.Context, a dispatch.Accepted) (r dispatch.Receipt, leased *dispatch.Job, err error) {
	err = s.write(ctx, func(t *tx) error {
		r, leased = dispatch.Receipt{MessageID: a.Message.ID, SendNo: a.Message.SendNo}, nil
		if a.CID != "" {
			if first, known, err := useCID(t, a); known || err != nil {
				r = first
				return err
			}
		}
		var err error
		if leased, err = insertAccepted(t, a); err != nil {
			return err
		}
		return s.tellAccepted(t, a)
	})
	s.doubts.of(err, a.Holder, a.Until, int64(a.Message.ID), dispatch.Direct)
	return r, leased, err
}

// insertAccepted stores a message with its jobs, and returns the explicit one
// if it is leased to a.Holder.
func insertAccepted(t *tx, a dispatch.Accepted) (leased *dispatch.Job, err error) {
	m := &a.Message
	targets, devices, err := recipients(t, a)
	if err != nil {
		return nil, err
	}
	marks := devices.targeted()
	if targets != nil {
		marks[aurora.Targeted] = targets
	}
	if a.Targets != nil && m.Content.VoIP != nil {
		marks[aurora.VoIP(aurora.Targeted)] = a.Targets
	}
	var notes []byte
	if a.Targets != nil && a.Targets.GetCardinality() <= fewDevices && m.Options.OverrideID == 0 { // whose devices may become many
		for mark, numbers := range marks {
			notes = appendNote(notes, t.now, mark, numbers)
		}
		marks = nil
	}
	if err := insertMessage(t, a.Message, notes); err != nil {
		return nil, err
	}
	if m.Options.Pace > 0 {
		if err := notePaced(t, m); err != nil {
			return nil, err
		}
	}
	if a.Selection != nil {
		if err := putSelection(t, a); err != nil {
			return nil, err
		}
	}
	if a.Group != 0 {
		if _, err := t.exec("INSERT INTO group_message (group_push_id, app_id, message_id) VALUES ($1, $2, $3)", int64(a.Group), a.Message.AppID, int64(a.Message.ID)); err != nil {
			return nil, err
		}
	}
	if m.Options.OverrideID != 0 {
		if err := override(t, m); err != nil {
			return nil, err
		}
	}
	if a.Targets == nil {
		for _, block := range a.Blocks {
			j := dispatch.Job{ID: newJobID(), MessageID: m.ID, AppID: m.AppID, Lane: dispatch.Broadcast, Block: int64(block), Environment: m.Environment()}
			if !m.Content.Notifies() {
				j.Environment = aurora.NoEnvironment // an in-app message is sent to nobody
			}
			if m.Content.Notifies() || m.Content.InApp != nil || m.Content.VoIP == nil {
				if err := insertJob(t, j, "", t.now); err != nil {
					return nil, err
				}
			}
			if m.Content.VoIP == nil {
				continue
			}
			j.ID, j.Part, j.Environment = newJobID(), aurora.VoIPPart, m.Environment()
			if err := insertJob(t, j, "", t.now); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	if err := addMarks(t, m.ID, marks); err != nil {
		return nil, err
	}
	if err := enqueue(t, m, devices, dispatch.Explicit); err != nil {
		return nil, err
	}
	if m.Content.VoIP != nil {
		j := dispatch.Job{ID: newJobID(), MessageID: m.ID, AppID: m.AppID, Lane: dispatch.Direct, Part: aurora.VoIPPart, Block: dispatch.Explicit, Targets: a.Targets, Environment: m.Environment()}
		if err := insertJob(t, j, "", t.now); err != nil {
			return nil, err
		}
	}
	if targets.IsEmpty() {
		return nil, nil
	}
	// No other job has a message's id: those of the others lie beyond all messages'.
	j := dispatch.Job{ID: int64(m.ID), MessageID: m.ID, AppID: m.AppID, Lane: dispatch.Direct, Block: dispatch.Explicit, Targets: targets, Environment: m.Environment()}
	if m.Options.Pace > 0 {
		j.Block, j.Lane = dispatch.Unpaced, dispatch.Broadcast
	}
	if j.Badges, err = applyBadges(t, j.AppID, m, a.Reachable); err != nil {
		return nil, err
	}
	due := t.now
	if a.Holder != "" {
		due, j.Fence = a.Until, 1
	}
	if err := insertJob(t, j, a.Holder, due); err != nil || a.Holder == "" {
		return nil, err
	}
	return &j, nil
}

// recipients returns the devices of an explicit audience that the notification
// is for, and those that the in-app message is for; nil if it is not explicit.
func recipients(t *tx, a dispatch.Accepted) (targets *roaring.Bitmap, devices byPlatform, err error) {
	if c := &a.Message.Content; a.Targets == nil || c.InApp == nil {
		if a.Targets != nil && c.VoIP != nil && !c.Notifies() {
			return roaring.New(), nil, nil
		}
		return a.Targets, nil, nil
	}
	devices, err = splitByPlatform(t, a.Message.AppID, a.Targets)
	return devices.notified(&a.Message.Content), devices, err
}

// useCID notes a CID or returns the receipt of the push that used it first.
func useCID(t *tx, a dispatch.Accepted) (first dispatch.Receipt, known bool, err error) {
	if _, err := t.exec("DELETE FROM cid WHERE app_id = $1 AND cid = $2 AND created_at < $3", a.Message.AppID, a.CID, millis(t.now.Add(-cidLife))); err != nil {
		return first, false, err
	}
	changed, err := t.exec("INSERT INTO cid (app_id, cid, message_id, sendno, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (app_id, cid) DO NOTHING",
		a.Message.AppID, a.CID, int64(a.Message.ID), a.Message.SendNo, millis(t.now))
	if err != nil || changed == 1 {
		return first, false, err
	}
	err = t.row("SELECT message_id, sendno FROM cid WHERE app_id = $1 AND cid = $2", a.Message.AppID, a.CID).Scan(&first.MessageID, &first.SendNo)
	return first, true, err
}

// UsedCID returns the receipt of the push that used a CID, if there is one.
func (s *Store) UsedCID(ctx context.Context, appID int64, cid string) (first dispatch.Receipt, used bool, err error) {
	err = s.row(ctx, "SELECT message_id, sendno FROM cid WHERE app_id = $1 AND cid = $2 AND created_at >= $3", appID, cid, millis(time.Now().Add(-cidLife))).
		Scan(&first.MessageID, &first.SendNo)
	if err = none(err, ledger.ErrNone); errors.Is(err, ledger.ErrNone) {
		return first, false, nil
	}
	return first, err == nil, err
}

func insertMessage(t *tx, m aurora.Message, notes []byte) error {
	// Without the escapes for HTML: what is stored becomes the payload, and an
	// escape would cost six of its bytes for one.
	var content strings.Builder
	plain := json.NewEncoder(&content)
	plain.SetEscapeHTML(false)
	if err := plain.Encode(m.Content); err != nil {
		return err
	}
	options, err := json.Marshal(m.Options)
	if err != nil {
		return err
	}
	platforms := make([]string, len(m.Platforms))
	for i, p := range m.Platforms {
		platforms[i] = string(p)
	}
	_, err = t.exec("INSERT INTO message (id, app_id, sendno, source, platforms, audience, content, options, accepted_at, notes, trace, parts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		int64(m.ID), m.AppID, m.SendNo, m.Source, strings.Join(platforms, ","), m.Audience, content.String(), string(options), millis(m.AcceptedAt), string(notes), m.Trace, partsOf(m.Content))
	return err
}

// The parts a message can have, as they are stored.
const (
	notificationOnly = iota
	inAppOnly
	bothParts
)

func partsOf(c aurora.Content) int {
	switch {
	case c.InApp == nil:
		return notificationOnly
	case c.Notifies():
		return bothParts
	}
	return inAppOnly
}

const messageColumns = "id, app_id, sendno, source, platforms, audience, content, options, accepted_at, stopped_at, trace"

func scanMessage(row scanner) (m aurora.Message, err error) {
	var platforms, content, options string
	var accepted, stopped int64
	if err := row.Scan(&m.ID, &m.AppID, &m.SendNo, &m.Source, &platforms, &m.Audience, &content, &options, &accepted, &stopped, &m.Trace); err != nil {
		return m, none(err, ledger.ErrNone)
	}
	for p := range strings.SplitSeq(platforms, ",") {
		if p != "" {
			m.Platforms = append(m.Platforms, aurora.Platform(p))
		}
	}
	m.AcceptedAt, m.StoppedAt = fromMillis(accepted), fromMillis(stopped)
	if err := errors.Join(json.Unmarshal([]byte(content), &m.Content), json.Unmarshal([]byte(options), &m.Options)); err != nil {
		return m, fmt.Errorf("%w: message %v: %w", dispatch.ErrDamaged, m.ID, err)
	}
	return m, nil
}

// Message returns ledger.ErrNone if there is no such message.
func (s *Store) Message(ctx context.Context, id aurora.MessageID) (aurora.Message, error) {
	return scanMessage(s.row(ctx, "SELECT "+messageColumns+" FROM message WHERE id = $1", int64(id)))
}

// notePaced notes a push that is spread over time, unless too many are running.
func notePaced(t *tx, m *aurora.Message) error {
	if err := t.gate("paced", m.AppID); err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM paced WHERE app_id = $1 AND ends_at <= $2", m.AppID, millis(t.now)); err != nil {
		return err
	}
	var running int
	if err := t.row("SELECT COUNT(*) FROM paced WHERE app_id = $1", m.AppID).Scan(&running); err != nil {
		return err
	}
	if running >= aurora.MaxPaced {
		return dispatch.ErrPaced
	}
	_, err := t.exec("INSERT INTO paced (app_id, message_id, ends_at) VALUES ($1, $2, $3)", m.AppID, int64(m.ID), millis(m.PacedUntil()))
	return err
}

// MessageSince reports whether the app has a message that was accepted since.
func (s *Store) MessageSince(ctx context.Context, appID int64, id aurora.MessageID, since time.Time) (bool, error) {
	var n int
	err := s.row(ctx, "SELECT COUNT(*) FROM message WHERE id = $1 AND app_id = $2 AND accepted_at >= $3", int64(id), appID, millis(since)).Scan(&n)
	return n == 1, err
}

// AppMessage returns ledger.ErrNone unless the message is the app's.
func (s *Store) AppMessage(ctx context.Context, appID int64, id aurora.MessageID) (aurora.Message, error) {
	return scanMessage(s.row(ctx, "SELECT "+messageColumns+" FROM message WHERE id = $1 AND app_id = $2", int64(id), appID))
}

// Messages returns an app's messages below an id, newest first.
func (s *Store) Messages(ctx context.Context, appID int64, before aurora.MessageID, limit int) (ms []aurora.Message, err error) {
	if before == 0 {
		before = 1 << 53
	}
	err = s.rows(ctx, func(row scanner) error {
		m, err := scanMessage(row)
		if errors.Is(err, dispatch.ErrDamaged) { // one that is must not hide the others
			err = nil
		}
		ms = append(ms, m)
		return err
	}, "SELECT "+messageColumns+" FROM message WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3", appID, int64(before), limit)
	return ms, err
}
