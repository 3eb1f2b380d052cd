package registry_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

// What devices are in an audience is the same on PostgreSQL.
func TestOnPostgres(t *testing.T) { storetest.Again(t, ".", "") }

// newRegistry returns a registry over a real database with one app in it.
func newRegistry(t *testing.T) (*registry.Service, *store.Store, int64) {
	t.Helper()
	open, source := store.Open, t.TempDir()
	if url := storetest.Database(t, source); url != "" {
		open, source = func(ctx context.Context, url string) (*store.Store, error) { return store.OpenURL(ctx, url, nil) }, url
	}
	db, err := open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return registry.New(db, nil, nil), db, newApp(t, db)
}

func newApp(t *testing.T, db *store.Store) int64 {
	t.Helper()
	var p account.Founder
	p.Email, p.DevKey, p.DevSecret = aurora.NewKey()+"@example.com", aurora.NewKey(), []byte("sealed")
	a, err := db.CreateAccount(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	app, err := db.CreateApp(t.Context(), aurora.App{AccountID: a.ID, Key: aurora.NewKey(), Name: "App", BundleID: "com.example.app"}, []byte("sealed"))
	if err != nil {
		t.Fatal(err)
	}
	return app.ID
}

func register(t *testing.T, r *registry.Service, app int64, install string) aurora.Device {
	t.Helper()
	secret := strings.Repeat("s", 43)
	id, err := r.Register(t.Context(), app, registry.Registration{InstallID: install, Secret: secret, Platform: aurora.IOS})
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Authenticate(t.Context(), id, secret)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func apply(t *testing.T, r *registry.Service, d aurora.Device, c registry.Change) {
	t.Helper()
	if err := r.Apply(t.Context(), d.AppID, d.Number, c); err != nil {
		t.Fatal(err)
	}
}

func token(n int) *string { s := fmt.Sprintf("%064x", n); return &s }

func TestRegisteringAgainGivesTheSameDevice(t *testing.T) {
	r, _, app := newRegistry(t)
	first := register(t, r, app, "install-1")
	if again := register(t, r, app, "install-1"); again.RegistrationID != first.RegistrationID || again.Number != first.Number {
		t.Errorf("registered again as %s/%d, was %s/%d", again.RegistrationID, again.Number, first.RegistrationID, first.Number)
	}
	_, err := r.Register(t.Context(), app, registry.Registration{InstallID: "install-1", Secret: strings.Repeat("x", 43), Platform: aurora.IOS})
	if aurora.KindOf(err) != aurora.Forbidden {
		t.Errorf("the same install id with another secret: %v, want a refusal", err)
	}
	if n, err := r.Count(t.Context(), app, audience.All()); n != 1 || err != nil {
		t.Errorf("the app has %d devices, %v; want 1", n, err)
	}
}

// Registrations at the same moment get numbers without gaps or repeats.
func TestConcurrentRegistrations(t *testing.T) {
	r, _, app := newRegistry(t)
	const n = 100
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, err := r.Register(context.Background(), app, registry.Registration{InstallID: fmt.Sprintf("install-%d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	numbers, err := r.SelectBlock(t.Context(), app, audience.All(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := roaring.New()
	want.AddRange(0, n)
	if !numbers.Equals(want) {
		t.Errorf("the device numbers are %v, want 0 to %d", numbers, n-1)
	}
}

// A token that arrives from a reinstalled app moves, so that nobody gets a
// message twice.
func TestTokenMovesToItsNewestRegistration(t *testing.T) {
	r, _, app := newRegistry(t)
	old, fresh := register(t, r, app, "install-1"), register(t, r, app, "install-2")
	apply(t, r, old, registry.Change{Token: token(1), Environment: new(aurora.Development)})
	apply(t, r, fresh, registry.Change{Token: token(1), Environment: new(aurora.Development)})

	for _, want := range []struct {
		d     aurora.Device
		token string
	}{{old, ""}, {fresh, *token(1)}} {
		d, err := r.Device(t.Context(), app, want.d.RegistrationID)
		if err != nil || d.Token != want.token {
			t.Errorf("device %d has token %q, %v; want %q", want.d.Number, d.Token, err, want.token)
		}
	}
	e := audience.Is(audience.Token, "development")
	if n, err := r.Count(t.Context(), app, e); n != 1 || err != nil {
		t.Errorf("%v selects %d devices, %v; want 1", e, n, err)
	}
}

func TestChangeRefusals(t *testing.T) {
	r, _, app := newRegistry(t)
	d := register(t, r, app, "install-1")
	tags := make([]string, 101)
	for i := range tags {
		tags[i] = fmt.Sprint("t", i)
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprint("t", i)
	}
	long, text, badge := strings.Repeat("x", 41), "not hex", -1
	for name, c := range map[string]registry.Change{
		"token without environment": {Token: token(1)},
		"token that is not hex":     {Token: &text, Environment: new(aurora.Production)},
		"alias too long":            {Alias: &long},
		"tag too long":              {AddTags: []string{long}},
		"tag with a comma":          {AddTags: []string{"a,b"}},
		"empty tag":                 {RemoveTags: []string{""}},
		"too many tags added":       {AddTags: tags},
		"too many tags set":         {SetTags: &many},
		"negative badge":            {Badge: &badge},
		"profile too long":          {Profile: map[string]string{"model": strings.Repeat("m", 200)}},
	} {
		err := r.Apply(t.Context(), app, d.Number, c)
		if k := aurora.KindOf(err); err == nil || k != aurora.Invalid && k != aurora.Missing {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	got, err := r.Device(t.Context(), app, d.RegistrationID)
	if err != nil || got.Alias != "" || got.Tags != nil || got.Token != "" {
		t.Errorf("after refusals the device is %+v, %v", got, err)
	}
}

// Whatever happens to devices, and whenever changes are folded, an audience
// selects exactly those that match its definition.
func TestIndexAgreesWithMatch(t *testing.T) {
	r, db, app := newRegistry(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	devices := make([]aurora.Device, 30)
	for i := range devices {
		devices[i] = register(t, r, app, fmt.Sprintf("install-%d", i))
	}
	names := []string{"vip", "beijing", "new york", "晚报", "a&b|c"}
	for round := range 300 {
		d := devices[rnd.IntN(len(devices))]
		apply(t, r, d, randomChange(rnd, names))
		if rnd.IntN(10) == 0 {
			if _, _, err := db.Fold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if round%5 > 0 {
			continue
		}
		seen(t, db, devices[rnd.IntN(len(devices))], time.Now().Add(time.Duration(rnd.IntN(10*24))*time.Hour))
		e := randomExpr(rnd, names, devices, 3).At(time.Now())
		if got, want := selected(t, r, app, e), byDefinition(t, r, app, devices, e); !got.Equals(want) {
			t.Fatalf("round %d: %v selects %v, by definition %v", round, e, got, want)
		}
		sieved(t, r, app, devices, e, randomExpr(rnd, names, devices, 1).At(time.Now()), randomExpr(rnd, names, devices, 2).At(time.Now()))
	}
}

// seen writes that a device was seen.
func seen(t *testing.T, db *store.Store, d aurora.Device, at time.Time) {
	t.Helper()
	if err := db.Notice(t.Context(), nil, []registry.Touch{{AppID: d.AppID, Number: d.Number, At: at, Was: d.SeenAt}}); err != nil {
		t.Fatal(err)
	}
}

// sieved compares the numbers of a sieve with those of the sets it sorts.
func sieved(t *testing.T, r *registry.Service, app int64, devices []aurora.Device, e audience.Expr, parts ...audience.Expr) {
	t.Helper()
	rest := byDefinition(t, r, app, devices, e)
	all := rest.Clone()
	var want []uint64
	for _, p := range parts {
		taken := roaring.And(rest, byDefinition(t, r, app, devices, p))
		want = append(want, taken.GetCardinality())
		rest.AndNot(taken)
	}
	want = append(want, rest.GetCardinality())
	got, err := r.Sieve(t.Context(), app, e, parts)
	set, setErr := r.SieveSet(t.Context(), app, all, parts)
	if err != nil || setErr != nil || !slices.Equal(got, want) || !slices.Equal(set, want) {
		t.Errorf("%v sorted by %v is %v, %v and as a set %v, %v; want %v", e, parts, got, err, set, setErr, want)
	}
}

func randomChange(rnd *rand.Rand, names []string) registry.Change {
	pick := func() string { return names[rnd.IntN(len(names))] }
	any := func(values ...string) string { return values[rnd.IntN(len(values))] }
	switch rnd.IntN(8) {
	case 6, 7:
		return registry.Change{Profile: map[string]string{
			any("app_version", "os_version"): any("", "1.0", "1.0.0", "1.10", "1.9-beta", "v2"), "language": any("", "zh", "zh_CN", "en-GB"), "channel": any("", "store", "test"),
		}}
	case 5:
		off := rnd.IntN(2) == 0
		return registry.Change{PushDisabled: &off}
	case 0:
		return registry.Change{AddTags: []string{pick()}, RemoveTags: []string{pick()}}
	case 1:
		set := []string{pick(), pick()}
		return registry.Change{SetTags: &set}
	case 2:
		alias := []string{"", "a", "b", "c", "d", "e", "f", "g"}[rnd.IntN(8)] // ten devices may share one
		return registry.Change{Alias: &alias}
	case 3:
		none := ""
		return registry.Change{Token: &none}
	}
	return registry.Change{Token: token(1 + rnd.IntN(40)), Environment: new(aurora.Environment(1 + rnd.IntN(2)))}
}

func randomExpr(rnd *rand.Rand, names []string, devices []aurora.Device, depth int) audience.Expr {
	if depth == 0 {
		compared := func(f audience.Field, value string) audience.Expr {
			return audience.Expr{Op: audience.OpTerm, Term: audience.Term{Field: f, Value: value, Rel: audience.Rel(1 + rnd.IntN(4))}}
		}
		switch rnd.IntN(11) {
		case 6:
			return compared(audience.Version, []string{"1", "1.0", "1.9", "1.10", "2"}[rnd.IntN(5)])
		case 7:
			return audience.Is(audience.OS, []string{"1", "1.9", "2.0"}[rnd.IntN(3)])
		case 8:
			return audience.Is(audience.Language, []string{"zh", "zh-cn", "en", "e"}[rnd.IntN(4)])
		case 9:
			return compared([]audience.Field{audience.Seen, audience.Registered}[rnd.IntN(2)], []string{"0d", "1d", "3d", "2w"}[rnd.IntN(4)])
		case 10:
			return []audience.Expr{audience.Is(audience.Channel, "store"), audience.Is(audience.Environment, "production")}[rnd.IntN(2)]
		case 5:
			return audience.Is(audience.State, []string{audience.OptedOut, audience.Quarantined}[rnd.IntN(2)])
		case 0:
			return audience.Is(audience.Alias, []string{"a", "b"}[rnd.IntN(2)])
		case 1:
			return audience.Is(audience.Registration, devices[rnd.IntN(len(devices))].RegistrationID)
		case 2:
			return audience.Is(audience.Token, []string{"development", "production"}[rnd.IntN(2)])
		}
		return audience.Is(audience.Tag, names[rnd.IntN(len(names))])
	}
	a, b := randomExpr(rnd, names, devices, depth-1), randomExpr(rnd, names, devices, depth-1)
	return []audience.Expr{audience.And(a, b), audience.Or(a, b), audience.Not(a)}[rnd.IntN(3)]
}

func selected(t *testing.T, r *registry.Service, app int64, e audience.Expr) *roaring.Bitmap {
	t.Helper()
	var got *roaring.Bitmap
	var err error
	if _, ok := e.Points(); ok {
		got, err = r.SelectPoints(t.Context(), app, e)
	} else {
		got, err = r.SelectBlock(t.Context(), app, e, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// subject is how an audience sees a device, written down a second time.
func subject(d aurora.Device) audience.Subject {
	s := audience.Subject{
		Tags: d.Tags, Alias: d.Alias, RegistrationID: d.RegistrationID, Platform: string(d.Platform), Environment: d.Environment.String(), Token: d.Environment.String(),
		Version: d.Profile.AppVersion, OS: d.Profile.OSVersion, Language: d.Profile.Language, Channel: d.Profile.Channel,
		Seen: d.SeenAt, Registered: d.RegisteredAt, Now: time.Now(),
	}
	if d.PushDisabled {
		s.States, s.Token = []string{audience.OptedOut}, ""
	}
	return s
}

func byDefinition(t *testing.T, r *registry.Service, app int64, devices []aurora.Device, e audience.Expr) *roaring.Bitmap {
	t.Helper()
	want := roaring.New()
	for _, d := range devices {
		now, err := r.Device(t.Context(), app, d.RegistrationID)
		if err != nil {
			t.Fatal(err)
		}
		if e.Match(subject(now)) {
			want.Add(now.Number)
		}
	}
	return want
}

func TestFindDevices(t *testing.T) {
	r, db, app := newRegistry(t)
	elsewhere := register(t, r, newApp(t, db), "install-1")
	alias := "reader-17"
	a := register(t, r, app, "install-1")
	apply(t, r, a, registry.Change{Alias: &alias, AddTags: []string{"vip"}, Token: token(0xabc), Environment: new(aurora.Production)})
	b := register(t, r, app, "install-2")
	apply(t, r, b, registry.Change{AddTags: []string{"vip"}})

	for text, want := range map[string][]uint32{
		"":                        {b.Number, a.Number},
		alias:                     {a.Number},
		"vip":                     {b.Number, a.Number},
		b.RegistrationID:          {b.Number},
		"0000":                    {a.Number},
		"nobody":                  nil,
		elsewhere.RegistrationID:  nil,
		`%' OR 1=1 --`:            nil,
		strings.Repeat("0", 1000): nil,
	} {
		found, err := r.Devices(t.Context(), app, registry.Query{Text: text, Limit: 10})
		if err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
		var numbers []uint32
		for _, d := range found {
			numbers = append(numbers, d.Number)
		}
		if !slices.Equal(numbers, want) {
			t.Errorf("%.20q finds devices %v, want %v", text, numbers, want)
		}
	}
	if _, err := r.Device(t.Context(), app, elsewhere.RegistrationID); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("another app's device: %v, want not found", err)
	}
}
