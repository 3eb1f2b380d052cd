package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/server"
)

// Targets as official clients send them reach the API: it answers in JSON that
// credentials are missing, where net/http alone would answer 400 in plain text.
func TestRawTargetsOnOneConnection(t *testing.T) {
	s := start(t, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0"})
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	answers := bufio.NewReader(conn)
	for _, target := range []string{
		"/v3/received?msg_ids=1, 2",
		"/v3/aliases/an alias with spaces",
		"/v3/tags/100%/registration_ids/1a0018970a91b2c3d4e",
		"/v3/tags/%zz%2",
		"/v3/tags/晚报",
		"/v3/tags/%E6%99%9A+a",
	} {
		// A body that looks like a request must stay a body.
		body := "GET /a b HTTP/1.1\r\n"
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: aurora\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		text, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusUnauthorized && r.StatusCode != http.StatusMethodNotAllowed || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s was answered %s %s", target, r.Status, text)
		}
	}
}

// A request that arrives byte by byte is still served.
func TestSlowRequest(t *testing.T) {
	s := start(t, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0"})
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	for _, b := range []byte("GET /healthz HTTP/1.1\r\nHost: aurora\r\n\r\n") {
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("answered %v, %v", r, err)
	}
}
