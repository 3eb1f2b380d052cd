package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// object is a JSON object being read, with its place for error sentences.
// Unknown members are ignored at every depth and null counts as absent
// (spec/rest-api.md §4).
type object struct {
	path    string // "" for the body itself
	members map[string]json.RawMessage
}

// parseBody reads a request body that must be a JSON object.
func parseBody(body []byte) (object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, aurora.Errorf(aurora.Missing, "The request has no body. Send a JSON object.")
	}
	if !json.Valid(body) {
		return object{}, aurora.Errorf(aurora.Invalid, "The request body is not valid JSON%s.", jsonPlace(body))
	}
	if !utf8.Valid(body) {
		return object{}, aurora.Errorf(aurora.Invalid, "The request body is not valid UTF-8. Send JSON in UTF-8.")
	}
	body = compact(body)
	if err := refuseTwice(body); err != nil {
		return object{}, err
	}
	return parseObject("", body)
}

// compact returns valid JSON without blanks and with every character written
// as itself where JSON allows it. Clients that write \u4e2d for one Chinese
// character would otherwise pay six bytes of the payload for three, and half
// a surrogate pair would travel on to the phone.
func compact(body []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, body) != nil { // the caller has checked it
		return body
	}
	if !bytes.Contains(body, []byte{'\\'}) {
		return b.Bytes()
	}
	var out bytes.Buffer
	for rest := b.Bytes(); len(rest) > 0; {
		start := bytes.IndexByte(rest, '"')
		if start < 0 {
			out.Write(rest)
			break
		}
		out.Write(rest[:start])
		end := start + literalLength(rest[start:])
		writeLiteral(&out, rest[start:end])
		rest = rest[end:]
	}
	return out.Bytes()
}

// literalLength returns the length of the string literal at the beginning of
// valid JSON, with its quotes.
func literalLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func writeLiteral(out *bytes.Buffer, literal []byte) {
	var s string
	if !bytes.Contains(literal, []byte{'\\'}) || json.Unmarshal(literal, &s) != nil {
		out.Write(literal)
		return
	}
	out.Write(encode(s))
}

// encode writes JSON without the escapes for HTML, which would cost six bytes
// of the payload for one.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // what it is given is made of strings and numbers
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func jsonPlace(body []byte) string {
	var v any
	if e, ok := json.Unmarshal(body, &v).(*json.SyntaxError); ok {
		return " (at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Error() + ")"
	}
	return ""
}

// parseObject reads an object of a body that parseBody has checked, without
// checking it again: that would cost more than all else that is done with it.
func parseObject(path string, raw json.RawMessage) (object, error) {
	o := object{path, membersOf(raw)}
	if o.members == nil {
		if path == "" {
			return o, aurora.Errorf(aurora.Invalid, "The request body must be a JSON object.")
		}
		return o, aurora.Errorf(aurora.Invalid, "%s must be a JSON object.", path)
	}
	return o, nil
}

func (o object) name(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// raw returns a member's compact JSON, or nil if it is absent or null.
func (o object) raw(key string) json.RawMessage {
	if raw := o.members[key]; string(raw) != "null" {
		return raw
	}
	return nil
}

// object returns a member that must be an object; ok is false if it is absent.
func (o object) object(key string) (member object, ok bool, err error) {
	raw := o.raw(key)
	if raw == nil {
		return object{}, false, nil
	}
	member, err = parseObject(o.name(key), raw)
	return member, err == nil, err
}

// text returns a member that must be a string.
func (o object) text(key string) (s string, ok bool, err error) {
	raw := o.raw(key)
	if raw == nil {
		return "", false, nil
	}
	if s, ok = textOf(raw); !ok {
		return "", false, aurora.Errorf(aurora.Invalid, "%s must be a string.", o.name(key))
	}
	return s, true, nil
}

// texts returns a member that must be an array of strings.
func (o object) texts(key string) (list []string, ok bool, err error) {
	raw := o.raw(key)
	if raw == nil {
		return nil, false, nil
	}
	if raw[0] != '[' {
		return nil, false, aurora.Errorf(aurora.Invalid, "%s must be an array of strings.", o.name(key))
	}
	list = []string{}
	null := false
	for item := range itemsOf(raw) {
		if string(item) == "null" {
			null = true
			continue
		}
		s, ok := textOf(item)
		if !ok {
			return nil, false, aurora.Errorf(aurora.Invalid, "%s must be an array of strings.", o.name(key))
		}
		if err := aurora.CheckText(o.name(key), s); err != nil {
			return nil, false, err
		}
		list = append(list, s)
	}
	if null {
		return nil, false, aurora.Errorf(aurora.Invalid, "%s must be an array of strings, and one of its members is null.", o.name(key))
	}
	return list, true, nil
}

// integer returns a member that must be a whole number.
func (o object) integer(key string) (n int64, ok bool, err error) {
	raw := o.raw(key)
	if raw == nil {
		return 0, false, nil
	}
	if n, err = strconv.ParseInt(string(raw), 10, 64); err != nil {
		return 0, false, aurora.Errorf(aurora.Invalid, "%s must be a whole number.", o.name(key))
	}
	return n, true, nil
}

// boolean returns a member that must be a boolean. JPush's documents and old
// clients also write "true", "false", 0 and 1.
func (o object) boolean(key string) (b, ok bool, err error) {
	raw := o.raw(key)
	if raw == nil {
		return false, false, nil
	}
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true", "1":
		return true, true, nil
	case "false", "0":
		return false, true, nil
	}
	return false, false, aurora.Errorf(aurora.Invalid, "%s must be true or false.", o.name(key))
}
