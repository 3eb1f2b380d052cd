package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

func registration(i int, c registry.Change) registry.Registration {
	return registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS, Change: c}
}

// A registration with token, alias and tags is one request, and its repeat
// changes what it says anew.
func TestRegistrationWithEverything(t *testing.T) {
	r, db, app := newRegistry(t)
	alias := "reader-17"
	first := registration(1, registry.Change{Token: token(1), Environment: new(aurora.Production), Alias: &alias, AddTags: []string{"vip"}})
	id, err := r.Register(t.Context(), app, first)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Device(t.Context(), app, id)
	if err != nil || d.Token != *token(1) || d.Environment != aurora.Production || d.Alias != alias || len(d.Tags) != 1 {
		t.Errorf("registered as %+v, %v", d, err)
	}
	// The same token from another installation moves there.
	second, err := r.Register(t.Context(), app, registration(2, registry.Change{Token: token(1), Environment: new(aurora.Production)}))
	if err != nil {
		t.Fatal(err)
	}
	if d, _ = r.Device(t.Context(), app, id); d.Token != "" {
		t.Errorf("the first device still has the token %s", d.Token)
	}
	if d, _ = r.Device(t.Context(), app, second); d.Token != *token(1) {
		t.Errorf("the second device has the token %q", d.Token)
	}
	again, err := r.Register(t.Context(), app, first)
	if err != nil || again != id {
		t.Errorf("registered again as %s, %v, was %s", again, err, id)
	}
	if d, _ = r.Device(t.Context(), app, id); d.Token != *token(1) {
		t.Errorf("after its repeat the first device has the token %q", d.Token)
	}
	for range 2 { // with and without the unfolded changes
		if n, err := r.Count(t.Context(), app, audience.And(audience.Is(audience.Token, "production"), audience.Is(audience.Tag, "vip"))); n != 1 || err != nil {
			t.Errorf("%d devices, %v, want 1", n, err)
		}
		if _, _, err := db.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Who already shares a crowded alias may register again; an eleventh may not
// have it.
func TestRegistrationWithACrowdedAlias(t *testing.T) {
	r, _, app := newRegistry(t)
	alias := "family"
	for i := range 10 {
		if _, err := r.Register(t.Context(), app, registration(i, registry.Change{Alias: &alias})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Register(t.Context(), app, registration(10, registry.Change{Alias: &alias})); aurora.KindOf(err) != aurora.Full {
		t.Errorf("an eleventh device: %v, want a refusal", err)
	}
	if _, err := r.Register(t.Context(), app, registration(3, registry.Change{Alias: &alias})); err != nil {
		t.Errorf("one of the ten again: %v", err)
	}
}

// Many registrations in one commit: some that are new, some that repeat, some
// that take each other's token. Nothing is lost or counted twice.
func TestRegistrationsInOneCommit(t *testing.T) {
	r, _, app := newRegistry(t)
	const n = 200
	var wg sync.WaitGroup
	for i := range 3 * n {
		wg.Go(func() {
			c := registry.Change{Token: token(i % 50), Environment: new(aurora.Development), AddTags: []string{fmt.Sprint("t", i%n%7)}}
			if _, err := r.Register(context.Background(), app, registration(i%n, c)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for e, want := range map[string]uint64{"all": n, "token:development": 50, "tag:t0": 29, "platform:ios": n} {
		parsed, err := audience.Parse(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Count(t.Context(), app, parsed); got != want || err != nil {
			t.Errorf("%s: %d devices, %v, want %d", e, got, err, want)
		}
	}
}
