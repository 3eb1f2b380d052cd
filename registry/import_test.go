package registry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// importing runs an import and returns what was rejected.
func importing(t *testing.T, r *registry.Service, app int64, file string, o registry.ImportOptions) (registry.ImportState, []registry.Rejection, error) {
	t.Helper()
	var list []registry.Rejection
	o.Rejected = func(r registry.Rejection) error { list = append(list, r); return nil }
	state, err := r.Import(t.Context(), app, strings.NewReader(file), o)
	return state, list, err
}

func exported(t *testing.T, r *registry.Service, app int64, o registry.ExportOptions) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := r.Export(t.Context(), app, &b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const mixed = "\ufeffregistration id,device_token,environment,alias,tags,badge,language,seen,whatever\r\n" +
	"foreign00001,%[1]s,production,a1,\"vip,beijing\",3,zh-Hans,2026-01-02 03:04:05,x\r\n" +
	"foreign00002,%[2]s,sandbox,a2,vip,,en,1767323045,\r\n" +
	"foreign00003,nothex,production,a3,,,,,\r\n" +
	"foreign00004,,,\"say \"\"hi\"\"\",,,,,\r\n" +
	"short,%[2]s,production,,,,,,\r\n" +
	"foreign00002,%[2]s,production,a2,other,7,en,,\r\n" +
	"\x00\xff\xfe,,\r\n"

// Foreign ids, aliases of columns, CRLF, a byte-order mark, duplicates and
// garbage: the right devices, and a line and a reason for all others. The
// export reads back identically, in both formats.
func TestImportAndExport(t *testing.T) {
	r, _, app := newRegistry(t)
	file := fmt.Sprintf(mixed, *token(1), *token(2))
	if state, _, err := importing(t, r, app, file, registry.ImportOptions{DryRun: true}); err != nil || state.Added != 4 || state.Rejected != 3 {
		t.Errorf("dry run: %+v, %v", state, err)
	}
	state, rejected, err := importing(t, r, app, file, registry.ImportOptions{})
	if err != nil || state.Added != 3 || state.Changed != 1 || state.Rejected != 3 {
		t.Fatalf("%+v, %v, %v", state, rejected, err)
	}
	for i, line := range []int64{4, 6, 8} {
		if rejected[i].Line != line || rejected[i].Reason == "" {
			t.Errorf("rejected: %+v, want line %d", rejected[i], line)
		}
	}
	d, err := r.Device(t.Context(), app, "foreign00002")
	if err != nil || d.Token != *token(2) || d.Environment != aurora.Production || d.Alias != "a2" || fmt.Sprint(d.Tags) != "[other]" || d.Badge != 7 || d.Profile.Language != "en" {
		t.Errorf("%+v, %v", d, err)
	}
	if n, err := r.Count(t.Context(), app, audience.Is(audience.Tag, "vip")); err != nil || n != 1 {
		t.Errorf("%d with the tag, %v", n, err)
	}
	if _, err := r.Register(t.Context(), app, registration(9, registry.Change{Token: token(9), Environment: new(aurora.Production), AddTags: []string{" odd", "[x"}})); err != nil {
		t.Fatal(err)
	}
	for _, format := range []registry.Format{registry.CSV, registry.JSONLines} {
		first := exported(t, r, app, registry.ExportOptions{Format: format})
		other, _, elsewhere := newRegistry(t)
		if state, rejected, err := importing(t, other, elsewhere, first, registry.ImportOptions{}); err != nil || state.Added != 4 || state.Rejected != 0 {
			t.Fatalf("%s: %+v, %v, %v\n%s", format, state, rejected, err, first)
		}
		if again := exported(t, other, elsewhere, registry.ExportOptions{Format: format}); again != first {
			t.Errorf("%s: exported\n%s, and after its import\n%s", format, first, again)
		}
		// The installation is still proven, so its app notices nothing.
		if id, err := other.Register(t.Context(), elsewhere, registration(9, registry.Change{})); err != nil || !strings.Contains(first, id) {
			t.Errorf("%s: the known installation becomes %s, %v", format, id, err)
		}
	}
}

// The app on the phone takes over what was imported for its token.
func TestInstallationTakesOverAnImportedDevice(t *testing.T) {
	r, _, app := newRegistry(t)
	if _, _, err := importing(t, r, app, "registration_id,token,environment,alias,tags\nforeign00001,"+*token(1)+",production,a1,vip\n", registry.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	one := registration(1, registry.Change{Token: token(1), Environment: new(aurora.Production), AddTags: []string{"new"}})
	for range 2 {
		if id, err := r.Register(t.Context(), app, one); err != nil || id != "foreign00001" {
			t.Fatalf("registered as %s, %v", id, err)
		}
	}
	d, err := r.Authenticate(t.Context(), "foreign00001", one.Secret)
	if err != nil || d.Alias != "a1" || fmt.Sprint(d.Tags) != "[new vip]" || d.Token != *token(1) {
		t.Errorf("%+v, %v", d, err)
	}
	// Nobody takes over a device that an installation has.
	id, err := r.Register(t.Context(), app, registration(2, registry.Change{Token: token(1), Environment: new(aurora.Production)}))
	if err != nil || id == "foreign00001" {
		t.Errorf("another installation becomes %s, %v", id, err)
	}
}

// An import that ends anywhere goes on there, and leaves what one without an
// interruption leaves; a file that has changed is refused.
func TestImportGoesOn(t *testing.T) {
	const rows = 5000
	var b strings.Builder
	b.WriteString("registration_id,token,environment,tags\n")
	for i := range rows {
		if i%100 == 7 {
			b.WriteString("bad\n")
		}
		fmt.Fprintf(&b, "foreign%07d,%s,production,\"t%d,u%d\"\n", i, *token(i), i%7, i%11)
	}
	file := b.String()
	whole, _, wholeApp := newRegistry(t)
	if state, _, err := importing(t, whole, wholeApp, file, registry.ImportOptions{Source: "f"}); err != nil || state.Added != rows || state.Rejected != rows/100 {
		t.Fatalf("%+v, %v", state, err)
	}
	r, _, app := newRegistry(t)
	ended := errors.New("ended")
	for stops := 1; ; stops++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := 0
		state, err := r.Import(ctx, app, strings.NewReader(file), registry.ImportOptions{Source: "f", Progress: func(registry.ImportState) {
			if calls++; calls == 2 { // each run gets a little further
				cancel(ended)
			}
		}})
		cancel(nil)
		if err == nil {
			if state.Added != rows || state.Changed != 0 || state.Rejected != rows/100 {
				t.Errorf("after %d stops: %+v", stops, state)
			}
			break
		}
		if stops > rows {
			t.Fatal("it does not get on")
		}
		if state.Offset > 0 {
			changed := strings.Replace(file, "foreign0000000", "foreign000000x", 1)
			if _, _, err := importing(t, r, app, changed, registry.ImportOptions{Source: "f"}); aurora.KindOf(err) != aurora.Conflict {
				t.Errorf("a changed file: %v", err)
			}
		}
	}
	strip := func(s string) string { // times of registration are when it ran
		lines := strings.Split(s, "\r\n")
		for i := range lines {
			if cells := strings.Split(lines[i], ","); len(cells) > 5 {
				lines[i] = strings.Join(cells[:6], ",")
			}
		}
		return strings.Join(lines, "\n")
	}
	if a, b := strip(exported(t, whole, wholeApp, registry.ExportOptions{})), strip(exported(t, r, app, registry.ExportOptions{})); a != b {
		t.Error("an interrupted import leaves other devices than one without a break")
	}
	if _, _, err := importing(t, r, app, file, registry.ImportOptions{Source: "f"}); aurora.KindOf(err) != aurora.Conflict {
		t.Errorf("once more: %v", err)
	}
	if state, _, err := importing(t, r, app, file, registry.ImportOptions{Source: "f", Again: true}); err != nil || state.Added != 0 || state.Changed != rows {
		t.Errorf("again: %+v, %v", state, err)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	r, _, app := newRegistry(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte("registration_id\nforeign00001\n"))
	w.Close()
	if state, _, err := importing(t, r, app, packed.String(), registry.ImportOptions{}); err != nil || state.Added != 1 {
		t.Errorf("gzip: %+v, %v", state, err)
	}
	for name, file := range map[string]string{
		"empty": "", "garbage": "\x00\x01\x02\n", "UTF-16": "\xff\xfer\x00", "array": "[{}]", "no column": "a,b\n", "twice": "token,token\n", "cut gzip": packed.String()[:packed.Len()-6], "no gzip": "\x1f\x8bx",
	} {
		if _, _, err := importing(t, r, app, file, registry.ImportOptions{}); aurora.KindOf(err) == aurora.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if state, rejected, err := importing(t, r, app, "token,environment\n"+strings.Repeat("f", 300<<10)+"\n", registry.ImportOptions{}); err != nil || state.Rejected != 1 || !strings.Contains(rejected[0].Reason, "longer") {
		t.Errorf("a long line: %+v, %v", state, err)
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{mixed, "{\"token\":\"abcd\",\"environment\":\"production\",\"tags\":[\"a\"]}\n", "token\n\"\"\"", "tags;token\n{\"a\":1};ab", "\x1f\x8b"} {
		f.Add([]byte(seed))
	}
	r := registry.New(nil, nil, nil)
	f.Fuzz(func(t *testing.T, file []byte) {
		state, err := r.Import(context.Background(), 1, bytes.NewReader(file), registry.ImportOptions{DryRun: true})
		if err == nil && state.Offset > int64(len(file)) && !bytes.HasPrefix(file, []byte("\x1f\x8b")) {
			t.Errorf("%d of %d bytes were read", state.Offset, len(file))
		}
	})
}
