package audience

import (
	"fmt"
	"slices"
	"strings"
)

// Field is the property a term tests.
type Field string

// The fields. Alias and Registration select few devices and are looked up in
// the device table; marks of messages are the ledger's; the others are kept as
// bitmaps.
const (
	Tag          Field = "tag"
	Alias        Field = "alias"
	Registration Field = "registration"
	Platform     Field = "platform"
	Environment  Field = "env"        // value: the environment that the device's token belongs to, live or not
	Version      Field = "version"    // of the app; see CompareVersions
	OS           Field = "os"         // version of the system; see CompareVersions
	Language     Field = "lang"       // value: a language tag, or the first parts of one
	Channel      Field = "channel"    // value: where the app was got from, as its PushConfig.plist says
	Seen         Field = "seen"       // when the device was last seen; value: an age or a Date
	Registered   Field = "registered" // when the device registered; value: an age or a Date
	State        Field = "state"      // value: one of the states of a device that keep pushes from it
	Segment      Field = "segment"    // value: the name of a saved expression, which Bind puts in its place

	// Marks of an earlier message, whose id is the value.
	Targeted Field = "targeted" // selected by its audience
	Sent     Field = "sent"     // taken by the vendor, or handed to the app
	Received Field = "received"
	Opened   Field = "opened"

	// Of Aurora itself.
	Token   Field = "token"   // value: the environment in which the device can be sent to
	List    Field = "list"    // value: the message whose list of devices was resolved when it was accepted
	Special Field = "special" // value: a SpecialToken; not part of the text form
)

// The states, in which a device may be whether it has a token or not.
const (
	OptedOut    = "opted_out"   // its user switched pushes off in the app
	Quarantined = "quarantined" // the vendor said that its last token is dead
)

// Rel is how a device's value must stand to a term's.
type Rel uint8

// The relations. Of an age, less means more recent; of a date, less means earlier.
const (
	Equal Rel = iota
	Less
	AtMost
	AtLeast
	More
)

// String returns the relation as the text form has it.
func (r Rel) String() string { return [...]string{":", "<", "<=", ">=", ">"}[r] }

// holds reports whether a comparison's result, as of cmp.Compare, is one that
// the relation asks for.
func (r Rel) holds(c int) bool {
	switch r {
	case Less:
		return c < 0
	case AtMost:
		return c <= 0
	case AtLeast:
		return c >= 0
	case More:
		return c > 0
	}
	return c == 0
}

// Term is one property of a device.
type Term struct {
	Field Field
	Value string
	Rel   Rel // of Version, OS, Seen and Registered; Equal of all others
}

// String returns the term's canonical name, such as "tag:vip" or
// "version>=2.3". For most fields it is the key under which its bitmap is stored.
func (t Term) String() string { return string(t.Field) + t.Rel.String() + t.Value }

// kind is what the values of a field are.
type kind uint8

const (
	textKind kind = iota
	labelKind
	versionKind
	timeKind
	messageKind
	languageKind
)

// maxLabel is how many bytes a tag, an alias or a segment's name has at most
// (spec/rest-api.md §9.1).
const maxLabel = 40

// grammar says for each field of the text form which values it takes.
var grammar = map[Field]struct {
	kind   kind
	values []string // nil for any
	hidden bool     // not for what users write
}{
	Tag: {kind: labelKind}, Alias: {kind: labelKind}, Segment: {kind: labelKind},
	Registration: {}, Channel: {},
	Platform:    {values: []string{"android", "ios", "quickapp", "hmos", "winphone"}},
	Environment: {values: []string{"development", "production"}},
	State:       {values: []string{OptedOut, Quarantined}},
	Version:     {kind: versionKind}, OS: {kind: versionKind},
	Language: {kind: languageKind},
	Seen:     {kind: timeKind}, Registered: {kind: timeKind},
	Targeted: {kind: messageKind}, Sent: {kind: messageKind}, Received: {kind: messageKind}, Opened: {kind: messageKind},
	Token: {hidden: true}, List: {hidden: true},
}

// Outcome reports whether the field is a mark of a message.
func (f Field) Outcome() bool { return grammar[f].kind == messageKind }

// OfDevice reports whether the field is a property of the device itself, which
// is all that Match needs to know of it.
func (f Field) OfDevice() bool {
	return !f.Outcome() && f != List && f != Special && f != Segment
}

// check returns what is wrong with a term that was read, or "".
func (t *Term) check() string {
	g := grammar[t.Field]
	if compares := g.kind == versionKind || g.kind == timeKind; !compares && t.Rel != Equal {
		return fmt.Sprintf("%s takes a colon and a value, and no comparison", t.Field)
	}
	switch g.kind {
	case labelKind:
		if len(t.Value) > maxLabel {
			return fmt.Sprintf("%.40q… is %d bytes long; at most %d are allowed in %s", t.Value, len(t.Value), maxLabel, t.Field)
		}
	case versionKind:
		if !strings.ContainsAny(t.Value, "0123456789") {
			return fmt.Sprintf("%.40q is no version; write numbers such as 2.3.1", t.Value)
		}
	case timeKind:
		if _, err := parseDate(t.Value); err == nil {
			return ""
		}
		if _, err := parseAge(t.Value); err != nil {
			return fmt.Sprintf("%.40q is neither an age such as 30d or 2w nor a date such as 2026-11-23", t.Value)
		}
		if t.Rel == Equal {
			return fmt.Sprintf("an age is compared: %s<=%s for within, %s>%s for longer ago", t.Field, t.Value, t.Field, t.Value)
		}
	case messageKind:
		if len(t.Value) > 16 || strings.Trim(t.Value, "0123456789") != "" || strings.Trim(t.Value, "0") == "" {
			return fmt.Sprintf("%.40q is no msg_id, which has decimal digits only", t.Value)
		}
	case languageKind:
		t.Value = NormalLanguage(t.Value)
	}
	if t.Field == Environment && t.Value == "sandbox" { // Apple uses both words
		t.Value = "development"
	}
	if g.values != nil && !slices.Contains(g.values, t.Value) {
		return fmt.Sprintf("%s is one of %s, not %.40q", t.Field, strings.Join(g.values, ", "), t.Value)
	}
	return ""
}

// SpecialToken is the value of a Special term: devices with a token of a kind
// and a name beside that of notifications, in an environment.
func SpecialToken(kind, environment, name string) string {
	return kind + "/" + environment + "/" + name
}

// Special splits the value of a Special term.
func (t Term) Special() (kind, environment, name string, err error) {
	parts := strings.SplitN(t.Value, "/", 3)
	if len(parts) != 3 {
		return "", "", "", fmt.Errorf("audience: %.100q names no token", t.Value)
	}
	return parts[0], parts[1], parts[2], nil
}
