package webhook

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestInside(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true, "::127.0.0.1": true,
		"0.0.0.0": true, "::": true, "0.1.2.3": true, "10.0.0.1": true, "172.16.0.1": true, "172.31.255.255": true, "172.32.0.1": false,
		"192.168.1.1": true, "169.254.169.254": true, "fe80::1": true, "fd00::1": true, "fc00::1": true, "fec0::1": true,
		"100.64.0.1": true, "100.128.0.1": false, "198.18.0.1": true, "192.0.0.8": true, "224.0.0.1": true, "ff02::1": true, "255.255.255.255": true, "240.0.0.1": true,
		"64:ff9b::7f00:1": true, "64:ff9b:1::1": true, "2002:7f00:1::": true, "2001::1": true,
		"203.0.113.7": false, "8.8.8.8": false, "2606:4700::1111": false, "2001:4860:4860::8888": false,
	} {
		if got := inside(netip.MustParseAddr(address)); (got != "") != want {
			t.Errorf("%s: %q, refused is not %v", address, got, want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for text, ok := range map[string]bool{
		"https://example.com/hook?x=1": true, "https://example.com:8443": true, "https://[2606:4700::1111]/": true, "https://203.0.113.7/": true,
		"http://example.com/": false, "ftp://example.com/": false, "example.com/hook": false, "//example.com/": false, "": false, "https://": false, "https://:443/": false,
		"https://user:secret@example.com/": false, "https://example.com/#part": false, "https://example.com/a b": false, "https://example.com/\n": false,
		"https://127.0.0.1/": false, "https://[::1]/": false, "https://[::ffff:10.0.0.1]/": false, "https://169.254.169.254/latest": false,
		"https://example.com/" + strings.Repeat("x", maxURL): false, "https:opaque": false,
	} {
		if err := checkURL(text, false); (err == nil) != ok {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	for text, ok := range map[string]bool{"http://127.0.0.1:8080/": true, "https://10.0.0.1/": true, "file:///etc/passwd": false} {
		if err := checkURL(text, true); (err == nil) != ok {
			t.Errorf("allowed private, %q: %v", text, err)
		}
	}
}

// A name that leads inside is refused when it is connected to, whatever it led
// to before; a redirect there is not followed; an endless answer ends.
func TestClient(t *testing.T) {
	reached := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/endless":
			for range 1 << 20 {
				if _, err := w.Write([]byte(strings.Repeat("x", 1024))); err != nil {
					return
				}
			}
		}
	}))
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	post := func(c *http.Client, url string) Delivery {
		service := New(Config{Sealer: plain{}, AllowPrivate: true})
		service.http = c
		e := Endpoint{ID: "wh_1", URL: url}
		e.Secrets = service.seal(e.ID, secrets{Current: newSecret()})
		return service.post(context.Background(), e, Delivery{Event: Event{Seq: 1, Kind: "webhook.test"}})
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "0.0.0.0"} {
		d := post(newClient(nil, false), "http://"+host+":"+port+"/")
		if d.Status != 0 || d.State != GivenUp || !strings.Contains(d.Problem, "--webhook-allow-private") {
			t.Errorf("%s: %+v", host, d)
		}
	}
	if reached != 0 {
		t.Errorf("what is inside was reached %d times", reached)
	}
	open := newClient(nil, true)
	if d := post(open, s.URL+"/redirect"); d.Status != 307 || d.State == Delivered || !strings.Contains(d.Problem, "redirects are not followed") || reached != 1 {
		t.Errorf("%+v, %d requests", d, reached)
	}
	if d := post(open, s.URL+"/endless"); d.State != Delivered || len(d.Answer) != maxAnswer {
		t.Errorf("%+v", d.State)
	}
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	if d := post(open, untrusted.URL); d.Status != 0 || !strings.Contains(d.Problem, "certificate") || strings.Contains(d.Problem, "https://") {
		t.Errorf("%+v", d)
	}
	open.CloseIdleConnections()
}

// plain seals nothing: what is sealed is not this test's matter.
type plain struct{}

func (plain) Close(secret []byte, _ string) []byte         { return secret }
func (plain) Open(sealed []byte, _ string) ([]byte, error) { return sealed, nil }

func FuzzEventID(f *testing.F) {
	for _, seed := range []string{"evt_1", "evt_1_0", "evt_92_13", "evt_", "evt_-1", "evt_1_", "evt_1_-2", "1", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		seq, part, ok := parseEventID(id)
		if ok && (seq < 0 || part < -1) {
			t.Errorf("%q: %d, %d", id, seq, part)
		}
		if again, _, ok2 := parseEventID(eventID(seq, max(part, 0), 2)); ok && (!ok2 || again != seq) {
			t.Errorf("%q does not come back", id)
		}
	})
}
