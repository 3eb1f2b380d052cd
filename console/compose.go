package console

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// draft is a message as it is typed: text of any kind in every field.
type draft struct {
	Title, Subtitle, Body            string
	Sound, Badge                     string
	Category, Thread, Level          string
	ContentAvailable, MutableContent bool
	Extras                           string
	Media                            string // address of a picture or film that the app's extension fetches
	Audience                         string // "all", "chosen" or "expression"
	Expression                       string // as docs/audience.md has it
	TagAny, TagAll, TagNone          string // separated by commas or lines
	Alias, Registration              string
	Environment                      string
	Life, LifeUnit                   string // time to live
	CollapseID                       string
	When                             string // "now" or "later"
	At, Zone                         string // a time of day there, and where
	Pace                             string // minutes
	Nonce                            string // of the rendered form
}

func readDraft(f url.Values) draft {
	text := func(name string) string { return strings.ReplaceAll(f.Get(name), "\r\n", "\n") }
	word := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	return draft{
		Title: word("title"), Subtitle: word("subtitle"), Body: text("body"),
		Sound: word("sound"), Badge: word("badge"),
		Category: word("category"), Thread: word("thread"), Level: word("level"),
		ContentAvailable: f.Has("content_available"), MutableContent: f.Has("mutable_content"),
		Extras: text("extras"), Media: word("media"),
		Audience: word("audience"), Expression: text("expression"), TagAny: text("tag"), TagAll: text("tag_and"), TagNone: text("tag_not"),
		Alias: text("alias"), Registration: text("registration_id"),
		Environment: word("environment"), Life: word("life"), LifeUnit: word("life_unit"),
		CollapseID: word("collapse_id"), Nonce: word("nonce"),
		When: word("when"), At: word("at"), Zone: word("zone"), Pace: word("pace"),
	}
}

// field is one of the form's.
type field struct{ Name, Value string }

// Fields are the draft as the form would send it, for a page that asks once
// more.
func (d draft) Fields() []field {
	fields := []field{
		{"title", d.Title}, {"subtitle", d.Subtitle}, {"body", d.Body}, {"sound", d.Sound}, {"badge", d.Badge},
		{"category", d.Category}, {"thread", d.Thread}, {"level", d.Level}, {"extras", d.Extras}, {"media", d.Media},
		{"audience", d.Audience}, {"expression", d.Expression}, {"tag", d.TagAny}, {"tag_and", d.TagAll}, {"tag_not", d.TagNone},
		{"alias", d.Alias}, {"registration_id", d.Registration}, {"environment", d.Environment},
		{"life", d.Life}, {"life_unit", d.LifeUnit}, {"collapse_id", d.CollapseID}, {"nonce", d.Nonce},
		{"when", d.When}, {"at", d.At}, {"zone", d.Zone}, {"pace", d.Pace},
	}
	if d.ContentAvailable {
		fields = append(fields, field{"content_available", "on"})
	}
	if d.MutableContent {
		fields = append(fields, field{"mutable_content", "on"})
	}
	return fields
}

// problems are sentences by the name of the field they stand beside; "" is
// for those about the whole message.
type problems map[string]error

func (p problems) add(field string, err error) {
	if err != nil && p[field] == nil {
		p[field] = err
	}
}

func (p problems) any(fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return p[f] != nil })
}

// push is a draft that was understood.
type push struct {
	Message  aurora.Message
	Audience audience.Expr
	At       time.Time // when it is to be sent; zero is now
	rest     any       // the audience member of POST /v3/push
}

// read turns the draft into a push. What is wrong is named and left out, so
// that the rest can still be shown.
func (d draft) read(now time.Time) (push, problems) {
	p, bad := push{}, problems{}
	p.Message.Source = "console"
	p.Message.Platforms = []aurora.Platform{aurora.IOS}
	p.Message.Content.IOS = d.notification(bad)
	p.Message.Options = d.options(bad)
	p.Audience, p.rest = d.audience(bad)
	p.At = d.at(bad, now)
	if len(bad) == 0 {
		bad.add("", p.Message.Validate())
	}
	return p, bad
}

