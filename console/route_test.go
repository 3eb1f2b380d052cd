package console_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/console"
)

// row is a route with a request that does what it is for, and who may send it.
type row struct {
	may          string // first letters of roles; "*" is everybody, signed in or not
	method, path string
	want         int // the answer to those who may
	fields       []string
	stranger     int  // the answer to a person of another account; 0: 404 below /apps/{key}, want elsewhere
	nobody       int  // the answer to nobody where everybody may; 0: want
	idle         bool // a POST that leaves the database alone
	shows        bool // a secret, to those who may
}

func get(may, path string, want int) row { return row{may: may, method: "GET", path: path, want: want} }
func post(may, path string, want int, fields ...string) row {
	return row{may: may, method: "POST", path: path, want: want, fields: fields}
}
func (r row) strange(status int) row   { r.stranger = status; return r }
func (r row) anonymous(status int) row { r.nobody = status; return r }
func (r row) changesNothing() row      { r.idle = true; return r }
func (r row) showsSecrets() row        { r.shows = true; return r }

const everyRole = "odsv"

// draft is what the page Compose sends.
var draft = []string{"audience=all", "body=Boarding", "environment=development", "life=1", "life_unit=hours", "when=now", "nonce={unique}"}

func with(fields []string, more ...string) []string { return slices.Concat(fields, more) }

