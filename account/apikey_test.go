package account_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

func TestAPIKey(t *testing.T) {
	ctx := t.Context()
	s := open(t, server.Config{Data: t.TempDir()})
	app := newApp(t, s)
	other, err := s.Accounts.CreateApp(ctx, app.AccountID, "Other", "com.example.other")
	check(t, err)
	k, secret, err := s.Accounts.CreateAPIKey(ctx, app, account.NewAPIKey{Name: " mail ", Scopes: []string{"push", "devices:read", "push"}, Allow: []string{"10.0.0.0/8"}})
	check(t, err)
	value := secret.Reveal()
	if len(value) != 24 || strings.Trim(value, "0123456789abcdef") != "" || k.Hint != value[:4] || k.Name != "mail" {
		t.Errorf("%+v with %q", k, value)
	}
	for name, ask := range map[string]func() (account.Caller, error){
		"basic":  func() (account.Caller, error) { return s.Accounts.Authenticate(ctx, app.Key, value) },
		"bearer": func() (account.Caller, error) { return s.Accounts.AuthenticateBearer(ctx, value) },
	} {
		c, err := ask()
		if err != nil || c.App.ID != app.ID || c.Key == nil || c.Key.ID != k.ID {
			t.Fatalf("%s: %+v, %v", name, c, err)
		}
		check(t, c.Admit(netip.MustParseAddr("::ffff:10.1.2.3")))
		refused(t, c.Admit(netip.MustParseAddr("11.1.2.3")), aurora.Forbidden)
		for scope, want := range map[account.Scope]bool{account.PushScope: true, account.PushReadScope: true, account.DevicesReadScope: true,
			account.DevicesScope: false, account.ReportsScope: false, account.SchedulesReadScope: false, "": false} {
			if err := c.May(scope); (err == nil) != want {
				t.Errorf("%s, scope %q: %v", name, scope, err)
			}
		}
		refused(t, c.MustBeMaster(), aurora.Forbidden)
	}
	_, err = s.Accounts.Authenticate(ctx, other.Key, value)
	refused(t, err, aurora.Unauthorized)
	_, err = s.Accounts.AuthenticateBearer(ctx, app.MasterSecret.Reveal())
	refused(t, err, aurora.Unauthorized)
	_, err = s.Accounts.AuthenticateBearer(ctx, "")
	refused(t, err, aurora.Unauthorized)

	keys, err := s.Accounts.APIKeys(ctx, app.ID)
	if err != nil || len(keys) != 1 || time.Since(keys[0].LastUsedAt) > time.Minute || keys[0].Allow.String() != "10.0.0.0/8" {
		t.Errorf("%+v, %v", keys, err)
	}
	if keys, err := s.Accounts.APIKeys(ctx, other.ID); err != nil || len(keys) != 0 {
		t.Errorf("%+v, %v", keys, err)
	}
	refused(t, s.Accounts.RevokeAPIKey(ctx, other, k.ID), aurora.NotFound)
	check(t, s.Accounts.RevokeAPIKey(ctx, app, k.ID))
	_, err = s.Accounts.Authenticate(ctx, app.Key, value)
	if said := refused(t, err, aurora.Unauthorized); !strings.Contains(said, "revoked") {
		t.Error(said)
	}
	refused(t, s.Accounts.RevokeAPIKey(ctx, app, k.ID), aurora.NotFound)
}

func TestAPIKeyRefusals(t *testing.T) {
	ctx := t.Context()
	s := open(t, server.Config{Data: t.TempDir()})
	app := newApp(t, s)
	for _, c := range []struct {
		n    account.NewAPIKey
		kind aurora.Kind
	}{
		{account.NewAPIKey{Scopes: []string{"push"}}, aurora.Missing},
		{account.NewAPIKey{Name: "a\nb", Scopes: []string{"push"}}, aurora.Invalid},
		{account.NewAPIKey{Name: strings.Repeat("n", 65), Scopes: []string{"push"}}, aurora.Invalid},
		{account.NewAPIKey{Name: "n"}, aurora.Missing},
		{account.NewAPIKey{Name: "n", Scopes: []string{"everything"}}, aurora.Invalid},
		{account.NewAPIKey{Name: "n", Scopes: []string{"push"}, Allow: []string{"home"}}, aurora.Invalid},
		{account.NewAPIKey{Name: "n", Scopes: []string{"push"}, ExpiresAt: time.Now().Add(-time.Second)}, aurora.Invalid},
	} {
		_, _, err := s.Accounts.CreateAPIKey(ctx, app, c.n)
		refused(t, err, c.kind)
	}
	for range account.MaxAPIKeys {
		_, _, err := s.Accounts.CreateAPIKey(ctx, app, account.NewAPIKey{Name: "n", Scopes: []string{"push"}})
		check(t, err)
	}
	_, _, err := s.Accounts.CreateAPIKey(ctx, app, account.NewAPIKey{Name: "n", Scopes: []string{"push"}})
	refused(t, err, aurora.Full)
	keys, err := s.Accounts.APIKeys(ctx, app.ID)
	check(t, err)
	check(t, s.Accounts.RevokeAPIKey(ctx, app, keys[7].ID))
	k, secret, err := s.Accounts.CreateAPIKey(ctx, app, account.NewAPIKey{Name: "brief", Scopes: []string{"push"}, ExpiresAt: time.Now().Add(30 * time.Millisecond)})
	check(t, err)
	time.Sleep(time.Until(k.ExpiresAt))
	_, err = s.Accounts.Authenticate(ctx, app.Key, secret.Reveal())
	if said := refused(t, err, aurora.Unauthorized); !strings.Contains(said, "expired") {
		t.Error(said)
	}
}

func TestRotateSecret(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, server.Config{Data: dir})
	app := newApp(t, s)
	first := app.MasterSecret.Reveal()
	works := func(s *server.Server, secret string, want bool) {
		t.Helper()
		c, err := s.Accounts.Authenticate(ctx, app.Key, secret)
		if (err == nil) != want || want && c.Key != nil {
			t.Errorf("accepted is not %v: %v", want, err)
		}
	}
	_, err := s.Accounts.RotateSecret(ctx, app, -time.Second)
	refused(t, err, aurora.Invalid)
	_, err = s.Accounts.RotateSecret(ctx, app, account.MaxOverlap+1)
	refused(t, err, aurora.Invalid)
	rotated, err := s.Accounts.RotateSecret(ctx, app, time.Hour)
	check(t, err)
	second := rotated.Reveal()
	works(s, first, true)
	works(s, second, true)
	rotated, err = s.Accounts.RotateSecret(ctx, app, time.Hour)
	check(t, err)
	third := rotated.Reveal()
	works(s, first, false) // only one overlaps
	works(s, second, true)
	works(s, third, true)
	rotated, err = s.Accounts.RotateSecret(ctx, app, 0)
	check(t, err)
	beside := open(t, server.Config{Data: dir}) // reads what is stored
	for _, at := range []*server.Server{s, beside} {
		works(at, third, false)
		works(at, rotated.Reveal(), true)
	}

	entries, err := s.Accounts.Audit(ctx, account.AuditQuery{AppID: app.ID, Limit: 10})
	check(t, err)
	var actions []string
	for _, e := range entries {
		actions = append(actions, e.Action)
		for _, secret := range []string{first, second, third, rotated.Reveal()} {
			if strings.Contains(e.Detail+e.Subject, secret) {
				t.Error("a secret is in the audit log")
			}
		}
	}
	if got := strings.Join(actions, " "); got != "secret.rotated secret.rotated secret.rotated app.created" {
		t.Error(got)
	}
}
