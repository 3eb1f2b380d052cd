package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
)

// keysPage is what an app's servers and builds identify themselves with.
type keysPage struct {
	Secret   string    // the Master Secret, only when it was asked for
	Rotated  bool      // it is a new one
	OldUntil time.Time // until when the one before is accepted; zero if it is not
	Overlaps []overlap
}

// overlap is how long an old secret may stay valid.
type overlap struct {
	Seconds int
	Name    string // English
}

var overlaps = []overlap{
	{0, "Not at all: I think it leaked"},
	{3600, "1 hour"},
	{24 * 3600, "1 day"},
	{7 * 24 * 3600, "7 days"},
	{30 * 24 * 3600, "30 days"},
}

func (c *console) keys(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showKeys(w, r, v, keysPage{})
}

func (c *console) showKeys(w http.ResponseWriter, r *http.Request, v visit, page keysPage) (err error) {
	page.Overlaps = overlaps
	if page.OldUntil, err = c.Account.OldSecretUntil(r.Context(), v.app.ID); err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "keys", "Keys", page)
}

// secret shows the Master Secret. It is a request of its own, and a POST, so
// that the value is in no page, history or prefetch that nobody asked for.
func (c *console) secret(w http.ResponseWriter, r *http.Request, v visit) error {
	secret, err := c.Account.RevealSecret(r.Context(), v.app)
	if err != nil {
		return err
	}
	value := secret.Reveal()
	if isScripted(r) {
		return c.fragment(w, http.StatusOK, "keys", "secret", v, keysPage{Secret: value})
	}
	return c.showKeys(w, r, v, keysPage{Secret: value})
}

// rotateSecret makes a new Master Secret and shows it in its answer.
func (c *console) rotateSecret(w http.ResponseWriter, r *http.Request, v visit) error {
	seconds, err := strconv.Atoi(r.PostForm.Get("overlap"))
	if err != nil {
		return aurora.Errorf(aurora.Missing, "Say how long the old secret stays valid.")
	}
	secret, err := c.Account.RotateSecret(r.Context(), v.app, time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	return c.showKeys(w, r, v, keysPage{Secret: secret.Reveal(), Rotated: true})
}
