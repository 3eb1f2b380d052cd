package apns

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

// pageHandler serves the page that shows what arrives. It loads nothing from
// anywhere else and runs no inline script.
func pageHandler() http.Handler {
	root, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic("apns: the page is not embedded: " + err.Error())
	}
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("content-security-policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("x-content-type-options", "nosniff")
		h.Set("referrer-policy", "no-referrer")
		files.ServeHTTP(w, r)
	})
}
