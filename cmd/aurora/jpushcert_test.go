package main_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestJPushNames: a server with the certificate answers for JPush's host names
// to whoever trusts the CA, over HTTP/1.1, also with targets that only some
// clients send, and over HTTP/2; and it takes up a renewed certificate.
func TestJPushNames(t *testing.T) {
	s := newScript(t)
	s.ok(nil, "", "jpush-cert", "--out", "cert")
	if info, err := os.Stat(filepath.Join(s.dir, "cert", "server-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	ca, err := os.ReadFile(filepath.Join(s.dir, "cert", "ca.pem"))
	check(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("no CA")
	}
	s.fails("", []string{"serve", "--data", "data", "--listen", "127.0.0.1:0", "--tls-cert", "cert/server.pem"}, "--tls-cert and --tls-key must be given together")
	s.fails("", []string{"serve", "--data", "data", "--listen", "127.0.0.1:0", "--tls-cert", "cert/server.pem", "--tls-key", "cert/ca-key.pem"}, "TLS certificate cannot be used")
	p := s.start("serve", "--data", "data", "--listen", "127.0.0.1:0", "--tls-cert", "cert/server.pem", "--tls-key", "cert/server-key.pem")
	address := strings.TrimPrefix(p.says(`ready at (\S+)`), "https://")

	dial := func(name string, protocols ...string) *tls.Conn {
		t.Helper()
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, &tls.Config{RootCAs: roots, ServerName: name, NextProtos: protocols})
		check(t, err)
		check(t, c.SetDeadline(time.Now().Add(patience)))
		return c
	}
	for _, name := range []string{"api.jpush.cn", "device.jpush.cn", "report.jpush.cn", "admin.jpush.cn", "bjapi.push.jiguang.cn"} {
		c := dial(name)
		answers := bufio.NewReader(c)
		for _, target := range []string{"/v3/received?msg_ids=1, 2", "/v3//messages/"} { // two on one connection
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, name)
			r, err := http.ReadResponse(answers, nil)
			check(t, err)
			body, err := io.ReadAll(r.Body)
			check(t, err)
			if r.StatusCode != 401 || !strings.Contains(string(body), "3001") {
				t.Errorf("%s%s was answered %s %s", name, target, r.Status, body)
			}
		}
		c.Close()
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "api.jpush.cn"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + address + "/v3/push/cid")
	check(t, err)
	r.Body.Close()
	if r.ProtoMajor != 2 || r.StatusCode != 401 {
		t.Errorf("%s %s", r.Proto, r.Status)
	}

	// Renewed by the same CA, which is trusted already.
	c := dial("api.jpush.cn")
	old := c.ConnectionState().PeerCertificates[0].SerialNumber
	c.Close()
	s.ok(nil, "", "jpush-cert", "--out", "cert", "--name", "push.example.com,127.0.0.1")
	for late := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		c := dial("api.jpush.cn")
		now := c.ConnectionState().PeerCertificates[0]
		c.Close()
		if now.SerialNumber.Cmp(old) != 0 {
			if now.VerifyHostname("push.example.com") != nil || now.VerifyHostname("127.0.0.1") != nil {
				t.Errorf("%v %v", now.DNSNames, now.IPAddresses)
			}
			break
		}
		if time.Now().After(late) {
			t.Fatal("the renewed certificate is not served")
		}
	}
	p.stop()
	check(t, os.Remove(filepath.Join(s.dir, "cert", "ca-key.pem")))
	s.fails("", []string{"jpush-cert", "--out", "cert"}, "no ca-key.pem")
}
