package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

var errNoSchedule = aurora.Errorf(aurora.NotFound, "There is no such schedule. GET /v3/schedules lists those that are not finished.")

// CreateSchedule stores a schedule, unless its CID was used before or the app
// has too many.
func (s *Store) CreateSchedule(ctx context.Context, n dispatch.Schedule, cid string, max int) (stored dispatch.Schedule, err error) {
	rule, push, err := encodeSchedule(n)
	if err != nil {
		return n, err
	}
	err = s.write(ctx, func(t *tx) error {
		stored = n
		stored.Revision = 1
		if cid != "" {
			if first, known, err := useScheduleCID(t, n, cid); known || err != nil {
				stored = first
				return err
			}
		}
		if err := t.gate("schedules", n.AppID); err != nil {
			return err
		}
		var unfinished int
		if err := t.row("SELECT COUNT(*) FROM schedule WHERE app_id = $1 AND "+unfinishedAt2, n.AppID, millis(n.CreatedAt)).Scan(&unfinished); err != nil {
			return err
		}
		if unfinished >= max {
			return aurora.Errorf(aurora.Full, "The app has %d schedules that are not finished, and no more are allowed. Delete some.", unfinished)
		}
		_, err := t.exec(`INSERT INTO schedule (id, app_id, name, enabled, rule, push, trigger_body, push_body, created_at, next_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			n.ID, n.AppID, n.Name, n.Enabled, rule, push, string(n.TriggerBody), string(n.PushBody), millis(n.CreatedAt), millis(n.NextAt), millis(n.LastAt))
		return err
	})
	return stored, err
}

// unfinishedAt2 is dispatch.Schedule.Finished as SQL, negated, for the moment $2.
const unfinishedAt2 = "finished_at = 0 AND (enabled = 1 OR last_at > $2)"

func useScheduleCID(t *tx, n dispatch.Schedule, cid string) (first dispatch.Schedule, known bool, err error) {
	if _, err := t.exec("DELETE FROM schedule_cid WHERE app_id = $1 AND cid = $2 AND created_at < $3", n.AppID, cid, millis(t.now.Add(-cidLife))); err != nil {
		return first, false, err
	}
	changed, err := t.exec("INSERT INTO schedule_cid (app_id, cid, schedule_id, name, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (app_id, cid) DO NOTHING", n.AppID, cid, n.ID, n.Name, millis(t.now))
	if err != nil || changed == 1 {
		return first, false, err
	}
	err = t.row("SELECT schedule_id, name FROM schedule_cid WHERE app_id = $1 AND cid = $2", n.AppID, cid).Scan(&first.ID, &first.Name)
	return first, true, err
}

var errNoCID = errors.New("store: the cid is not known")

// UsedScheduleCID returns id and name of the schedule that used a CID.
func (s *Store) UsedScheduleCID(ctx context.Context, appID int64, cid string) (first dispatch.Schedule, used bool, err error) {
	err = s.row(ctx, "SELECT schedule_id, name FROM schedule_cid WHERE app_id = $1 AND cid = $2 AND created_at >= $3", appID, cid, millis(time.Now().Add(-cidLife))).Scan(&first.ID, &first.Name)
	if err = none(err, errNoCID); errors.Is(err, errNoCID) {
		return first, false, nil
	}
	return first, err == nil, err
}

// template is how a schedule's push is stored.
type template struct {
	SendNo    int64
	Source    string
	Platforms []aurora.Platform
	Audience  string
	Content   aurora.Content
	Options   aurora.Options
	// MaxDevices is the push's bound; older rows have none.
	MaxDevices uint64 `json:",omitempty"`
}

func encodeSchedule(n dispatch.Schedule) (rule, push string, err error) {
	r, err := json.Marshal(n.Trigger)
	if err != nil {
		return "", "", err
	}
	m := n.Push.Message
	var b bytes.Buffer
	plain := json.NewEncoder(&b)
	plain.SetEscapeHTML(false) // see insertMessage
	err = plain.Encode(template{m.SendNo, m.Source, m.Platforms, n.Push.Audience.String(), m.Content, m.Options, n.Push.MaxDevices})
	return string(r), b.String(), err
}

const scheduleColumns = "id, app_id, name, enabled, rule, push, trigger_body, push_body, created_at, next_at, last_at, finished_at, revision"

func scanSchedule(row scanner) (n dispatch.Schedule, err error) {
	var rule, push, triggerBody, pushBody string
	var created, next, last, finished int64
	if err := row.Scan(&n.ID, &n.AppID, &n.Name, &n.Enabled, &rule, &push, &triggerBody, &pushBody, &created, &next, &last, &finished, &n.Revision); err != nil {
		return n, none(err, errNoSchedule)
	}
	n.TriggerBody, n.PushBody = json.RawMessage(triggerBody), json.RawMessage(pushBody)
	n.CreatedAt, n.NextAt, n.LastAt, n.FinishedAt = fromMillis(created), fromMillis(next), fromMillis(last), fromMillis(finished)
	var p template
	var audienceErr error
	ruleErr, pushErr := json.Unmarshal([]byte(rule), &n.Trigger), json.Unmarshal([]byte(push), &p)
	n.Push.Message = aurora.Message{SendNo: p.SendNo, Source: p.Source, Platforms: p.Platforms, Content: p.Content, Options: p.Options}
	n.Push.MaxDevices = p.MaxDevices
	n.Push.Audience, audienceErr = audience.Parse(p.Audience)
	for _, body := range []*json.RawMessage{&n.TriggerBody, &n.PushBody} {
		if len(*body) > 0 && !json.Valid(*body) {
			pushErr = errors.Join(pushErr, errors.New("store: what the caller wrote is not JSON"))
			*body = json.RawMessage("null")
		}
	}
	n.Damaged = errors.Join(ruleErr, pushErr, audienceErr) // one row that is must not hide the others
	return n, nil
}

// Schedule returns a schedule of the app.
func (s *Store) Schedule(ctx context.Context, appID int64, id string) (dispatch.Schedule, error) {
	return scanSchedule(s.row(ctx, "SELECT "+scheduleColumns+" FROM schedule WHERE id = $1 AND app_id = $2", id, appID))
}

// Schedules returns a page of the app's unfinished schedules.
func (s *Store) Schedules(ctx context.Context, appID int64, now time.Time, offset, limit int) (page []dispatch.Schedule, total int, err error) {
	if err := s.row(ctx, "SELECT COUNT(*) FROM schedule WHERE app_id = $1 AND "+unfinishedAt2, appID, millis(now)).Scan(&total); err != nil {
		return nil, 0, err
	}
	err = s.rows(ctx, func(row scanner) error {
		n, err := scanSchedule(row)
		page = append(page, n)
		return err
	}, "SELECT "+scheduleColumns+" FROM schedule WHERE app_id = $1 AND "+unfinishedAt2+" ORDER BY number LIMIT $3 OFFSET $4", appID, millis(now), limit, offset)
	return page, total, err
}

// ChangeSchedule replaces a schedule that nobody has changed since it was read.
func (s *Store) ChangeSchedule(ctx context.Context, n dispatch.Schedule) error {
	rule, push, err := encodeSchedule(n)
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		return moved(t.exec(`UPDATE schedule SET name = $3, enabled = $4, rule = $5, push = $6, trigger_body = $7, push_body = $8, next_at = $9, last_at = $10, revision = revision + 1
			WHERE id = $1 AND revision = $2`, n.ID, n.Revision, n.Name, n.Enabled, rule, push, string(n.TriggerBody), string(n.PushBody), millis(n.NextAt), millis(n.LastAt)))
	})
}

// moved turns an update of no row into ErrMoved.
func moved(changed int64, err error) error {
	if err == nil && changed == 0 {
		return dispatch.ErrMoved
	}
	return err
}

// DeleteSchedule forgets a schedule of the app.
func (s *Store) DeleteSchedule(ctx context.Context, appID int64, id string) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec("DELETE FROM schedule WHERE id = $1 AND app_id = $2", id, appID)
		if err != nil {
			return err
		}
		if changed == 0 {
			return errNoSchedule
		}
		_, err = t.exec("DELETE FROM firing WHERE schedule_id = $1", id)
		return err
	})
}

// DueSchedules returns schedules whose time has come, oldest first.
func (s *Store) DueSchedules(ctx context.Context, now time.Time, after dispatch.Schedule, max int) (due []dispatch.Schedule, err error) {
	err = s.rows(ctx, func(row scanner) error {
		n, err := scanSchedule(row)
		due = append(due, n)
		return err
	}, "SELECT "+scheduleColumns+" FROM schedule WHERE next_at > 0 AND next_at <= $1 AND (next_at > $2 OR next_at = $2 AND id > $3) ORDER BY next_at, id LIMIT $4",
		millis(now), millis(after.NextAt), after.ID, max)
	return due, err
}

// NextDue returns when the next schedule fires.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var next int64
	err := s.row(ctx, "SELECT COALESCE(MIN(next_at), 0) FROM schedule WHERE next_at > 0").Scan(&next)
	return fromMillis(next), err
}

// FireSchedule moves a schedule on and stores what its occurrence sends.
func (s *Store) FireSchedule(ctx context.Context, f dispatch.Firing) error {
	finished := time.Time{}
	if f.Next.IsZero() {
		finished = f.Fired.FiredAt
	}
	return s.write(ctx, func(t *tx) error {
		if err := moved(t.exec("UPDATE schedule SET next_at = $3, finished_at = $4, revision = revision + 1 WHERE id = $1 AND revision = $2", f.Schedule.ID, f.Schedule.Revision, millis(f.Next), millis(finished))); err != nil {
			return err
		}
		if _, err := t.exec("INSERT INTO firing (schedule_id, due_at, fired_at, message_id, problem) VALUES ($1, $2, $3, $4, $5)",
			f.Schedule.ID, millis(f.Fired.At), millis(f.Fired.FiredAt), int64(f.Fired.MessageID), f.Fired.Problem); err != nil {
			return err
		}
		if f.Accepted == nil {
			return nil
		}
		if _, err := insertAccepted(t, *f.Accepted); err != nil {
			return err
		}
		return s.tellAccepted(t, *f.Accepted)
	})
}

// Firings returns what became of a schedule's occurrences.
func (s *Store) Firings(ctx context.Context, scheduleID string) (all []dispatch.Fired, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var f dispatch.Fired
		var due, fired int64
		err := row.Scan(&due, &fired, &f.MessageID, &f.Problem)
		f.At, f.FiredAt = fromMillis(due), fromMillis(fired)
		all = append(all, f)
		return err
	}, "SELECT due_at, fired_at, message_id, problem FROM firing WHERE schedule_id = $1 ORDER BY number", scheduleID)
	return all, err
}
