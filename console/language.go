package console

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

//go:embed words
var wordFiles embed.FS

// language is one that the console speaks. Texts stand in English in the
// templates and in the code, and are their own keys; another language is a
// folder of words/ with what to say instead.
type language struct {
	Code   string // BCP 47, for the page's lang attribute
	Name   string // in the language itself
	prefix string // of the tags in Accept-Language that mean it
	words  map[string]string
}

// languages are all of them, the one to fall back on first.
var languages = []*language{
	{Code: "en", Name: "English", prefix: "en"},
	{Code: "zh-Hans", Name: "简体中文", prefix: "zh", words: readWords("zh")},
}

// readWords reads a catalogue, one file an area. It is part of the program:
// what is wrong with it is a defect that every test finds.
func readWords(folder string) map[string]string {
	all := map[string]string{}
	files, err := fs.Glob(wordFiles, "words/"+folder+"/*.json")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		data, err := wordFiles.ReadFile(file)
		if err != nil {
			panic(err)
		}
		var words map[string]string
		if err := json.Unmarshal(data, &words); err != nil {
			panic("console: " + path.Base(file) + ": " + err.Error())
		}
		maps.Copy(all, words)
	}
	return all
}

// say returns the text in this language, with its verbs filled in as by
// fmt.Sprintf. A text without a translation stays English.
func (l *language) say(text string, args ...any) string {
	format := l.word(text)
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

func (l *language) word(text string) string {
	if word, ok := l.words[text]; ok {
		return word
	}
	return text
}

// count chooses between singular and plural; both have one verb, %s, for the
// number.
func (l *language) count(n any, one, many string) string {
	digits := fmt.Sprint(n)
	if u, err := strconv.ParseUint(digits, 10, 64); err == nil {
		digits = number(u)
	}
	if digits == "1" {
		return l.say(one, digits)
	}
	return l.say(many, digits)
}

// refusal is what a person reads about an error of a service.
func (l *language) refusal(err *aurora.Error) string { return err.In(l.word) }

// problem is the sentence beside a field.
func (l *language) problem(err error) string {
	if refusal, ok := errors.AsType[*aurora.Error](err); ok {
		return l.refusal(refusal)
	}
	return err.Error()
}

func (l *language) isEnglish() bool { return l == languages[0] }

const languageCookie = "aurora_language"

// languageOf is what the visitor chose, or what their browser prefers.
func languageOf(r *http.Request) *language {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		for _, l := range languages {
			if l.Code == cookie.Value {
				return l
			}
		}
	}
	return preferred(r.Header.Get("Accept-Language"))
}

// preferred picks from an Accept-Language header (RFC 9110 §12.5.4) the first
// of the languages with the highest weight.
func preferred(header string) *language {
	best, weight := languages[0], 0.0
	for range 20 { // nobody lists more, but for trouble
		item, rest, more := strings.Cut(header, ",")
		tag, params, _ := strings.Cut(strings.TrimSpace(item), ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil {
				q = 0
			}
		}
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		for _, l := range languages {
			if l.prefix == primary && q > weight && q <= 1 {
				best, weight = l, q
			}
		}
		if !more {
			break
		}
		header = rest
	}
	return best
}

// chooseLanguage keeps the visitor's choice for a year.
func (c *console) chooseLanguage(w http.ResponseWriter, r *http.Request, _ visit) error {
	for _, l := range languages {
		if l.Code == r.PostForm.Get("language") {
			cookie := c.cookie(r, l.Code, int((365 * 24 * time.Hour).Seconds()))
			cookie.Name = languageCookie
			http.SetCookie(w, cookie)
		}
	}
	return redirect(w, r, localPath(r.PostForm.Get("next")))
}
