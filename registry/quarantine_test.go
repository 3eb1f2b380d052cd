package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/store"
	"github.com/aurora-push/aurora/store/storetest"
)

// retired imports n devices in quarantine, one a second: every tenth with the
// reason BadDeviceToken.
func retired(t *testing.T, r *registry.Service, app int64, n int, from time.Time) {
	t.Helper()
	var b strings.Builder
	b.WriteString("registration_id,token,environment,alias,tags,badge,retired_reason,retired_at,seen_at\n")
	for i := range n {
		reason := "Unregistered"
		if i%10 == 0 {
			reason = "BadDeviceToken"
		}
		at := from.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
		fmt.Fprintf(&b, "foreign%07d,%s,production,a%d,\"vip,t%d\",%d,%s,%s,%s\n", i, *token(i), i, i%5, i%3, reason, at, from.Format(time.RFC3339))
	}
	if state, rejected, err := importing(t, r, app, b.String(), registry.ImportOptions{}); err != nil || state.Added+state.Changed != int64(n) {
		t.Fatalf("%+v, %v, %v", state, rejected, err)
	}
}

// The list is paged from the newest to the oldest, and devices are restored by
// name or by a filter.
func TestQuarantine(t *testing.T) {
	r, db, id := newRegistry(t)
	app := aurora.App{ID: id, Key: "key"}
	var noted []aurora.AuditEntry
	r.RecordTo(func(_ context.Context, e aurora.AuditEntry) { noted = append(noted, e) })
	const n = 700
	from := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	retired(t, r, id, n, from)
	register(t, r, id, "install-alive")

	list := func(f registry.QuarantineFilter) (ids []string) {
		t.Helper()
		for after := (registry.QuarantinePlace{}); ; {
			page, err := r.Quarantined(t.Context(), id, f, after, 64)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				ids = append(ids, d.RegistrationID)
				after = registry.QuarantinePlace{At: d.RetiredAt, Number: d.Number}
			}
			if len(page) < 64 {
				return ids
			}
		}
	}
	all := list(registry.QuarantineFilter{})
	for i, id := range all {
		if want := fmt.Sprintf("foreign%07d", n-1-i); id != want {
			t.Fatalf("place %d has %s, want %s", i, id, want)
		}
	}
	if len(all) != n {
		t.Fatalf("%d are listed, want %d", len(all), n)
	}
	if got := list(registry.QuarantineFilter{Since: from.Add(10 * time.Second), Until: from.Add(20 * time.Second)}); len(got) != 10 || got[0] != "foreign0000019" {
		t.Errorf("of ten seconds: %v", got)
	}
	inside := func(want uint64) {
		t.Helper()
		for range 2 {
			if got, err := r.CountQuarantined(t.Context(), id); err != nil || got != want {
				t.Errorf("%d are in quarantine, %v, want %d", got, err, want)
			}
			if got, err := r.Count(t.Context(), id, audience.Is(audience.Token, "production")); err != nil || got != n-want {
				t.Errorf("%d can be sent to, %v, want %d", got, err, n-want)
			}
			if _, _, err := db.Fold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	inside(n)

	var unknown *registry.UnknownDevices
	if _, err := r.Restore(t.Context(), app, []string{"foreign0000000", "nobody000000"}); !errors.As(err, &unknown) {
		t.Errorf("with an unknown id: %v", err)
	}
	if _, err := r.Restore(t.Context(), app, nil); aurora.KindOf(err) != aurora.Invalid {
		t.Errorf("of nobody: %v", err)
	}
	viewer := aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.PersonActor, Role: aurora.SenderRole})
	if _, err := r.Restore(viewer, app, []string{"foreign0000000"}); aurora.KindOf(err) != aurora.Forbidden {
		t.Errorf("by a sender: %v", err)
	}
	if _, _, err := r.RestoreAll(viewer, app, registry.QuarantineFilter{}); aurora.KindOf(err) != aurora.Forbidden {
		t.Errorf("all, by a sender: %v", err)
	}
	inside(n)
	before, err := r.Device(t.Context(), id, "foreign0000000")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 0} { // a repeat restores nobody
		if got, err := r.Restore(t.Context(), app, []string{"foreign0000000", "foreign0000001"}); err != nil || got != want {
			t.Errorf("%d restored, %v, want %d", got, err, want)
		}
	}
	inside(n - 2)
	if d, err := r.Device(t.Context(), id, "foreign0000000"); err != nil || d.Token != before.Token || !d.TokenAt.Equal(before.TokenAt) || d.RetiredReason != "" || !d.RetiredAt.IsZero() || d.Alias != "a0" {
		t.Errorf("restored as %+v, %v", d, err)
	}
	// The app of an imported device reports the token: it is alive.
	if rid, err := r.Register(t.Context(), id, registration(1, registry.Change{Token: token(10), Environment: new(aurora.Production)})); err != nil || rid != "foreign0000010" {
		t.Fatalf("registered as %s, %v", rid, err)
	}
	got, more, err := r.RestoreAll(t.Context(), app, registry.QuarantineFilter{Reason: "BadDeviceToken"})
	if err != nil || more || got != n/10-2 {
		t.Errorf("%d restored, %v, %v", got, more, err)
	}
	got, more, err = r.RestoreAll(t.Context(), app, registry.QuarantineFilter{})
	if err != nil || more || got != n-3-(n/10-2) {
		t.Errorf("%d restored, %v, %v", got, more, err)
	}
	inside(0)
	if len(noted) != 3 || noted[0].Action != "devices.restored" || noted[0].Detail != "2, by registration id" {
		t.Errorf("noted: %+v", noted)
	}
}

