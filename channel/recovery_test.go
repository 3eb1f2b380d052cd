package channel_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// send pushes to the world's device and returns the message's id.
func (w *world) send(t *testing.T) aurora.MessageID {
	t.Helper()
	id, err := aurora.ParseMessageID(w.post(t, "POST", "/v3/push", fmt.Sprintf(`{"platform":"all","audience":{"registration_id":[%q]},"notification":{"alert":"hello"}}`, w.device))["msg_id"].(string))
	check(t, err)
	return id
}

// until waits until a message's report is as wanted.
func (w *world) until(t *testing.T, id aurora.MessageID, wanted func(ledger.Report) bool) ledger.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	hints, stop := w.s.Ledger.Watch(ctx, w.app.ID)
	defer stop()
	for {
		r, err := w.s.Ledger.Report(ctx, w.app.ID, id)
		check(t, err)
		if wanted(r) {
			return r
		}
		select {
		case <-hints:
		case <-time.After(50 * time.Millisecond): // hints may be lost
		case <-ctx.Done():
			t.Fatalf("stuck: %+v", r)
		}
	}
}

func done(r ledger.Report) bool { return r.State == ledger.Done }

// TestRevokedCredential: when Apple stops accepting a credential its owner
// sees why, pushes wait, and another upload sends them at once.
func TestRevokedCredential(t *testing.T) {
	for reason, r := range map[string]localapns.IssueRequest{"BadCertificate": {BundleID: bundleID}, "InvalidProviderToken": {Key: true}} {
		t.Run(reason, func(t *testing.T) {
			w := startWorld(t)
			made, err := w.apns.Issue(r)
			check(t, err)
			up, id := aurora.CredentialFile{File: made.P12}, ""
			if r.Key {
				up, id = aurora.CredentialFile{File: made.P8, KeyID: made.KeyID, TeamID: made.TeamID}, made.KeyID
			} else {
				id = made.Certificate.SerialNumber.Text(16)
			}
			_, err = w.s.Accounts.StoreCredential(t.Context(), w.app, up)
			check(t, err)
			check(t, w.apns.Revoke(id))

			first := w.send(t)
			waiting := w.until(t, first, func(r ledger.Report) bool { return r.State == ledger.Waiting })
			if waiting.Pending != 1 || waiting.Failed != 0 {
				t.Errorf("while it waits: %+v", waiting)
			}
			slot := w.slot(t)
			if slot.Parked != reason || slot.Usable(time.Now()) {
				t.Errorf("the owner sees %+v", slot)
			}
			second := w.send(t)
			w.until(t, second, func(r ledger.Report) bool { return r.State == ledger.Waiting })

			w.give(t, localapns.IssueRequest{BundleID: bundleID})
			for _, id := range []aurora.MessageID{first, second} {
				if r := w.until(t, id, done); r.Accepted != 1 {
					t.Errorf("after another upload: %+v", r)
				}
			}
			if slot := w.slot(t); slot.Parked != "" {
				t.Errorf("still parked: %+v", slot)
			}
		})
	}
}

// slot is the production credential as its owner sees it.
func (w *world) slot(t *testing.T) aurora.Credential {
	t.Helper()
	slots, err := w.s.Accounts.Credentials(t.Context(), w.app.ID)
	check(t, err)
	if len(slots) != 2 || slots[1].Environment != aurora.Production {
		t.Fatalf("%+v", slots)
	}
	return slots[1]
}

// TestDeadToken: a token that APNs calls dead is not used again, until the app
// reports it once more.
func TestDeadToken(t *testing.T) {
	w := startWorld(t)
	check(t, w.apns.AddFault(localapns.Fault{Status: 410, Reason: "Unregistered", Count: 1}))
	if r := w.until(t, w.send(t), done); r.Failed != 1 || r.FailedBy[0].Reason != "Unregistered" {
		t.Errorf("%+v", r)
	}
	before := len(w.apns.Notifications(100))
	if r := w.until(t, w.send(t), done); r.Failed != 1 || r.FailedBy[0].Reason != "Unregistered" {
		t.Errorf("to a dead token: %+v", r)
	}
	if n := len(w.apns.Notifications(100)); n != before {
		t.Errorf("%d notifications were sent to a dead token", n-before)
	}
	w.change(t, `{"token":"`+deviceToken+`","environment":"production"}`)
	if r := w.until(t, w.send(t), done); r.Accepted != 1 {
		t.Errorf("after the app reported it again: %+v", r)
	}
}

// TestLate410: a verdict from before the token was reported again is no verdict
// on it.
func TestLate410(t *testing.T) {
	w := startWorld(t)
	check(t, w.apns.AddFault(localapns.Fault{Status: 410, Reason: "Unregistered", GoneSeconds: 3600, Count: 1}))
	if r := w.until(t, w.send(t), done); r.Failed != 1 {
		t.Errorf("%+v", r)
	}
	if r := w.until(t, w.send(t), done); r.Accepted != 1 {
		t.Errorf("the token is not live any more: %+v", r)
	}
}

// TestBusyVendor: what APNs could not take is sent again, within seconds.
func TestBusyVendor(t *testing.T) {
	w := startWorld(t)
	for _, f := range []localapns.Fault{{Status: 503, Reason: "ServiceUnavailable", Count: 1}, {Status: 500, Reason: "InternalServerError", Count: 1}, {Close: "rst", Count: 1}} {
		w.apns.ClearFaults()
		check(t, w.apns.AddFault(f))
		if r := w.until(t, w.send(t), done); r.Accepted != 1 || r.Failed != 0 {
			t.Errorf("%+v: %+v", f, r)
		}
	}
}
