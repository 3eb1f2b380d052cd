package api

import (
	"html"
	"html/template"
	"regexp"
	"strings"
	"sync"

	"github.com/aurora-push/aurora/docs"
)

// errorPage is docs/errors.md as a page, which refusals point to: made once.
var errorPage = sync.OnceValue(func() []byte {
	return renderReference("errors.html", template.HTML(markdown(docs.Errors))) // what it holds is escaped
})

var (
	codeSpan  = regexp.MustCompile("`([^`]*)`")
	anchor    = regexp.MustCompile(`&lt;a id=&#34;((?:admin-)?\d+)&#34;&gt;&lt;/a&gt;(\d+)`)
	emphasis  = regexp.MustCompile(`\*([^*]+)\*`)
	tableRule = regexp.MustCompile(`^\|[-|]+\|$`)
)

// markdown writes as HTML what docs/errors.md is made of: headings, paragraphs
// and tables, with code, emphasis and the anchors of numbers in them.
func markdown(text string) string {
	var b strings.Builder
	paragraph, table := false, false
	end := func() {
		switch {
		case table:
			b.WriteString("</tbody></table></div>\n")
		case paragraph:
			b.WriteString("</p>\n")
		}
		paragraph, table = false, false
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		heading := strings.TrimLeft(line, "#")
		switch level := len(line) - len(heading); {
		case line == "":
			end()
		case level > 0:
			end()
			tag := "h" + string(rune('0'+level))
			b.WriteString("<" + tag + ">" + inline(strings.TrimSpace(heading)) + "</" + tag + ">\n")
		case tableRule.MatchString(line): // between a table's head and its rows
		case strings.HasPrefix(line, "|") && !table:
			end()
			table = true
			b.WriteString(`<div class="table"><table><thead>` + row(line, "th") + "</thead><tbody>\n")
		case table:
			b.WriteString(row(line, "td"))
		case paragraph:
			b.WriteString(" " + inline(line))
		default:
			paragraph = true
			b.WriteString("<p>" + inline(line))
		}
	}
	end()
	return b.String()
}

// row writes a line of a table; the row of a number has its id.
func row(line, cell string) string {
	var b strings.Builder
	id := ""
	for part := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		text := inline(strings.TrimSpace(part))
		if m := anchor.FindStringSubmatch(text); m != nil {
			id, text = m[1], m[2]
		}
		b.WriteString("<" + cell + ">" + text + "</" + cell + ">")
	}
	if id != "" {
		return `<tr id="` + id + `">` + b.String() + "</tr>\n"
	}
	return "<tr>" + b.String() + "</tr>\n"
}

func inline(text string) string {
	text = html.EscapeString(text)
	text = codeSpan.ReplaceAllString(text, "<code>$1</code>")
	return emphasis.ReplaceAllString(text, "<em>$1</em>")
}
