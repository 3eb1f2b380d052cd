package iphone

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// activityTopic is what the topic of live activities adds to the bundle id (spec apns.md §2.3).
const activityTopic = ".push-type.liveactivity"

// SampleActivity is the type of the attributes of the sample app's live activities.
const SampleActivity = "Match"

const (
	longestDismissal = 4 * time.Hour // an ended activity stays at most this long (spec apns.md §6.1)
	maxActivities    = 8
)

// Activity is a live activity: a card on the lock screen that pushes keep up to date.
type Activity struct {
	ID         string          `json:"id"` // "a1", "a2", …
	BundleID   string          `json:"bundle_id"`
	AppName    string          `json:"app_name"`
	Type       string          `json:"type"`       // attributes-type
	Attributes json.RawMessage `json:"attributes"` // fixed for its life; null when started without
	ChannelID  string          `json:"channel_id"` // the broadcast channel it listens to; "" = its token
	Token      string          `json:"token"`      // updates and ends this activity; "" until APNs has given it, and with a channel
	State      json.RawMessage `json:"state"`      // content-state of the newest push
	Timestamp  int64           `json:"timestamp"`  // of that push, epoch seconds; 0 = none yet
	Ended      bool            `json:"ended"`
	StaleAt    time.Time       `json:"stale_at,omitzero"`
	DismissAt  time.Time       `json:"dismiss_at,omitzero"` // when the card of an ended one goes away
	key        string          // names it to APNs
}

// activityContent is what a live-activity push says.
type activityContent struct {
	event, kind, channel string
	timestamp            int64
	state, attributes    json.RawMessage
	staleAt, dismissAt   time.Time
	dismissal            bool   // dismissal-date is there
	incomplete           string // what is missing
}

// change is what a push does to a card.
type change string

const (
	startCard  change = "started"
	updateCard change = "updated"
	endCard    change = "ended"
)

func (n *notice) readActivity(aps map[string]json.RawMessage) {
	a := &activityContent{
		event: n.text("event", aps), kind: n.text("attributes-type", aps), channel: n.text("input-push-channel", aps),
		state: aps["content-state"], attributes: aps["attributes"],
	}
	stamp, stamped := n.moment("timestamp", aps)
	if stamped {
		a.timestamp = stamp.Unix()
	}
	n.flag("input-push-token", aps) // every activity without a channel gets a token; what is not a number is named
	a.staleAt, _ = n.moment("stale-date", aps)
	a.dismissAt, a.dismissal = n.moment("dismissal-date", aps)
	switch { // spec apns.md §6.4
	case a.event != "start" && a.event != "update" && a.event != "end":
		a.incomplete = "event must be start, update or end"
	case !stamped:
		a.incomplete = "timestamp is missing"
	case a.event != "end" && a.state == nil:
		a.incomplete = "content-state is missing"
	case a.event == "start" && (a.kind == "" || a.attributes == nil || !n.hasAlert()):
		a.incomplete = "start needs attributes-type, attributes and alert"
	}
	n.activity = a
}

