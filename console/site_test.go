package console_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/webhook"
)

const stranger = "eve@example.org" // owns another account

// site is a house with something of every kind in it, and another account.
type site struct {
	*house
	t       *testing.T
	db      *sql.DB
	apns    *localapns.Server
	second  aurora.App // its pushes to more than one device need approval
	made    map[string]string
	count   int
	secrets []string // that nobody sees who did not ask for them
	secure  bool     // cookies are for TLS only

	sessions map[string]string // by email address
	version  string            // of the database at the newest dump
	lines    []string          // of that
}

func openSite(t *testing.T) *site {
	t.Helper()
	data, certificates := t.TempDir(), t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: certificates})
	check(t, err)
	check(t, apns.Start(t.Context()))
	t.Cleanup(func() { apns.Shutdown(context.Background()) })
	s := &site{t: t, apns: apns, made: map[string]string{}, sessions: map[string]string{}, house: openHouseOn(t, server.Config{Data: data, Listen: "127.0.0.1:0",
		APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: filepath.Join(certificates, "ca.pem")})}
	s.db, err = sql.Open("sqlite3", "file:"+filepath.Join(data, "aurora.db")+"?_pragma=busy_timeout(5000)")
	check(t, err)
	s.db.SetMaxOpenConns(1) // data_version is about what other connections wrote
	t.Cleanup(func() { s.db.Close() })
	_, developer, err := s.Accounts.Create(t.Context(), stranger, password)
	check(t, err)
	s.second, err = s.Accounts.CreateApp(t.Context(), s.app.AccountID, "Northlight Weather", "com.example.weather")
	check(t, err)
	check(t, s.Approvals.SetLimit(t.Context(), s.second, 1))
	s.secrets = []string{developer.Reveal(), s.second.MasterSecret.Reveal(), password}

	s.bring(s.second, "foreign0000001", "", "")
	s.bring(s.second, "foreign0000002", "", "")
	device := s.register(t, 3)[0]
	s.sent(t, 3)
	list, err := s.Ledger.Messages(t.Context(), s.app.ID, 0, 1)
	check(t, err)
	maps.Copy(s.made, map[string]string{"app": s.app.Key, "second": s.second.Key, "device": device, "message": list[0].Message.ID.String(), "password": password})
	return s
}

// sessionOf opens a session for somebody, unless an earlier one still is open.
func (s *site) sessionOf(who asker) string {
	s.t.Helper()
	if who.email == "" {
		return "guessed"
	}
	if _, err := s.Accounts.Session(s.t.Context(), s.sessions[who.email]); err == nil {
		return s.sessions[who.email]
	}
	link, err := s.Accounts.IssueSignInLink(s.t.Context(), who.email)
	check(s.t, err)
	s.sessions[who.email], err = s.Accounts.SignInByLink(s.t.Context(), link)
	check(s.t, err)
	return s.hide(s.sessions[who.email])
}

// hide remembers a secret.
func (s *site) hide(secret string) string {
	s.secrets = append(s.secrets, secret)
	return secret
}

// push is a message.
func push(to audience.Expr) dispatch.Request {
	return dispatch.Request{Audience: to, AllowEmpty: true, Message: aurora.Message{Source: "console", Platforms: []aurora.Platform{aurora.IOS},
		Content: aurora.Content{IOS: &aurora.IOSNotification{Alert: []byte(`"Boarding"`)}}}}
}

// uuid names what callers name.
func (s *site) uuid() string { return fmt.Sprintf("7f2c0000-0000-4000-8000-%012d", s.count) }

