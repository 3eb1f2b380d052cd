package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// A cid marks a push or a schedule for a day: whoever sends the same again gets
// the first one's answer, and nothing is sent twice (docs/rest.md, "Push"). The
// client gives one to every push that has none, so that its own repeats are
// harmless. To be safe against a crash of your own process too, make the cid
// first, store it with the work to do, and set Push.CID.

// NewCID returns a fresh cid for the app: its AppKey, a hyphen and a random
// UUID. It asks nobody. With an API key and no AppKey it is "": use [Client.CIDs].
func (c *Client) NewCID() string { return newCID(c.user) }

func newCID(key string) string {
	if key == "" {
		return ""
	}
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562 §5.4
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", key, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// CIDKind is what a cid is for.
type CIDKind string

// The kinds of cid. Aurora makes no difference between them; JPush does.
const (
	PushCID     CIDKind = "push"
	ScheduleCID CIDKind = "schedule"
)

// CIDs asks the server for n fresh cids, 1 to 1,000.
func (c *Client) CIDs(ctx context.Context, n int, kind CIDKind) ([]string, error) {
	var a struct {
		List []string `json:"cidlist"`
	}
	err := c.call(ctx, get("/v3/push/cid", url.Values{"count": {strconv.Itoa(n)}, "type": {string(kind)}}), &a)
	return a.List, err
}

// cidPool holds cids of a client that does not know its AppKey.
type cidPool struct {
	mu   sync.Mutex
	list []string
}

// cidPage is how many cids are fetched at once.
const cidPage = 100

// cid returns the caller's cid, or a fresh one.
func (c *Client) cid(ctx context.Context, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if own := c.NewCID(); own != "" {
		return own, nil
	}
	c.cids.mu.Lock()
	list := c.cids.list
	if len(list) > 0 {
		c.cids.list = list[:len(list)-1]
	}
	c.cids.mu.Unlock()
	if len(list) > 0 {
		return list[len(list)-1], nil
	}
	list, err := c.CIDs(ctx, cidPage, PushCID) // without the lock: nobody waits for another's call
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", &UnansweredError{Method: http.MethodGet, URL: c.base + "/v3/push/cid", Attempts: 1, Err: fmt.Errorf("the answer holds no cid")}
	}
	c.cids.mu.Lock()
	defer c.cids.mu.Unlock()
	c.cids.list = append(c.cids.list, list[1:]...)
	return list[0], nil
}
