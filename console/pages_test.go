package console

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

func TestCreateApp(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	rec := v.post("/apps", "name=  Reader ", "bundle_id=not a bundle")
	if rec.Code != 422 {
		t.Errorf("status %d, want 422", rec.Code)
	}
	contains(t, rec.Body.String(), "is not a bundle id", `value="Reader"`, `value="not a bundle"`)
	rec = v.post("/apps", "name=Reader", "bundle_id=com.example.new")
	if app := w.apps[len(w.apps)-1]; rec.Header().Get("Location") != "/apps/"+app.Key || app.Name != "Reader" || app.AccountID != owner.ID {
		t.Errorf("created %+v, led to %q", app, rec.Header().Get("Location"))
	}
	w.apps = nil
	contains(t, v.get("/apps").Body.String(), "Your first app", "Create an app")
}

// The Master Secret comes by a request of its own, which no prefetch makes; that
// no other page has it is TestRoleByRoute's.
func TestSecretOnlyWhenAskedFor(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	if rec := v.get(full + "/secret"); rec.Code != 405 && rec.Code != 404 {
		t.Errorf("GET for the secret: status %d", rec.Code)
	}
	contains(t, v.post(full+"/secret").Body.String(), masterSecret, "</html>")
	r := request("POST", full+"/secret")
	r.Header.Set("HX-Request", "true")
	if body := v.do(r).Body.String(); !strings.Contains(body, masterSecret) || strings.Contains(body, "<html") {
		t.Errorf("a script gets %q", body)
	}
}

func TestRotateSecret(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	body := v.post(full+"/keys/rotate", "overlap=3600").Body.String()
	contains(t, body, newSecret, "The old one is accepted until")
	if w.overlap != time.Hour {
		t.Errorf("overlap %v", w.overlap)
	}
	again := v.get(full + "/keys").Body.String()
	contains(t, again, "The old one is accepted until")
	if strings.Contains(again, newSecret) {
		t.Error("the new secret is shown a second time")
	}
	contains(t, v.post(full+"/keys/rotate", "overlap=0").Body.String(), newSecret, "The old one is no longer accepted.")
	w.refuse = aurora.Errorf(aurora.Invalid, "The old secret can stay valid for 0 to %d seconds (30 days).", 2592000)
	if rec := v.post(full+"/keys/rotate", "overlap=99999999"); rec.Code != 422 || strings.Contains(rec.Body.String(), newSecret) {
		t.Errorf("status %d", rec.Code)
	}
}

// Every call of the code that the console hands out is in the SDK's headers.
func TestIntegrationUsesTheSDK(t *testing.T) {
	headers := ""
	files, _ := filepath.Glob("../sdk/ios/Sources/AuroraPush/include/*.h")
	for _, f := range files {
		data, err := os.ReadFile(f)
		must(t, err)
		headers += string(data)
	}
	spaces := regexp.MustCompile(`\s+`)
	headers = spaces.ReplaceAllString(headers, " ")
	code := integrate(fullKey, "https://push.example.com")
	for _, part := range []string{"registerForRemoteNotificationConfig:(AURRegisterEntity *)config delegate:", "setServer:(NSString *)", "setupWithOption:(nullable NSDictionary *)launchOptions appKey:(NSString *)appKey channel:(nullable NSString *)channel apsForProduction:(BOOL)",
		"registerDeviceToken:(NSData *)", "didReceiveRemoteNotification:(NSDictionary *)payload fetchCompletionHandler:", "NSInteger types;", "AURAuthorizationOptionAlert", "AURAuthorizationOptionBadge", "AURAuthorizationOptionSound"} {
		if !strings.Contains(headers, part) {
			t.Errorf("the SDK has no %q", part)
		}
	}
	selectors := regexp.MustCompile(`AURPushService (\w+)`).FindAllStringSubmatch(code.ObjectiveC, -1)
	for _, m := range selectors {
		if !strings.Contains(headers, "(void)"+m[1]+":") {
			t.Errorf("the SDK has no method %s", m[1])
		}
	}
	if len(selectors) != 5 {
		t.Errorf("%d calls are found, want 5", len(selectors))
	}
	for _, text := range []string{code.ObjectiveC, code.Swift} {
		if !strings.Contains(text, `"`+fullKey+`"`) || !strings.Contains(text, `"https://push.example.com"`) {
			t.Errorf("the app's values are missing:\n%s", text)
		}
	}
	if bad := integrate(fullKey, `https://x"\(evil)`); strings.Contains(bad.Swift, `x"`) || strings.Contains(bad.Swift, `\(`) {
		t.Error("a server's name leaves its string")
	}
}

