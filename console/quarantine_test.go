package console

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// What the world's quarantine holds are its retired devices.

func (w *world) Quarantined(_ context.Context, appID int64, f registry.QuarantineFilter, after registry.QuarantinePlace, limit int) (list []registry.Quarantined, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.devices[appID] {
		if d.RetiredReason != "" && (f.Reason == "" || f.Reason == d.RetiredReason) && (f.Until.IsZero() || d.RetiredAt.Before(f.Until)) && d.RetiredAt.After(f.Since) {
			list = append(list, registry.Quarantined{Device: d, FoundBy: messageID - 1})
		}
	}
	return list, nil
}
func (w *world) CountQuarantined(ctx context.Context, appID int64) (uint64, error) {
	list, err := w.Quarantined(ctx, appID, registry.QuarantineFilter{}, registry.QuarantinePlace{}, 0)
	return uint64(len(list)), err
}
func (w *world) Restore(_ context.Context, _ aurora.App, ids []string) (int, error) {
	if err := w.refusal(); err != nil {
		return 0, err
	}
	w.restored = append(w.restored, ids...)
	return len(ids), nil
}
func (w *world) RestoreAll(_ context.Context, _ aurora.App, f registry.QuarantineFilter) (int, bool, error) {
	w.restored = append(w.restored, f.Reason+" "+f.Since.Format(time.DateOnly)+" "+f.Until.Format(time.DateOnly))
	return registry.MaxRestored, true, nil
}
func (w *world) PastTokens(_ context.Context, d aurora.Device) ([]registry.PastToken, error) {
	if d.RetiredReason == "" {
		return nil, nil
	}
	return []registry.PastToken{
		{Token: registry.ShortToken(d.Token), Environment: d.Environment, Since: d.TokenAt, Until: d.RetiredAt, Reason: d.RetiredReason, MessageID: messageID - 1},
		{Token: "c0ffee00…00c0ffee", Environment: aurora.Development, Since: d.TokenAt.Add(-400 * time.Hour), Until: d.TokenAt, Reason: registry.TokenReplaced},
	}, nil
}

// The page says why each device is in quarantine, and the forms name what they
// restore: one, those that are ticked, or what the filter selects.
func TestQuarantinePage(t *testing.T) {
	w := newWorld(plain)
	v := newVisitor(t, w, ownerSession)
	page := v.get(full + "/quarantine").Body.String()
	contains(t, page, "old-phone (iPhone12,1)", "7a2b7a2b…7a2b7a2b", "Unregistered", aurora.ExplainReason("Unregistered"), full+"/messages/"+(messageID-1).String(), `value="`+retiredID+`"`)
	if strings.Contains(page, phoneID) || strings.Contains(page, strings.Repeat("7a2b", 16)) {
		t.Error("a device that is reachable is in it, or a whole token")
	}
	contains(t, v.get(full+"/devices").Body.String(), "1 device is in quarantine", full+"/quarantine")
	contains(t, v.get(full+"/quarantine?reason=BadDeviceToken").Body.String(), "Nothing found", "for another reason")
	contains(t, v.get(fresh+"/quarantine").Body.String(), "Nobody is in quarantine")
	contains(t, v.get(full+"/devices/"+retiredID).Body.String(), "Former tokens", "c0ffee00…00c0ffee", "The app reported another token.", "The push that found it")
	if rec := v.get(full + "/quarantine?since=yesterday"); rec.Code != 422 || !strings.Contains(rec.Body.String(), "A day is written as") {
		t.Errorf("a wrong day: %d", rec.Code)
	}
	if rec := v.post(full+"/quarantine", "do=chosen"); rec.Code != 422 || !strings.Contains(rec.Body.String(), "Tick the devices") {
		t.Errorf("nothing ticked: %d", rec.Code)
	}

	rec := v.post(full+"/quarantine?reason=Unregistered", "do=chosen", "id=a", "id=b")
	if got := rec.Header().Get("Location"); got != full+"/quarantine?reason=Unregistered" {
		t.Errorf("led to %q", got)
	}
	contains(t, v.follow(rec).Body.String(), "The devices were restored.")
	contains(t, v.follow(v.post(full+"/quarantine", "one=c", "id=a")).Body.String(), "The device was restored.")
	if got := v.post(full+"/quarantine", "one="+retiredID, "from=device").Header().Get("Location"); got != full+"/devices/"+retiredID {
		t.Errorf("led to %q", got)
	}
	contains(t, v.follow(v.post(full+"/quarantine?reason=Unregistered&since=2030-01-01&until=2030-01-31", "do=all")).Body.String(), "there are more")
	if want := []string{"a", "b", "c", retiredID, "Unregistered 2030-01-01 2030-02-01"}; !slices.Equal(w.restored, want) {
		t.Errorf("restored %q, want %q", w.restored, want)
	}
	w.refuse = &registry.UnknownDevices{}
	if rec := v.post(full+"/quarantine", "one=c"); rec.Code != 404 || !strings.Contains(rec.Body.String(), "is gone, and none was restored") || !strings.Contains(rec.Body.String(), "old-phone") {
		t.Errorf("a refusal: %d", rec.Code)
	}
}
