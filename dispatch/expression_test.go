package dispatch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// TestAPushGoesToThoseWhoMatch: what an expression means, what the bitmaps say,
// and whom a push is sent to are the same, for random devices and expressions.
func TestAPushGoesToThoseWhoMatch(t *testing.T) {
	dir := newDatabase(t)
	inWorldOf(t, dir, func(w *world) {
		rnd := rand.New(rand.NewPCG(7, 7))
		w.halt() // or its looking for work once a second would make the weeks long
		w.mixed(60, rnd)
		devices := w.varied(rnd)
		w.stop()
		w.open(dir)
		segments := map[string]audience.Expr{}
		for _, g := range [][2]string{{"young", "registered<=20d"}, {"new york", "t1 || version>=1.9"}, {"both", `segment:young && !segment:"new york"`}} {
			if _, err := w.registry.CreateSegment(w.Context(), w.app.ID, g[0], g[1]); err != nil {
				w.Fatal(err)
			}
			segments[g[0]], _ = audience.Read(g[1])
		}
		first := w.push(dispatch.Request{Message: alert("hi"), Audience: audience.Not(audience.Is(audience.Tag, "t0"))})
		w.report(first)
		for _, d := range devices { // some report it
			if event := rnd.IntN(4); event < 2 {
				r := aurora.Receipt{MessageID: first, Event: []aurora.ReceiptEvent{aurora.ReceivedEvent, aurora.OpenedEvent}[event]}
				if err := w.ledger.AddReceipts(w.Context(), d, []aurora.Receipt{r}); err != nil {
					w.Fatal(err)
				}
			}
		}
		for round := range 150 {
			e := writtenExpr(rnd, first, devices, 3)
			read, err := audience.Read(e.String())
			if err != nil {
				w.Fatalf("%v: %v", e, err)
			}
			m := alert("hi")
			m.Options.Production = rnd.IntN(2) == 0
			before := len(w.vendor.deliveries())
			report := w.report(w.push(dispatch.Request{Message: m, Audience: read, AllowEmpty: true}))
			var sent, match []uint32
			for _, d := range w.vendor.deliveries()[before:] {
				sent = append(sent, d.Number)
			}
			targeted := uint64(0)
			for _, d := range devices {
				s := w.subject(d, first)
				s.Segments = segments
				if !e.Match(s) {
					continue
				}
				targeted++
				if s.Token == m.Environment().String() {
					match = append(match, d.Number)
				}
			}
			slices.Sort(sent)
			if !slices.Equal(sent, match) || report.Targeted != targeted {
				w.Fatalf("round %d: %v targeted %d and was sent to %v; it matches %d, of which %v can be reached", round, e, report.Targeted, sent, targeted, match)
			}
		}
	})
}

