package client_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/api"
	"github.com/aurora-push/aurora/client"
)

func TestConfig(t *testing.T) {
	for name, config := range map[string]client.Config{
		"no scheme":    {Server: "push.example.com", AppKey: "k", MasterSecret: "s"},
		"no host":      {Server: "https://", AppKey: "k", MasterSecret: "s"},
		"a query":      {Server: "https://push.example.com/?a=1", AppKey: "k", MasterSecret: "s"},
		"another kind": {Server: "ftp://push.example.com", AppKey: "k", MasterSecret: "s"},
		"no key":       {Server: "https://push.example.com", MasterSecret: "s"},
		"no secret":    {Server: "https://push.example.com", AppKey: "k"},
	} {
		if _, err := client.New(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := client.NewGroup(client.GroupConfig{Server: "https://push.example.com", GroupKey: "k"}); err == nil {
		t.Error("a group without a secret was accepted")
	}
	if _, err := client.NewDeveloper(client.DeveloperConfig{Server: "https://push.example.com", DevSecret: "s"}); err == nil {
		t.Error("a developer without a key was accepted")
	}
}

// Every kind of refusal that one can cause from outside, from a real server.
func TestKinds(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	push := func(change func(*client.Push)) error {
		p := w.hello()
		change(&p)
		_, err := c.Push(t.Context(), p)
		return err
	}
	w.refused("nobody selected", push(func(p *client.Push) { p.Audience = client.Audience{} }), client.ErrInvalid, 1003)
	w.refused("no such tag", push(func(p *client.Push) { p.Audience = client.Audience{Tag: []string{"nobody"}} }), client.ErrNoTarget, 1011)
	w.refused("no content", push(func(p *client.Push) { p.Notification = nil }), client.ErrInvalid, 1002)
	w.refused("too large", push(func(p *client.Push) { p.Notification.Alert = client.Text(strings.Repeat("x", 3000)) }), client.ErrTooLarge, 1005)
	w.refused("another's cid", push(func(p *client.Push) { p.CID = "x" }), client.ErrInvalid, 1003)
	_, err := c.Report(t.Context(), "42")
	w.refused("an unknown message", err, client.ErrNotFound, 3002)
	_, err = c.Schedule(t.Context(), "d2b0b7c4-1b1c-4e55-9f5e-000000000000")
	w.refused("an unknown schedule", err, client.ErrNotFound, 8104)
	for range 10 {
		w.must(c.ChangeLabels(t.Context(), w.newDevice(), client.LabelChange{Alias: new("crowd")}))
	}
	w.refused("an eleventh device of an alias", c.ChangeLabels(t.Context(), w.device, client.LabelChange{Alias: new("crowd")}), client.ErrFull, 7015)
	stranger, err := client.New(client.Config{Server: w.server.URL(), AppKey: w.app.Key, MasterSecret: strings.Repeat("0", 24)})
	w.must(err)
	_, err = stranger.Push(t.Context(), w.hello())
	w.refused("a wrong secret", err, client.ErrUnauthorized, 1004)
	e, _ := errors.AsType[*client.Error](err)
	if e == nil || !strings.HasPrefix(e.Doc, w.server.URL()+"/reference/errors#1004") || e.Attempts != 1 || e.Temporary() {
		t.Errorf("the refusal is %+v", e)
	}
	resp, err := http.Get(e.Doc)
	w.must(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the page of the number answers %s", resp.Status)
	}
}

// A value that would make a path another's is refused before it is sent, and one
// that means something in paths arrives as it is.
func TestOddValues(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	if err := c.DeleteTag(t.Context(), ""); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("an empty tag: %v", err)
	}
	for _, tag := range []string{"..", ".", "a/b", "a?b#c", "100%", "1+1", "a b", "标签"} {
		if err := c.ChangeTag(t.Context(), tag, []string{w.device}, nil); err != nil {
			if errors.Is(err, client.ErrInvalid) && strings.ContainsAny(tag, "?/ %") { // not every tag is one
				continue
			}
			t.Errorf("tag %q: %v", tag, err)
			continue
		}
		if has, err := c.HasTag(t.Context(), tag, w.device); err != nil || !has {
			t.Errorf("tag %q: %v, %v", tag, has, err)
		}
	}
}

// A limit of calls a minute is said with the time to wait; a call does not wait
// longer than it may.
func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	w := newWorldApart(t, api.Limits{Reports: 2})
	c := w.clientWith(client.Settings{Retry: client.Retry{Within: time.Second}})
	for range 2 {
		_, err := c.Received(t.Context(), "1")
		w.must(err)
	}
	begin := time.Now()
	_, err := c.Received(t.Context(), "1")
	w.refused("one call too many", err, client.ErrTooMany, 2002)
	if e, _ := errors.AsType[*client.Error](err); e == nil || e.RetryAfter < 10*time.Second || e.RetryAfter > time.Minute || !e.Temporary() || e.Attempts != 1 {
		t.Errorf("the refusal is %+v", e)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

var errorRow = regexp.MustCompile(`(?m)^\| <a id="(admin-)?\d+"></a>(\d+) \| ([\d, ]+) \|`)

// Every documented number has a kind that fits its status.
func TestEveryNumberHasAKind(t *testing.T) {
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := errorRow.FindAllStringSubmatch(string(page), -1)
	if len(rows) < 40 {
		t.Fatalf("the page of numbers has %d", len(rows))
	}
	for _, row := range rows {
		code, _ := strconv.Atoi(row[2])
		for text := range strings.SplitSeq(row[3], ", ") {
			status, _ := strconv.Atoi(text)
			e := &client.Error{Status: status, Code: code}
			if got := e.Temporary(); got != (status == 429 || status >= 500 || code == 1015) {
				t.Errorf("%d with %d: temporary is %v", code, status, got)
			}
			if status == 400 && e.Kind() != client.ErrInvalid && e.Kind() != client.ErrTooLarge && e.Kind() != client.ErrNoTarget && e.Kind() != client.ErrFull {
				t.Errorf("%d with 400 is %v", code, e.Kind())
			}
		}
	}
}

// A server that is down is given up on when the time for it is over, or when the
// caller's context ends.
func TestUnreachableServer(t *testing.T) {
	for name, within := range map[string]time.Duration{"the client's time": 200 * time.Millisecond, "the caller's time": time.Hour} {
		c, err := client.New(client.Config{Server: nowhere(t), AppKey: "k", MasterSecret: "s", Settings: client.Settings{Retry: client.Retry{Within: within, First: 10 * time.Millisecond}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		begin := time.Now()
		_, err = c.Push(ctx, client.Push{Audience: client.Audience{All: true}})
		cancel()
		e, ok := errors.AsType[*client.UnansweredError](err)
		if !ok || e.Sent || e.Attempts < 2 {
			t.Errorf("%s: a push to nowhere: %v", name, err)
		}
		if own := errors.Is(err, context.DeadlineExceeded); own != (name == "the caller's time") {
			t.Errorf("%s: the context ended it: %v", name, own)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%s: gave up after %v", name, d)
		}
	}
}
