package device

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Bounds of what is kept on the device.
const (
	maxQueuedReceipts = 1000 // the oldest are given up beyond that
	maxKnownReceipts  = 512  // remembered so that one event is not reported twice
	maxTags           = 1000 // tags of a device (spec ios-sdk §3.3)
)

// record is everything that must survive a restart of the app.
type record struct {
	Version        int       `json:"version"`
	Server         string    `json:"server"`
	AppKey         string    `json:"app_key"`
	InstallID      string    `json:"install_id"`
	Secret         string    `json:"secret"`
	RegistrationID string    `json:"registration_id,omitempty"`
	Wanted         changes   `json:"wanted"`             // all that was ever asked for: what a new registration must be told
	Pending        changes   `json:"pending"`            // the part Aurora has not confirmed
	Receipts       []Receipt `json:"receipts,omitempty"` // not yet delivered, oldest first
	Known          []string  `json:"known,omitempty"`    // "msg_id event" of the latest receipts, delivered or not, oldest first
	// In-app messages that the app has not taken yet, and the ids of the latest that arrived, oldest first.
	Inbox      []InAppMessage `json:"inbox,omitempty"`
	KnownInApp []string       `json:"known_in_app,omitempty"`
}

const recordVersion = 1

func decodeRecord(data []byte) (record, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("device: the stored record is damaged: %w", err)
	}
	if r.Version != recordVersion {
		return record{}, fmt.Errorf("device: the stored record has version %d, this SDK knows %d", r.Version, recordVersion)
	}
	return r, nil
}

func (r *record) encode() ([]byte, error) {
	r.Version = recordVersion
	return json.Marshal(r)
}

// newIdentity makes the installation's id and secret. They are stored before they are first sent: a registration whose
// answer was lost is repeated with the same values and therefore yields the same registration id.
func (r *record) newIdentity() {
	var id [16]byte
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, RFC 9562 §5.4
	r.InstallID = fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	var secret [32]byte
	rand.Read(secret[:])
	r.Secret = base64.RawURLEncoding.EncodeToString(secret[:])
}

// forget drops the registration; all that is wanted has to be reported to the next one.
func (r *record) forget() {
	r.RegistrationID = ""
	r.Pending = r.Wanted.clone()
}

// bind ties the record to an app and a server. A record of another app or server keeps the installation's identity and
// what the app asked for, but neither the registration nor receipts for messages the new place never sent.
func (r *record) bind(server, appKey string) {
	if r.Server == server && r.AppKey == appKey {
		return
	}
	if r.AppKey != "" {
		r.Receipts, r.Known, r.Inbox, r.KnownInApp = nil, nil, nil, nil
		r.forget()
	}
	r.Server, r.AppKey = server, appKey
}

func (r *record) want(c changes) {
	r.Wanted = r.Wanted.then(c)
	r.Pending = r.Pending.then(c)
	r.Wanted.StartTokens, r.Wanted.ActivityTokens = r.Wanted.StartTokens.live(), r.Wanted.ActivityTokens.live()
	// An app that rotates its tags for years must not carry the list of all it ever removed; a new registration starts
	// without them anyway.
	if t := r.Wanted.Tags; t != nil && len(t.Remove) > maxTags {
		r.Wanted.Tags = &tagChanges{Add: t.Add}
	}
}

// confirm removes from Pending what Aurora has accepted, unless the app has changed its mind since: such a field differs
// from what was sent, stays pending and is sent once more.
func (r *record) confirm(sent changes) { r.Pending = r.Pending.without(sent) }

// add queues the receipts that are new and returns how many old ones had to be given up for room.
func (r *record) add(receipts []Receipt) (added bool, dropped int) {
	for _, receipt := range receipts {
		key := receipt.MessageID + " " + string(receipt.Event)
		if slices.Contains(r.Known, key) {
			continue
		}
		added = true
		r.Known = append(r.Known, key)
		r.Receipts = append(r.Receipts, receipt)
	}
	if over := len(r.Known) - maxKnownReceipts; over > 0 {
		r.Known = slices.Delete(r.Known, 0, over)
	}
	if over := len(r.Receipts) - maxQueuedReceipts; over > 0 {
		r.Receipts = slices.Delete(r.Receipts, 0, over)
		dropped = over
	}
	return added, dropped
}

// settle removes delivered receipts from the queue.
func (r *record) settle(delivered []Receipt) {
	r.Receipts = slices.DeleteFunc(r.Receipts, func(queued Receipt) bool {
		return slices.ContainsFunc(delivered, queued.same)
	})
}

// changes is a set of desired values, and at the same time the body of the request that reports them; nil fields are not
// part of it.
type changes struct {
	Token                *string     `json:"token,omitempty"`
	Environment          *string     `json:"environment,omitempty"` // travels with Token
	AppVersion           *string     `json:"app_version,omitempty"`
	OSVersion            *string     `json:"os_version,omitempty"`
	Model                *string     `json:"model,omitempty"`
	Language             *string     `json:"language,omitempty"`
	TimeZone             *string     `json:"time_zone,omitempty"`
	Channel              *string     `json:"channel,omitempty"`
	PushEnabled          *bool       `json:"push_enabled,omitempty"`
	NotificationsAllowed *bool       `json:"notifications_allowed,omitempty"`
	Alias                *string     `json:"alias,omitempty"`
	Tags                 *tagChanges `json:"tags,omitempty"`
	Badge                *int        `json:"badge,omitempty"`
	VoIPToken            *string     `json:"voip_token,omitempty"` // this and the next two travel with the environment too
	StartTokens          tokens      `json:"live_activity_start_tokens,omitempty"`
	ActivityTokens       tokens      `json:"live_activity_tokens,omitempty"`
}

