package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// phone is one courier session: it registers apps and acknowledges what arrives.
type phone struct {
	conn net.Conn
	in   *bufio.Reader

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when something arrives
	tokens   map[string]string
	removed  map[string]bool
	received map[string]int // by apns-id in lower case
	failure  error
}

func dialPhone(g *gateway, id string) (*phone, error) {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(g.manage, "http://"), 5*time.Second)
	if err != nil {
		return nil, err
	}
	p := &phone{conn: conn, in: bufio.NewReader(conn), changed: make(chan struct{}), tokens: map[string]string{}, removed: map[string]bool{}, received: map[string]int{}}
	fmt.Fprintf(conn, "GET /courier HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: courier\r\n\r\n", conn.RemoteAddr())
	answer, err := http.ReadResponse(p.in, nil)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the courier answered %s", answer.Status)
	}
	if err == nil {
		err = p.say(map[string]any{"op": "hello", "phone": id})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	go p.listen()
	return p, nil
}

func (p *phone) close() { p.conn.Close() }

func (p *phone) say(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = p.conn.Write(append(text, '\n'))
	return err
}

func (p *phone) listen() {
	lines := bufio.NewScanner(p.in)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if err := p.hear(lines.Bytes()); err != nil {
			p.note(func() { p.failure = err })
			return
		}
	}
	p.note(func() { p.failure = errors.New("the courier hung up") })
}

func (p *phone) hear(line []byte) error {
	var l struct {
		Op          string `json:"op"`
		ID          string `json:"id"`
		BundleID    string `json:"bundle_id"`
		Environment string `json:"environment"`
		Token       string `json:"token"`
		APNsID      string `json:"apns_id"`
		Message     string `json:"message"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return err
	}
	app := l.BundleID + " " + l.Environment
	switch l.Op {
	case "token":
		p.note(func() { p.tokens[app] = l.Token })
	case "notification":
		status := "ok"
		p.note(func() {
			if p.removed[app] {
				status = "app-missing"
				return
			}
			p.received[strings.ToLower(l.APNsID)]++
		})
		return p.say(map[string]any{"op": "ack", "id": l.ID, "status": status})
	case "error":
		return fmt.Errorf("courier: %s", l.Message)
	}
	return nil
}

func (p *phone) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait returns when done says so; done is called with mu held.
func (p *phone) wait(patience time.Duration, done func() bool) error {
	late := time.After(patience)
	for {
		p.mu.Lock()
		finished, failure, changed := done(), p.failure, p.changed
		p.mu.Unlock()
		if finished {
			return nil
		}
		if failure != nil {
			return failure
		}
		select {
		case <-changed:
		case <-late:
			return errors.New("the phone waited in vain")
		}
	}
}

// install registers an app and returns its device token.
func (p *phone) install(bundleID, environment string) (token string, err error) {
	err = p.say(map[string]any{"op": "register", "ref": 1, "bundle_id": bundleID, "environment": environment, "install": "first"})
	if err != nil {
		return "", err
	}
	err = p.wait(5*time.Second, func() bool {
		token = p.tokens[bundleID+" "+environment]
		return token != ""
	})
	return token, err
}

func (p *phone) uninstall(bundleID, environment string) error {
	p.note(func() { p.removed[bundleID+" "+environment] = true })
	return p.say(map[string]any{"op": "uninstall", "bundle_id": bundleID, "environment": environment})
}