// rows are all routes of the console. Names in braces stand for things that the
// site has or makes.
var rows = []row{
	get("*", "/", 303),
	get("*", "/nowhere", 404),
	get("*", "/favicon.ico", 303),
	get("*", "/static/base.css", 200),
	get("*", "/setup", 200),
	post("*", "/setup", 403, "link=guessed", "email={email}", "password={password}"),
	get("*", "/signin?next=/team", 303).anonymous(200),
	post("*", "/signin", 303, "email="+stranger, "password={password}"),
	get("*", "/signin?link={door}", 200).showsSecrets(),
	post("*", "/signin", 303, "link={door}"),
	post("*", "/signout", 303).changesNothing(),
	post("*", "/language", 303, "language=zh-Hans").changesNothing(),
	get("*", "/signin/second", 403),
	post("*", "/signin/second", 403, "code=123456"),
	post("*", "/signin/passkey/ask", 200),
	post("*", "/signin/passkey", 422, "state=x", "answer={}"),
	get("*", "/signin/provider", 404),
	get("*", "/signin/provider/back?state=x&code=x", 404),
	get("*", "/join?link={invite}", 200).showsSecrets(),
	post("*", "/join", 403, "link={invite}", "password={password}").anonymous(303).showsSecrets(),

	get(everyRole, "/team", 200),
	post("o", "/team/invite", 200, "email={email}", "role=viewer").showsSecrets(),
	post("o", "/team/revoke", 303, "id={invitation}").strange(404),
	post("o", "/team/role", 303, "person={member}", "role=sender").strange(404),
	post("o", "/team/remove", 303, "person={member}").strange(404),
	post(everyRole, "/team/switch", 404, "account=99"),
	get(everyRole, "/security", 200),
	post(everyRole, "/security/codes", 303, "password={password}"),
	post(everyRole, "/security/codes/confirm", 401, "code=1"),
	post(everyRole, "/security/codes/off", 303, "password={password}"),
	post(everyRole, "/security/recovery", 200, "password={password}"),
	post(everyRole, "/security/passkeys/begin", 200, "password={password}").changesNothing(),
	post(everyRole, "/security/passkeys", 422, "name=Phone", "state=x", "answer={}"),
	post(everyRole, "/security/passkeys/remove", 404, "id=99", "password={password}"),
	post(everyRole, "/security/sessions/end", 404, "id=00"),
	post(everyRole, "/security/sessions/others", 303),
	post(everyRole, "/security/password", 303, "old={password}", "password={password}"),
	get("od", "/audit", 200),
	get("od", "/audit/audit.csv", 200),
	get("od", "/system", 200),
	post("od", "/system/mail", 422),

	get(everyRole, "/groups", 200),
	post("od", "/groups", 303, "name={unique}"),
	post("od", "/groups/delete", 303, "group={group}").strange(404),
	post("od", "/groups/apps", 303, "group={group}", "app={app}", "member=1").strange(404),
	post("od", "/groups/secret", 200, "group={group}").strange(404).showsSecrets(),

	get(everyRole, "/apps", 200),
	get(everyRole, "/apps/new", 200),
	post("od", "/apps", 303, "name={unique}", "bundle_id=com.example.{unique}"),
	get(everyRole, "/apps/{app}", 200),
	get(everyRole, "/apps/{app}/live", 200),
	post("od", "/apps/{app}/secret", 200).showsSecrets(),
	get(everyRole, "/apps/{app}/keys", 200),
	post("od", "/apps/{app}/keys/rotate", 200, "overlap=3600").showsSecrets(),
	get(everyRole, "/apps/{app}/PushConfig.plist?environment=development&channel=Store", 200),
	get(everyRole, "/apps/{app}/sample.zip", 200),

	get(everyRole, "/apps/{app}/credential", 200),
	post("od", "/apps/{app}/credential", 303, "kind=p12", "file={p12}"),
	post("od", "/apps/{app}/credential/probe", 303, "environment={credential}"),
	post("od", "/apps/{app}/credential/remove", 303, "environment={credential}"),

	get(everyRole, "/apps/{app}/access", 200),
	post("od", "/apps/{app}/access/keys", 200, "name={unique}", "scope=push", "life=30").showsSecrets(),
	post("od", "/apps/{app}/access/revoke", 303, "id={apikey}"),
	post("od", "/apps/{app}/access/allow", 303, "allow=127.0.0.1", "anyway=1"),
	get(everyRole, "/apps/{app}/webhooks", 200),
	post("od", "/apps/{app}/webhooks", 200, "url=https://hooks.example.com/{unique}", "kind=message.opened").showsSecrets(),
	get(everyRole, "/apps/{app}/webhooks/{hook}", 200),
	post("od", "/apps/{app}/webhooks/{hook}", 200, "do=rotate").showsSecrets(),
	post("od", "/apps/{app}/webhooks/{hook}", 303, "do=disable"),
	post("od", "/apps/{app}/webhooks/{hook}", 303, "do=replay-failed").changesNothing(),
	post("od", "/apps/{app}/webhooks/{hook}", 303, "do=remove"),

	get(everyRole, "/apps/{app}/send", 200),
	post("ods", "/apps/{app}/send", 303, draft...),
	post(everyRole, "/apps/{app}/send/preview", 200, draft...).changesNothing(),
	post(everyRole, "/apps/{app}/send/confirm", 200, draft...).changesNothing(),
	post("ods", "/apps/{app}/send/test", 200, with(draft, "title={tester}")...),
	post("od", "/apps/{app}/send/testers", 200, with(draft, "test_id={device}", "test_name={unique}")...),
	post("od", "/apps/{app}/send/testers", 200, with(draft, "drop_test={tester}")...),
	get(everyRole, "/apps/{app}/schedules", 200),
	post("ods", "/apps/{app}/send", 303, with(draft[:5], "when=later", "at={tomorrow}", "zone=UTC", "nonce={unique}")...),
	post("ods", "/apps/{app}/schedules/{schedule}", 303, "action=pause"),
	post("ods", "/apps/{app}/schedules/{schedule}", 303, "action=delete"),
	get(everyRole, "/apps/{second}/approvals", 200),
	post("o", "/apps/{app}/approvals", 303, "limit=1000"),
	post("ods", "/apps/{second}/approvals/{approval}", 303, "action=approve"),
	post("ods", "/apps/{second}/approvals/{approval}", 303, "action=withdraw"),

	get(everyRole, "/apps/{app}/messages?q=Gate", 200),
	get(everyRole, "/apps/{app}/messages/live", 200),
	get(everyRole, "/apps/{app}/messages/compare?id={message}", 200),
	get(everyRole, "/apps/{app}/messages/{message}", 200),
	get(everyRole, "/apps/{app}/messages/{message}/live", 200),
	get(everyRole, "/apps/{app}/messages/{message}/devices?with=targeted", 200),
	get(everyRole, "/apps/{app}/messages/{message}/device?registration_id={device}", 303),
	post("ods", "/apps/{app}/messages/{push}/stop", 303),
	get(everyRole, "/apps/{app}/reports", 200),
	get(everyRole, "/apps/{app}/reports/versions", 200),
	get(everyRole, "/apps/{app}/reports/devices.csv", 200),
	post("od", "/apps/{app}/export/devices.csv", 200),

	get(everyRole, "/apps/{app}/devices", 200),
	get(everyRole, "/apps/{app}/devices/live", 200),
	get(everyRole, "/apps/{app}/devices/{device}", 200),
	get(everyRole, "/apps/{app}/devices/{device}/live", 200),
	get(everyRole, "/apps/{app}/devices/{device}/messages/{message}", 200),
	get(everyRole, "/apps/{app}/devices/{device}/messages/{message}/live", 200),
	post("od", "/apps/{app}/devices/{device}", 303, "alias={unique}", "tags=vip"),
	get(everyRole, "/apps/{app}/segments", 200),
	post("ods", "/apps/{app}/segments", 303, "name={unique}", "expression=vip"),
	post("ods", "/apps/{app}/segments", 303, "edit={segment}", "expression=!vip"),
	post("ods", "/apps/{app}/segments/delete", 303, "name={segment}"),
	get(everyRole, "/apps/{app}/quarantine", 200),
	post("od", "/apps/{app}/quarantine", 303, "one={retired}"),
	post("od", "/apps/{app}/quarantine", 303, "do=all", "from={retired}"),
}

