package channel_test

import (
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestNoCredential: an empty slot is told apart from a broken one.
func TestNoCredential(t *testing.T) {
	w := startWorld(t)
	check(t, w.s.Accounts.RemoveCredential(t.Context(), w.app.ID, aurora.Production))
	if _, err := w.openChannel(t).Open(t.Context(), w.message(1)); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("%v", err)
	}
}

// TestParkedCredentialRests: a credential that APNs has just refused is not
// tried again at once, and works again as soon as it is replaced.
func TestParkedCredentialRests(t *testing.T) {
	w := startWorld(t)
	ch, token := w.openChannel(t), strings.Repeat("0a", 32)
	route, err := ch.Open(t.Context(), w.message(1))
	check(t, err)
	check(t, w.s.Accounts.ParkCredential(t.Context(), route.CredentialID, "BadCertificate"))
	if route, err = ch.Open(t.Context(), w.message(1)); err != nil || route.Parked != "BadCertificate" || route.Send != nil {
		t.Errorf("just parked: %+v, %v", route, err)
	}
	w.give(t, localapns.IssueRequest{BundleID: bundleID})
	if o := deliver(t, ch, w.message(2), token); !o.Accepted() {
		t.Errorf("after another upload: %+v", o)
	}
}

// TestRefusedCredentialIsAnOutcome: once APNs has refused a credential the
// client sends nothing more with it, and says so for each device instead of
// failing the job, which would begin again for ever.
func TestRefusedCredentialIsAnOutcome(t *testing.T) {
	w := startWorld(t)
	ch, token := w.openChannel(t), strings.Repeat("0a", 32)
	check(t, w.apns.AddFault(localapns.Fault{Status: 403, Reason: "BadCertificate", Count: 1}))
	for range 3 {
		if o := deliver(t, ch, w.message(1), token); o.Fault != aurora.CredentialFault || o.Reason != "BadCertificate" || o.Unsure {
			t.Errorf("%+v", o)
		}
	}
	if n := len(w.apns.Notifications(100)); n != probes+1 {
		t.Errorf("%d notifications were sent with a refused credential", n-probes)
	}
}

// probes is how many notifications the upload of a universal certificate
// sends: one to each environment.
const probes = 2

// TestReplacedCredential: the channel sends with what is stored now, be it a
// certificate or a key, in each environment.
func TestReplacedCredential(t *testing.T) {
	w := startWorld(t)
	ch, token := w.openChannel(t), strings.Repeat("0a", 32)
	for _, r := range []localapns.IssueRequest{
		{BundleID: bundleID},
		{BundleID: bundleID, Legacy: true, Password: "geheim"},
		{Key: true},
		{BundleID: bundleID, WithChain: true},
		{Key: true},
	} {
		w.give(t, r)
		for _, production := range []bool{true, false} {
			m := w.message(1)
			m.Options.Production = production
			if o := deliver(t, ch, m, token); !o.Accepted() {
				t.Errorf("%+v, production %v: %+v", r, production, o)
			}
			sent := w.apns.Notifications(1)[0]
			if want := m.Environment().String(); string(sent.Environment) != want {
				t.Errorf("sent to %s, want %s", sent.Environment, want)
			}
			if kind := credentialOf(w, sent.Connection); kind != map[bool]string{true: "token", false: "certificate"}[r.Key] {
				t.Errorf("%+v was sent with a %s", r, kind)
			}
		}
	}
}

// credentialOf tells how a connection to the local APNs proved itself.
func credentialOf(w *world, id uint64) string {
	for _, c := range w.apns.Connections() {
		if c.ID == id {
			return c.Credential
		}
	}
	return "connection that is gone"
}