// tokens are by the type of a live activity's attributes, or by its id; "" removes one.
type tokens map[string]string

// then adds later values; the operands are not changed.
func (t tokens) then(later tokens) tokens {
	if len(later) == 0 {
		return t
	}
	all := maps.Clone(t)
	if all == nil {
		all = tokens{}
	}
	maps.Copy(all, later)
	return all
}

// live drops removals: a new registration starts without them anyway.
func (t tokens) live() tokens {
	all := maps.Clone(t)
	maps.DeleteFunc(all, func(_, token string) bool { return token == "" })
	return all
}

// without drops what has the same value in sent.
func (t tokens) without(sent tokens) tokens {
	rest := maps.Clone(t)
	maps.DeleteFunc(rest, func(name, token string) bool { was, ok := sent[name]; return ok && was == token })
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// parts lists groups of fields that may be refused independently of each other.
func (c changes) parts() []changes {
	all := []changes{
		{Token: c.Token, Environment: withToken(c.Token != nil, c.Environment)},
		{VoIPToken: c.VoIPToken, Environment: withToken(c.VoIPToken != nil, c.Environment)},
		{StartTokens: c.StartTokens, Environment: withToken(c.StartTokens != nil, c.Environment)},
		{ActivityTokens: c.ActivityTokens, Environment: withToken(c.ActivityTokens != nil, c.Environment)},
		{AppVersion: c.AppVersion, OSVersion: c.OSVersion, Model: c.Model, Language: c.Language, TimeZone: c.TimeZone, Channel: c.Channel},
		{PushEnabled: c.PushEnabled},
		{NotificationsAllowed: c.NotificationsAllowed},
		{Alias: c.Alias},
		{Tags: c.Tags},
		{Badge: c.Badge},
	}
	return slices.DeleteFunc(all, changes.empty)
}

func withToken(present bool, environment *string) *string {
	if !present {
		return nil
	}
	return environment
}

func (c changes) empty() bool { return reflect.ValueOf(c).IsZero() }

// fields calls visit with the same field of a and b, one after the other.
func fields(a, b *changes, visit func(a, b reflect.Value)) {
	va, vb := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range va.NumField() {
		visit(va.Field(i), vb.Field(i))
	}
}

// then returns c followed by later: later values replace earlier ones, tag operations are composed.
func (c changes) then(later changes) changes {
	tags := c.Tags.then(later.Tags)
	starts, activities := c.StartTokens.then(later.StartTokens), c.ActivityTokens.then(later.ActivityTokens)
	fields(&c, &later, func(mine, theirs reflect.Value) {
		if !theirs.IsNil() {
			mine.Set(theirs)
		}
	})
	c.Tags, c.StartTokens, c.ActivityTokens = tags, starts, activities
	return c
}

// without returns c minus the fields that have the same value in sent.
func (c changes) without(sent changes) changes {
	environment := c.Environment
	starts, activities := c.StartTokens.without(sent.StartTokens), c.ActivityTokens.without(sent.ActivityTokens)
	fields(&c, &sent, func(mine, theirs reflect.Value) {
		if !theirs.IsNil() && reflect.DeepEqual(mine.Interface(), theirs.Interface()) {
			mine.SetZero()
		}
	})
	c.StartTokens, c.ActivityTokens = starts, activities
	// The environment qualifies the tokens: it stays for as long as any of them.
	if c.Environment = nil; c.Token != nil || c.VoIPToken != nil || c.StartTokens != nil || c.ActivityTokens != nil {
		c.Environment = environment
	}
	return c
}

// clone exists because tag operations are the only field that is composed rather than replaced; pointers to plain values
// are never written through.
func (c changes) clone() changes {
	c.Tags = c.Tags.then(nil)
	return c
}

// tagChanges is an operation on the set of tags: replace it, or add and remove some. Applying it twice changes nothing
// more, which is what makes repeating it after a lost answer safe.
type tagChanges struct {
	Set    *[]string `json:"set,omitempty"`
	Add    []string  `json:"add,omitempty"`
	Remove []string  `json:"remove,omitempty"`
}

// then composes two operations into one; either may be nil. The operands are not changed.
func (t *tagChanges) then(later *tagChanges) *tagChanges {
	if later == nil {
		later = &tagChanges{}
		if t == nil {
			return nil
		}
	}
	if t == nil || later.Set != nil {
		t, later = later, &tagChanges{}
	}
	if t.Set != nil {
		set := union(without(*t.Set, later.Remove), later.Add)
		if set == nil {
			set = []string{} // the empty set on the wire is [], not null
		}
		return &tagChanges{Set: &set}
	}
	return &tagChanges{
		Add:    union(without(t.Add, later.Remove), later.Add),
		Remove: union(without(t.Remove, later.Add), later.Remove),
	}
}

// union returns the sorted elements of both; sorted, so that equal sets compare equal.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
