package console

import (
	"net/http"
	"net/url"
)

// flashCookie carries one sentence over a redirect: what was just done.
const flashCookie = "aurora_flash"

// done leads on after something was done, and says so on the next page. text
// is an English sentence of the catalogue.
func (c *console) done(w http.ResponseWriter, r *http.Request, target, text string) error {
	cookie := c.cookie(r, url.QueryEscape(text), 60)
	cookie.Name = flashCookie
	http.SetCookie(w, cookie)
	return redirect(w, r, target)
}

// flash takes the sentence up. A cookie can be set by others, another service
// on the same host for one, so only a sentence of ours is shown.
func (c *console) flash(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	over := c.cookie(r, "", -1)
	over.Name = flashCookie
	http.SetCookie(w, over)
	text, err := url.QueryUnescape(cookie.Value)
	if _, ours := languages[1].words[text]; err != nil || !ours {
		return ""
	}
	return text
}
