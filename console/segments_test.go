package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// TestSegmentsAndTagsByPage: tags are edited on the device's page, and a segment
// of them counts the device; roles decide who may.
func TestSegmentsAndTagsByPage(t *testing.T) {
	h := openHouse(t)
	ids, app, developer := h.register(t, 2), "/apps/"+h.app.Key, h.session[aurora.DeveloperRole]
	device := app + "/devices/" + ids[0]
	for role, want := range map[aurora.Role]int{aurora.ViewerRole: 403, aurora.SenderRole: 403, aurora.DeveloperRole: 303} {
		if got := h.ask(t, h.session[role], "POST", device, "alias=mia", "tags=vip\r\n北京\r\n\r\n a<b>c "); got.status != want {
			t.Errorf("as %s: %d", role, got.status)
		}
	}
	page := h.ask(t, developer, "GET", device).body
	if !strings.Contains(page, "北京") || !strings.Contains(page, "a&lt;b&gt;c") || !strings.Contains(page, `value="mia"`) {
		t.Errorf("%s", page)
	}
	if got := h.ask(t, developer, "POST", device, "tags="+strings.Repeat("x", 300)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a tag that is too long: %d", got.status)
	}
	for _, tt := range []struct {
		role aurora.Role
		want int
		form []string
	}{
		{aurora.ViewerRole, 403, []string{"name=vips", "expression=vip"}},
		{aurora.SenderRole, 422, []string{"name=vips", "expression=vip &&"}},
		{aurora.SenderRole, 303, []string{"name=vips", "expression=vip"}},
		{aurora.SenderRole, 409, []string{"name=vips", "expression=vip"}},
		{aurora.SenderRole, 303, []string{"edit=vips", "expression=vip && 北京"}},
	} {
		if got := h.ask(t, h.session[tt.role], "POST", app+"/segments", tt.form...); got.status != tt.want {
			t.Errorf("%v as %s: %d, want %d", tt.form, tt.role, got.status, tt.want)
		}
	}
	if page := h.ask(t, developer, "GET", app+"/segments?edit=vips").body; !strings.Contains(page, `data-name="Devices">1</td>`) || !strings.Contains(page, "vip &amp;&amp; 北京</textarea>") {
		t.Errorf("%s", page)
	}
	if got := h.ask(t, h.session[aurora.SenderRole], "POST", app+"/segments/delete", "name=vips"); got.status != 303 {
		t.Errorf("%d", got.status)
	}
	if page := h.ask(t, developer, "GET", app+"/segments").body; strings.Contains(page, "vips") {
		t.Error("the segment is still there")
	}
}
