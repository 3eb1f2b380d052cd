package channel

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// oneKey is an account service with one provider key for every app.
type oneKey struct{ file aurora.CredentialFile }

func (k oneKey) OpenCredential(_ context.Context, appID int64, _ aurora.Environment) (aurora.Credential, aurora.CredentialFile, error) {
	return aurora.Credential{ID: appID, AppID: appID, Topic: "com.example.app"}, k.file, nil
}

func (oneKey) ParkCredential(context.Context, int64, string) error { return nil }

// TestIdleClientsAreClosed: what was not used for hours holds no connections,
// and comes back with the next message.
func TestIdleClientsAreClosed(t *testing.T) {
	gateway, err := localapns.NewServer(localapns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := gateway.Issue(localapns.IssueRequest{Key: true})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		key := oneKey{aurora.CredentialFile{File: issued.P8, KeyID: issued.KeyID, TeamID: issued.TeamID}}
		ch := NewIOS(&Gateways{}, key, slog.New(slog.DiscardHandler))
		defer ch.Close(t.Context())
		open := func(app int64) aurora.Route {
			t.Helper()
			route, err := ch.Open(t.Context(), &aurora.Message{AppID: app, Options: aurora.Options{TimeToLive: new(int64(0))}})
			if err != nil {
				t.Fatal(err)
			}
			return route
		}
		count := func() int {
			synctest.Wait()
			ch.mu.Lock()
			defer ch.mu.Unlock()
			return len(ch.clients)
		}
		for app := range int64(100) {
			open(app)
		}
		old := open(1)
		for range 24 {
			time.Sleep(time.Hour)
			open(7) // at work all the time
		}
		if n := count(); n != 1 {
			t.Errorf("%d clients are kept after a day in which one was used", n)
		}
		// A sender that still holds a closed client is told that nothing was sent.
		err := old.Send(t.Context(), aurora.Delivery{Token: "00ff"}, func(_ aurora.Delivery, o aurora.Outcome) { t.Errorf("an outcome: %+v", o) })
		if err == nil {
			t.Error("a closed client took a notification")
		}
		open(1)
		if n := count(); n != 2 {
			t.Errorf("%d clients, want 2", n)
		}
		time.Sleep(3 * idleClient)
		if n := count(); n != 0 {
			t.Errorf("%d clients are kept although nothing is sent", n)
		}
	})
}
