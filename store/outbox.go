package store

import (
	"strings"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

// interestLife bounds how long a listener that another process has stored goes
// unnoticed. This one's own are noticed at once.
const interestLife = time.Second

// interests is what apps' listeners want, read at most once a second, so that
// a transaction that writes outcomes asks memory and not the database.
type interests struct {
	mu   sync.Mutex
	at   time.Time // zero: to be read again
	apps map[int64]interest
}

type interest struct {
	kinds aurora.EventSet
	// callbacks is until when messages with callbacks are noted as such.
	callbacks time.Time
	streamed  bool
}

// listened returns what an app's listeners want to hear of: nothing, for most.
func (s *Store) listened(t *tx, appID int64) (interest, error) {
	s.interests.mu.Lock()
	defer s.interests.mu.Unlock()
	if age := t.now.Sub(s.interests.at); age < 0 || age >= interestLife {
		apps := map[int64]interest{}
		err := t.rows(func(row scanner) error {
			var app, until int64
			var source, kinds string
			if err := row.Scan(&app, &source, &kinds, &until); err != nil {
				return err
			}
			i := apps[app]
			i.kinds |= eventSet(kinds)
			switch source {
			case callbackListener:
				i.callbacks = fromMillis(until)
			case streamListener:
				i.streamed = true
			}
			apps[app] = i
			return nil
		}, "SELECT app_id, source, kinds, until FROM listener WHERE until = 0 OR until > $1", millis(t.now))
		if err != nil {
			return interest{}, err
		}
		s.interests.apps, s.interests.at = apps, t.now
	}
	return s.interests.apps[appID], nil
}

// relisten makes the next transaction read the listeners again.
func (s *Store) relisten() {
	s.interests.mu.Lock()
	defer s.interests.mu.Unlock()
	s.interests.at = time.Time{}
}

// eventSet reads stored kinds; those of a newer Aurora are left out.
func eventSet(text string) (set aurora.EventSet) {
	for k := range strings.SplitSeq(text, ",") {
		set |= aurora.NewEventSet(aurora.EventKind(k))
	}
	return set
}

// tellMarks puts what became of devices into the outbox, as far as somebody
// listens.
func (s *Store) tellMarks(t *tx, appID int64, id aurora.MessageID, marks map[aurora.Mark]*roaring.Bitmap) error {
	heard, err := s.listened(t, appID)
	if err != nil || heard.kinds == 0 {
		return err
	}
	for mark, numbers := range marks {
		kind, reason, ok := aurora.EventOf(mark)
		if !ok || !heard.kinds.Has(kind) {
			continue
		}
		if err := tellDevices(t, appID, id, kind, reason, numbers); err != nil {
			return err
		}
	}
	return nil
}

// tellSettlement puts what a worker settled into the outbox: outcomes, retired
// tokens, and that the message has no work left.
func (s *Store) tellSettlement(t *tx, st dispatch.Settlement, retired map[string]*roaring.Bitmap) error {
	app, id := st.Job.AppID, st.Job.MessageID
	if err := s.tellMarks(t, app, id, st.Marks); err != nil {
		return err
	}
	heard, err := s.listened(t, app)
	if err != nil || heard.kinds == 0 {
		return err
	}
	if heard.kinds.Has(aurora.EventRetired) {
		for reason, numbers := range retired {
			if err := tellDevices(t, app, id, aurora.EventRetired, reason, numbers); err != nil {
				return err
			}
		}
	}
	if !st.Done || st.Retry != nil || !heard.kinds.Has(aurora.EventSettled) {
		return nil
	}
	// The row is locked, where rows are, so that of the last two jobs one sees
	// that the other is done.
	if _, err := t.exec("UPDATE message SET stopped_at = stopped_at WHERE id = $1", int64(id)); err != nil {
		return err
	}
	var jobs int
	if err := t.row("SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE message_id = $1 LIMIT 1) q", int64(id)).Scan(&jobs); err != nil || jobs > 0 {
		return err
	}
	return tell(t, app, id, aurora.EventSettled, "", "")
}

// tellDevices adds devices to those of the same message, kind and reason that
// wait in the outbox.
func tellDevices(t *tx, appID int64, id aurora.MessageID, kind aurora.EventKind, reason string, numbers *roaring.Bitmap) error {
	for block, part := range audience.ByBlock(numbers) {
		waiting, err := loadBitmap(t.row("SELECT bitmap FROM outbox WHERE message_id = $1 AND kind = $2 AND reason = $3 AND block = $4 AND bitmap IS NOT NULL", int64(id), string(kind), reason, block))
		if err != nil {
			return err
		}
		waiting.Or(part)
		if _, err := t.exec(`INSERT INTO outbox (app_id, kind, message_id, block, reason, bitmap, detail, at) VALUES ($1, $2, $3, $4, $5, $6, '', $7)
			ON CONFLICT (message_id, kind, reason, block) WHERE bitmap IS NOT NULL DO UPDATE SET bitmap = excluded.bitmap, at = excluded.at`,
			appID, string(kind), int64(id), block, reason, blobOf(waiting), millis(t.now)); err != nil {
			return err
		}
	}
	return nil
}

// tell puts what is not about devices into the outbox.
func tell(t *tx, appID int64, id aurora.MessageID, kind aurora.EventKind, reason, detail string) error {
	_, err := t.exec("INSERT INTO outbox (app_id, kind, message_id, block, reason, bitmap, detail, at) VALUES ($1, $2, $3, 0, $4, NULL, $5, $6)",
		appID, string(kind), int64(id), reason, detail, millis(t.now))
	return err
}

// tellIf is tell for apps that somebody listens to for this kind.
func (s *Store) tellIf(t *tx, appID int64, kind aurora.EventKind, reason, detail string) error {
	heard, err := s.listened(t, appID)
	if err != nil || !heard.kinds.Has(kind) {
		return err
	}
	return tell(t, appID, 0, kind, reason, detail)
}

// Callbacks of a message are told of receipts for as long after it was
// accepted; the app's listener is renewed when half of it has passed.
const callbackLife = 14 * 24 * time.Hour

// tellAccepted heeds a message's callback, and tells that a message for nobody
// is settled.
func (s *Store) tellAccepted(t *tx, a dispatch.Accepted) error {
	if err := s.heedCallback(t, &a.Message); err != nil {
		return err
	}
	if len(a.Blocks) > 0 || a.Targets != nil && !a.Targets.IsEmpty() {
		return nil
	}
	heard, err := s.listened(t, a.Message.AppID)
	if err != nil || !heard.kinds.Has(aurora.EventSettled) {
		return err
	}
	return tell(t, a.Message.AppID, a.Message.ID, aurora.EventSettled, "", "")
}

// heedCallback makes the outcomes of a message with a callback enter the
// outbox. The other messages of the app then do too, and are dropped when the
// outbox is emptied.
func (s *Store) heedCallback(t *tx, m *aurora.Message) error {
	c := m.Options.Callback
	if c == nil {
		return nil
	}
	heard, err := s.listened(t, m.AppID)
	if err != nil {
		return err
	}
	kinds := c.Type.Kinds()
	if heard.kinds&kinds == kinds && heard.callbacks.After(t.now.Add(callbackLife/2)) {
		return nil
	}
	defer s.relisten()
	return listen(t, m.AppID, callbackListener, kinds|heard.kinds, t.now.Add(callbackLife))
}

// Who listens.
const (
	webhookListener  = "webhook"
	streamListener   = "stream"
	callbackListener = "callback"
)

// listen stores a listener. Whoever comes back before its time was over has
// listened without a break.
func listen(t *tx, appID int64, source string, kinds aurora.EventSet, until time.Time) error {
	_, err := t.exec(`INSERT INTO listener (app_id, source, kinds, since, until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (app_id, source) DO UPDATE SET kinds = excluded.kinds, until = excluded.until,
			since = CASE WHEN listener.until > 0 AND listener.until < $4 THEN $4 ELSE listener.since END`,
		appID, source, kinds.String(), millis(t.now), millis(until))
	return err
}
