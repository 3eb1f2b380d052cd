package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/webhook"
)

const eventColumns = "e.seq, e.app_id, e.kind, e.message_id, e.reason, e.bitmap, e.detail, e.at"

func scanEvent(row scanner, more ...any) (e webhook.Event, err error) {
	var kind string
	var blob []byte
	var at int64
	if err := row.Scan(append([]any{&e.Seq, &e.AppID, &kind, &e.MessageID, &e.Reason, &blob, &e.Detail, &at}, more...)...); err != nil {
		return e, none(err, webhook.ErrNone)
	}
	e.Kind, e.At = aurora.EventKind(kind), fromMillis(at)
	if blob != nil {
		e.Devices = roaring.New()
		err = e.Devices.UnmarshalBinary(blob)
	}
	return e, err
}

// outboxRow is a row of the outbox with its number.
type outboxRow struct {
	number int64
	event  webhook.Event
}

// SealEvents turns rows of the outbox into events with deliveries.
func (s *Store) SealEvents(ctx context.Context, max int, recipients func(webhook.Pending) ([]webhook.Endpoint, bool)) (taken int, err error) {
	var some int
	if err := s.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM outbox LIMIT 1) q").Scan(&some); err != nil || some == 0 {
		return 0, err
	}
	err = s.write(ctx, func(t *tx) error {
		// Whoever holds this row is the only sealer, so that numbers can be read
		// in the order of their commits.
		if _, err := t.exec("UPDATE setting SET value = value WHERE name = 'events.sealer'"); err != nil {
			return err
		}
		var rows []outboxRow
		if err := t.rows(func(row scanner) error {
			var r outboxRow
			var kind string
			var blob []byte
			var at int64
			if err := row.Scan(&r.number, &r.event.AppID, &kind, &r.event.MessageID, &r.event.Reason, &blob, &r.event.Detail, &at); err != nil {
				return err
			}
			r.event.Kind, r.event.At = aurora.EventKind(kind), fromMillis(at)
			if blob != nil {
				r.event.Devices = roaring.New()
				if err := r.event.Devices.UnmarshalBinary(blob); err != nil {
					return err
				}
			}
			rows = append(rows, r)
			return nil
		}, "SELECT number, app_id, kind, message_id, reason, bitmap, detail, at FROM outbox ORDER BY number LIMIT $1", max); err != nil {
			return err
		}
		taken = len(rows)
		return s.seal(t, rows, recipients)
	})
	return taken, err
}

func (s *Store) seal(t *tx, rows []outboxRow, recipients func(webhook.Pending) ([]webhook.Endpoint, bool)) error {
	endpoints := map[int64][]webhook.Endpoint{}
	callbacks := map[aurora.MessageID]*aurora.Callback{}
	for _, r := range rows {
		app := r.event.AppID
		heard, err := s.listened(t, app)
		if err != nil {
			return err
		}
		if _, known := endpoints[app]; !known {
			if endpoints[app], err = enabledEndpoints(t, app); err != nil {
				return err
			}
		}
		p := webhook.Pending{Event: r.event, Endpoints: endpoints[app], Streamed: heard.streamed}
		if p.Callback, err = callbackOf(t, heard, callbacks, r.event.MessageID); err != nil {
			return err
		}
		to, keep := recipients(p)
		if len(to) > 0 || keep {
			if err := insertEvent(t, &r.event); err != nil {
				return err
			}
		}
		for _, e := range to {
			if e.Number == 0 { // the callback's, made for this URL
				if e, err = insertEndpoint(t, e); err != nil {
					return err
				}
				endpoints[app] = append(endpoints[app], e)
			}
			if err := insertDeliveries(t, e.Number, &r.event, t.now); err != nil {
				return err
			}
		}
		if _, err := t.exec("DELETE FROM outbox WHERE number = $1", r.number); err != nil {
			return err
		}
	}
	return nil
}

