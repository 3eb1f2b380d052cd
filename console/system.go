package console

import (
	"archive/zip"
	"html"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
)

// system shows how the installation is, to those who set it up.
func (c *console) system(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := aurora.Require(r.Context(), aurora.ConfigureRight); err != nil {
		return err
	}
	return c.showSystem(w, r, v, http.StatusOK, "")
}

// systemPage is the installation, and what came of the form about mail.
type systemPage struct {
	System
	MailProblem string
}

func (c *console) showSystem(w http.ResponseWriter, r *http.Request, v visit, status int, problem string) error {
	s, err := c.Operator.System(r.Context())
	if err != nil {
		return err
	}
	return c.page(w, r, v, status, "system", "System", systemPage{s, problem})
}

// testMail sends a mail to whoever asks.
func (c *console) testMail(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := aurora.Require(r.Context(), aurora.ConfigureRight); err != nil {
		return err
	}
	err := error(aurora.Errorf(aurora.Invalid, "No mail server is set. Start the server with --smtp and --mail-from."))
	if c.Letters != nil {
		err = c.Letters.Test(r.Context(), v.who.Email)
	}
	if err == nil {
		return c.done(w, r, "/system", "The mail server took the test mail. It should be in your inbox within a minute.")
	}
	if aurora.KindOf(err) == aurora.Internal {
		return err
	}
	return c.showSystem(w, r, v, statusOf(err), c.sentence(r, err))
}

// size writes a number of bytes for people.
func size(n int64) string {
	value, unit := float64(n), 0
	for value >= 1000 && unit < 4 {
		value, unit = value/1000, unit+1
	}
	digits := 1
	if unit == 0 || value >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + []string{"B", "kB", "MB", "GB", "TB"}[unit]
}

// sample is the sample app as this app's own: every place where it names itself,
// its app group or its server has the app's values, so that they agree.
func (c *console) sample(w http.ResponseWriter, r *http.Request, v visit) error {
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="aurora-sample.zip"`)
	own := strings.NewReplacer("replace me by the AppKey", v.app.Key, "com.example.sample", v.app.BundleID, "https://push.example.com", html.EscapeString(c.baseURL(r)))
	z := zip.NewWriter(w)
	err := fs.WalkDir(c.Sample, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(c.Sample, path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(path, "Sample/") {
			data = []byte(own.Replace(string(data)))
		}
		out, err := z.Create("aurora-sample/" + path)
		if err == nil {
			_, err = out.Write(data)
		}
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil && r.Context().Err() == nil {
		c.log.Error("console: sample app", "err", err)
		panic(http.ErrAbortHandler) // half a file must not look whole
	}
	return nil
}
