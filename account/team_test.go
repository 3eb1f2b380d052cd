package account_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

// as is the context of a person of a role, as the console makes it.
func as(t *testing.T, role aurora.Role) context.Context {
	return aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.PersonActor, Name: string(role) + "@example.com", Role: role})
}

// TestRoles: every change that needs a right, for every role. Services refuse;
// whoever calls them.
func TestRoles(t *testing.T) {
	srv := open(t, server.Config{Data: t.TempDir()})
	s := srv.Accounts
	app := newApp(t, srv)
	owner, _ := visitor(t, s)
	id := app.AccountID
	g, err := s.CreateGroup(t.Context(), id, "All")
	check(t, err)
	for _, tt := range []struct {
		name string
		may  string // the first letters of the roles
		do   func(context.Context) error
	}{
		{"create an app", "od", func(ctx context.Context) error { _, err := s.CreateApp(ctx, id, "", ""); return err }},
		{"delete an app", "o", func(ctx context.Context) error { return s.DeleteApp(ctx, id, "none") }},
		{"see a secret", "od", func(ctx context.Context) error { _, err := s.RevealSecret(ctx, app); return err }},
		{"rotate a secret", "od", func(ctx context.Context) error { _, err := s.RotateSecret(ctx, app, -1); return err }},
		{"set an allow-list", "od", func(ctx context.Context) error {
			_, err := s.SetAllowList(ctx, app, []string{"x"}, netip.Addr{})
			return err
		}},
		{"make a key", "od", func(ctx context.Context) error {
			_, _, err := s.CreateAPIKey(ctx, app, account.NewAPIKey{})
			return err
		}},
		{"revoke a key", "od", func(ctx context.Context) error { return s.RevokeAPIKey(ctx, app, 1) }},
		{"create a group", "od", func(ctx context.Context) error { _, err := s.CreateGroup(ctx, id, ""); return err }},
		{"delete a group", "od", func(ctx context.Context) error { return s.DeleteGroup(ctx, id, "none") }},
		{"change a group", "od", func(ctx context.Context) error { return s.SetGroupApp(ctx, id, g.Key, "none", true) }},
		{"store a credential", "od", func(ctx context.Context) error { _, err := s.StoreCredential(ctx, app, account.Upload{}); return err }},
		{"remove a credential", "od", func(ctx context.Context) error { return s.RemoveCredential(ctx, app.ID, aurora.Development) }},
		{"read the audit log", "od", func(ctx context.Context) error { _, err := s.Audit(ctx, account.AuditQuery{AccountID: id}); return err }},
		{"invite", "o", func(ctx context.Context) error { _, _, err := s.Invite(ctx, owner, "x", aurora.ViewerRole); return err }},
		{"revoke an invitation", "o", func(ctx context.Context) error { return s.RevokeInvitation(ctx, id, 1) }},
		{"change a role", "o", func(ctx context.Context) error { return s.SetRole(ctx, id, 99, aurora.ViewerRole) }},
		{"remove somebody", "o", func(ctx context.Context) error { return s.RemoveMember(ctx, owner, 99) }},
		{"look at apps", "odsv", func(ctx context.Context) error { _, err := s.Apps(ctx, id); return err }},
		{"look at the team", "odsv", func(ctx context.Context) error { _, err := s.Members(ctx, id); return err }},
	} {
		for _, role := range aurora.Roles {
			err := tt.do(as(t, role))
			if may := strings.Contains(tt.may, string(role[:1])); may == (aurora.KindOf(err) == aurora.Forbidden) {
				t.Errorf("%s as %s: %v", tt.name, role, err)
			}
		}
		if err := tt.do(aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.VisitorActor})); tt.may != "odsv" && aurora.KindOf(err) != aurora.Unauthorized {
			t.Errorf("%s without signing in: %v", tt.name, err)
		}
		if err := tt.do(aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.PersonActor, Role: "emperor"})); tt.may != "odsv" && aurora.KindOf(err) != aurora.Forbidden {
			t.Errorf("%s as what there is not: %v", tt.name, err)
		}
	}
}

