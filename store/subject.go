package store

import (
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// everyone is the term that every device of an app has.
const everyone = "all"

// subject is how an audience sees a device.
func subject(d aurora.Device) audience.Subject {
	s := audience.Subject{
		Tags: d.Tags, Alias: d.Alias, RegistrationID: d.RegistrationID, Platform: string(d.Platform),
		Version: d.Profile.AppVersion, OS: d.Profile.OSVersion, Language: d.Profile.Language, Channel: d.Profile.Channel,
		Seen: d.SeenAt, Registered: d.RegisteredAt,
	}
	if d.Token != "" {
		s.Environment = d.Environment.String()
	}
	if d.RetiredReason == "" && !d.PushDisabled {
		s.Token = s.Environment
	}
	if d.PushDisabled {
		s.States = append(s.States, audience.OptedOut)
	}
	if d.RetiredReason != "" {
		s.States = append(s.States, audience.Quarantined)
	}
	return s
}

// indexTerms returns the keys of the bitmaps a device is in, besides everyone.
// Alias and registration id have an index of their own. What has an order is
// kept value by value: a comparison joins those that fit it (bitmaps.go).
func indexTerms(d aurora.Device) []string {
	s := subject(d)
	terms := make([]string, 0, len(s.Tags)+10)
	add := func(f audience.Field, value string) {
		if value != "" {
			terms = append(terms, string(f)+":"+value)
		}
	}
	for _, tag := range s.Tags {
		add(audience.Tag, tag)
	}
	add(audience.Platform, s.Platform)
	add(audience.Token, s.Token)
	for _, state := range s.States {
		add(audience.State, state)
	}
	return append(terms, lateTerms(s)...)
}

// lateTerms returns the keys of those fields that were not indexed from the
// beginning (fill.go).
func lateTerms(s audience.Subject) []string {
	terms := make([]string, 0, 7)
	for _, part := range [...]struct {
		field audience.Field
		value string
	}{
		{audience.Environment, s.Environment}, {audience.Version, s.Version}, {audience.OS, s.OS},
		{audience.Language, audience.NormalLanguage(s.Language)}, {audience.Channel, s.Channel},
		{audience.Registered, audience.Date(s.Registered)}, {audience.Seen, audience.Date(s.Seen)},
	} {
		if part.value != "" {
			terms = append(terms, string(part.field)+":"+part.value)
		}
	}
	return terms
}

// wanted is a term as it is looked for among the bitmaps: one of them, or all
// that hold in a range of keys.
type wanted struct {
	term   audience.Term
	lo, hi string // of the keys, hi excluded; hi is "" if lo is the only one
}

// wantedOf returns how a term is looked for.
func wantedOf(t audience.Term) wanted {
	prefix := string(t.Field) + ":"
	switch t.Field {
	case audience.Version, audience.OS:
		return wanted{t, prefix, prefix[:len(prefix)-1] + ";"} // the byte after the colon
	case audience.Language:
		return wanted{t, prefix + t.Value, prefix + t.Value + "."} // the byte after the hyphen
	case audience.Seen, audience.Registered:
		if t.Rel == audience.AtLeast {
			return wanted{t, prefix + t.Value, prefix[:len(prefix)-1] + ";"}
		}
		return wanted{t, prefix, prefix[:len(prefix)-1] + ";"}
	}
	return wanted{t, prefix + t.Value, ""}
}

// covers reports whether a stored bitmap is one of those that the term joins.
func (w wanted) covers(key string) bool {
	if w.hi == "" {
		return key == w.lo
	}
	if key < w.lo || key >= w.hi {
		return false
	}
	_, value, _ := strings.Cut(key, ":")
	return w.term.Holds(value)
}