func (d draft) notification(bad problems) *aurora.IOSNotification {
	n := &aurora.IOSNotification{
		Alert:            d.alert(),
		ContentAvailable: d.ContentAvailable, MutableContent: d.MutableContent,
		Category: d.Category, ThreadID: d.Thread,
	}
	if n.Alert == nil && !n.ContentAvailable {
		bad.add("body", aurora.Errorf(aurora.Missing, "Write a title or a text. For a silent push, tick “Wake the app in the background” instead."))
	}
	if d.Sound != "" {
		n.Sound = compact(d.Sound)
	}
	if d.Badge != "" {
		if badge, err := aurora.ParseBadge(d.Badge); err == nil {
			n.Badge = &badge
		} else {
			bad.add("badge", aurora.Errorf(aurora.Invalid, "The badge is a number from 0 to %d, or a change such as +1 or -1.", aurora.MaxBadge))
		}
	}
	if d.Level != "" && !slices.Contains(aurora.InterruptionLevels, d.Level) {
		bad.add("level", aurora.Errorf(aurora.Invalid, "Choose one of the levels."))
	} else {
		n.InterruptionLevel = d.Level
	}
	extras, err := readExtras(d.Extras)
	bad.add("extras", err)
	n.Extras = extras
	if d.Media != "" {
		if err := checkMedia(d.Media); err != nil {
			bad.add("media", err)
			return n
		}
		if n.Extras == nil {
			n.Extras = map[string]json.RawMessage{}
		}
		n.Extras[mediaKey], n.MutableContent = compact(d.Media), true
	}
	return n
}

// mediaKey is the extra that carries the address of a picture or film. iOS
// shows one only if the app's service extension fetches it, which runs for
// pushes with mutable-content.
const mediaKey = "media"

func checkMedia(address string) error {
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
		return aurora.Errorf(aurora.Invalid, "The media is an https address of a picture, sound or film.")
	}
	return nil
}

// alert is a plain string when there is a text only, as most servers send it.
func (d draft) alert() json.RawMessage {
	if d.Title == "" && d.Subtitle == "" {
		if strings.TrimSpace(d.Body) == "" {
			return nil
		}
		return compact(d.Body)
	}
	return compact(struct {
		Title    string `json:"title,omitempty"`
		Subtitle string `json:"subtitle,omitempty"`
		Body     string `json:"body,omitempty"`
	}{d.Title, d.Subtitle, d.Body})
}

func readExtras(text string) (map[string]json.RawMessage, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var extras map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &extras); err != nil {
		return nil, aurora.Errorf(aurora.Invalid, "The extras are not a JSON object: %v. Write them like {\"article\": 17}.", err)
	}
	for _, reserved := range []string{"aps", "_j_msgid"} {
		if _, ok := extras[reserved]; ok {
			return nil, aurora.Errorf(aurora.Invalid, "The key %q belongs to the push itself. Use another name.", reserved)
		}
	}
	if len(extras) == 0 {
		return nil, nil
	}
	return extras, nil
}