// TestInvitation: the link works once, for its address only, within a week; who
// joins is what they were invited as.
func TestInvitation(t *testing.T) {
	inBubble(t, func(t *testing.T, s *account.Service) {
		ctx := as(t, aurora.OwnerRole)
		_, _, err := s.Create(ctx, email, password)
		check(t, err)
		owner, _ := visitor(t, s)
		_, older, err := s.Invite(ctx, owner, "noah@example.com", aurora.ViewerRole)
		check(t, err)
		_, link, err := s.Invite(ctx, owner, " Noah@Example.com", aurora.SenderRole)
		check(t, err)
		for _, wrong := range []string{"", "x", older} { // a second invitation replaces the first
			_, _, err := s.OpenInvitation(ctx, wrong)
			refused(t, err, aurora.Forbidden)
			_, err = s.JoinNew(ctx, wrong, password)
			refused(t, err, aurora.Forbidden)
		}
		_, _, err = s.Invite(ctx, owner, email, aurora.ViewerRole)
		refused(t, err, aurora.Conflict)
		_, _, err = s.Invite(ctx, owner, "zoe@example.com", "emperor")
		refused(t, err, aurora.Invalid)

		_, err = s.JoinNew(ctx, link, "short")
		refused(t, err, aurora.Invalid) // and the link is not used up
		session, err := s.JoinNew(ctx, link, "another good password")
		check(t, err)
		if v, err := s.Session(ctx, session); err != nil || v.Email != "noah@example.com" || v.Role != aurora.SenderRole || v.Account.ID != owner.Account.ID {
			t.Errorf("%+v, %v", v, err)
		}
		_, err = s.JoinNew(ctx, link, password)
		refused(t, err, aurora.Forbidden)

		_, late, err := s.Invite(ctx, owner, "zoe@example.com", aurora.ViewerRole)
		check(t, err)
		time.Sleep(7*24*time.Hour + time.Minute)
		_, err = s.JoinNew(ctx, late, password)
		refused(t, err, aurora.Forbidden)
		if open, err := s.Invitations(ctx, owner.Account.ID); err != nil || len(open) != 0 {
			t.Errorf("%+v, %v", open, err)
		}
		i, revoked, err := s.Invite(ctx, owner, "zoe@example.com", aurora.ViewerRole)
		check(t, err)
		check(t, s.RevokeInvitation(ctx, owner.Account.ID, i.ID))
		refused(t, s.RevokeInvitation(ctx, owner.Account.ID, i.ID), aurora.NotFound)
		_, err = s.JoinNew(ctx, revoked, password)
		refused(t, err, aurora.Forbidden)
	})
}

// TestInvitingSomebodyWhoIsHere: they join by signing in, nobody else can use
// their invitation, and they change between their accounts.
func TestInvitingSomebodyWhoIsHere(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	ctx := as(t, aurora.OwnerRole)
	_, _, err := s.Create(ctx, email, password)
	check(t, err)
	eve, _, err := s.Create(ctx, "eve@example.com", password)
	check(t, err)
	mia, _ := visitor(t, s)
	_, link, err := s.Invite(ctx, mia, "eve@example.com", aurora.ViewerRole)
	check(t, err)
	_, err = s.JoinNew(ctx, link, password) // would let whoever has the link take Eve's place
	refused(t, err, aurora.Conflict)
	_, miasSession := visitor(t, s)
	refused(t, s.Join(ctx, mia, miasSession, link), aurora.Forbidden)

	in, err := s.SignIn(ctx, "eve@example.com", password)
	check(t, err)
	v, err := s.Session(ctx, in.Session)
	check(t, err)
	check(t, s.Join(ctx, v, in.Session, link))
	if v, err = s.Session(ctx, in.Session); err != nil || v.Account.ID != mia.Account.ID || v.Role != aurora.ViewerRole {
		t.Errorf("%+v, %v", v, err)
	}
	check(t, s.SwitchAccount(ctx, v, in.Session, eve.ID))
	if v, err = s.Session(ctx, in.Session); err != nil || v.Account.ID != eve.ID || v.Role != aurora.OwnerRole {
		t.Errorf("%+v, %v", v, err)
	}
	refused(t, s.SwitchAccount(ctx, v, in.Session, 99), aurora.NotFound)
}

