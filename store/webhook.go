package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/webhook"
)

const endpointColumns = "w.number, w.id, w.app_id, a.app_key, w.callback, w.url, w.description, w.kinds, w.secrets, w.created_at, w.failing_since, w.disabled_at, w.disabled_why"
const endpointTables = " FROM webhook w JOIN app a ON a.id = w.app_id AND a.deleted_at = 0 "

func scanEndpoint(row scanner) (e webhook.Endpoint, err error) {
	var kinds string
	var created, failing, disabled int64
	err = row.Scan(&e.Number, &e.ID, &e.AppID, &e.AppKey, &e.Callback, &e.URL, &e.Description, &kinds, &e.Secrets, &created, &failing, &disabled, &e.DisabledWhy)
	e.Kinds, e.CreatedAt, e.FailingSince, e.DisabledAt = eventSet(kinds), fromMillis(created), fromMillis(failing), fromMillis(disabled)
	return e, none(err, webhook.ErrNone)
}

func enabledEndpoints(t *tx, appID int64) (es []webhook.Endpoint, err error) {
	err = t.rows(func(row scanner) error {
		e, err := scanEndpoint(row)
		es = append(es, e)
		return err
	}, "SELECT "+endpointColumns+endpointTables+"WHERE w.app_id = $1 AND w.disabled_at = 0 ORDER BY w.number", appID)
	return es, err
}

// CreateEndpoint stores an endpoint unless the app has max.
func (s *Store) CreateEndpoint(ctx context.Context, e webhook.Endpoint, max int) (webhook.Endpoint, error) {
	err := s.write(ctx, func(t *tx) error {
		if err := t.gate("webhooks", e.AppID); err != nil {
			return err
		}
		var n int
		if err := t.row("SELECT COUNT(*) FROM webhook WHERE app_id = $1 AND callback = 0", e.AppID).Scan(&n); err != nil {
			return err
		}
		if n >= max {
			return aurora.Errorf(aurora.Full, "The app has %d webhooks. Remove one that is no longer used.", n)
		}
		var err error
		if e, err = insertEndpoint(t, e); err != nil {
			return err
		}
		return s.listenByEndpoints(t, e.AppID)
	})
	return e, err
}

func insertEndpoint(t *tx, e webhook.Endpoint) (webhook.Endpoint, error) {
	if e.CreatedAt.IsZero() {
		e.CreatedAt = t.now
	}
	callback := 0
	if e.Callback {
		callback = 1
	}
	err := t.row(`INSERT INTO webhook (id, app_id, callback, url, description, kinds, secrets, created_at, disabled_at, disabled_why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (app_id, url) WHERE callback = 1 DO UPDATE SET url = excluded.url RETURNING number`,
		e.ID, e.AppID, callback, e.URL, e.Description, e.Kinds.String(), e.Secrets, millis(e.CreatedAt), millis(e.DisabledAt), e.DisabledWhy).Scan(&e.Number)
	return e, err
}

// listenByEndpoints stores what an app's enabled endpoints want together.
func (s *Store) listenByEndpoints(t *tx, appID int64) error {
	defer s.relisten()
	es, err := enabledEndpoints(t, appID)
	if err != nil {
		return err
	}
	var kinds aurora.EventSet
	for _, e := range es {
		kinds |= e.Kinds
	}
	if kinds == 0 {
		_, err := t.exec("DELETE FROM listener WHERE app_id = $1 AND source = $2", appID, webhookListener)
		return err
	}
	return listen(t, appID, webhookListener, kinds, time.Time{})
}

// Endpoint returns webhook.ErrNone unless the app has such an endpoint.
func (s *Store) Endpoint(ctx context.Context, appID int64, id string) (webhook.Endpoint, error) {
	return scanEndpoint(s.row(ctx, "SELECT "+endpointColumns+endpointTables+"WHERE w.app_id = $1 AND w.id = $2 AND w.callback = 0", appID, id))
}