var lifeUnits = map[string]int64{"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}

func (d draft) options(bad problems) aurora.Options {
	o := aurora.Options{CollapseID: d.CollapseID}
	env, err := aurora.ParseEnvironment(d.Environment)
	bad.add("environment", err)
	o.Production = env == aurora.Production
	if len(d.CollapseID) > aurora.MaxCollapseID {
		bad.add("collapse_id", aurora.Errorf(aurora.Invalid, "The collapse id is %d bytes long; APNs allows at most %d.", len(d.CollapseID), aurora.MaxCollapseID))
	}
	if d.Pace != "" {
		if o.Pace, err = strconv.Atoi(d.Pace); err != nil || o.Pace < 0 || o.Pace > aurora.MaxPace {
			o.Pace = 0
			bad.add("pace", aurora.Errorf(aurora.Invalid, "A push is spread over 1 to %d minutes.", aurora.MaxPace))
		}
	}
	if d.Life == "" {
		return o
	}
	unit, n := lifeUnits[d.LifeUnit], int64(0)
	if n, err = strconv.ParseInt(d.Life, 10, 64); err != nil || unit == 0 || n < 0 || n > aurora.MaxTimeToLive/unit {
		bad.add("life", aurora.Errorf(aurora.Invalid, "The time to live is a whole number, together at most 10 days. 0 means: now or never."))
		return o
	}
	n *= unit
	o.TimeToLive = &n
	return o
}

// restAudience is the audience member of POST /v3/push.
type restAudience struct {
	Tag          []string `json:"tag,omitempty"`
	TagAnd       []string `json:"tag_and,omitempty"`
	TagNot       []string `json:"tag_not,omitempty"`
	Alias        []string `json:"alias,omitempty"`
	Registration []string `json:"registration_id,omitempty"`
}

// Limits of one call (spec/rest-api.md §7.3).
const (
	maxTagTerms = 20
	maxIDTerms  = 1000
)

// audience combines the fields as JPush does: a device must satisfy each one
// that is filled in.
func (d draft) audience(bad problems) (audience.Expr, any) {
	switch d.Audience {
	case "all":
		return audience.All(), "all"
	case "expression":
		return d.expression(bad)
	}
	tag := func(s string) error { return aurora.ValidateTag("tag", s) }
	alias := func(s string) error { return aurora.ValidateTag("alias", s) }
	rest := restAudience{
		Tag:          values(bad, "tag", d.TagAny, maxTagTerms, tag),
		TagAnd:       values(bad, "tag_and", d.TagAll, maxTagTerms, tag),
		TagNot:       values(bad, "tag_not", d.TagNone, maxTagTerms, tag),
		Alias:        values(bad, "alias", d.Alias, maxIDTerms, alias),
		Registration: values(bad, "registration_id", d.Registration, maxIDTerms, aurora.ValidateRegistrationID),
	}
	var all []audience.Expr
	any := func(f audience.Field, values []string) {
		if len(values) > 0 {
			all = append(all, audience.AnyOf(f, values))
		}
	}
	any(audience.Tag, rest.Tag)
	for _, t := range rest.TagAnd {
		all = append(all, audience.Is(audience.Tag, t))
	}
	if len(rest.TagNot) > 0 {
		all = append(all, audience.Not(audience.AnyOf(audience.Tag, rest.TagNot)))
	}
	any(audience.Alias, rest.Alias)
	any(audience.Registration, rest.Registration)
	if len(all) == 0 {
		bad.add("audience", aurora.Errorf(aurora.Missing, "Say who receives it: fill in at least one field, or choose Everyone."))
	}
	return audience.And(all...), rest
}

// restExpression is the additive form of the audience member.
type restExpression struct {
	Expression string `json:"expression"`
}

func (d draft) expression(bad problems) (audience.Expr, any) {
	text := strings.TrimSpace(d.Expression)
	if text == "" {
		bad.add("expression", aurora.Errorf(aurora.Missing, "Write an expression, such as vip && (beijing || shanghai) && !seen>30d."))
		return audience.All(), restExpression{}
	}
	e, err := registry.ReadExpression("expression", text)
	bad.add("expression", err)
	return e, restExpression{text}
}

// values splits a field at commas and line ends and checks each value.
func values(bad problems, field, text string, limit int, check func(string) error) []string {
	var list []string
	for s := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' || r == '，' }) {
		s = strings.TrimSpace(s)
		if s == "" || slices.Contains(list, s) {
			continue
		}
		bad.add(field, check(s))
		list = append(list, s)
	}
	if len(list) > limit {
		bad.add(field, aurora.Errorf(aurora.Invalid, "These are %d values; one push takes at most %d here.", len(list), limit))
	}
	return list
}

// rawJSON is JSON as it stands.
func rawJSON(b []byte) json.RawMessage { return b }

// compact marshals without turning <, > and & into escapes: what is shown and
// what is sent are the same bytes.
func compact(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil { // raw JSON inside was checked when it was read
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}
