package iphone

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// courier is an APNs that does what the test says, over net.Pipe.
type courier struct {
	mu       sync.Mutex
	conn     net.Conn // the latest session
	sessions int
	refused  bool            // dialling fails
	deaf     bool            // accepts connections and never answers
	acks     map[string]bool // "id status"
	lines    []string        // everything but pings, as received
	tokens   map[string]string
	changed  chan struct{}
	next     int
}

func newCourier() *courier {
	return &courier{acks: map[string]bool{}, tokens: map[string]string{}, changed: make(chan struct{})}
}

func (c *courier) dial(context.Context) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions++
	if c.refused {
		return nil, errors.New("connection refused")
	}
	phone, apns := net.Pipe()
	c.conn = apns
	go c.serve(apns)
	return phone, nil
}

func (c *courier) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		var m struct {
			Op, Phone, ID, Status, Install, Environment string
			Ref                                         int
			BundleID                                    string `json:"bundle_id"`
		}
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			return
		}
		c.mu.Lock()
		deaf := c.deaf
		if m.Op != "ping" {
			c.lines = append(c.lines, lines.Text())
		}
		answer := ""
		switch m.Op {
		case "hello":
			answer = `{"op":"welcome"}`
		case "ping":
			answer = `{"op":"pong"}`
		case "register":
			key := m.BundleID + m.Environment + m.Install
			if c.tokens[key] == "" {
				c.tokens[key] = fmt.Sprintf("%064x", 0xa0+len(c.tokens))
			}
			answer = fmt.Sprintf(`{"op":"token","ref":%d,"bundle_id":%q,"environment":%q,"token":%q}`, m.Ref, m.BundleID, m.Environment, c.tokens[key])
		case "ack":
			c.acks[m.ID+" "+m.Status] = true
		}
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
		if answer != "" && !deaf {
			if _, err := io.WriteString(conn, answer+"\n"); err != nil {
				return
			}
		}
	}
}

// push delivers a payload and waits for the phone's answer, which it returns with the notification's APNs id.
func (c *courier) push(t *testing.T, payload string, change ...func(map[string]any)) (apnsID, status string) {
	t.Helper()
	c.mu.Lock()
	c.next++
	id := fmt.Sprintf("d%d", c.next)
	conn := c.conn
	c.mu.Unlock()
	message := map[string]any{
		"op": "notification", "id": id, "bundle_id": testBundle, "environment": "development", "push_type": "alert",
		"priority": 10, "apns_id": "apns-" + id, "payload": json.RawMessage(payload),
	}
	for _, f := range change {
		f(message)
	}
	line, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	id = message["id"].(string)
	c.mu.Lock()
	maps.DeleteFunc(c.acks, func(ack string, _ bool) bool { return strings.HasPrefix(ack, id+" ") })
	c.mu.Unlock()
	if _, err := conn.Write(append(line, '\n')); err != nil {
		t.Fatal("deliver:", err)
	}
	return message["apns_id"].(string), c.awaitAck(t, id)
}

func (c *courier) awaitAck(t *testing.T, id string) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		c.mu.Lock()
		changed := c.changed
		for _, status := range []string{"ok", "app-missing", "disabled"} {
			if c.acks[id+" "+status] {
				c.mu.Unlock()
				return status
			}
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no answer to delivery %s", id)
		}
	}
}

// received reports whether a line that holds the text has come from the phone.
func (c *courier) received(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.lines, func(line string) bool { return strings.Contains(line, text) })
}

func (c *courier) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn.Close()
}

// aurora is the device API as far as the phone needs it, reached without a network.
type aurora struct {
	mu       sync.Mutex
	values   map[string]any
	installs []string
	receipts []string // "msg event", each once
	inbox    []string // in-app messages as JSON, by the next question gone
	broken   bool
	// forgetful: registers devices, and does not know them afterwards
	forgetful bool
}

func (a *aurora) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/messages") {
		return a.messages(r)
	}
	w := httptest.NewRecorder()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken {
		return nil, errors.New("no route to host")
	}
	switch {
	case r.URL.Path == "/v1/devices":
		var body struct {
			InstallID string `json:"install_id"`
		}
		json.NewDecoder(r.Body).Decode(&body)
		i := slices.Index(a.installs, body.InstallID)
		if i < 0 {
			i, a.installs = len(a.installs), append(a.installs, body.InstallID)
		}
		fmt.Fprintf(w, `{"registration_id":"%019x"}`, 0x100+i)
		return w.Result(), nil
	case a.forgetful:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":{"code":7002,"message":"no such registration id"}}`)
		return w.Result(), nil
	case strings.HasSuffix(r.URL.Path, "/receipts"):
		var body struct {
			Receipts []struct {
				ID    string `json:"msg_id"`
				Event string
			}
		}
		json.NewDecoder(r.Body).Decode(&body)
		for _, receipt := range body.Receipts {
			if event := receipt.ID + " " + receipt.Event; !slices.Contains(a.receipts, event) {
				a.receipts = append(a.receipts, event)
			}
		}
	default:
		json.NewDecoder(r.Body).Decode(&a.values)
	}
	io.WriteString(w, "{}")
	return w.Result(), nil
}

// messages answers when there is one, or after 50 seconds.
func (a *aurora) messages(r *http.Request) (*http.Response, error) {
	for range 500 {
		a.mu.Lock()
		found := a.inbox
		a.inbox = nil
		a.mu.Unlock()
		if len(found) > 0 {
			w := httptest.NewRecorder()
			fmt.Fprintf(w, `{"messages":[%s]}`, strings.Join(found, ","))
			return w.Result(), nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	w := httptest.NewRecorder()
	io.WriteString(w, `{"messages":[]}`)
	return w.Result(), nil
}

func (a *aurora) say(message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbox = append(a.inbox, message)
}

func (a *aurora) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.receipts)
}

func (a *aurora) value(key string) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.values[key]
}
