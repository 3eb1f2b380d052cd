package console

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/aurora-push/aurora/account"
)

const (
	stepCookie     = "aurora_step"     // the step of a sign-in that is still owed
	providerCookie = "aurora_provider" // what the browser keeps while it is at the provider
	stepSeconds    = 600
	providerBack   = "/signin/provider/back"
)

// enter opens the console, or asks for the step that is owed.
func (c *console) enter(w http.ResponseWriter, r *http.Request, entry account.Entry, next string) error {
	if entry.Session == "" {
		c.keep(w, r, stepCookie, entry.Step)
		return redirect(w, r, "/signin/second?"+url.Values{"next": {next}}.Encode())
	}
	c.forget(w, r, stepCookie)
	c.setSession(w, r, entry.Session)
	return redirect(w, r, next)
}

// keep has the browser hold something between two steps of a sign-in.
func (c *console) keep(w http.ResponseWriter, r *http.Request, name, value string) {
	cookie := c.cookie(r, value, stepSeconds)
	cookie.Name, cookie.Path = name, "/signin"
	http.SetCookie(w, cookie)
}

func (c *console) forget(w http.ResponseWriter, r *http.Request, name string) {
	cookie := c.cookie(r, "", -1)
	cookie.Name, cookie.Path = name, "/signin"
	http.SetCookie(w, cookie)
}

func kept(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

type secondPage struct {
	Factors account.SecondFactors
	Next    string
	Problem string
}

// second asks for the second factor.
func (c *console) second(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showSecond(w, r, v, localPath(r.URL.Query().Get("next")), nil)
}

func (c *console) showSecond(w http.ResponseWriter, r *http.Request, v visit, next string, refusal error) error {
	factors, err := c.People.StepFactors(r.Context(), kept(r, stepCookie))
	if err != nil { // it took too long: from the beginning
		return c.refuse(w, r, v, err, "signin", "Sign in", func(problem string) any {
			return c.signInPage(r, signInPage{Next: next, Problem: problem})
		})
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "signin-second", "One more step", func(problem string) any {
			return secondPage{factors, next, problem}
		})
	}
	return c.page(w, r, v, http.StatusOK, "signin-second", "One more step", secondPage{factors, next, ""})
}

func (c *console) secondCode(w http.ResponseWriter, r *http.Request, v visit) error {
	next := localPath(r.PostForm.Get("next"))
	session, err := c.People.SignInWithCode(r.Context(), kept(r, stepCookie), r.PostForm.Get("code"))
	if err != nil {
		return c.showSecond(w, r, v, next, err)
	}
	return c.enter(w, r, account.Entry{Session: session}, next)
}

// askPasskey hands a script what the browser needs to ask for a passkey; with
// the field step for the step that is owed.
func (c *console) askPasskey(w http.ResponseWriter, r *http.Request, v visit) error {
	step := ""
	if r.PostForm.Get("step") != "" {
		step = kept(r, stepCookie)
	}
	ceremony, err := c.People.AskForPasskey(r.Context(), c.baseURL(r), step)
	return c.ceremony(w, r, ceremony, err)
}

// ceremony answers a script. A refusal is a sentence for the page.
func (c *console) ceremony(w http.ResponseWriter, r *http.Request, ceremony account.Ceremony, err error) error {
	answer, status := map[string]any{"options": ceremony.Options, "state": ceremony.State}, http.StatusOK
	if err != nil {
		answer, status = map[string]any{"problem": c.sentence(r, err)}, statusOf(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(answer)
}

func (c *console) signInWithPasskey(w http.ResponseWriter, r *http.Request, v visit) error {
	f, step := r.PostForm, ""
	next := localPath(f.Get("next"))
	if f.Get("step") != "" {
		step = kept(r, stepCookie)
	}
	session, err := c.People.SignInWithPasskey(r.Context(), c.baseURL(r), step, f.Get("state"), []byte(f.Get("answer")))
	if err != nil && step != "" {
		return c.showSecond(w, r, v, next, err)
	}
	if err != nil {
		return c.refuse(w, r, v, err, "signin", "Sign in", func(problem string) any {
			return c.signInPage(r, signInPage{Next: next, Problem: problem})
		})
	}
	return c.enter(w, r, account.Entry{Session: session}, next)
}

// toProvider sends the browser to the sign-in provider. It is a link and no
// form, because the policy lets forms lead to this site only.
func (c *console) toProvider(w http.ResponseWriter, r *http.Request, v visit) error {
	target, state, err := c.People.BeginOIDC(r.Context(), c.baseURL(r)+providerBack)
	if err != nil {
		return err
	}
	c.keep(w, r, providerCookie, state)
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

func (c *console) fromProvider(w http.ResponseWriter, r *http.Request, v visit) error {
	q, state := r.URL.Query(), kept(r, providerCookie)
	c.forget(w, r, providerCookie)
	session, err := c.People.SignInByOIDC(r.Context(), state, q.Get("state"), q.Get("code"))
	if err != nil {
		return c.refuse(w, r, v, err, "signin", "Sign in", func(problem string) any {
			return c.signInPage(r, signInPage{Next: "/apps", Problem: problem})
		})
	}
	return c.enter(w, r, account.Entry{Session: session}, "/apps")
}

// signInPage fills in what every form of the sign-in page shows.
func (c *console) signInPage(r *http.Request, p signInPage) signInPage {
	if c.People != nil {
		p.Provider, p.Passkeys = c.People.ProviderName(), account.PasskeysWork(c.baseURL(r))
	}
	return p
}

type joinPage struct {
	Invitation account.Invitation
	Link       string
	Known      bool // they sign in here already
	SignedIn   string
	Problem    string
}

// join shows an invitation to whoever has its link.
func (c *console) join(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showJoin(w, r, v, r.URL.Query().Get("link"), nil)
}

func (c *console) showJoin(w http.ResponseWriter, r *http.Request, v visit, link string, refusal error) error {
	i, known, err := c.People.OpenInvitation(r.Context(), link)
	if err != nil {
		return err
	}
	p := joinPage{Invitation: i, Link: link, Known: known, SignedIn: v.who.Email}
	v.account, v.app = emptyAccount, emptyApp // the page stands alone, signed in or not
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "join", "Invitation", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "join", "Invitation", p)
}

func (c *console) accept(w http.ResponseWriter, r *http.Request, v visit) error {
	link := r.PostForm.Get("link")
	if v.session != "" {
		if err := c.People.Join(r.Context(), v.who, v.session, link); err != nil {
			return c.showJoin(w, r, v, link, err)
		}
		return redirect(w, r, "/apps")
	}
	session, err := c.People.JoinNew(r.Context(), link, r.PostForm.Get("password"))
	if err != nil {
		return c.showJoin(w, r, v, link, err)
	}
	c.setSession(w, r, session)
	return redirect(w, r, "/apps")
}
