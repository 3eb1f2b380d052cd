package console

import (
	"net/http"
	"strconv"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/mail"
)

var (
	emptyAccount aurora.Account
	emptyApp     aurora.App
)

type teamPage struct {
	Who         account.Visitor
	Members     []account.Member
	Invitations []account.Invitation
	Others      []account.Membership // accounts of the person, if there are several
	Link        string               // of the invitation just made; shown once
	Mails       bool                 // invitations are mailed
	Mailed      bool                 // this one was
	MailProblem string
	Invited     account.Invitation
	Email       string
	Role        string
	Problem     string
}

// MayChange reports whether the visitor decides who is in the account.
func (p teamPage) MayChange() bool { return p.Who.Role.May(aurora.TeamRight) }

// Roles are those to choose from, the weakest first: who is unsure gives little.
func (p teamPage) Roles() []aurora.Role {
	return []aurora.Role{aurora.ViewerRole, aurora.SenderRole, aurora.DeveloperRole, aurora.OwnerRole}
}

// right is a line of the table of who may what.
type right struct {
	Name string
	May  []bool // for each role of Roles
}

// Rights is the table of who may what.
func (p teamPage) Rights() []right {
	table := []right{{"look at apps, devices, messages and reports", []bool{true, true, true, true}}}
	for _, r := range aurora.Rights {
		line := right{Name: string(r)}
		for _, role := range p.Roles() {
			line.May = append(line.May, role.May(r))
		}
		table = append(table, line)
	}
	return table
}

func (c *console) team(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showTeam(w, r, v, teamPage{}, nil)
}

func (c *console) showTeam(w http.ResponseWriter, r *http.Request, v visit, p teamPage, refusal error) (err error) {
	ctx := r.Context()
	p.Who, p.Mails = v.who, c.Letters != nil
	if p.Members, err = c.People.Members(ctx, v.account.ID); err != nil {
		return err
	}
	if p.Invitations, err = c.People.Invitations(ctx, v.account.ID); err != nil {
		return err
	}
	if p.Others, err = c.People.Memberships(ctx, v.who.PersonID); err != nil {
		return err
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "team", "Team", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "team", "Team", p)
}

// invite shows the link in its answer, and nowhere else.
func (c *console) invite(w http.ResponseWriter, r *http.Request, v visit) error {
	p := teamPage{Email: r.PostForm.Get("email"), Role: r.PostForm.Get("role")}
	i, secret, err := c.People.Invite(r.Context(), v.who, p.Email, aurora.Role(p.Role))
	if err != nil {
		return c.showTeam(w, r, v, p, err)
	}
	done := teamPage{Invited: i, Link: c.baseURL(r) + "/join?link=" + secret}
	if c.Letters != nil {
		err := c.Letters.Invite(r.Context(), mail.Invitation{To: i.Email, Account: v.account.Email, InvitedBy: v.who.Email, Role: i.Role, Link: done.Link, Until: i.ExpiresAt})
		if done.Mailed = err == nil; err != nil { // the invitation stands, and its link is on the page
			done.MailProblem = c.sentence(r, err)
		}
	}
	return c.showTeam(w, r, v, done, nil)
}

func (c *console) revokeInvitation(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.RevokeInvitation(r.Context(), v.account.ID, formID(r, "id")); err != nil {
		return c.showTeam(w, r, v, teamPage{}, err)
	}
	return c.done(w, r, "/team", "The invitation was revoked.")
}

// formID reads an id; 0, which nothing has, if it is none.
func formID(r *http.Request, name string) int64 {
	id, err := strconv.ParseInt(r.PostForm.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (c *console) setRole(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.SetRole(r.Context(), v.account.ID, formID(r, "person"), aurora.Role(r.PostForm.Get("role"))); err != nil {
		return c.showTeam(w, r, v, teamPage{}, err)
	}
	return c.done(w, r, "/team", "The role was changed.")
}

func (c *console) removeMember(w http.ResponseWriter, r *http.Request, v visit) error {
	id := formID(r, "person")
	if err := c.People.RemoveMember(r.Context(), v.who, id); err != nil {
		return c.showTeam(w, r, v, teamPage{}, err)
	}
	if id == v.who.PersonID {
		return redirect(w, r, "/signin")
	}
	return c.done(w, r, "/team", "The person was removed and is signed out.")
}

func (c *console) switchAccount(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.SwitchAccount(r.Context(), v.who, v.session, formID(r, "account")); err != nil {
		return err
	}
	return redirect(w, r, "/apps")
}
