package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

const (
	sessionCookie = "aurora_session"
	sessionDays   = 30 // as long as the account service keeps one
	deviceCookie  = "aurora_device"
)

func (c *console) home(w http.ResponseWriter, r *http.Request, v visit) error {
	first, err := c.Account.FirstRun(r.Context())
	if err != nil {
		return err
	}
	if first {
		return redirect(w, r, "/setup")
	}
	return redirect(w, r, "/apps")
}

// setupPage is what the first-run page shows.
type setupPage struct {
	FirstRun bool
	Link     string
	Email    string
	Problem  string
}

func (c *console) setupForm(w http.ResponseWriter, r *http.Request, v visit) error {
	first, err := c.Account.FirstRun(r.Context())
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "setup", "Welcome", setupPage{FirstRun: first, Link: r.URL.Query().Get("link")})
}

func (c *console) setup(w http.ResponseWriter, r *http.Request, v visit) error {
	link, email, password := r.PostForm.Get("link"), strings.TrimSpace(r.PostForm.Get("email")), r.PostForm.Get("password")
	_, err := c.Account.CreateOwner(r.Context(), link, email, password)
	if err != nil {
		return c.refuse(w, r, v, err, "setup", "Welcome", func(problem string) any {
			return setupPage{FirstRun: true, Link: link, Email: email, Problem: problem}
		})
	}
	entry, err := c.Account.SignIn(r.Context(), email, password)
	if err != nil {
		return err
	}
	return c.enter(w, r, entry, "/apps")
}

type signInPage struct {
	Email    string
	Next     string
	Problem  string
	Provider string // what people call the sign-in provider; "" if there is none
	Passkeys bool   // browsers make passkeys at this address
}

// signInForm shows the form, or asks whoever has a one-time link whether to use
// it: mail scanners, previews of links and prefetching open it before people do.
func (c *console) signInForm(w http.ResponseWriter, r *http.Request, v visit) error {
	next := localPath(r.URL.Query().Get("next"))
	if link := r.URL.Query().Get("link"); link != "" {
		return c.showLink(w, r, v, link, next)
	}
	if v.session != "" {
		return redirect(w, r, next)
	}
	first, err := c.Account.FirstRun(r.Context())
	if err != nil {
		return err
	}
	if first {
		return redirect(w, r, "/setup")
	}
	return c.page(w, r, v, http.StatusOK, "signin", "Sign in", c.signInPage(r, signInPage{Next: next}))
}

type linkPage struct{ Email, Link, Next string }

// showLink asks with one button whether to use a one-time link.
func (c *console) showLink(w http.ResponseWriter, r *http.Request, v visit, link, next string) error {
	email, err := c.Account.SignInLinkOf(r.Context(), link)
	if err != nil {
		return c.refuseLink(w, r, v, err, next)
	}
	v.account = emptyAccount // the page stands alone, signed in or not
	return c.page(w, r, v, http.StatusOK, "signin-link", "Sign in", linkPage{email, link, next})
}

func (c *console) refuseLink(w http.ResponseWriter, r *http.Request, v visit, err error, next string) error {
	if v.session != "" && aurora.KindOf(err) == aurora.Unauthorized {
		return redirect(w, r, next) // the link was used before, by this browser as it seems
	}
	return c.refuse(w, r, v, err, "signin", "Sign in", func(problem string) any {
		return c.signInPage(r, signInPage{Next: next, Problem: problem})
	})
}

func (c *console) redeem(w http.ResponseWriter, r *http.Request, v visit, link, next string) error {
	session, err := c.Account.SignInByLink(r.Context(), link)
	if err != nil {
		return c.refuseLink(w, r, v, err, next)
	}
	c.setSession(w, r, session)
	return redirect(w, r, next)
}

func (c *console) signIn(w http.ResponseWriter, r *http.Request, v visit) error {
	email, next := strings.TrimSpace(r.PostForm.Get("email")), localPath(r.PostForm.Get("next"))
	if link := r.PostForm.Get("link"); link != "" {
		return c.redeem(w, r, v, link, next)
	}
	entry, err := c.Account.SignIn(r.Context(), email, r.PostForm.Get("password"))
	if err != nil {
		return c.refuse(w, r, v, err, "signin", "Sign in", func(problem string) any {
			return c.signInPage(r, signInPage{Email: email, Next: next, Problem: problem})
		})
	}
	return c.enter(w, r, entry, next)
}

func (c *console) signOut(w http.ResponseWriter, r *http.Request, v visit) error {
	if v.session != "" {
		if err := c.Account.SignOut(r.Context(), v.session); err != nil {
			return err
		}
	}
	c.clearSession(w, r)
	return redirect(w, r, "/signin")
}

// askToSignIn remembers where the visitor wanted to go. A script's request
// gets an answer that makes the whole page go there instead of a fragment.
func (c *console) askToSignIn(w http.ResponseWriter, r *http.Request) {
	c.clearSession(w, r)
	if r.Header.Get("Accept") == "text/event-stream" {
		w.WriteHeader(http.StatusNoContent) // ends the stream for good: no reconnecting
		return
	}
	next := "/apps"
	if r.Method == http.MethodGet {
		next = localPath(r.URL.RequestURI())
	}
	if page, err := url.Parse(r.Header.Get("HX-Current-URL")); err == nil && isScripted(r) {
		next = localPath(page.RequestURI())
	}
	target := "/signin?" + url.Values{"next": {next}}.Encode()
	if isScripted(r) {
		w.Header().Set("HX-Redirect", target)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// localPath keeps a redirect on this site: anything but a plain path of ours
// becomes the list of apps.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Host != "" || u.Scheme != "" || u.User != nil || !strings.HasPrefix(p, "/") ||
		strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/apps"
	}
	return p
}

// setSession opens the console in a browser, and has it keep by what it is known
// at its next sign-in.
func (c *console) setSession(w http.ResponseWriter, r *http.Request, session string) {
	http.SetCookie(w, c.cookie(r, session, sessionDays*24*60*60))
	kept, err := c.Account.Remember(r.Context(), session)
	if err != nil { // a comfort: without it the next sign-in may have to wait
		c.log.Error("console: known device", "err", err)
		return
	}
	device := c.cookie(r, kept, int(account.DeviceLife.Seconds()))
	device.Name, device.Path = deviceCookie, "/signin"
	http.SetCookie(w, device)
}

func (c *console) clearSession(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, c.cookie(r, "", -1))
}

func (c *console) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || strings.HasPrefix(c.PublicURL, "https://"),
	}
}
