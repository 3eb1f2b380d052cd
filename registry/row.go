package registry

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// Row is one device of a file that is imported or exported.
type Row struct {
	Device      Stored
	Tokens      []aurora.NamedToken
	Line        int64  // in the file, from 1
	fields      fields // that the file has for the device
	environment aurora.Environment
}

// fields are a set of the places in columns.
type fields uint32

func (f fields) has(name string) bool { return f&(1<<placeOf[name]) != 0 }

// column is a property of a device in a file.
type column struct {
	name    string
	aliases []string // what other products' exports call it
	set     func(*Row, string) error
	get     func(*Row) string
}

func text(field func(*Row) *string) (func(*Row, string) error, func(*Row) string) {
	return func(r *Row, s string) error { *field(r) = s; return nil }, func(r *Row) string { return *field(r) }
}

func textColumn(name string, field func(*Row) *string, aliases ...string) column {
	set, get := text(field)
	return column{name, aliases, set, get}
}

func timeColumn(name string, field func(*Row) *time.Time, aliases ...string) column {
	return column{name, aliases, func(r *Row, s string) (err error) {
		*field(r), err = readTime(name, s)
		return err
	}, func(r *Row) string { return writeTime(*field(r)) }}
}

func flagColumn(name string, field func(*Row) *bool, aliases ...string) column {
	return column{name, aliases, func(r *Row, s string) (err error) {
		if s == "" {
			*field(r) = false
			return nil
		}
		if *field(r), err = strconv.ParseBool(strings.ToLower(s)); err != nil {
			return aurora.Errorf(aurora.Invalid, "%s must be true or false, not %.20q.", name, s)
		}
		return nil
	}, func(r *Row) string {
		if *field(r) {
			return "true"
		}
		return ""
	}}
}

// columns are all properties, in the order of an export. The aliases are those
// of JPush's device lists and of OneSignal's CSV export.
var columns = []column{
	{"registration_id", []string{"registrationid", "reg_id", "rid", "id", "player_id", "subscription_id"}, setRegistration, func(r *Row) string { return r.Device.RegistrationID }},
	{"platform", []string{"device_type"}, setPlatform, func(r *Row) string { return string(r.Device.Platform) }},
	textColumn("token", func(r *Row) *string { return &r.Device.Token }, "device_token", "identifier", "push_token", "apns_token"),
	{"environment", []string{"env", "apns_environment"}, setEnvironment, func(r *Row) string { return cmp.Or(r.Device.Environment, r.environment).String() }},
	textColumn("alias", func(r *Row) *string { return &r.Device.Alias }, "external_user_id", "external_id"),
	{"tags", []string{"tag"}, setTags, getTags},
	{"badge", []string{"badge_count"}, setBadge, getBadge},
	textColumn("mobile", func(r *Row) *string { return &r.Device.Mobile }, "phone"),
	flagColumn("push_disabled", func(r *Row) *bool { return &r.Device.PushDisabled }, "opted_out", "unsubscribed"),
	flagColumn("muted", func(r *Row) *bool { return &r.Device.Muted }),
	textColumn("channel", func(r *Row) *string { return &r.Device.Profile.Channel }),
	textColumn("app_version", func(r *Row) *string { return &r.Device.Profile.AppVersion }, "game_version"),
	textColumn("os_version", func(r *Row) *string { return &r.Device.Profile.OSVersion }, "device_os", "os"),
	textColumn("model", func(r *Row) *string { return &r.Device.Profile.Model }, "device_model"),
	textColumn("language", func(r *Row) *string { return &r.Device.Profile.Language }),
	textColumn("time_zone", func(r *Row) *string { return &r.Device.Profile.TimeZone }, "timezone_id"),
	timeColumn("registered_at", func(r *Row) *time.Time { return &r.Device.RegisteredAt }, "created_at"),
	timeColumn("seen_at", func(r *Row) *time.Time { return &r.Device.SeenAt }, "seen", "last_active", "last_online_date"),
	timeColumn("token_at", func(r *Row) *time.Time { return &r.Device.TokenAt }),
	textColumn("retired_reason", func(r *Row) *string { return &r.Device.RetiredReason }),
	timeColumn("retired_at", func(r *Row) *time.Time { return &r.Device.RetiredAt }),
	textColumn("install_id", func(r *Row) *string { return &r.Device.InstallID }),
	{"secret_digest", nil, setDigest, func(r *Row) string { return hex.EncodeToString(r.Device.SecretHash) }},
	{"tokens", nil, setTokens, getTokens},
}

