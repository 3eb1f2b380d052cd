package console

import (
	"encoding/json"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/ledger"
)

// funcs are what templates may call, in one language.
func (l *language) funcs() template.FuncMap {
	return template.FuncMap{
		"t":         l.say,
		"tn":        l.count,
		"word":      l.word,
		"lang":      func() string { return l.Code },
		"languages": func() []*language { return languages },
		"sentence":  l.problem,
		"asset":     assetURL,
		"when":      l.when,
		"clock":     clock,
		"num":       number,
		"share":     share,
		"permille":  permille,
		"width":     width,
		"explain":   func(reason string) string { return aurora.ExplainReasonIn(reason, l.word) },
		"step":      func(s ledger.Step) ledger.Step { return s.In(l.word) },
		"short":     shortToken,
		"browser":   account.Browser,
		"size":      size,
		"lives":     func() any { return lives },
		"initial":   initial,
		"ago":       func(t time.Time) string { return l.ago(time.Since(t)) },
		"dict":      dict,
		"list":      func(items ...any) []any { return items },
		"join":      func(s []string) string { return strings.Join(s, ", ") },
		"device":    deviceName,
		"utc":       func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	}
}

// dict hands several named values to a block.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1] // names are literals in our templates
	}
	return m
}

// when writes a time for people; scripts turn it into the reader's own zone.
func (l *language) when(t time.Time) string {
	if l.isEnglish() {
		return t.UTC().Format("2 Jan 2006, 15:04") + " UTC"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

// clock writes the time of day to the millisecond.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") + " UTC" }

// ago writes how long something is past, in the largest unit that fits.
func (l *language) ago(d time.Duration) string {
	for _, u := range []struct {
		size      time.Duration
		one, many string
	}{
		{365 * 24 * time.Hour, "%s year ago", "%s years ago"},
		{30 * 24 * time.Hour, "%s month ago", "%s months ago"},
		{24 * time.Hour, "%s day ago", "%s days ago"},
		{time.Hour, "%s hour ago", "%s hours ago"},
		{time.Minute, "%s minute ago", "%s minutes ago"},
	} {
		if n := d / u.size; n > 0 {
			return l.count(uint64(n), u.one, u.many)
		}
	}
	return l.say("just now")
}

// number groups digits: 1,234,567.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// share writes part of whole in per cent; "–" when there is no whole. It
// never rounds up to 100 % nor down to 0 %, which would hide the last device.
func share(part, whole uint64) string {
	switch {
	case whole == 0:
		return "–"
	case part >= whole:
		return "100 %"
	case part == 0:
		return "0 %"
	}
	p := min(max(100*float64(part)/float64(whole), 0.1), 99.9)
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + " %"
}

// permille is part of whole in parts of a thousand, rounded down.
func permille(part, whole uint64) uint64 {
	if whole == 0 {
		return 0
	}
	return part * 1000 / whole
}

// width is the length of a bar in per cent for an SVG attribute. What is not
// nothing stays visible.
func width(part, whole uint64) string {
	if whole == 0 || part == 0 {
		return "0%"
	}
	return strconv.FormatFloat(min(max(100*float64(part)/float64(whole), 0.6), 100), 'f', 2, 64) + "%"
}

func shortToken(token string) string {
	if len(token) <= 16 {
		return token
	}
	return token[:8] + "…" + token[len(token)-8:]
}

func bytesText(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n>>10, 10) + " KiB"
}

// words is what a message shows on a screen.
type words struct{ Title, Subtitle, Body string }

// wordsOf reads an alert in either of its forms, the iOS block's before the
// shared one.
func wordsOf(c aurora.Content) words {
	raw := c.Alert
	if c.IOS != nil && c.IOS.Alert != nil {
		raw = c.IOS.Alert
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return words{Body: text}
	}
	var o struct {
		Title    string `json:"title"`
		Subtitle string `json:"subtitle"`
		Body     string `json:"body"`
		TitleKey string `json:"title-loc-key"`
		LocKey   string `json:"loc-key"`
	}
	json.Unmarshal(raw, &o) // what cannot be read has no words
	if o.Title == "" {
		o.Title = o.TitleKey
	}
	if o.Body == "" {
		o.Body = o.LocKey
	}
	return words{o.Title, o.Subtitle, o.Body}
}

// Headline is the one line that stands for the message in a list.
func (w words) Headline() string {
	for _, s := range []string{w.Title, w.Body, w.Subtitle} {
		if s != "" {
			return clip(s)
		}
	}
	return ""
}

// clip keeps a long text from being a headline.
func clip(s string) string {
	const most = 120 // characters
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// Rest is what the headline leaves out.
func (w words) Rest() string {
	if w.Title == "" {
		return ""
	}
	if w.Body == "" {
		return w.Subtitle
	}
	return w.Body
}

// encode makes a query of the pairs that have a value, in the order of their names.
func encode(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q.Encode()
}
