package api

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/aurora-push/aurora"
)

// manyMembers is how many names of an object are compared one by one; beyond,
// they go into a set.
const manyMembers = 16

// names are the members seen so far of the objects that are open, innermost
// last.
type names struct {
	all    [][]byte
	starts []int             // where each open object's begin in all
	sets   []map[string]bool // of those with many; nil for the others
}

func (n *names) open() {
	n.starts, n.sets = append(n.starts, len(n.all)), append(n.sets, nil)
}

func (n *names) shut() {
	last := len(n.starts) - 1
	n.all, n.starts, n.sets = n.all[:n.starts[last]], n.starts[:last], n.sets[:last]
}

// add notes a member of the innermost object; it reports whether it was there.
func (n *names) add(name []byte) (twice bool) {
	last := len(n.starts) - 1
	own, set := n.all[n.starts[last]:], n.sets[last]
	switch {
	case set != nil:
		twice = set[string(name)]
		set[string(name)] = true
		return twice
	case len(own) == manyMembers:
		set = make(map[string]bool, 4*manyMembers)
		for _, seen := range own {
			set[string(seen)] = true
		}
		n.sets[last] = set
		return n.add(name)
	}
	n.all = append(n.all, name)
	return slices.ContainsFunc(own, func(seen []byte) bool { return bytes.Equal(seen, name) })
}

// nameOf returns a member's name from its literal.
func nameOf(literal []byte) []byte {
	var name string
	if bytes.IndexByte(literal, '\\') < 0 || json.Unmarshal(literal, &name) != nil {
		return literal[1 : len(literal)-1]
	}
	return []byte(name)
}

// refuseTwice refuses a document in which an object has a member twice: readers
// of JSON differ in which of the two they take, and the one that Aurora did not
// take would be dropped without a word. The document is valid and compact.
func refuseTwice(document []byte) error {
	var seen names
	for i := 0; i < len(document); i++ {
		switch document[i] {
		case '{':
			seen.open()
		case '}':
			seen.shut()
		case '"':
			end := i + literalLength(document[i:])
			if end < len(document) && document[end] == ':' {
				if name := nameOf(document[i:end]); seen.add(name) {
					return aurora.Errorf(aurora.Invalid, "An object in the request body has the member %.80q twice. Write each member once.", name)
				}
			}
			i = end - 1
		}
	}
	return nil
}