// EndpointsOf returns an app's endpoints, oldest first.
func (s *Store) EndpointsOf(ctx context.Context, appID int64) (es []webhook.Endpoint, err error) {
	err = s.rows(ctx, func(row scanner) error {
		e, err := scanEndpoint(row)
		es = append(es, e)
		return err
	}, "SELECT "+endpointColumns+endpointTables+"WHERE w.app_id = $1 AND w.callback = 0 ORDER BY w.number", appID)
	return es, err
}

// ChangeEndpoint applies change to a stored endpoint.
func (s *Store) ChangeEndpoint(ctx context.Context, number int64, detail string, change func(*webhook.Endpoint) error) (e webhook.Endpoint, err error) {
	err = s.write(ctx, func(t *tx) error {
		before, err := scanEndpoint(t.row("SELECT "+endpointColumns+endpointTables+"WHERE w.number = $1", number))
		if err != nil {
			return err
		}
		e = before
		if err := change(&e); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE webhook SET url = $2, description = $3, kinds = $4, secrets = $5, failing_since = $6, disabled_at = $7, disabled_why = $8 WHERE number = $1",
			number, e.URL, e.Description, e.Kinds.String(), e.Secrets, millis(e.FailingSince), millis(e.DisabledAt), e.DisabledWhy); err != nil {
			return err
		}
		if err := s.listenByEndpoints(t, e.AppID); err != nil || e.DisabledAt.IsZero() || !before.DisabledAt.IsZero() {
			return err
		}
		if _, err := t.exec(fmt.Sprintf("UPDATE delivery SET state = %d, problem = $2 WHERE webhook = $1 AND state = %d", webhook.GivenUp, webhook.Waiting), number, "the webhook was disabled"); err != nil {
			return err
		}
		return s.tellIf(t, e.AppID, aurora.EventWebhookDisabled, "", detail)
	})
	return e, err
}

// RemoveEndpoint removes an endpoint with its deliveries.
func (s *Store) RemoveEndpoint(ctx context.Context, number int64) error {
	return s.write(ctx, func(t *tx) error {
		var app int64
		if err := t.row("DELETE FROM webhook WHERE number = $1 RETURNING app_id", number).Scan(&app); err != nil {
			return none(err, webhook.ErrNone)
		}
		if _, err := t.exec("DELETE FROM delivery WHERE webhook = $1", number); err != nil {
			return err
		}
		return s.listenByEndpoints(t, app)
	})
}

// DueEndpoints returns enabled endpoints with deliveries that are due.
func (s *Store) DueEndpoints(ctx context.Context) (es []webhook.Endpoint, err error) {
	err = s.rows(ctx, func(row scanner) error {
		e, err := scanEndpoint(row)
		es = append(es, e)
		return err
	}, "SELECT "+endpointColumns+endpointTables+"WHERE w.disabled_at = 0 AND EXISTS (SELECT 1 FROM delivery d WHERE d.webhook = w.number AND d.state = 0 AND d.due_at <= $1)", millis(time.Now()))
	return es, err
}

const deliveryColumns = "d.id, d.webhook, d.part, d.state, d.attempt, d.due_at, d.tried_at, d.status, d.answer, d.problem, d.took"

func scanDelivery(row scanner) (d webhook.Delivery, err error) {
	var due, tried, took int64
	d.Event, err = scanEvent(row, &d.ID, &d.Webhook, &d.Part, &d.State, &d.Attempt, &due, &tried, &d.Status, &d.Answer, &d.Problem, &took)
	d.DueAt, d.TriedAt, d.Took = fromMillis(due), fromMillis(tried), time.Duration(took)*time.Millisecond
	return d, err
}

// LeaseDeliveries returns due deliveries that nobody else gets before a time.
func (s *Store) LeaseDeliveries(ctx context.Context, number int64, until time.Time, max int) (ds []webhook.Delivery, err error) {
	err = s.claim(ctx, func(t *tx) error {
		ds = nil
		var ids []int64
		if err := t.rows(func(row scanner) error {
			var id int64
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		}, "UPDATE delivery SET due_at = $3 WHERE id IN (SELECT id FROM delivery WHERE webhook = $1 AND state = 0 AND due_at <= $2 ORDER BY due_at, id LIMIT $4) AND due_at <= $2 RETURNING id", number, millis(t.now), millis(until), max); err != nil {
			return err
		}
		for _, id := range ids {
			d, err := scanDelivery(t.row("SELECT "+eventColumns+", "+deliveryColumns+" FROM delivery d JOIN event e ON e.seq = d.event WHERE d.id = $1", id))
			if errors.Is(err, webhook.ErrNone) { // its event was swept meanwhile
				continue
			}
			if err != nil {
				return err
			}
			ds = append(ds, d)
		}
		return nil
	})
	return ds, err
}

