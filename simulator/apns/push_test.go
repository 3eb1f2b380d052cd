package apns

import (
	"crypto/tls"
	"testing"
)

func TestPushReachesPhone(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, credential := range []IssueRequest{{}, {WithChain: true}, {Key: true}} {
			s := startServer(t, Config{})
			phone := connectPhone(t, s, "p1")
			token := phone.register(testBundle, Production, "i1")
			p := newProvider(t, s, Production, mustIssue(t, s, credential), maxTLS(version))
			const id = "0f9c1f5e-2d1b-4f6e-8a10-b36d8a2f5d11"
			r := p.push(t, push{token: token, header: header("apns-id", id, "apns-push-type", "alert", "apns-collapse-id", "news")})
			if r.Status != 200 || r.Body != "" || r.Header.Get("apns-id") != id || r.Header.Get("apns-unique-id") != "" {
				t.Fatalf("TLS %x, %+v: %+v", version, credential, r)
			}
			n := phone.next()
			if n.Op != "notification" || n.Token != token || n.BundleID != testBundle || n.Environment != Production ||
				n.PushType != "alert" || n.Priority != 10 || n.CollapseID != "news" || n.Expiration != nil ||
				n.APNsID != id || string(n.Payload) != `{"aps":{"alert":"hello"}}` {
				t.Fatalf("the phone got %+v", n)
			}
			phone.ack(n, "ok")
		}
	}
}
