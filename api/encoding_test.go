package api_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	return gzippedWith(t, text, 0)
}

// gzippedWith adds so many bytes that are no part of the text.
func gzippedWith(t *testing.T, text string, extra int) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	check(t, err)
	z.Extra = make([]byte, extra)
	_, err = z.Write([]byte(text))
	check(t, err)
	check(t, z.Close())
	return b.String()
}

// TestContentEncoding: a body may come with gzip; what it swells to has the
// limit of a body that does not, and any other coding is refused. Nothing of
// what is refused changes anything.
func TestContentEncoding(t *testing.T) {
	w := startWorld(t)
	w.register(t, w.app, `{"tags":{"set":["vip"]},"alias":"mia"}`)
	coded := func(path, coding, body string) request {
		return request{method: "POST", path: path, body: body, header: http.Header{"Content-Encoding": {coding}}}.as(w.app)
	}
	sent := func(r request) verdict { v, _ := w.verdict(t, r); return v }
	taken, wrong, large := verdict{200, 0}, verdict{400, 1003}, verdict{400, 1005}
	file := upload("alias", "vip.txt", "mia\n", "1")
	file.body, file.header = gzipped(t, file.body), http.Header{"Content-Type": file.header["Content-Type"], "Content-Encoding": {"gzip"}}
	for _, tt := range []struct {
		name string
		r    request
		want verdict
	}{
		{"gzip", coded("/v3/push/validate", "gzip", gzipped(t, goodPush)), taken},
		{"in capitals", coded("/v3/push/validate", "GZIP", gzipped(t, goodPush)), taken},
		{"in two parts", coded("/v3/push/validate", "x-gzip", gzipped(t, goodPush[:30])+gzipped(t, goodPush[30:])), taken},
		{"none", coded("/v3/push/validate", "identity", goodPush), taken},
		{"an upload", file.as(w.app), taken},
	} {
		if got := sent(tt.r); got != tt.want {
			t.Errorf("%s: answered %v, want %v", tt.name, got, tt.want)
		}
	}
	before := w.state(t)
	bomb := gzipped(t, goodPush+strings.Repeat(" ", 64<<20))
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	damaged := []byte(gzipped(t, goodPush))
	damaged[len(damaged)-5] ^= 1
	for _, tt := range []struct {
		name string
		r    request
		want verdict
	}{
		{"a bomb", coded("/v3/push", "gzip", bomb), large},
		{"a bomb in a bomb", coded("/v3/push", "gzip", gzipped(t, bomb)), wrong},
		{"11 MB of nothing", coded("/v3/push", "gzip", strings.Repeat(gzippedWith(t, "", 65_000), 170)), large},
		{"no gzip", coded("/v3/push", "gzip", goodPush), wrong},
		{"empty", coded("/v3/push", "gzip", ""), verdict{400, 1002}},
		{"cut off", coded("/v3/push", "gzip", gzipped(t, goodPush)[:60]), wrong},
		{"damaged", coded("/v3/push", "gzip", string(damaged)), wrong},
		{"labelled as none", coded("/v3/push", "", gzipped(t, goodPush)), wrong},
		{"twice", coded("/v3/push", "gzip, gzip", gzipped(t, gzipped(t, goodPush))), wrong},
		{"deflate", coded("/v3/push", "deflate", "x"), wrong},
		{"br", coded("/v3/push", "br", "x"), wrong},
		{"zstd", coded("/v3/push", "zstd", "x"), wrong},
		{"nonsense", coded("/v3/push", strings.Repeat("x", 1000), "x"), wrong},
		{"a family with other numbers", coded("/v3/schedules", "br", "x"), verdict{400, 8100}},
	} {
		if got := sent(tt.r); got != tt.want {
			t.Errorf("%s: answered %v, want %v", tt.name, got, tt.want)
		}
	}
	if d := difference(before, w.state(t)); len(d) > 0 {
		t.Errorf("refused requests changed %s", d)
	}
}