// placeOf finds a column by its name or an alias.
var placeOf = func() map[string]int {
	m := map[string]int{}
	for i, c := range columns {
		for _, name := range append([]string{c.name}, c.aliases...) {
			m[name] = i
		}
	}
	return m
}()

// columnPlace returns the place of a column as somebody wrote its name, or -1.
func columnPlace(name string) int {
	name = strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
	if i, ok := placeOf[name]; ok {
		return i
	}
	return -1
}

func setRegistration(r *Row, s string) error {
	if len(s) == 36 { // the form of OneSignal's
		s = strings.ReplaceAll(s, "-", "")
	}
	r.Device.RegistrationID = s
	if s == "" {
		return nil
	}
	return aurora.ValidateRegistrationID(s)
}

func setPlatform(r *Row, s string) error {
	switch s = strings.ToLower(s); s {
	case "", "0", "iphone", "ipad": // OneSignal's device_type of iOS is 0
		s = string(aurora.IOS)
	case "1":
		s = string(aurora.Android)
	}
	r.Device.Platform = aurora.Platform(s)
	if !slices.Contains(platforms, r.Device.Platform) {
		return aurora.Errorf(aurora.Invalid, "platform must be ios, android, hmos or quickapp, not %.20q.", s)
	}
	return nil
}

func setEnvironment(r *Row, s string) (err error) {
	r.environment = aurora.NoEnvironment
	if s != "" {
		r.environment, err = aurora.ParseEnvironment(strings.ToLower(s))
	}
	return err
}

// setTags reads tags between commas, or a JSON array of them, or a JSON object,
// as OneSignal's are, whose members become "key=value".
func setTags(r *Row, s string) error {
	var tags []string
	switch {
	case strings.HasPrefix(s, "["):
		if err := json.Unmarshal([]byte(s), &tags); err != nil {
			return aurora.Errorf(aurora.Invalid, "tags must be a list of texts.")
		}
	case strings.HasPrefix(s, "{"):
		var pairs map[string]any
		if err := json.Unmarshal([]byte(s), &pairs); err != nil {
			return aurora.Errorf(aurora.Invalid, "tags must be a list of texts, or an object of texts.")
		}
		for key, value := range pairs {
			text, err := json.Marshal(value)
			if s, ok := value.(string); ok {
				text = []byte(s)
			}
			if err != nil {
				return err
			}
			tags = append(tags, key+"="+string(text))
		}
	default:
		for tag := range strings.SplitSeq(s, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	r.Device.Tags = slices.Compact(tags)
	return nil
}

func getTags(r *Row) string {
	tags := r.Device.Tags
	joined := strings.Join(tags, ",")
	if strings.HasPrefix(joined, "[") || strings.HasPrefix(joined, "{") || slices.ContainsFunc(tags, func(t string) bool { return strings.TrimSpace(t) != t }) {
		return string(marshalled(tags)) // else they would be read as something else
	}
	return joined
}

func setBadge(r *Row, s string) (err error) {
	r.Device.Badge = 0
	if s == "" {
		return nil
	}
	if r.Device.Badge, err = strconv.Atoi(s); err != nil {
		return aurora.Errorf(aurora.Invalid, "badge must be a number, not %.20q.", s)
	}
	return nil
}

func getBadge(r *Row) string {
	if r.Device.Badge == 0 {
		return ""
	}
	return strconv.Itoa(r.Device.Badge)
}

func setDigest(r *Row, s string) (err error) {
	if r.Device.SecretHash, err = hex.DecodeString(s); err != nil || len(s) > 0 && len(r.Device.SecretHash) != digestBytes {
		return aurora.Errorf(aurora.Invalid, "secret_digest must be %d hexadecimal digits, as an export of Aurora has them.", 2*digestBytes)
	}
	return nil
}

// exportedToken is a token beside that of notifications in a file.
type exportedToken struct {
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
	Token string `json:"token"`
}

func setTokens(r *Row, s string) error {
	r.Tokens = nil
	if s == "" {
		return nil
	}
	var list []exportedToken
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return aurora.Errorf(aurora.Invalid, "tokens must be a JSON array of objects with kind, name and token, as an export of Aurora has them.")
	}
	for _, t := range list {
		if kind := aurora.TokenKind(t.Kind); kind != aurora.VoIPToken && kind != aurora.ActivityStartToken && kind != aurora.ActivityToken || t.Token == "" {
			return aurora.Errorf(aurora.Invalid, "Each of tokens has a token and the kind voip, start or activity.")
		}
		r.Tokens = append(r.Tokens, aurora.NamedToken{Kind: aurora.TokenKind(t.Kind), Name: t.Name, Token: t.Token})
	}
	return nil
}

func getTokens(r *Row) string {
	if len(r.Tokens) == 0 {
		return ""
	}
	list := make([]exportedToken, len(r.Tokens))
	for i, t := range r.Tokens {
		list[i] = exportedToken{string(t.Kind), t.Name, t.Token}
	}
	b, _ := json.Marshal(list) // of texts: cannot fail
	return string(b)
}

// readTime reads a time as exports write them: RFC 3339, the same with a space,
// or seconds or milliseconds since 1970.
func readTime(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	var t time.Time
	var err error
	if n, e := strconv.ParseInt(s, 10, 64); e == nil {
		if t = time.Unix(n, 0); n > 1e11 {
			t = time.UnixMilli(n)
		}
	} else {
		err = errors.New("no form fits")
		for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 MST", time.DateTime, time.DateOnly} {
			if t, err = time.Parse(form, s); err == nil {
				break
			}
		}
	}
	if err != nil || t.Unix() <= 0 || t.After(time.Now().Add(24*time.Hour)) {
		return time.Time{}, aurora.Errorf(aurora.Invalid, "%s must be a time of the past such as 2026-01-31T12:00:00Z, or seconds since 1970, not %.40q.", name, s)
	}
	return t.UTC().Truncate(time.Millisecond), nil
}

func writeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// SetEnvironment says which environment the row's tokens are of.
func (r *Row) SetEnvironment(e aurora.Environment) { r.environment = e }

// check applies the rules of a registration to what was read.
func (r *Row) check(environment aurora.Environment) error {
	d := &r.Device
	if d.Platform == "" {
		d.Platform = aurora.IOS
	}
	if d.RegistrationID == "" && d.Token == "" {
		return aurora.Errorf(aurora.Missing, "The row has neither registration_id nor token: nobody could reach such a device.")
	}
	if r.environment == aurora.NoEnvironment {
		r.environment = environment
	}
	c := Change{SetTags: &d.Tags, Badge: &d.Badge, Mobile: &d.Mobile, Alias: &d.Alias, Tokens: r.Tokens}
	if len(r.Tokens) > aurora.MaxActivityTokens {
		return aurora.Errorf(aurora.Invalid, "A device can have at most %d tokens of live activities.", aurora.MaxActivityTokens)
	}
	if d.Token != "" || len(r.Tokens) > 0 {
		c.Environment = &r.environment
		c.Token = &d.Token
	}
	if d.Alias == "" {
		c.Alias = nil
	}
	if err := c.validate(); err != nil {
		return err
	}
	if c.Token != nil {
		d.Token = *c.Token
	}
	if d.Token != "" && d.Platform != aurora.IOS {
		return aurora.Errorf(aurora.Invalid, "Aurora has no channel for %s yet: leave token out. In-app messages need none.", d.Platform)
	}
	d.Environment = aurora.NoEnvironment
	if d.Token != "" {
		d.Environment = r.environment
	}
	if err := validInstall(d.InstallID); d.InstallID != "" && err != nil {
		return err
	}
	if (d.InstallID == "") != (len(d.SecretHash) == 0) {
		return aurora.Errorf(aurora.Missing, "install_id and secret_digest go together. Leave both out: the app's registration takes the device over by its token.")
	}
	if len(d.RetiredReason) > 64 || !utf8.ValidString(d.RetiredReason) {
		return aurora.Errorf(aurora.Invalid, "retired_reason must be a word of at most 64 bytes.")
	}
	if (d.RetiredReason == "") != d.RetiredAt.IsZero() || d.RetiredReason != "" && d.Token == "" {
		return aurora.Errorf(aurora.Missing, "retired_reason, retired_at and token go together: the token that is in quarantine, why, and since when.")
	}
	return d.Profile.Validate()
}

