package iphone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/simulator/apns"
)

// TestWithTheLocalAPNs runs the phone against the real local APNs, with the standard library's HTTP/2 as the provider.
func TestWithTheLocalAPNs(t *testing.T) {
	server, err := apns.NewServer(apns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	credential, err := server.Issue(apns.IssueRequest{BundleID: testBundle, Development: true})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CAPEM())
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{credential.TLS}}}
	defer transport.CloseIdleConnections()
	r := newRig(t, func(c *Config) { c.Dial = DialCourier(server.ManageURL()) })
	push := func(token, payload string, header ...string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodPost, server.SandboxURL()+"/3/device/"+token, strings.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("apns-topic", testBundle)
		request.Header.Set("apns-push-type", "alert")
		for n := 0; n < len(header); n += 2 {
			request.Header.Set(header[n], header[n+1])
		}
		response, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}

	r.ready(t)
	token := r.State().Apps[0].Token
	r.Home()
	if status := push(token, salePayload); status != 200 {
		t.Fatalf("push: status %d", status)
	}
	r.wait(t, "a banner with sound and badge", func(s State) bool {
		return s.Banner != nil && s.Banner.MessageID == "77" && s.SoundsPlayed == 1 && s.Apps[0].Badge == 3
	})
	r.must(t, r.Tap("77"))
	if got := r.synced(t); !slices.Equal(got, []string{"77 received", "77 opened"}) {
		t.Fatalf("receipts %v", got)
	}

	// Stored while the phone is away, the latest one only; delivered when it returns.
	r.Home()
	r.SetAirplane(true)
	r.wait(t, "offline", func(s State) bool { return s.Session == Offline })
	push(token, `{"aps":{"alert":"older"}}`)
	push(token, `{"aps":{"alert":"newer"}}`)
	r.Lock()
	r.SetAirplane(false)
	s := r.wait(t, "the stored one arrives", func(s State) bool { return len(s.LockScreen) > 0 })
	if len(s.LockScreen) != 1 || s.LockScreen[0].Body != "newer" {
		t.Fatalf("on the lock screen: %+v", s.LockScreen)
	}

	// A silent push wakes the app; a new installation has a new token.
	r.Unlock()
	r.must(t, r.Terminate(testBundle))
	push(token, `{"aps":{"content-available":1},"_j_msgid":78}`, "apns-push-type", "background", "apns-priority", "5")
	r.wait(t, "the app is woken", func(s State) bool {
		return s.Apps[0].BackgroundWakes == 1 && s.Apps[0].Process == Background
	})
	r.must(t, r.Uninstall(testBundle))
	r.must(t, r.Install(App{BundleID: testBundle, PushConfig: testPlist}))
	r.must(t, r.Open(testBundle))
	s = r.wait(t, "a token for the new installation", func(s State) bool { return s.Apps[0].Token != "" })
	if s.Apps[0].Token == token {
		t.Fatal("the new installation has the old token")
	}
}
