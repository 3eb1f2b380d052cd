package console

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aurora-push/aurora/registry"
)

// exportWrite is how long a browser may take to accept the next part of a file.
const exportWrite = time.Minute

// export streams all devices of the app as a file that can be imported again. It
// is a POST because it leaves a line in the audit log.
func (c *console) export(w http.ResponseWriter, r *http.Request, v visit) error {
	extension, ok := strings.CutPrefix(r.PathValue("file"), "devices.")
	format, err := registry.ParseFormat(extension)
	if !ok || err != nil {
		return errNoPage
	}
	file := &download{w: w, name: v.app.Key + "-devices." + extension, kind: map[registry.Format]string{registry.CSV: "text/csv", registry.JSONLines: "application/jsonl"}[format]}
	_, err = c.Registry.Export(r.Context(), v.app.ID, file, registry.ExportOptions{Format: format})
	if err != nil && file.begun {
		c.log.Error("console: the export of devices broke off", "app", v.app.Key, "err", err)
		panic(http.ErrAbortHandler) // a short file must not look whole
	}
	return err
}

// download is a file that begins with the first bytes of it, so that a refusal
// before them can be told on a page.
type download struct {
	w          http.ResponseWriter
	name, kind string
	begun      bool
}

var _ io.Writer = (*download)(nil)

func (d *download) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", d.kind+"; charset=utf-8")
		d.w.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	_ = http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(exportWrite)) // not every writer has deadlines
	return d.w.Write(b)
}
