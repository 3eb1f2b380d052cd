package console

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// maxForm bounds the body of an ordinary form, in bytes; uploads have their
// own bound.
const maxForm = 256 << 10

// policy allows nothing inline: no text a user typed can become a script or a
// style, even if an escape were forgotten.
const policy = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"

var errNoPage = aurora.Errorf(aurora.NotFound, "There is no page at this address.")

// guard puts the security headers on every answer and refuses requests that
// another site makes a browser send.
func (c *console) guard(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, visit{}, aurora.Errorf(aurora.Forbidden, "This request came from another site and was refused. Nothing was changed. Open the console itself and try again."))
	}))
	guarded := csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY") // for browsers older than frame-ancestors
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // pages show keys and people's devices
		from := ""
		if a := account.Origin(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), c.TrustedProxies); a.IsValid() {
			from = a.String()
		}
		ctx := account.WithAgent(aurora.WithActor(r.Context(), aurora.Actor{Kind: aurora.VisitorActor, Address: from}), r.UserAgent())
		guarded.ServeHTTP(w, r.WithContext(account.WithDevice(ctx, kept(r, deviceCookie))))
	})
}

// visit is who is calling, and about which app.
type visit struct {
	lang    *language
	session string
	who     account.Visitor
	account aurora.Account // who's
	app     aurora.App
}

// handler serves a page or says why not.
type handler func(w http.ResponseWriter, r *http.Request, v visit) error

// open serves anybody; the visit is filled in for people who are signed in,
// so that error pages keep their navigation.
func (c *console) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := c.visitor(r)
		if err != nil && aurora.KindOf(err) != aurora.Unauthorized {
			c.fail(w, r, v, err)
			return
		}
		c.serve(w, r, v, h)
	})
}

// signedIn serves people with a session and leads others to the sign-in page.
func (c *console) signedIn(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := c.visitor(r)
		if aurora.KindOf(err) == aurora.Unauthorized {
			c.askToSignIn(w, r)
			return
		}
		if err != nil {
			c.fail(w, r, v, err)
			return
		}
		c.serve(w, r, v, h)
	})
}

// inApp serves pages of an app to its owner only.
func (c *console) inApp(h handler) http.Handler {
	return c.signedIn(func(w http.ResponseWriter, r *http.Request, v visit) error {
		key := r.PathValue("key")
		if !aurora.ValidKey(key) {
			return errNoPage
		}
		app, err := c.Account.App(r.Context(), v.account.ID, key)
		if err != nil {
			return err
		}
		v.app = app
		return h(w, r, v)
	})
}

func (c *console) serve(w http.ResponseWriter, r *http.Request, v visit, h handler) {
	if v.account.ID != 0 { // for the audit log, and for what the person may do
		r = r.WithContext(aurora.WithActor(r.Context(), aurora.Actor{Kind: aurora.PersonActor, Name: v.who.Email, Role: v.who.Role, Address: aurora.ActorOf(r.Context()).Address}))
	}
	if r.Method == http.MethodPost && !isUpload(r) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			c.fail(w, r, v, refuseForm(err))
			return
		}
	}
	err := checkTexts(r)
	if err == nil {
		err = h(w, r, v)
	}
	if err != nil {
		c.fail(w, r, v, err)
	}
}

// checkTexts refuses what no database would keep, or find: no browser sends it.
func checkTexts(r *http.Request) error {
	if !aurora.ValidText(r.URL.Path) {
		return errNoPage
	}
	for _, values := range []url.Values{r.URL.Query(), r.PostForm} {
		for name, list := range values {
			for _, text := range list {
				if err := aurora.CheckText(name, text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// visitor finds the session of the request's cookie.
func (c *console) visitor(r *http.Request) (visit, error) {
	v := visit{lang: languageOf(r)}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return v, aurora.Errorf(aurora.Unauthorized, "Sign in to continue.")
	}
	who, err := c.Account.Session(r.Context(), cookie.Value)
	if err != nil {
		return v, err
	}
	v.session, v.who, v.account = cookie.Value, who, who.Account
	return v, nil
}

// stillHere is asked by streams that outlive their first check: whether the
// session still is one of the app's account. An answer that fails says nothing.
func (c *console) stillHere(ctx context.Context, v visit) bool {
	who, err := c.Account.Session(ctx, v.session)
	if err != nil {
		return aurora.KindOf(err) != aurora.Unauthorized
	}
	_, err = c.Account.App(ctx, who.Account.ID, v.app.Key)
	return aurora.KindOf(err) != aurora.NotFound
}