// applyTo changes a stored device to what the file says of it; what it does not
// speak of stays.
func (r *Row) applyTo(d *aurora.Device) {
	from := r.Device.Device
	for i, c := range columns {
		if r.fields&(1<<i) == 0 {
			continue
		}
		switch c.name {
		case "platform":
			d.Platform = from.Platform
		case "token":
			if d.Token != from.Token || d.Environment != from.Environment {
				d.Token, d.Environment, d.TokenAt, d.RetiredReason, d.RetiredAt = from.Token, from.Environment, from.TokenAt, "", time.Time{}
			}
		case "token_at":
			d.TokenAt = from.TokenAt
		case "retired_reason":
			d.RetiredReason, d.RetiredAt = from.RetiredReason, from.RetiredAt
		case "alias":
			d.Alias = from.Alias
		case "tags":
			d.Tags = from.Tags
		case "badge":
			d.Badge = from.Badge
		case "mobile":
			d.Mobile = from.Mobile
		case "push_disabled":
			d.PushDisabled = from.PushDisabled
		case "muted":
			d.Muted = from.Muted
		case "channel":
			d.Profile.Channel = from.Profile.Channel
		case "app_version":
			d.Profile.AppVersion = from.Profile.AppVersion
		case "os_version":
			d.Profile.OSVersion = from.Profile.OSVersion
		case "model":
			d.Profile.Model = from.Profile.Model
		case "language":
			d.Profile.Language = from.Profile.Language
		case "time_zone":
			d.Profile.TimeZone = from.Profile.TimeZone
		case "seen_at":
			if from.SeenAt.After(d.SeenAt) {
				d.SeenAt = from.SeenAt
			}
		}
	}
}

// complete gives a new device what the file does not say. The token was
// reported when the device was last seen, not now: else a phone that removed
// the app long ago would look alive to a vendor's answer of today.
func (r *Row) complete(now time.Time) {
	d := &r.Device
	if d.RegisteredAt.IsZero() {
		d.RegisteredAt = now
		if !d.SeenAt.IsZero() {
			d.RegisteredAt = d.SeenAt
		}
	}
	if d.SeenAt.IsZero() {
		d.SeenAt = d.RegisteredAt
	}
	if d.TokenAt.IsZero() && d.Token != "" && (r.fields.has("seen_at") || r.fields.has("registered_at")) {
		d.TokenAt = d.SeenAt
	}
	if d.RegistrationID == "" {
		d.RegistrationID = newRegistrationID(now)
		r.fields &^= 1 << placeOf["registration_id"] // the row has none, whatever the header says
	}
}

// readObject reads a line of JSON.
func (r *Row) readObject(line []byte) error {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(line, &o); err != nil {
		return aurora.Errorf(aurora.Invalid, "The line is no JSON object.")
	}
	for name, raw := range o {
		i := columnPlace(name)
		if i < 0 {
			continue
		}
		if r.fields&(1<<i) != 0 {
			return aurora.Errorf(aurora.Invalid, "%s is there twice, perhaps under another name.", columns[i].name)
		}
		value := string(bytes.TrimSpace(raw))
		if value == "null" {
			value = ""
		}
		if strings.HasPrefix(value, `"`) {
			if err := json.Unmarshal(raw, &value); err != nil {
				return aurora.Errorf(aurora.Invalid, "%s is no text.", columns[i].name)
			}
		}
		r.fields |= 1 << i
		if err := columns[i].set(r, value); err != nil {
			return err
		}
	}
	return nil
}

// readCells reads a line of CSV; places are those of its cells' columns, -1 for
// one that is unknown.
func (r *Row) readCells(cells []string, places []int) error {
	if len(cells) != len(places) {
		return aurora.Errorf(aurora.Invalid, "The row has %d cells and the header %d. A cell with a comma stands in quotes.", len(cells), len(places))
	}
	for i, place := range places {
		if place < 0 {
			continue
		}
		r.fields |= 1 << place
		if err := columns[place].set(r, cells[i]); err != nil {
			return err
		}
	}
	return nil
}

// splitCells splits a line of CSV. A cell has no line break: no property can.
func splitCells(line string, comma byte, into []string) ([]string, error) {
	into = into[:0]
	for {
		if !strings.HasPrefix(line, `"`) {
			end := strings.IndexByte(line, comma)
			if end < 0 {
				return append(into, strings.TrimSpace(line)), nil
			}
			into, line = append(into, strings.TrimSpace(line[:end])), line[end+1:]
			continue
		}
		var cell strings.Builder
		for rest := line[1:]; ; {
			end := strings.IndexByte(rest, '"')
			if end < 0 {
				return nil, aurora.Errorf(aurora.Invalid, "A quote is not closed on its line. No value can have a line break.")
			}
			cell.WriteString(rest[:end])
			rest = rest[end+1:]
			if strings.HasPrefix(rest, `"`) { // a doubled one
				cell.WriteByte('"')
				rest = rest[1:]
				continue
			}
			line = rest
			break
		}
		into = append(into, cell.String())
		if line == "" {
			return into, nil
		}
		if line[0] != comma {
			return nil, aurora.Errorf(aurora.Invalid, "Something stands between a closing quote and the next cell. A quote inside a cell is doubled.")
		}
		line = line[1:]
	}
}