// varied gives the app's devices versions, languages and a past, and returns them.
func (w *world) varied(rnd *rand.Rand) []aurora.Device {
	w.Helper()
	any := func(values ...string) string { return values[rnd.IntN(len(values))] }
	for range 4 { // some come later
		time.Sleep(7 * 24 * time.Hour)
		w.device(1000+rnd.IntN(1000), aurora.Production, any("t0", "t1", "t2"))
	}
	devices, err := w.registry.Devices(w.Context(), w.app.ID, registry.Query{Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	slices.Reverse(devices) // ascending
	for _, d := range devices {
		alias := any("", "", fmt.Sprint("alias", d.Number/5))
		c := registry.Change{Alias: &alias, Profile: map[string]string{
			"app_version": any("", "1.0", "1.9", "1.10"), "os_version": any("17.5", "18"), "language": any("", "zh-Hans", "zh", "en_GB"), "channel": any("", "store"),
		}}
		if err := w.registry.Apply(w.Context(), w.app.ID, d.Number, c); err != nil {
			w.Fatal(err)
		}
		at := d.SeenAt.Add(time.Duration(rnd.Int64N(int64(time.Since(d.SeenAt)) + 1)))
		if err := w.db.Notice(w.Context(), nil, []registry.Touch{{AppID: w.app.ID, Number: d.Number, At: at, Was: d.SeenAt}}); err != nil {
			w.Fatal(err)
		}
	}
	devices, err = w.registry.Devices(w.Context(), w.app.ID, registry.Query{Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	slices.Reverse(devices)
	return devices
}

// subject is how an audience sees a device, from what the services say of it.
func (w *world) subject(d aurora.Device, id aurora.MessageID) audience.Subject {
	w.Helper()
	s := audience.Subject{
		Tags: d.Tags, Alias: d.Alias, RegistrationID: d.RegistrationID, Platform: string(d.Platform), Environment: d.Environment.String(),
		Version: d.Profile.AppVersion, OS: d.Profile.OSVersion, Language: d.Profile.Language, Channel: d.Profile.Channel,
		Seen: d.SeenAt, Registered: d.RegisteredAt, Now: time.Now(), Marks: map[audience.Field][]string{},
	}
	if s.Token = s.Environment; d.PushDisabled {
		s.Token, s.States = "", []string{audience.OptedOut}
	}
	marks, err := w.ledger.Marks(w.Context(), d, id)
	if err != nil {
		w.Fatal(err)
	}
	for field, mark := range map[audience.Field]aurora.Mark{audience.Targeted: aurora.Targeted, audience.Sent: aurora.Accepted, audience.Received: aurora.Received, audience.Opened: aurora.Opened} {
		if _, ok := marks[mark]; ok {
			s.Marks[field] = []string{id.String()}
		}
	}
	return s
}

// writtenExpr makes an expression of what people may write.
func writtenExpr(rnd *rand.Rand, id aurora.MessageID, devices []aurora.Device, depth int) audience.Expr {
	if depth > 0 && rnd.IntN(4) > 0 {
		a, b := writtenExpr(rnd, id, devices, depth-1), writtenExpr(rnd, id, devices, depth-1)
		return []audience.Expr{audience.And(a, b), audience.Or(a, b), audience.Not(a)}[rnd.IntN(3)]
	}
	any := func(values ...string) string { return values[rnd.IntN(len(values))] }
	compared := func(f audience.Field, values ...string) audience.Expr {
		return audience.Expr{Op: audience.OpTerm, Term: audience.Term{Field: f, Value: any(values...), Rel: audience.Rel(1 + rnd.IntN(4))}}
	}
	choices := []func() audience.Expr{
		func() audience.Expr { return audience.All() },
		func() audience.Expr { return audience.Is(audience.Tag, any("t0", "t1", "t2", "nobody")) },
		func() audience.Expr { return audience.Is(audience.Alias, any("alias1", "alias2", "nobody")) },
		func() audience.Expr {
			return audience.Is(audience.Registration, devices[rnd.IntN(len(devices))].RegistrationID)
		},
		func() audience.Expr { return audience.Is(audience.Platform, any("ios", "android")) },
		func() audience.Expr { return audience.Is(audience.Environment, any("production", "development")) },
		func() audience.Expr { return audience.Is(audience.State, audience.OptedOut) },
		func() audience.Expr { return compared(audience.Version, "1", "1.9", "1.10") },
		func() audience.Expr { return compared(audience.OS, "17", "18.0") },
		func() audience.Expr { return audience.Is(audience.Language, any("zh", "zh-hans", "en")) },
		func() audience.Expr { return audience.Is(audience.Channel, "store") },
		func() audience.Expr { return compared(audience.Seen, "0d", "3d", "2w", "40d") },
		func() audience.Expr {
			return compared(audience.Registered, "1d", "20d", audience.Date(time.Now().AddDate(0, 0, -14)))
		},
		func() audience.Expr { return audience.Is(audience.Segment, any("young", "new york", "both")) },
		func() audience.Expr {
			return audience.Is(audience.Field(any("targeted", "sent", "received", "opened")), id.String())
		},
	}
	return choices[rnd.IntN(len(choices))]()
}