// make makes a thing to be changed by a request and returns how the request names it.
func (s *site) make(name string) string {
	s.t.Helper()
	ctx := s.t.Context()
	must := func(err error) { s.t.Helper(); check(s.t, err) }
	s.count++
	unique := fmt.Sprint("thing", s.count)
	switch name {
	case "unique":
		return unique
	case "email":
		return unique + "@example.com"
	case "tomorrow":
		return time.Now().UTC().Add(24 * time.Hour).Format("2006-01-02T15:04")
	case "apikey":
		k, secret, err := s.Accounts.CreateAPIKey(ctx, s.app, account.NewAPIKey{Name: unique, Scopes: []string{"push"}})
		must(err)
		s.hide(secret.Reveal())
		return strconv.FormatInt(k.ID, 10)
	case "group":
		g, err := s.Accounts.CreateGroup(ctx, s.app.AccountID, "Northlight "+unique)
		must(err)
		s.hide(g.Secret.Reveal())
		return g.Key
	case "hook":
		url := "https://hooks.example.com/" + unique
		e, secret, err := s.Webhooks.Create(ctx, s.app, webhook.Change{URL: &url, Kinds: []string{string(aurora.EventOpened)}})
		must(err)
		s.hide(secret.Reveal())
		return e.ID
	case "door":
		link, err := s.Accounts.IssueSignInLink(ctx, email)
		must(err)
		return s.hide(link)
	case "invitation", "invite":
		i, secret, err := s.Accounts.Invite(ctx, account.Visitor{Account: aurora.Account{ID: s.app.AccountID, Email: email}, Email: email}, unique+"@example.com", aurora.ViewerRole)
		must(err)
		if s.hide(secret); name == "invite" {
			return secret
		}
		return strconv.FormatInt(i.ID, 10)
	case "member":
		session, err := s.Accounts.JoinNew(ctx, s.make("invite"), password)
		must(err)
		v, err := s.Accounts.Session(ctx, session)
		must(err)
		return strconv.FormatInt(v.PersonID, 10)
	case "schedule":
		n, err := s.Schedules.Create(ctx, s.app, dispatch.Schedule{ID: s.uuid(), Name: unique, Enabled: true, Push: push(audience.All()), Trigger: dispatch.Trigger{Kind: dispatch.Single, At: time.Now().Add(24 * time.Hour)}}, "")
		must(err)
		return n.ID
	case "approval":
		asked := aurora.WithActor(ctx, aurora.Actor{Kind: aurora.PersonActor, Name: "noah@example.com", Role: aurora.SenderRole})
		id := s.uuid()
		_, err := s.Approvals.Submit(asked, s.second, dispatch.Schedule{ID: id, Name: unique, Enabled: true, Push: push(audience.All())}, "")
		must(err)
		return id
	case "segment":
		_, err := s.Registry.CreateSegment(ctx, s.app.ID, unique, "vip")
		must(err)
		return unique
	case "tester":
		must(s.Registry.PutTestDevice(ctx, s.app.ID, s.made["device"], unique, false))
		return s.made["device"]
	case "retired":
		id := fmt.Sprintf("foreign%07d", s.count)
		s.bring(s.app, id, "Unregistered", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
		return id
	case "push":
		receipt, err := s.Dispatch.Accept(ctx, s.app, push(audience.Is(audience.Tag, "nobody")))
		must(err)
		return receipt.MessageID.String()
	case "p12", "credential":
		issued, err := s.apns.Issue(localapns.IssueRequest{BundleID: s.app.BundleID, Development: true})
		must(err)
		if name == "p12" {
			return string(issued.P12)
		}
		_, err = s.Accounts.StoreCredential(ctx, s.app, aurora.CredentialFile{File: issued.P12})
		must(err)
		return "development"
	}
	s.t.Fatalf("nobody makes {%s}", name)
	return ""
}

var braces = regexp.MustCompile(`\{\w+\}`)

// bring imports a device.
func (s *site) bring(app aurora.App, id, reason, at string) {
	s.t.Helper()
	s.count++
	row := fmt.Sprintf("registration_id,token,environment,retired_reason,retired_at\n%s,%064x,production,%s,%s\n", id, 1<<20+s.count, reason, at)
	state, err := s.Registry.Import(s.t.Context(), app.ID, strings.NewReader(row), registry.ImportOptions{})
	check(s.t, err)
	if state.Added != 1 {
		s.t.Fatalf("%+v", state)
	}
}

// fill puts names of things in their places, which are made unless there are some.
func (s *site) fill(text string) string {
	s.t.Helper()
	return braces.ReplaceAllStringFunc(text, func(name string) string {
		name = strings.Trim(name, "{}")
		if s.made[name] == "" {
			s.made[name] = s.make(name)
		}
		return s.made[name]
	})
}

// used makes the next request get other things than those of a text.
func (s *site) used(text string) {
	for _, name := range braces.FindAllString(text, -1) {
		switch name = strings.Trim(name, "{}"); name {
		case "app", "second", "device", "message", "password":
		default:
			delete(s.made, name)
		}
	}
}

// moving are the tables that change without a request, behind one: a request's
// own change is in another, too.
var moving = []string{"job", "mark", "event", "delivery", "outbox", "node", "presence", "index_block", "index_change", "index_generation", "listener", "setting"}

// dump returns what the database holds, a line a row.
func (s *site) dump() []string {
	s.t.Helper()
	version := s.column("PRAGMA data_version")[0]
	if version == s.version {
		return s.lines
	}
	var lines []string
	for _, table := range s.column("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name") {
		if slices.Contains(moving, table) {
			continue
		}
		columns := slices.DeleteFunc(s.column("SELECT name FROM pragma_table_info('"+table+"')"), func(c string) bool {
			return c == "seen_at" || c == "last_used_at" || table == "message" && c == "notes"
		})
		for i, c := range columns {
			columns[i] = "quote(" + c + ")"
		}
		for _, row := range s.column("SELECT " + strings.Join(columns, "||','||") + " FROM " + table + " ORDER BY 1") {
			lines = append(lines, table+" "+row)
		}
	}
	s.version, s.lines = version, lines
	return lines
}

func (s *site) column(query string) (values []string) {
	s.t.Helper()
	rows, err := s.db.QueryContext(s.t.Context(), query)
	check(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var v string
		check(s.t, rows.Scan(&v))
		values = append(values, v)
	}
	check(s.t, rows.Err())
	return values
}

// changed are the lines that one dump has and the other has not.
func changed(before, after []string) (lines []string) {
	count := map[string]int{}
	for _, l := range before {
		count[l]--
	}
	for _, l := range after {
		count[l]++
	}
	for l, n := range count {
		if n != 0 {
			lines = append(lines, fmt.Sprintf("%+d %.200s", n, l))
		}
	}
	slices.Sort(lines)
	return lines
}