func TestPushConfig(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	for env, production := range map[string]bool{"development": false, "production": true} {
		rec := v.get(full + "/PushConfig.plist?environment=" + env + "&channel=Caf%C3%A9+%26+Co")
		want := aurora.PushConfig{Channel: "Café & Co", AppKey: fullKey, Production: production, Server: "http://example.com"}.Plist()
		if rec.Body.String() != string(want) {
			t.Errorf("%s:\n%s, want\n%s", env, rec.Body, want)
		}
		if got := rec.Header().Get("Content-Disposition"); got != `attachment; filename="PushConfig.plist"` {
			t.Errorf("disposition %q", got)
		}
	}
	config := configOf(w)
	config.PublicURL = "https://push.example.com/"
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	v.handler = h
	contains(t, v.get(full+"/PushConfig.plist?environment=production").Body.String(), "<string>https://push.example.com</string>")
	for _, q := range []string{"", "environment=staging", "environment=production&channel=" + strings.Repeat("x", 200)} {
		if rec := v.get(full + "/PushConfig.plist?" + q); rec.Code != 422 {
			t.Errorf("%.40q: status %d, want 422", q, rec.Code)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	w := newWorld(plain)
	wrong := configOf(w)
	wrong.PublicURL = "push.example.com"
	for _, c := range []Config{{}, {Account: w, Registry: w, Dispatch: sender{w}}, wrong} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// Steps turn green by what happened, one by one.
func TestGettingStarted(t *testing.T) {
	w := newWorld(plain)
	credentials, devices, reports := w.credentials[1], w.devices[1], w.reports[1]
	w.credentials, w.devices, w.reports = map[int64][]aurora.Credential{}, map[int64][]aurora.Device{}, map[int64][]ledger.Report{}
	v := newVisitor(t, w, ownerSession)
	done := func(want int) {
		t.Helper()
		if got := strings.Count(v.get(full).Body.String(), "(done)"); got != want {
			t.Errorf("%d steps are done, want %d", got, want)
		}
	}
	done(1)
	w.credentials[1] = credentials[1:]
	w.credentials[1][0].Parked = "InvalidProviderToken"
	done(1) // a credential that APNs refuses is none
	w.credentials[1][0].Parked = ""
	done(2)
	w.devices[1] = devices[2:]
	done(3) // no token yet
	contains(t, v.get(full).Body.String(), "has no push token yet")
	w.devices[1] = devices
	done(4)
	unseen := reports[0]
	unseen.Received, unseen.Opened = 0, 0
	w.reports[1] = []ledger.Report{unseen}
	done(5)
	w.reports[1][0].Received = 1
	done(6)
	w.reports[1][0].Opened = 1
	done(7)
}

func TestMessagePage(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	contains(t, v.get(full+"/messages/"+messageID.String()).Body.String(),
		"Gate change", "12,480", "8,210", "65.8 %", `width="65.79%"`, "5,122", "907", "4,206 devices are", "Unregistered", aurora.ExplainReason("Unregistered"), "tag:beta", "Sending")
	if rec := v.get(full + "/messages/7"); rec.Code != 404 {
		t.Errorf("unknown message: status %d", rec.Code)
	}
	if rec := v.get(fresh + "/messages/" + messageID.String()); rec.Code != 404 {
		t.Errorf("another app's message: status %d", rec.Code)
	}
	rec := v.get(full + "/messages/" + messageID.String() + "/device?registration_id=+" + phoneID)
	if got, want := rec.Header().Get("Location"), full+"/devices/"+phoneID+"/messages/"+messageID.String(); got != want {
		t.Errorf("led to %q, want %q", got, want)
	}
}

func TestTimelinePage(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	body := v.get(full + "/devices/" + phoneID + "/messages/" + messageID.String()).Body.String()
	contains(t, body, `class="step-broken"`, "What to do.", "Send with the matching apns_production")
	if strings.Count(body, "step-done") != 3 {
		t.Error("not three steps are done")
	}
}

func TestDevicesPages(t *testing.T) {
	v := newVisitor(t, newWorld(plain), ownerSession)
	contains(t, v.get(full+"/devices").Body.String(), "mia (iPhone16,2)", phoneID, "Retired", "No token")
	found := v.get(full + "/devices?q=old-phone").Body.String()
	if strings.Contains(found, phoneID) || !strings.Contains(found, retiredID) || !strings.Contains(found, `value="old-phone"`) {
		t.Error("the search does not narrow the list to the alias")
	}
	contains(t, v.get(full+"/devices?q=nobody").Body.String(), "Nothing found", "nobody")
	contains(t, v.get(full+"/devices/"+phoneID).Body.String(), "9f2c41d0…7be35a68", "Europe/Berlin", "beta", "Gate change")
	contains(t, v.get(full+"/devices/"+retiredID).Body.String(), "Unregistered", aurora.ExplainReason("Unregistered"))
	if strings.Contains(v.get(full+"/devices/"+phoneID).Body.String(), strings.Repeat("9f2c41d07be35a68", 4)) {
		t.Error("the whole token is shown")
	}
}

func TestShareHidesNobody(t *testing.T) {
	for _, c := range []struct {
		part, whole uint64
		want        string
	}{{0, 0, "–"}, {0, 5, "0 %"}, {5, 5, "100 %"}, {1, 1_000_000, "0.1 %"}, {999_999, 1_000_000, "99.9 %"}, {1, 3, "33.3 %"}, {1, 2, "50 %"}} {
		if got := share(c.part, c.whole); got != c.want {
			t.Errorf("share(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
	if got := number(1234567); got != "1,234,567" {
		t.Errorf("number = %q", got)
	}
}
