package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

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
	return parseObject("", body)
}

func jsonPlace(body []byte) string {
	var v any
	if e, ok := json.Unmarshal(body, &v).(*json.SyntaxError); ok {
		return " (at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Error() + ")"
	}
	return ""
}

func parseObject(path string, raw json.RawMessage) (object, error) {
	o := object{path: path}
	if err := json.Unmarshal(raw, &o.members); err != nil || o.members == nil {
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
	raw := o.members[key]
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil { // the whole body was valid
		return nil
	}
	return b.Bytes()
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
	if json.Unmarshal(raw, &s) != nil || raw[0] != '"' {
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
	var members []*string
	if json.Unmarshal(raw, &members) != nil {
		return nil, false, aurora.Errorf(aurora.Invalid, "%s must be an array of strings.", o.name(key))
	}
	list = make([]string, len(members))
	for i, m := range members {
		if m == nil {
			return nil, false, aurora.Errorf(aurora.Invalid, "%s must be an array of strings, and one of its members is null.", o.name(key))
		}
		list[i] = *m
	}
	return list, true, nil
}

// integer returns a member that must be a whole number.
func (o object) integer(key string) (n int64, ok bool, err error) {
	raw := o.raw(key)
	if raw == nil {
		return 0, false, nil
	}
	if json.Unmarshal(raw, &n) != nil {
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