// TestEveryRouteHasARow: the tests below are about every route there is.
func TestEveryRouteHasARow(t *testing.T) {
	mux, missing := http.NewServeMux(), console.Routes()
	for _, pattern := range missing {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	for _, r := range rows {
		_, pattern := mux.Handler(httptest.NewRequest(r.method, r.path, nil))
		missing = slices.DeleteFunc(missing, func(p string) bool { return p == pattern })
	}
	if len(missing) > 0 {
		t.Errorf("no row is about %q", missing)
	}
}

// notes are what pages say about what was done, or not.
var notes = regexp.MustCompile(`<p>[^<]+</p>`)

// asker is who sends a request.
type asker struct{ name, email string }

// letter stands for a role in a row.
func (a asker) letter() string {
	if a.email == "" || a.email == stranger {
		return "-"
	}
	return a.name[:1]
}

// may tells whether a row lets somebody do what it is about. A person of
// another account owns that one, but for the house's apps nobody.
func (a asker) may(r row) bool {
	switch {
	case r.may == "*":
		return true
	case a.email == stranger:
		return !strings.HasPrefix(r.path, "/apps/{") && r.stranger == 0
	}
	return strings.Contains(r.may, a.letter())
}

// answerTo is what somebody gets.
func (a asker) answerTo(r row) int {
	switch {
	case a.may(r) && a.email == "" && r.nobody != 0:
		return r.nobody
	case a.may(r):
		return r.want
	case a.email == "" && strings.HasSuffix(r.path, "/live"):
		return http.StatusNoContent // which ends the stream for good
	case a.email == "":
		return http.StatusSeeOther
	case a.email == stranger:
		return http.StatusNotFound
	}
	return http.StatusForbidden
}

// TestRoleByRoute: who may not is refused, changes nothing and sees no secret,
// by the same requests that do something for those who may.
func TestRoleByRoute(t *testing.T) {
	s := openSite(t)
	askers := []asker{{"nobody", ""}, {"stranger", stranger}}
	for _, role := range slices.Backward(aurora.Roles) {
		askers = append(askers, asker{string(role), string(role) + "@example.com"})
	}
	askers[len(askers)-1].email = email
	for _, turn := range []struct {
		may    bool
		method string
	}{{false, "GET"}, {false, "POST"}, {true, "GET"}, {true, "POST"}} { // what is sent for good moves things afterwards, too
		for _, r := range rows {
			for _, who := range askers {
				if who.may(r) == turn.may && r.method == turn.method {
					s.try(r, who)
				}
			}
		}
	}
}

// try sends a row's request as somebody and looks at what came of it.
func (s *site) try(r row, who asker) {
	t := s.t
	t.Helper()
	session := s.sessionOf(who)
	path, fields := s.fill(r.path), make([]string, len(r.fields))
	for i, f := range r.fields {
		fields[i] = s.fill(f)
	}
	before := s.dump()
	got := s.ask(t, session, r.method, path, fields...)
	changes := changed(before, s.dump())
	name := r.method + " " + r.path + " " + strings.Join(r.fields, "&") + " as " + who.name
	if want := who.answerTo(r); got.status != want {
		t.Errorf("%s: status %d, want %d: %.400s", name, got.status, want, notes.FindAllString(got.body, -1))
	}
	if who.email == "" && !who.may(r) && got.status == 303 && !strings.HasPrefix(got.Get("Location"), "/signin?next=") {
		t.Errorf("%s is led to %q", name, got.Get("Location"))
	}
	does := r.method == "POST" && who.may(r) && got.status < 400
	if !does && len(changes) > 0 {
		t.Errorf("%s changes %q", name, changes)
	}
	if does && !r.idle && len(changes) == 0 {
		t.Errorf("%s changes nothing", name)
	}
	if does {
		s.used(r.path + strings.Join(r.fields, " "))
	}
	s.guarded(r, got)
	if !r.shows || !who.may(r) {
		s.keepsSecrets(name, got)
	}
	if r.may != "*" && !strings.Contains(who.email, "@example.com") && strings.Contains(got.body, "Northlight") {
		t.Errorf("%s shows what is another account's", name)
	}
}
