package console

import (
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
)

func (c *console) appList(w http.ResponseWriter, r *http.Request, v visit) error {
	apps, err := c.Account.Apps(r.Context(), v.account.ID)
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "apps", "Apps", apps)
}

type newAppPage struct{ Name, BundleID, Problem string }

func (c *console) newApp(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.page(w, r, v, http.StatusOK, "apps-new", "New app", newAppPage{})
}

func (c *console) createApp(w http.ResponseWriter, r *http.Request, v visit) error {
	name, bundleID := strings.TrimSpace(r.PostForm.Get("name")), strings.TrimSpace(r.PostForm.Get("bundle_id"))
	app, err := c.Account.CreateApp(r.Context(), v.account.ID, name, bundleID)
	if err != nil {
		return c.refuse(w, r, v, err, "apps-new", "New app", func(problem string) any {
			return newAppPage{name, bundleID, problem}
		})
	}
	return redirect(w, r, "/apps/"+app.Key)
}

// overviewPage is an app's first page.
type overviewPage struct {
	Path   journey
	Now    glance
	Server string
	Code   integration
}

func (c *console) overview(w http.ResponseWriter, r *http.Request, v visit) error {
	p, now, err := c.path(r.Context(), v.lang, v.app)
	if err != nil {
		return err
	}
	return c.page(w, r, v, http.StatusOK, "overview", v.app.Name, overviewPage{Path: p, Now: now, Server: c.baseURL(r), Code: integrate(v.app.Key, c.baseURL(r))})
}

func (c *console) overviewLive(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.live(w, r, v, "overview", "path", anything, func() (any, error) {
		p, now, err := c.path(r.Context(), v.lang, v.app)
		return overviewPage{Path: p, Now: now}, err
	})
}

// plist offers the file that the SDK reads, for one environment and channel.
func (c *console) plist(w http.ResponseWriter, r *http.Request, v visit) error {
	q := r.URL.Query()
	env, err := aurora.ParseEnvironment(q.Get("environment"))
	if err != nil {
		return err
	}
	channel := strings.TrimSpace(q.Get("channel"))
	if err := (aurora.Profile{Channel: channel}).Validate(); err != nil {
		return err
	}
	config := aurora.PushConfig{Channel: channel, AppKey: v.app.Key, Production: env == aurora.Production, Server: c.baseURL(r)}
	h := w.Header()
	h.Set("Content-Type", "application/x-plist")
	h.Set("Content-Disposition", `attachment; filename="PushConfig.plist"`)
	w.Write(config.Plist())
	return nil
}

// baseURL is where devices and servers reach this Aurora.
func (c *console) baseURL(r *http.Request) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
