package console

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// draftOf fills the form with an earlier message, to be sent again or changed.
// What the form has no field for is left out: it shows what it will send.
func draftOf(m aurora.Message) draft {
	d := newDraft()
	w := wordsOf(m.Content)
	d.Title, d.Subtitle, d.Body = w.Title, w.Subtitle, w.Body
	d.Sound, d.Badge = "", ""
	if n := m.Content.IOS; n != nil {
		json.Unmarshal(n.Sound, &d.Sound) // a critical sound is an object, and stays out
		if n.Badge != nil {
			d.Badge = n.Badge.String()
		}
		d.Category, d.Thread, d.Level = n.Category, n.ThreadID, n.InterruptionLevel
		d.ContentAvailable, d.MutableContent = n.ContentAvailable, n.MutableContent
		rest := map[string]json.RawMessage{}
		for key, value := range n.Extras {
			if key != mediaKey || json.Unmarshal(value, &d.Media) != nil || checkMedia(d.Media) != nil {
				rest[key] = value
			}
		}
		if _, kept := rest[mediaKey]; kept {
			d.Media = ""
		}
		if len(rest) > 0 {
			d.Extras = indent(rest)
		}
	}
	d.Environment = m.Environment().String()
	d.CollapseID = m.Options.CollapseID
	if m.Options.Pace > 0 {
		d.Pace = strconv.Itoa(m.Options.Pace)
	}
	if ttl := m.Options.TimeToLive; ttl != nil {
		d.Life, d.LifeUnit = life(*ttl)
	}
	d.setAudience(whom(m.Audience))
	return d
}

// life writes a time to live in the largest unit that divides it.
func life(seconds int64) (n, unit string) {
	for _, u := range []string{"days", "hours", "minutes"} {
		if size := lifeUnits[u]; seconds > 0 && seconds%size == 0 {
			return strconv.FormatInt(seconds/size, 10), u
		}
	}
	return strconv.FormatInt(seconds, 10), "seconds"
}

// setAudience chooses fields for what they can say, and the expression for the
// rest.
func (d *draft) setAudience(text string) {
	if text == "" {
		return // everyone
	}
	d.Audience, d.Expression = "expression", text
	e, err := audience.Parse(text)
	if err != nil {
		return
	}
	args := []audience.Expr{e}
	if e.Op == audience.OpAnd {
		args = e.Args
	}
	f := draft{}
	for _, a := range args {
		if !f.take(a) {
			return
		}
	}
	d.Audience, d.Expression = "chosen", ""
	d.TagAny, d.TagAll, d.TagNone, d.Alias, d.Registration = f.TagAny, f.TagAll, f.TagNone, f.Alias, f.Registration
}

// take puts one condition into the field that means it.
func (d *draft) take(e audience.Expr) bool {
	not := e.Op == audience.OpNot
	if not {
		e = e.Args[0]
	}
	terms := []audience.Expr{e}
	if e.Op == audience.OpOr {
		terms = e.Args
	}
	var values []string
	for _, t := range terms {
		if t.Op != audience.OpTerm || t.Term.Field != terms[0].Term.Field || strings.ContainsAny(t.Term.Value, ",，\n") {
			return false
		}
		values = append(values, t.Term.Value)
	}
	field := map[audience.Field]*string{audience.Tag: &d.TagAny, audience.Alias: &d.Alias, audience.Registration: &d.Registration}[terms[0].Term.Field]
	switch {
	case not:
		field = &d.TagNone
		if terms[0].Term.Field != audience.Tag {
			return false
		}
	case field == &d.TagAny && len(values) == 1: // several conditions of one tag each are all of them
		field = &d.TagAll
		if *field != "" {
			values = append([]string{*field}, values...)
			*field = ""
		}
	}
	if field == nil || *field != "" {
		return false
	}
	*field = strings.Join(values, ", ")
	return true
}