// moment reads epoch seconds.
func (n *notice) moment(key string, aps map[string]json.RawMessage) (time.Time, bool) {
	raw, present := aps[key]
	if !present {
		return time.Time{}, false
	}
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || math.Abs(seconds) > 1e11 {
		n.flaw(fmt.Sprintf("aps.%s %.40s is not a time in seconds since 1970", key, raw))
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// decideActivity is decide for live activities: the newest timestamp wins, whatever state the app is in. Their permission is
// a setting of its own, which the sample phone grants.
func decideActivity(s situation, n notice) decision {
	a, d := n.activity, decision{status: statusOK}
	switch {
	case a.incomplete != "":
		d.because = "the live-activity push is ignored: " + a.incomplete
		return d
	case a.event == "start" && s.activityToken:
		d.because = "no live activity started: the push came by the token of one that runs; the push-to-start token starts them"
		return d
	case a.event == "start" && !s.build.LiveActivities:
		d.because = "no live activity started: the app does not have any"
		return d
	case a.event == "start":
		d.card = startCard
	case s.activity == nil:
		d.because = "no live activity is running that this push could " + a.event + "; each has a token of its own"
		return d
	case a.timestamp <= s.activity.Timestamp:
		d.because = fmt.Sprintf("the live-activity push is ignored: its timestamp %d is not newer than %d", a.timestamp, s.activity.Timestamp)
		return d
	case a.event == "update":
		d.card = updateCard
	default:
		d.card = endCard
	}
	d.show = onCard
	if n.hasAlert() && s.through(n.level) {
		d.lights = s.locked
		s.silence(&d, n, n.level)
	}
	return d
}

// activityFor finds the running activity that a push is about: by its channel or by its token.
func (p *Phone) activityFor(i *installation, n notice) *Activity {
	if n.activity == nil {
		return nil
	}
	if n.ChannelID == "" {
		if a := p.activityOf(i, n.Token); a != nil && !a.Ended {
			return a
		}
		return nil
	}
	at := slices.IndexFunc(p.activities, func(a *Activity) bool {
		return a.BundleID == i.app.BundleID && a.ChannelID == n.ChannelID && !a.Ended
	})
	if at < 0 {
		return nil
	}
	return p.activities[at]
}

func (p *Phone) changeCard(i *installation, n notice, c change) {
	content := n.activity
	if c == startCard {
		p.addActivity(i, &Activity{Type: content.kind, Attributes: content.attributes, State: content.state, ChannelID: content.channel, Timestamp: content.timestamp, StaleAt: content.staleAt})
		return
	}
	a := p.activityFor(i, n)
	a.Timestamp, a.StaleAt = content.timestamp, content.staleAt
	if content.state != nil {
		a.State = content.state
	}
	if c == endCard {
		p.endActivity(a, content)
	}
}

func (p *Phone) addActivity(i *installation, a *Activity) {
	p.activityIDs++
	a.key = newInstallID()
	a.ID, a.BundleID, a.AppName = fmt.Sprintf("a%d", p.activityIDs), i.app.BundleID, i.app.Name
	p.activities = slices.Insert(p.activities, 0, a)
	for len(p.activities) > maxActivities {
		p.dismissActivity(p.activities[len(p.activities)-1])
	}
	if p.session != nil {
		p.session.follow(a)
	}
}

// endActivity leaves the card where it is until its dismissal date, four hours at most.
func (p *Phone) endActivity(a *Activity, content *activityContent) {
	now := time.Now()
	if i, err := p.find(a.BundleID); err == nil {
		a.giveUpToken(i)
	}
	a.Ended, a.DismissAt = true, now.Add(longestDismissal)
	if content.dismissal && content.dismissAt.Before(a.DismissAt) {
		a.DismissAt = content.dismissAt
	}
	if !a.DismissAt.After(now) {
		p.dismissActivity(a)
		return
	}
	p.later(a.DismissAt.Sub(now), func() { p.dismissActivity(a) })
}

func (p *Phone) dismissActivity(a *Activity) {
	at := slices.Index(p.activities, a)
	if at < 0 {
		return
	}
	p.activities = slices.Delete(p.activities, at, at+1)
	p.note("screen", "the card of live activity %s goes away", a.ID)
	i, err := p.find(a.BundleID)
	switch {
	case err != nil:
	case a.ChannelID == "" && !a.Ended:
		a.Ended = true
		a.giveUpToken(i)
	case a.ChannelID != "":
		p.send(map[string]any{"op": "unsubscribe", "bundle_id": a.BundleID, "environment": i.app.Environment, "channel_id": a.ChannelID})
	}
}

// StartActivity lets a running app start a live activity by itself. With a channel it listens to broadcasts on that channel,
// otherwise it gets a token of its own. State is its first content-state.
func (p *Phone) StartActivity(bundleID, kind, channelID string, state json.RawMessage) error {
	if !json.Valid(state) {
		return fmt.Errorf("iphone: the state of the live activity is not JSON: %.80q", state)
	}
	return p.inApp(bundleID, func(i *installation) error {
		if !i.build.LiveActivities {
			return fmt.Errorf("iphone: %s has no live activities; set LiveActivities in its Build", i.app.Name)
		}
		p.note("app", "starts a live activity of type %s", kind)
		p.addActivity(i, &Activity{Type: kind, ChannelID: channelID, State: state})
		return nil
	})
}

// follow asks APNs for what keeps an activity up to date: what its channel broadcasts, or a token of its own. Repeating it
// changes nothing.
func (s *session) follow(a *Activity) {
	i, err := s.phone.find(a.BundleID)
	if a.Ended || err != nil {
		return
	}
	if a.ChannelID == "" {
		ref := s.ask(request{app: i, installID: i.installID, kind: startToken, activity: a})
		s.send(map[string]any{
			"op": "register", "ref": ref, "bundle_id": a.BundleID + activityTopic, "environment": i.app.Environment, "install": a.key, "activity": a.key,
		})
		return
	}
	ref := s.ask(request{app: i, installID: i.installID, channel: a.ChannelID})
	s.send(map[string]any{
		"op": "subscribe", "ref": ref, "bundle_id": a.BundleID, "environment": i.app.Environment, "channel_id": a.ChannelID,
	})
}

// name is by which the app's server knows an activity: the member "id" of its attributes, if that is a text, else the phone's
// own id.
func (a *Activity) name() string {
	var attributes struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(a.Attributes, &attributes) == nil && attributes.ID != "" && len(attributes.ID) <= 64 {
		return attributes.ID
	}
	return a.ID
}

// didRegister gives an activity its token, which the app passes on to its server (Apple: pushTokenUpdates).
func (a *Activity) didRegister(i *installation, token string) {
	if a.Token == token {
		return
	}
	if a.Ended { // meanwhile
		a.Token = token
		a.giveUpToken(i)
		return
	}
	a.Token = token
	i.phone.note("apns", "APNs → phone: token %.8s… for live activity %s of %s", token, a.ID, i.app.Name)
	i.phone.note("app", "pushTokenUpdates: live activity %s has the token %.8s…, handed to the SDK as %q", a.ID, token, a.name())
	if i.client != nil {
		i.client.RegisterActivityToken(a.name(), rawToken(token))
	}
}

// giveUpToken tells APNs that the activity is over, and refuses what is still sent to its token.
func (a *Activity) giveUpToken(i *installation) {
	if a.ChannelID != "" {
		return
	}
	i.retire(a.Token)
	if i.client != nil {
		i.client.RegisterActivityToken(a.name(), nil)
	}
	i.phone.send(map[string]any{"op": "uninstall", "bundle_id": a.BundleID + activityTopic, "environment": i.app.Environment, "activity": a.key})
}

// activityOf finds the activity that has a token, nil if none has.
func (p *Phone) activityOf(i *installation, token string) *Activity {
	at := slices.IndexFunc(p.activities, func(a *Activity) bool {
		return a.BundleID == i.app.BundleID && a.Token != "" && strings.EqualFold(a.Token, token)
	})
	if at < 0 {
		return nil
	}
	return p.activities[at]
}

// isActivityToken tells the token of one activity from the one that starts them.
func (i *installation) isActivityToken(n notice) bool {
	return n.activity != nil && n.ChannelID == "" && i.phone.activityOf(i, n.Token) != nil
}