// A device keeps its newest former tokens with their time and reason; what is
// live again has not ended.
func TestTokenHistory(t *testing.T) {
	r, _, app := newRegistry(t)
	d := register(t, r, app, "install-1")
	const changes = registry.MaxPastTokens + 5
	for i := range changes {
		apply(t, r, d, registry.Change{Token: token(100 + i), Environment: new(aurora.Development)})
		apply(t, r, d, registry.Change{Token: token(100 + i), Environment: new(aurora.Development)}) // a repeat changes nothing
		time.Sleep(2 * time.Millisecond)                                                             // moments are kept in milliseconds
	}
	past := func(d aurora.Device) []registry.PastToken {
		t.Helper()
		list, err := r.PastTokens(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	list := past(d)
	if len(list) != registry.MaxPastTokens {
		t.Fatalf("%d are kept", len(list))
	}
	for i, p := range list {
		want := registry.ShortToken(*token(100 + changes - 2 - i))
		if p.Token != want || p.Reason != registry.TokenReplaced || p.Environment != aurora.Development || p.Until.Before(p.Since) || i > 0 && p.Until.After(list[i-1].Since) {
			t.Errorf("%d: %+v, want %s", i, p, want)
		}
	}
	other := register(t, r, app, "install-2")
	apply(t, r, other, registry.Change{Token: token(100 + changes - 1), Environment: new(aurora.Development)})
	if p := past(d)[0]; p.Reason != registry.TokenMoved {
		t.Errorf("taken: %+v", p)
	}
	apply(t, r, other, registry.Change{Token: new("")})
	if list := past(other); len(list) != 1 || list[0].Reason != registry.TokenRemoved {
		t.Errorf("taken back: %+v", list)
	}
	if list := past(register(t, r, app, "install-3")); len(list) != 0 {
		t.Errorf("a new device: %+v", list)
	}
}

// Silent devices go after a time, with what belongs to them, and so does the
// space they took; who was heard of, was restored or came late stays.
func TestQuarantineEnds(t *testing.T) {
	open, dir := store.Open, t.TempDir()
	source := dir
	if url := storetest.Database(t, dir); url != "" {
		source, open = url, func(ctx context.Context, url string) (*store.Store, error) { return store.OpenURL(ctx, url, nil) }
	}
	db, err := open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, id := registry.New(db, nil, nil), newApp(t, db)
	other := newApp(t, db)
	n := 12_000
	if source != dir {
		n = 3000
	}
	now := time.Now()
	retired(t, r, id, n, now.Add(-20*24*time.Hour))
	retired(t, r, other, 3, now.Add(-10*24*time.Hour))
	alive := register(t, r, id, "install-alive")
	if _, err := r.Restore(t.Context(), aurora.App{ID: id}, []string{"foreign0000000"}); err != nil {
		t.Fatal(err)
	}
	heard, err := r.Device(t.Context(), id, "foreign0000001")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Notice(t.Context(), nil, []registry.Touch{{AppID: id, Number: heard.Number, At: now, Was: heard.SeenAt}}); err != nil {
		t.Fatal(err)
	}
	if err := r.PutTestDevice(t.Context(), id, "foreign0000002", "old", false); err != nil {
		t.Fatal(err)
	}
	fold := func() {
		t.Helper()
		for n, more := 1, false; n > 0 || more; {
			if n, more, err = db.Fold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	fold()
	before := space(t, dir, source)
	sweep := func(keep time.Duration) {
		t.Helper()
		forget := r.Forgetter(keep)
		for more := true; more; {
			if more, err = forget(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(app int64, e audience.Expr, want uint64) {
		t.Helper()
		if got, err := r.Count(t.Context(), app, e); err != nil || got != want {
			t.Errorf("%v selects %d, %v, want %d", e, got, err, want)
		}
	}
	sweep(0)
	count(id, audience.All(), uint64(n)+1)
	sweep(15 * 24 * time.Hour)
	count(id, audience.All(), 3)
	count(other, audience.All(), 3)
	fold()
	count(id, audience.All(), 3)
	count(id, audience.Is(audience.Tag, "vip"), 2)
	count(id, audience.Is(audience.Alias, "a5"), 0)
	count(id, audience.Is(audience.State, audience.Quarantined), 1)
	for _, rid := range []string{"foreign0000000", "foreign0000001", alive.RegistrationID} {
		if _, err := r.Device(t.Context(), id, rid); err != nil {
			t.Errorf("%s: %v", rid, err)
		}
	}
	if _, err := r.Device(t.Context(), id, "foreign0000002"); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("a deleted device: %v", err)
	}
	if list, err := r.ListTestDevices(t.Context(), id); err != nil || len(list) != 0 {
		t.Errorf("test devices %v, %v", list, err)
	}
	for more := true; more; {
		if more, err = db.ReturnSpace(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := space(t, dir, source); after > before/2 && source == dir {
		t.Errorf("the database takes %d bytes and took %d before", after, before)
	}
	// They can come again, under new numbers; PostgreSQL puts them where the old
	// ones were.
	retired(t, r, id, n, now)
	count(id, audience.Is(audience.Alias, "a5"), 1)
	if after := space(t, dir, source); after > before*5/4 {
		t.Errorf("the same devices take %d bytes and took %d before", after, before)
	}
}

// space is what the devices take on the disk.
func space(t *testing.T, dir, source string) (n int64) {
	t.Helper()
	if source != dir {
		db, err := sql.Open("pgx", source)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("VACUUM device"); err != nil { // as the database does by itself in time
			t.Fatal(err)
		}
		if err := db.QueryRow("SELECT pg_relation_size('device')").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	file := filepath.Join(dir, "aurora.db")
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
