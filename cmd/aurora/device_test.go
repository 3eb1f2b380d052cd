package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/store/storetest"
)

// imported is what `aurora device import` prints.
type imported struct {
	Added, Changed, Rejected, Lines int64
	DryRun                          bool `json:"dry_run"`
	Seconds                         float64
}

func (s *script) write(name, text string) {
	s.t.Helper()
	check(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600))
}

func (s *script) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	check(s.t, err)
	return string(b)
}

// onPostgres points the script's commands at a PostgreSQL schema of its own.
func (s *script) onPostgres() {
	s.env = append(s.env, "AURORA_DATABASE="+storetest.Schema(s.t, s.t.Name()))
}

// A file with a byte-order mark, CRLF, a column nobody knows, duplicate rows and
// binary garbage: every good row becomes a device under its foreign id, every
// bad one is explained with its number; the export reads back identically.
func TestDevicesMoveByFiles(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			s := newScript(t)
			if database == "postgres" {
				s.onPostgres()
			}
			a := s.newApp()
			s.write("devices.csv", "\ufeffregistration id,device_token,environment,alias,tags,badge,whatever,seen\r\n"+
				fmt.Sprintf("foreign00001,%064X,production,a1,\"vip,beijing\",3,x,2026-01-02T03:04:05Z\r\n", 1)+ // 2
				"foreign00002,nothex,production,a2,,,,\r\n"+ // 3
				fmt.Sprintf("foreign00003,%064x,sandbox,\"say \"\"hi\"\"\",,,,2026-01-02T03:04:05Z\r\n", 3)+ // 4
				"\x00\xff\xfe\x01,,\r\n"+ // 5
				fmt.Sprintf("foreign00003,%064x,sandbox,a3,late,,,2026-01-03T03:04:05Z\r\n", 3)+ // 6: the same device once more
				"short,,,,,,,\r\n"+ // 7
				fmt.Sprintf(",%064x,production,,,,,2026-01-02T03:04:05Z\r\n", 4)+ // 8: gets an id
				"foreign00005,,,a5,,,,2026-01-02T03:04:05Z") // 9: no line end
			importing := []string{"device", "import", "--data", "data", "--app", a.AppKey}
			var got imported
			s.ok(&got, "", append(importing, "--dry-run", "devices.csv")...)
			if !got.DryRun || got.Added != 5 || got.Rejected != 3 {
				t.Errorf("a dry run: %+v", got)
			}
			r := s.run("", append(importing, "devices.csv")...)
			for _, line := range []string{"line 3: ", "line 5: ", "line 7: "} {
				if !strings.Contains(r.stderr, line) {
					t.Errorf("it does not explain %q:\n%s", line, r.stderr)
				}
			}
			got = imported{}
			check(t, json.Unmarshal([]byte(r.stdout), &got))
			if got.Seconds = 0; r.code != 0 || got != (imported{Added: 4, Changed: 1, Rejected: 3, Lines: 9}) {
				t.Fatalf("exit code %d, %+v %s", r.code, got, r.stderr)
			}
			lines := strings.Split(strings.TrimSuffix(s.read("devices.csv.rejected"), "\n"), "\n")
			if len(lines) != 3 || !strings.HasPrefix(lines[0], "3\t") || !strings.HasPrefix(lines[1], "5\t") || !strings.HasPrefix(lines[2], "7\t") || !strings.HasSuffix(lines[2], "\tshort,,,,,,,") {
				t.Errorf("the file of rejected lines has %q", lines)
			}
			s.fails("", append(importing, "devices.csv"), "imported already", "--again")
			s.fails("", append(importing, "nothing.csv"), "nothing.csv")
			s.ok(&got, "", append(importing, "--again", "devices.csv")...)
			if got.Added != 0 || got.Changed != 5 || got.Rejected != 3 {
				t.Errorf("again: %+v", got)
			}

			exporting := []string{"device", "export", "--data", "data", "--app", a.AppKey}
			for format, id := range map[string]string{"csv": "\nforeign00003,ios,", "jsonl": `{"registration_id":"foreign00003",`} {
				printed := s.run("", append(exporting, "--format", format)...)
				s.ok(nil, "", append(exporting, "--format", format, "--out", "out."+format)...)
				first := s.read("out." + format)
				if printed.stdout != first || strings.Count(first, id) != 1 {
					t.Errorf("exported to the screen\n%s\nand to a file\n%s", printed.stdout, first)
				}
				var other app
				s.ok(&other, "", "app", "create", "--data", "data", "--account", email, "--name", format, "--bundle-id", bundleID)
				s.ok(&got, "", "device", "import", "--data", "data", "--app", other.AppKey, "out."+format)
				if got.Added != 4 || got.Rejected != 0 {
					t.Errorf("the export is imported as %+v", got)
				}
				s.ok(nil, "", "device", "export", "--data", "data", "--app", other.AppKey, "--format", format, "--out", "again."+format)
				if again := s.read("again." + format); again != first {
					t.Errorf("exported\n%s\nand after its import\n%s", first, again)
				}
			}
			tagged := s.run("", append(exporting, "--tag", "late")...)
			if strings.Count(tagged.stdout, "\r\n") != 2 || !strings.Contains(tagged.stdout, "foreign00003") {
				t.Errorf("exported by a tag: %s", tagged.stdout)
			}
		})
	}
}

