package console

import (
	"net/http"

	"github.com/aurora-push/aurora"
)

type groupsPage struct {
	Groups  []groupView
	Name    string
	Problem string
}

type groupView struct {
	aurora.Group
	Apps   []aurora.App
	Others []aurora.App // that could be added
	Secret string       // only when it was asked for
}

func (c *console) groups(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showGroups(w, r, v, groupsPage{}, "", "", nil)
}

func (c *console) showGroups(w http.ResponseWriter, r *http.Request, v visit, p groupsPage, shown, secret string, refusal error) error {
	ctx := r.Context()
	apps, err := c.Account.Apps(ctx, v.account.ID)
	if err != nil {
		return err
	}
	list, err := c.Settings.Groups(ctx, v.account.ID)
	if err != nil {
		return err
	}
	for _, g := range list {
		view := groupView{Group: g}
		if view.Apps, err = c.Settings.GroupApps(ctx, g.ID); err != nil {
			return err
		}
		in := map[int64]bool{}
		for _, a := range view.Apps {
			in[a.ID] = true
		}
		for _, a := range apps {
			if !in[a.ID] {
				view.Others = append(view.Others, a)
			}
		}
		if g.Key == shown {
			view.Secret = secret
		}
		p.Groups = append(p.Groups, view)
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "groups", "Groups", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "groups", "Groups", p)
}

func (c *console) createGroup(w http.ResponseWriter, r *http.Request, v visit) error {
	name := r.PostForm.Get("name")
	if _, err := c.Settings.CreateGroup(r.Context(), v.account.ID, name); err != nil {
		return c.showGroups(w, r, v, groupsPage{Name: name}, "", "", err)
	}
	return c.done(w, r, "/groups", "The group was created. Add its apps.")
}

func (c *console) deleteGroup(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.Settings.DeleteGroup(r.Context(), v.account.ID, r.PostForm.Get("group")); err != nil {
		return c.showGroups(w, r, v, groupsPage{}, "", "", err)
	}
	return c.done(w, r, "/groups", "The group was deleted. Its apps are as they were.")
}

func (c *console) setGroupApp(w http.ResponseWriter, r *http.Request, v visit) error {
	f := r.PostForm
	if err := c.Settings.SetGroupApp(r.Context(), v.account.ID, f.Get("group"), f.Get("app"), f.Get("member") == "1"); err != nil {
		return c.showGroups(w, r, v, groupsPage{}, "", "", err)
	}
	return c.done(w, r, "/groups", "The group was changed.")
}

func (c *console) groupSecret(w http.ResponseWriter, r *http.Request, v visit) error {
	key := r.PostForm.Get("group")
	secret, err := c.Settings.RevealGroupSecret(r.Context(), v.account.ID, key)
	if err != nil {
		return err
	}
	return c.showGroups(w, r, v, groupsPage{}, key, secret.Reveal(), nil)
}
