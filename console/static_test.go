package console

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What others made is as they published it: every file has its sum, and its
// licence beside it.
func TestVendoredFiles(t *testing.T) {
	sums, err := staticFiles.ReadFile("static/lib/CHECKSUMS")
	must(t, err)
	known := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(sums)); s.Scan(); {
		sum, name, _ := strings.Cut(s.Text(), "  ")
		known[name] = sum
	}
	files, err := staticFiles.ReadDir("static/lib")
	must(t, err)
	for _, f := range files {
		ext := filepath.Ext(f.Name())
		if ext != ".js" && ext != ".css" {
			continue
		}
		data, err := staticFiles.ReadFile("static/lib/" + f.Name())
		must(t, err)
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != known[f.Name()] {
			t.Errorf("%s is not as it was published: its sum is %x", f.Name(), sum)
		}
		product := regexp.MustCompile(`-\d.*`).ReplaceAllString(f.Name(), "")
		if _, err := staticFiles.ReadFile("static/lib/" + product + "-LICENSE.txt"); err != nil {
			t.Errorf("%s has no licence: %v", f.Name(), err)
		}
		delete(known, f.Name())
	}
	for name := range known {
		t.Errorf("%s has a sum and does not exist", name)
	}
}

// firstPage is how much a browser may load before the first page stands, in
// bytes as they are sent.
const firstPage = 60_000

var loaded = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)

func TestFirstPageIsSmall(t *testing.T) {
	for _, path := range []string{"/signin", "/apps", full, full + "/send", full + "/messages/" + messageID.String()} {
		v := newVisitor(t, newWorld(plain), ownerSession)
		if path == "/signin" {
			v.cookie = ""
		}
		body := v.get(path).Body.Bytes()
		total := len(compress(body))
		for _, m := range loaded.FindAllSubmatch(body, -1) {
			r := request("GET", strings.ReplaceAll(string(m[1]), "&amp;", "&"))
			r.Header.Set("Accept-Encoding", "gzip")
			rec := v.do(r)
			if rec.Code != http.StatusOK || rec.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s: status %d, headers %v", m[1], rec.Code, rec.Header())
			}
			total += rec.Body.Len()
		}
		t.Logf("%s: %d bytes", path, total)
		if total > firstPage {
			t.Errorf("%s loads %d bytes, at most %d are allowed", path, total, firstPage)
		}
	}
}
