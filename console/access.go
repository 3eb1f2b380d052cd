package console

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

type accessPage struct {
	Keys    []account.APIKey
	Scopes  []account.Scope
	Allow   string // one a line
	From    string // where the visitor calls from
	Form    account.NewAPIKey
	Life    string
	Made    account.APIKey
	Secret  string // of the key just made; shown once
	Problem string
	At      string // which form the problem belongs to
	now     time.Time
}

// State says in one word how a key is.
func (p accessPage) State(k account.APIKey) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(p.now):
		return "expired"
	}
	return "valid"
}

// Chosen reports whether the form that was refused had a scope.
func (p accessPage) Chosen(s account.Scope) bool {
	return slices.Contains(p.Form.Scopes, string(s))
}

// lives are how long a new key may be valid.
var lives = []struct {
	Days int
	Name string
}{{0, "No expiry"}, {30, "30 days"}, {90, "90 days"}, {365, "One year"}}

func (c *console) access(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showAccess(w, r, v, accessPage{}, nil)
}

func (c *console) showAccess(w http.ResponseWriter, r *http.Request, v visit, p accessPage, refusal error) (err error) {
	ctx := r.Context()
	p.Scopes, p.From, p.now = account.Scopes, aurora.ActorOf(ctx).Address, c.now()
	if p.Keys, err = c.Settings.APIKeys(ctx, v.app.ID); err != nil {
		return err
	}
	if p.At != "allow" {
		list, err := c.Settings.AllowList(ctx, v.app.ID)
		if err != nil {
			return err
		}
		p.Allow = strings.Join(list.Texts(), "\n")
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "access", "API keys", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "access", "API keys", p)
}

func (c *console) createKey(w http.ResponseWriter, r *http.Request, v visit) error {
	f := r.PostForm
	p := accessPage{At: "key", Life: f.Get("life"), Form: account.NewAPIKey{Name: f.Get("name"), Scopes: f["scope"], Allow: lines(f.Get("allow"))}}
	if days := formID(r, "life"); days > 0 && days <= 3650 {
		p.Form.ExpiresAt = c.now().Add(time.Duration(days) * 24 * time.Hour)
	}
	k, secret, err := c.Settings.CreateAPIKey(r.Context(), v.app, p.Form)
	if err != nil {
		return c.showAccess(w, r, v, p, err)
	}
	return c.showAccess(w, r, v, accessPage{Made: k, Secret: secret.Reveal()}, nil)
}

// lines splits what is typed one a line, or by commas.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ' ' || r == '\t' })
}

func (c *console) revokeKey(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.Settings.RevokeAPIKey(r.Context(), v.app, formID(r, "id")); err != nil {
		return c.showAccess(w, r, v, accessPage{At: "keys"}, err)
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/access", "The key was revoked.")
}

func (c *console) setAllowList(w http.ResponseWriter, r *http.Request, v visit) error {
	from, err := netip.ParseAddr(aurora.ActorOf(r.Context()).Address)
	if err != nil {
		from = netip.Addr{}
	}
	text := r.PostForm.Get("allow")
	if r.PostForm.Get("anyway") != "" { // servers call from elsewhere than the browser
		from = netip.Addr{}
	}
	if _, err := c.Settings.SetAllowList(r.Context(), v.app, lines(text), from); err != nil {
		return c.showAccess(w, r, v, accessPage{At: "allow", Allow: text}, err)
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/access", "The allow-list was saved.")
}
