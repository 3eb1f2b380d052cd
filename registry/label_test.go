package registry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// A change of a tag that is refused for one device changes none.
func TestChangeOfATagIsAllOrNothing(t *testing.T) {
	r, _, app := newRegistry(t)
	get := func(id string) aurora.Device {
		d, err := r.Device(t.Context(), app, id)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var ids []string
	for i := range 300 {
		ids = append(ids, register(t, r, app, fmt.Sprint("install-", i)).RegistrationID)
	}
	full := make([]string, aurora.MaxTagsPerDevice)
	for i := range full {
		full[i] = fmt.Sprint("tag-", i)
	}
	apply(t, r, get(ids[299]), registry.Change{SetTags: &full})
	if err := r.ChangeTag(t.Context(), app, "old", ids[:10], nil); err != nil {
		t.Fatal(err)
	}
	if err := r.ChangeTag(t.Context(), app, "old", ids[10:], ids[:10]); aurora.KindOf(err) != aurora.Invalid {
		t.Errorf("one tag too many: %v, want a refusal", err)
	}
	for _, id := range ids[:299] {
		if had, has := slices.Contains(ids[:10], id), slices.Contains(get(id).Tags, "old"); had != has {
			t.Fatalf("after the refusal device %s has the tag: %v, before: %v", id, has, had)
		}
	}
	// Removal comes first: who is in both lists has the tag afterwards.
	if err := r.ChangeTag(t.Context(), app, "old", ids[:2], ids[1:3]); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false, true} {
		if got := slices.Contains(get(ids[i]).Tags, "old"); got != want {
			t.Errorf("device %d has the tag: %v, want %v", i, got, want)
		}
	}
}