// SettleDeliveries writes what became of attempts, unless others were made
// meanwhile.
func (s *Store) SettleDeliveries(ctx context.Context, number int64, results []webhook.Delivery) (e webhook.Endpoint, err error) {
	err = s.write(ctx, func(t *tx) error {
		delivered, tried := false, t.now
		for _, d := range results {
			delivered = delivered || d.State == webhook.Delivered
			if d.TriedAt.Before(tried) {
				tried = d.TriedAt
			}
			if _, err := t.exec("UPDATE delivery SET state = $3, attempt = $4, due_at = $5, tried_at = $6, status = $7, answer = $8, problem = $9, took = $10 WHERE id = $1 AND attempt = $2 AND state = 0",
				d.ID, d.Attempt-1, int(d.State), d.Attempt, millis(d.DueAt), millis(d.TriedAt), d.Status, d.Answer, d.Problem, d.Took.Milliseconds()); err != nil {
				return err
			}
		}
		failing := "CASE WHEN failing_since = 0 THEN $2 ELSE failing_since END"
		if delivered {
			failing = "0 * CAST($2 AS BIGINT)"
		}
		if _, err := t.exec("UPDATE webhook SET failing_since = "+failing+" WHERE number = $1", number, millis(tried)); err != nil {
			return err
		}
		var err error
		e, err = scanEndpoint(t.row("SELECT "+endpointColumns+endpointTables+"WHERE w.number = $1", number))
		return err
	})
	return e, err
}

// DeliveriesOf returns deliveries, newest first, without their devices.
func (s *Store) DeliveriesOf(ctx context.Context, number int64, state webhook.DeliveryState, before int64, limit int) (ds []webhook.Delivery, err error) {
	if before == 0 {
		before = 1 << 62
	}
	err = s.rows(ctx, func(row scanner) error {
		d, err := scanDelivery(row)
		ds = append(ds, d)
		return err
	}, "SELECT "+eventColumns+", "+deliveryColumns+" FROM delivery d JOIN event e ON e.seq = d.event WHERE d.webhook = $1 AND d.id < $2 AND ($3 < 0 OR d.state = $3) ORDER BY d.id DESC LIMIT $4", number, before, int(state), limit)
	return ds, err
}

// ReplayDelivery makes a delivery due again, or returns webhook.ErrNone.
func (s *Store) ReplayDelivery(ctx context.Context, number, id int64) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec("UPDATE delivery SET state = 0, attempt = 0, due_at = $3 WHERE webhook = $1 AND id = $2", number, id, millis(t.now))
		if err == nil && changed == 0 {
			err = webhook.ErrNone
		}
		return err
	})
}

// AddTest stores a test event with its delivery, leased until a time.
func (s *Store) AddTest(ctx context.Context, e webhook.Endpoint, detail string, until time.Time) (d webhook.Delivery, err error) {
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE setting SET value = value WHERE name = 'events.sealer'"); err != nil {
			return err
		}
		ev := webhook.Event{AppID: e.AppID, Kind: aurora.EventTest, At: t.now, Detail: detail}
		if err := insertEvent(t, &ev); err != nil {
			return err
		}
		d = webhook.Delivery{Webhook: e.Number, Event: ev}
		return t.row("INSERT INTO delivery (webhook, event, part, due_at) VALUES ($1, $2, 0, $3) RETURNING id", e.Number, ev.Seq, millis(until)).Scan(&d.ID)
	})
	return d, err
}

// instead turns the ledger's word for "no rows" into another service's.
func instead(err, other error) error {
	if errors.Is(err, ledger.ErrNone) {
		return other
	}
	return err
}
