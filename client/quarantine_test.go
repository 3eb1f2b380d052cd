package client_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aurora-push/aurora/client"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// APNs calls a token dead: its device is in quarantine with the reason and the
// push that found it, is restored, and gets the next push.
func TestQuarantine(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	tokens, err := c.Tokens(t.Context(), w.device)
	w.must(err)
	if len(tokens) != 1 || !tokens[0].Until.IsZero() || tokens[0].Environment != "development" || tokens[0].Since.IsZero() {
		t.Errorf("the tokens are %+v", tokens)
	}
	d, err := w.server.Registry.Device(t.Context(), w.app.ID, w.device)
	w.must(err)
	other := w.newDevice()
	push := w.hello()
	push.Audience = client.Audience{All: true}
	fault := func() string {
		t.Helper()
		w.must(w.apns.AddFault(localapns.Fault{Token: d.Token, Status: 410, Reason: "Unregistered", Count: 1}))
		r, err := c.Push(t.Context(), push)
		w.must(err)
		if got := w.settled(c, r.MessageID); got.Accepted != 1 || got.Failed != 1 {
			t.Fatalf("the push: %+v", got)
		}
		return r.MessageID
	}
	list := func(f client.QuarantineFilter) (list []client.Quarantined) {
		t.Helper()
		for q, err := range c.Quarantine(t.Context(), f) {
			w.must(err)
			list = append(list, q)
		}
		return list
	}
	for _, how := range []func() (int, error){
		func() (int, error) { return c.Restore(t.Context(), w.device, other) },
		func() (int, error) { return c.RestoreAll(t.Context(), client.QuarantineFilter{Reason: "Unregistered"}) },
	} {
		id := fault()
		found := list(client.QuarantineFilter{})
		if len(found) != 1 || found[0].RegistrationID != w.device || found[0].Reason != "Unregistered" || found[0].MessageID != id || found[0].Explanation == "" || found[0].Token != tokens[0].Token || time.Since(found[0].RetiredAt).Abs() > time.Minute {
			t.Errorf("in quarantine: %+v", found)
		}
		if found := slices.Concat(list(client.QuarantineFilter{Reason: "BadDeviceToken"}), list(client.QuarantineFilter{Until: time.Now().Add(-time.Hour)}), list(client.QuarantineFilter{Since: time.Now().Add(time.Hour)})); len(found) > 0 {
			t.Errorf("a filter that selects nobody: %+v", found)
		}
		if tokens, err := c.Tokens(t.Context(), w.device); err != nil || len(tokens) != 1 || tokens[0].Reason != "Unregistered" || tokens[0].MessageID != id || tokens[0].Until.IsZero() {
			t.Errorf("the history is %+v, %v", tokens, err)
		}
		if n, err := c.RestoreAll(t.Context(), client.QuarantineFilter{Reason: "BadDeviceToken"}); err != nil || n != 0 {
			t.Errorf("of another reason %d are restored, %v", n, err)
		}
		if n, err := how(); err != nil || n != 1 {
			t.Errorf("%d are restored, %v", n, err)
		}
		if found := list(client.QuarantineFilter{}); len(found) != 0 {
			t.Errorf("still in quarantine: %+v", found)
		}
		r, err := c.Push(t.Context(), push)
		w.must(err)
		if got := w.settled(c, r.MessageID); got.Accepted != 2 {
			t.Errorf("the push after it: %+v", got)
		}
	}
	_, err = c.Restore(t.Context(), w.device, "0123456789abcdef012")
	w.refused("to restore a stranger", err, client.ErrInvalid, 7013)
	if e, _ := errors.AsType[*client.Error](err); e == nil || !slices.Equal(e.IllegalIDs, []string{"0123456789abcdef012"}) {
		t.Errorf("the refusal is %+v", e)
	}
	_, err = c.Restore(t.Context())
	w.refused("to restore nobody", err, client.ErrInvalid, 9002)
}
