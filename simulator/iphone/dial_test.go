package iphone

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestDialCourierSwitchesTheProtocol(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/courier" || r.Header.Get("Upgrade") != "courier" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		// The first line comes in the same packet as the head: it must not be lost in a buffer.
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: courier\r\n\r\n{\"op\":\"welcome\"}\n")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		io.WriteString(conn, "echo "+line)
		conn.Close()
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := DialCourier(server.URL + "/")(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "hello\n")
	if all, err := io.ReadAll(conn); err != nil || string(all) != "{\"op\":\"welcome\"}\necho hello\n" {
		t.Fatalf("read %q, %v", all, err)
	}
}

func TestDialCourierExplainsFailures(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := DialCourier(web.URL)(ctx); err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "management address") {
		t.Errorf("a web server: %v", err)
	}
	if _, err := DialCourier("ftp://127.0.0.1")(ctx); err == nil || !strings.Contains(err.Error(), "http://") {
		t.Errorf("another scheme: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := DialCourier("http://" + silent.Addr().String())(short); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a silent server: %v", err)
	}
}