// An import beside a running server that is killed again and again goes on where it was, and leaves
// exactly what one without an interruption, and without a server, leaves: no device lost or doubled, no
// rejected line missing or told twice.
func TestAnImportIsKilled(t *testing.T) {
	const rows, kills = 25_000, 4
	var b strings.Builder
	b.WriteString("registration_id,token,environment,alias,tags,badge,seen_at\n")
	var bad []int // lines
	for i := range rows {
		if i%400 == 399 {
			bad = append(bad, i+len(bad)+2)
			b.WriteString("bad\n")
		}
		fmt.Fprintf(&b, "foreign%07d,%064x,production,a%d,\"t%d,u%d\",%d,2026-01-%02dT12:00:00Z\n", i%(rows-100), i, i/3, i%7, i%311, i%5, 1+i%28)
	}
	s := install(t)
	a := s.newApp()
	s.server.stop()
	s.write("whole.csv", b.String())
	var whole imported
	s.ok(&whole, "", "device", "import", "--data", "data", "--app", a.AppKey, "whole.csv")
	if whole.Added != rows-100 || whole.Changed != 100 || whole.Rejected != int64(len(bad)) {
		t.Fatalf("without an interruption: %+v", whole)
	}
	export := func(key string) string {
		return s.run("", "device", "export", "--data", "data", "--app", key).stdout
	}
	want := export(a.AppKey)

	var other app
	s.ok(&other, "", "app", "create", "--data", "data", "--account", email, "--name", "Killed", "--bundle-id", bundleID)
	s.serve()
	s.write("killed.csv", b.String())
	importing := []string{"device", "import", "--data", "data", "--app", other.AppKey, "killed.csv"}
	for run := range kills {
		p := s.start(importing...)
		begin := 0
		if run > 0 { // each run gets on by a transaction at least
			var err error
			begin, err = strconv.Atoi(p.says(`going on after line (\d+)`))
			check(t, err)
		}
		// A bad line of the second transaction is told once the first is there.
		p.says(fmt.Sprintf("line %d: ", bad[slices.IndexFunc(bad, func(line int) bool { return line > begin+1024 })]))
		time.Sleep(rand.N(40 * time.Millisecond))
		p.kill()
	}
	var last imported
	s.ok(&last, "", importing...)
	last.Seconds, whole.Seconds = 0, 0
	if last != whole {
		t.Errorf("killed %d times: %+v, without an interruption %+v", kills, last, whole)
	}
	if got := export(other.AppKey); got != want {
		t.Errorf("the devices differ: %d bytes exported, %d without an interruption", len(got), len(want))
	}
	if got, want := s.read("killed.csv.rejected"), s.read("whole.csv.rejected"); got != want || bytes.Count([]byte(want), []byte("\n")) != len(bad) {
		t.Errorf("the rejected lines differ:\n%s\n\n%s", got, want)
	}
}
