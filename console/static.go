package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// asset is a static file as it is sent: plain and compressed.
type asset struct {
	plain, gzip []byte
	mime        string
	version     string // of the content; part of the URL, so browsers may keep the file for good
}

var mimes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
	"":     "text/plain; charset=utf-8",
}

// assets are the static files. They are compressed once.
var assets = sync.OnceValue(loadAssets)

func loadAssets() map[string]asset {
	assets := map[string]asset{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		assets[strings.TrimPrefix(name, "static/")] = asset{
			plain: data, gzip: compress(data), mime: mimes[path.Ext(name)], version: hex.EncodeToString(sum[:6]),
		}
		return nil
	})
	if err != nil { // an embedded file system does not fail
		panic(err)
	}
	return assets
}

func compress(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	w.Write(data)                                         // a bytes.Buffer does not fail
	w.Close()
	return b.Bytes()
}

// assetURL returns the URL of a static file; a wrong name is a defect.
func assetURL(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("console: no static file " + name)
	}
	return "/static/" + name + "?v=" + a.version
}

func (c *console) static(w http.ResponseWriter, r *http.Request) {
	a, ok := assets()[r.PathValue("file")]
	if !ok {
		c.fail(w, r, visit{}, errNoPage)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", `"`+a.version+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == `"`+a.version+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.Write(a.gzip)
		return
	}
	w.Write(a.plain)
}
