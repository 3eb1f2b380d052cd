package api

import (
	"bytes"
	"encoding/json"
	"iter"
)

// What follows reads JSON that is known to be valid, compact and UTF-8
// (parseBody), so that finding where a value ends is all there is to do.

// valueLength returns the length of the value at the beginning of text.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += literalLength(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what the value stands in
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// membersOf returns the members of an object, or nil for anything else.
func membersOf(raw []byte) map[string]json.RawMessage {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	members := map[string]json.RawMessage{}
	for rest := raw[1:]; len(rest) > 0 && rest[0] == '"'; {
		end := literalLength(rest)
		name := nameOf(rest[:end])
		rest = rest[min(end+1, len(rest)):] // and the colon
		end = valueLength(rest)
		members[string(name)] = rest[:end:end]
		rest = rest[min(end+1, len(rest)):] // and the comma or brace
	}
	return members
}

// itemsOf yields the items of an array.
func itemsOf(raw []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for rest := raw[1:]; len(rest) > 0 && rest[0] != ']'; {
			end := valueLength(rest)
			if !yield(rest[:end:end]) {
				return
			}
			rest = rest[min(end+1, len(rest)):]
		}
	}
}

// textOf returns the text of a string; ok is false for any other value.
func textOf(raw []byte) (text string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	return text, json.Unmarshal(raw, &text) == nil
}