// TestLastOwner: of two owners who demote each other at once, one stays owner;
// whoever is removed is signed out.
func TestLastOwner(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	ctx := as(t, aurora.OwnerRole)
	a, _, err := s.Create(ctx, email, password)
	check(t, err)
	mia, _ := visitor(t, s)
	refused(t, s.SetRole(ctx, a.ID, mia.PersonID, aurora.ViewerRole), aurora.Conflict)
	refused(t, s.RemoveMember(ctx, mia, mia.PersonID), aurora.Conflict)

	_, link, err := s.Invite(ctx, mia, "noah@example.com", aurora.OwnerRole)
	check(t, err)
	session, err := s.JoinNew(ctx, link, password)
	check(t, err)
	noah, err := s.Session(ctx, session)
	check(t, err)
	var demoted atomic.Int32
	var all sync.WaitGroup
	for _, id := range []int64{mia.PersonID, noah.PersonID} {
		all.Go(func() {
			if s.SetRole(ctx, a.ID, id, aurora.ViewerRole) == nil {
				demoted.Add(1)
			}
		})
	}
	all.Wait()
	if demoted.Load() != 1 {
		t.Errorf("%d of two owners were demoted", demoted.Load())
	}
	check(t, s.SetRole(ctx, a.ID, mia.PersonID, aurora.OwnerRole))
	check(t, s.RemoveMember(ctx, mia, noah.PersonID))
	_, err = s.Session(ctx, session)
	refused(t, err, aurora.Unauthorized)
	_, err = s.SignIn(ctx, "noah@example.com", password)
	if sentence := refused(t, err, aurora.Forbidden); !strings.Contains(sentence, "invite you again") {
		t.Error(sentence)
	}
}

// TestSessionsList: a person sees their sessions and ends the others.
func TestSessionsList(t *testing.T) {
	s := open(t, server.Config{Data: t.TempDir()}).Accounts
	_, _, err := s.Create(t.Context(), email, password)
	check(t, err)
	ctx := account.WithAgent(aurora.WithActor(t.Context(), aurora.Actor{Kind: aurora.VisitorActor, Address: "192.0.2.7"}), strings.Repeat("é", 300))
	in, err := s.SignIn(ctx, email, password)
	check(t, err)
	v, other := visitor(t, s)
	_, third := visitor(t, s)
	list, err := s.Sessions(ctx, v.PersonID, in.Session)
	check(t, err)
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	for _, one := range list {
		if one.Current != (one.Address == "192.0.2.7") || one.Current && one.Agent != strings.Repeat("é", 100) {
			t.Errorf("%+v", one)
		}
		if strings.Contains(one.ID, in.Session) {
			t.Error("the list gives a session away")
		}
	}
	refused(t, s.EndSession(ctx, v, "no hex"), aurora.NotFound)
	refused(t, s.EndSession(ctx, account.Visitor{PersonID: 99}, list[0].ID), aurora.NotFound)
	if n, err := s.EndOtherSessions(ctx, v, in.Session); err != nil || n != 2 {
		t.Errorf("%d ended, %v", n, err)
	}
	for _, gone := range []string{other, third} {
		_, err := s.Session(ctx, gone)
		refused(t, err, aurora.Unauthorized)
	}
	if _, err := s.Session(ctx, in.Session); err != nil {
		t.Error(err)
	}

	_, fourth := visitor(t, s)
	refused(t, s.ChangePassword(ctx, v, in.Session, "wrong password", "a new good password"), aurora.Forbidden)
	refused(t, s.ChangePassword(ctx, v, in.Session, password, "short"), aurora.Invalid)
	check(t, s.ChangePassword(ctx, v, in.Session, password, "a new good password"))
	_, err = s.Session(ctx, fourth)
	refused(t, err, aurora.Unauthorized)
	_, err = s.SignIn(ctx, email, password)
	refused(t, err, aurora.Unauthorized)
	if _, err := s.SignIn(ctx, email, "a new good password"); err != nil {
		t.Error(err)
	}
}