// callbackOf returns the callback of a message, asking once for each.
func callbackOf(t *tx, heard interest, known map[aurora.MessageID]*aurora.Callback, id aurora.MessageID) (*aurora.Callback, error) {
	if id == 0 || heard.callbacks.IsZero() {
		return nil, nil
	}
	if c, ok := known[id]; ok {
		return c, nil
	}
	var text string
	err := t.row("SELECT options FROM message WHERE id = $1", int64(id)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var options aurora.Options
	if err == nil {
		err = json.Unmarshal([]byte(text), &options)
	}
	known[id] = options.Callback
	return options.Callback, err
}

func insertEvent(t *tx, e *webhook.Event) error {
	devices := uint64(0)
	if e.Devices != nil {
		devices = e.Devices.GetCardinality()
	}
	return t.row("INSERT INTO event (app_id, kind, message_id, reason, bitmap, devices, detail, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING seq",
		e.AppID, string(e.Kind), int64(e.MessageID), e.Reason, optionalBlob(e.Devices), int64(devices), e.Detail, millis(e.At)).Scan(&e.Seq)
}

// insertDeliveries stores the deliveries of an event for an endpoint; those
// that are there already stay as they are.
func insertDeliveries(t *tx, endpoint int64, e *webhook.Event, due time.Time) error {
	for part := range e.Parts() {
		if _, err := t.exec("INSERT INTO delivery (webhook, event, part, due_at) VALUES ($1, $2, $3, $4) ON CONFLICT (event, webhook, part) DO NOTHING", endpoint, e.Seq, part, millis(due)); err != nil {
			return err
		}
	}
	return nil
}

// Listen notes that an app's stream is read, and returns since when without a break.
func (s *Store) Listen(ctx context.Context, appID int64, until time.Time) (since time.Time, err error) {
	err = s.write(ctx, func(t *tx) error {
		if err := listen(t, appID, streamListener, aurora.NewEventSet(aurora.EventKinds...), until); err != nil {
			return err
		}
		s.relisten()
		var ms int64
		err := t.row("SELECT since FROM listener WHERE app_id = $1 AND source = $2", appID, streamListener).Scan(&ms)
		since = fromMillis(ms)
		return err
	})
	return since, err
}

// EventsAfter returns events of an app after a number.
func (s *Store) EventsAfter(ctx context.Context, appID, seq int64, limit int) (events []webhook.Event, err error) {
	err = s.rows(ctx, func(row scanner) error {
		e, err := scanEvent(row)
		events = append(events, e)
		return err
	}, "SELECT "+eventColumns+" FROM event e WHERE e.app_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3", appID, seq, limit)
	return events, err
}

// EventBounds returns the numbers of an app's oldest and newest event, and when
// the one with a number happened.
func (s *Store) EventBounds(ctx context.Context, appID, seq int64) (oldest, newest int64, at time.Time, err error) {
	var ms int64
	err = s.row(ctx, `SELECT COALESCE((SELECT seq FROM event WHERE app_id = $1 ORDER BY seq LIMIT 1), 0), COALESCE((SELECT seq FROM event WHERE app_id = $1 ORDER BY seq DESC LIMIT 1), 0),
		COALESCE((SELECT at FROM event WHERE app_id = $1 AND seq = $2), 0)`, appID, seq).Scan(&oldest, &newest, &ms)
	return oldest, newest, fromMillis(ms), err
}

// RegistrationIDs returns the ids of devices by ascending number.
func (s *Store) RegistrationIDs(ctx context.Context, appID int64, numbers *roaring.Bitmap) (ids []string, err error) {
	if numbers.IsEmpty() {
		return nil, nil
	}
	add := func(row scanner) error {
		var number uint32
		var id string
		if err := row.Scan(&number, &id); err != nil {
			return err
		}
		if numbers.Contains(number) {
			ids = append(ids, id)
		}
		return nil
	}
	lo, hi := numbers.Minimum(), numbers.Maximum()
	if uint64(hi-lo) < 8*numbers.GetCardinality() {
		err = s.rows(ctx, add, "SELECT number, registration_id FROM device WHERE app_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number", appID, lo, hi)
		return ids, err
	}
	for it := numbers.Iterator(); it.HasNext(); {
		if err := s.rows(ctx, add, "SELECT number, registration_id FROM device WHERE app_id = $1 AND number = $2", appID, it.Next()); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// MessageOutcome returns a message and its devices by mark, or webhook.ErrNone.
func (s *Store) MessageOutcome(ctx context.Context, id aurora.MessageID) (aurora.Message, map[aurora.Mark]uint64, error) {
	m, err := scanMessage(s.row(ctx, "SELECT "+messageColumns+" FROM message WHERE id = $1", int64(id)))
	if err != nil {
		return m, nil, instead(err, webhook.ErrNone)
	}
	tally, err := s.Tally(ctx, id)
	return m, tally.Marks, err
}

// SweepEvents removes old events, in bites that let other writes through.
func (s *Store) SweepEvents(ctx context.Context, before time.Time) error {
	const bite = 500
	for {
		var removed int64
		err := s.write(ctx, func(t *tx) (err error) {
			if _, err := t.exec("DELETE FROM delivery WHERE event IN (SELECT seq FROM event WHERE at < $1 ORDER BY at LIMIT $2)", millis(before), bite); err != nil {
				return err
			}
			if removed, err = t.exec("DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < $1 ORDER BY at LIMIT $2)", millis(before), bite); err != nil || removed == bite {
				return err
			}
			if _, err := t.exec("DELETE FROM webhook WHERE callback = 1 AND created_at < $1 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.webhook = webhook.number)", millis(before)); err != nil {
				return err
			}
			if _, err := t.exec("DELETE FROM credential_notice WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.id = credential_notice.credential_id)"); err != nil {
				return err
			}
			_, err = t.exec("DELETE FROM listener WHERE until > 0 AND until < $1", millis(before))
			return err
		})
		if err != nil || removed < bite {
			return err
		}
	}
}

// ExpiringCredentials returns credentials that end before a time, of apps that
// somebody listens to.
func (s *Store) ExpiringCredentials(ctx context.Context, before time.Time) (cs []aurora.Credential, err error) {
	err = s.rows(ctx, func(row scanner) error {
		c, err := scanCredential(row)
		if err == nil && !c.NotAfter.IsZero() && c.NotAfter.Before(before) {
			cs = append(cs, c.Credential)
		}
		return err
	}, "SELECT "+credentialColumns+" FROM credential WHERE app_id IN (SELECT app_id FROM listener WHERE until = 0 OR until > $1) ORDER BY id", millis(time.Now()))
	return cs, err
}

// NoteExpiry makes an event of a warning unless it was given before.
func (s *Store) NoteExpiry(ctx context.Context, c aurora.Credential, days int, detail string) error {
	return s.write(ctx, func(t *tx) error {
		heard, err := s.listened(t, c.AppID)
		if err != nil || !heard.kinds.Has(aurora.EventCredentialExpiring) {
			return err
		}
		changed, err := t.exec("INSERT INTO credential_notice (credential_id, days) VALUES ($1, $2) ON CONFLICT (credential_id, days) DO NOTHING", c.ID, days)
		if err != nil || changed == 0 {
			return err
		}
		return tell(t, c.AppID, 0, aurora.EventCredentialExpiring, "", detail)
	})
}

// credentialDetail says which credential an event is about.
func credentialDetail(c aurora.Credential) (string, error) {
	b, err := json.Marshal(struct {
		Environment string `json:"environment"`
		Name        string `json:"name"`
	}{c.Environment.String(), c.Name})
	return string(b), err
}

// ReplayEvents makes the deliveries of a time due again.
func (s *Store) ReplayEvents(ctx context.Context, e webhook.Endpoint, from, to time.Time, failedOnly bool, max int) (n int, err error) {
	err = s.write(ctx, func(t *tx) error {
		n = 0
		var events []webhook.Event
		parts := 0
		err := t.rows(func(row scanner) error {
			ev, err := scanEvent(row)
			if err != nil || !e.Kinds.Has(ev.Kind) {
				return err
			}
			if parts += ev.Parts(); parts > max {
				return aurora.Errorf(aurora.Invalid, "The time holds more than %d deliveries. Narrow it.", max)
			}
			events = append(events, ev)
			return nil
		}, "SELECT "+eventColumns+" FROM event e WHERE e.app_id = $1 AND e.at >= $2 AND e.at <= $3 ORDER BY e.seq", e.AppID, millis(from), millis(to))
		if err != nil {
			return err
		}
		for i := range events {
			if err := insertDeliveries(t, e.Number, &events[i], t.now); err != nil {
				return err
			}
			also := fmt.Sprintf(" OR state = %d", webhook.Delivered)
			if failedOnly {
				also = ""
			}
			changed, err := t.exec(fmt.Sprintf("UPDATE delivery SET state = %d, attempt = CASE WHEN state = %d THEN attempt ELSE 0 END, due_at = $3 WHERE webhook = $1 AND event = $2 AND (state = %d OR state = %d%s)",
				webhook.Waiting, webhook.Waiting, webhook.GivenUp, webhook.Waiting, also), e.Number, events[i].Seq, millis(t.now))
			if err != nil {
				return err
			}
			n += int(changed)
		}
		return nil
	})
	return n, err
}
