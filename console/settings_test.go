package console_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// between returns what stands between two texts of a page.
func between(t *testing.T, page, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, before)
	found, _, end := strings.Cut(rest, after)
	if !ok || !end {
		t.Fatalf("no %q … %q in\n%s", before, after, page)
	}
	return found
}

// TestKeysByPage: a key is made, shown once, works, and is revoked.
func TestKeysByPage(t *testing.T) {
	h := openHouse(t)
	owner, path := h.session[aurora.OwnerRole], "/apps/"+h.app.Key+"/access"
	refused := h.ask(t, owner, "POST", path+"/keys", "name=Shop", "life=0")
	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, `value="Shop"`) || !strings.Contains(refused.body, "at least one scope") {
		t.Errorf("%d %s", refused.status, refused.body)
	}
	made := h.ask(t, owner, "POST", path+"/keys", "name=<b>Shop", "life=30", "scope=reports", "allow=192.0.2.0/24, 127.0.0.1")
	secret := between(t, made.body, `<code id="key-secret">`, "</code>")
	if strings.Contains(made.body, "<b>Shop") {
		t.Error("a key's name is not escaped")
	}
	if page := h.ask(t, owner, "GET", path).body; strings.Contains(page, secret) || !strings.Contains(page, "192.0.2.0/24") {
		t.Errorf("%s", page)
	}
	if _, err := h.Accounts.Authenticate(t.Context(), h.app.Key, secret); err != nil {
		t.Errorf("the key does not work: %v", err)
	}
	id := between(t, h.ask(t, owner, "GET", path).body, `<input type="hidden" name="id" value="`, `"`)
	if got := h.ask(t, owner, "POST", path+"/revoke", "id="+id); got.status != http.StatusSeeOther {
		t.Errorf("%d %s", got.status, got.body)
	}
	if _, err := h.Accounts.Authenticate(t.Context(), h.app.Key, secret); aurora.KindOf(err) != aurora.Unauthorized {
		t.Errorf("the revoked key works: %v", err)
	}
	locked := h.ask(t, owner, "POST", path+"/allow", "allow=203.0.113.7")
	if locked.status != http.StatusConflict || !strings.Contains(locked.body, "203.0.113.7</textarea>") {
		t.Errorf("%d %s", locked.status, locked.body)
	}
	if got := h.ask(t, owner, "POST", path+"/allow", "allow=203.0.113.7\r\n2001:db8::/32", "anyway=1"); got.status != http.StatusSeeOther {
		t.Errorf("%d %s", got.status, got.body)
	}
	if page := h.ask(t, owner, "GET", path).body; !strings.Contains(page, "203.0.113.7\n2001:db8::/32</textarea>") {
		t.Errorf("%s", page)
	}
}

// TestWebhooksAndGroupsByPage: made, shown, changed, removed.
func TestWebhooksAndGroupsByPage(t *testing.T) {
	h := openHouse(t)
	owner, path := h.session[aurora.OwnerRole], "/apps/"+h.app.Key+"/webhooks"
	if got := h.ask(t, owner, "POST", path, "url=https://example.com/<x>"); got.status != http.StatusUnprocessableEntity || strings.Contains(got.body, "<x>") {
		t.Errorf("%d %s", got.status, got.body)
	}
	made := h.ask(t, owner, "POST", path, "url=https://example.com/aurora", "kind=message.opened", "kind=device.retired")
	secret := between(t, made.body, `<code id="hook-secret">`, "</code>")
	id := between(t, h.ask(t, owner, "GET", path).body, path+"/", `"`)
	one := path + "/" + id
	if page := h.ask(t, owner, "GET", one).body; strings.Contains(page, secret) || !strings.Contains(page, "device.retired") || !strings.Contains(page, "Nothing was delivered yet") {
		t.Errorf("%s", page)
	}
	for do, want := range map[string]int{"disable": 303, "enable": 303, "rotate": 200, "replay-failed": 303, "replay": 404, "dance": 404} {
		if got := h.ask(t, owner, "POST", one, "do="+do, "delivery=99"); got.status != want && do != "replay" || got.status >= 500 {
			t.Errorf("%s: %d", do, got.status)
		}
	}
	if got := h.ask(t, owner, "POST", one, "do=remove"); got.status != 303 {
		t.Errorf("%d", got.status)
	}
	if got := h.ask(t, owner, "GET", one); got.status != http.StatusNotFound {
		t.Errorf("a removed webhook: %d", got.status)
	}

	h.ask(t, owner, "POST", "/groups", "name=Both <stores>")
	page := h.ask(t, owner, "GET", "/groups").body
	key := between(t, page, "group-", "</code>")
	if strings.Contains(page, "<stores>") {
		t.Error("a group's name is not escaped")
	}
	h.ask(t, owner, "POST", "/groups/apps", "group="+key, "app="+h.app.Key, "member=1")
	shown := h.ask(t, owner, "POST", "/groups/secret", "group="+key).body
	if _, err := h.Accounts.AuthenticateGroup(t.Context(), key, between(t, shown, `<code id="s-`+key+`">`, "</code>")); err != nil {
		t.Error(err)
	}
	if page := h.ask(t, owner, "GET", "/groups").body; !strings.Contains(page, `<a class="row-link" href="/apps/`+h.app.Key) {
		t.Errorf("%s", page)
	}
	h.ask(t, owner, "POST", "/groups/delete", "group="+key)
	if page := h.ask(t, owner, "GET", "/groups").body; strings.Contains(page, key) {
		t.Error("the group is still there")
	}
}

// TestSampleApp: the archive holds the sample with the app's own configuration.
func TestSampleApp(t *testing.T) {
	h := openHouse(t)
	got := h.ask(t, h.session[aurora.ViewerRole], "GET", "/apps/"+h.app.Key+"/sample.zip")
	z, err := zip.NewReader(bytes.NewReader([]byte(got.body)), int64(len(got.body)))
	check(t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		check(t, err)
		b, err := io.ReadAll(r)
		check(t, err)
		files[f.Name] = string(b)
	}
	if strings.Contains(got.body, h.app.MasterSecret.Reveal()) {
		t.Error("the archive has the Master Secret")
	}
	group := "<string>group." + h.app.BundleID + "</string>"
	for name, has := range map[string][]string{
		"App/PushConfig.plist":                      {h.app.Key, h.url, "APP_GROUP", group},
		"App/Sample.entitlements":                   {group},
		"App/Info.plist":                            {"<string>" + h.app.BundleID + "</string>"},
		"NotificationService/Info.plist":            {"<string>" + h.app.BundleID + ".NotificationService</string>"},
		"NotificationService/NotificationService.m": {`setAppKey:@"` + h.app.Key + `"`, `setAppGroup:@"group.` + h.app.BundleID + `"`},
	} {
		for _, want := range has {
			if text := files["aurora-sample/Sample/"+name]; !strings.Contains(text, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, text)
			}
		}
	}
	for name, text := range files {
		if strings.Contains(name, "/Sample/") && (strings.Contains(text, "example.sample") || strings.Contains(text, "replace me") || strings.Contains(text, "push.example.com")) {
			t.Errorf("%s keeps a value that is the sample's own:\n%s", name, text)
		}
	}
	for _, name := range []string{"Package.swift", "Sample/App/AppDelegate.m"} {
		if files["aurora-sample/"+name] == "" {
			t.Errorf("no %s among %d files", name, len(files))
		}
	}
}
