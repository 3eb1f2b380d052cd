package apns

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// channelServer is a small channel API after spec 2.7, 2.8 and 3.3.
type channelServer struct {
	mu       sync.Mutex
	channels map[string]int
	most     int
	sent     []http.Header
	paths    []string
}

func (s *channelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int, reason string) {
		w.Header().Set("apns-request-id", "EC1BF194-B3B2-424A-89F6-5C7A5AF6D76E")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"reason":%q}`, reason)
	}
	s.paths = append(s.paths, r.Method+" "+r.URL.Path)
	if token, ok := strings.CutPrefix(r.Header.Get("authorization"), "bearer "); !ok || strings.Count(token, ".") != 2 {
		refuse(403, "MissingProviderToken")
		return
	}
	id := r.Header.Get("apns-channel-id")
	_, known := s.channels[id]
	switch r.Method + " " + r.URL.Path {
	case "POST /4/broadcasts/apps/com.example.app":
		if !known {
			refuse(400, "ChannelNotRegistered")
			return
		}
		s.sent = append(s.sent, r.Header)
		w.Header().Set("apns-request-id", "EC1BF194-B3B2-424A-89F6-5C7A5AF6D76E")
	case "POST /1/apps/com.example.app/channels":
		var body struct {
			Policy int    `json:"message-storage-policy"`
			Type   string `json:"push-type"`
		}
		if text, _ := io.ReadAll(r.Body); json.Unmarshal(text, &body) != nil || body.Type != "LiveActivity" {
			refuse(400, "BadRequestPayload")
			return
		}
		if len(s.channels) == s.most {
			refuse(400, "CannotCreateChannelConfig")
			return
		}
		id = fmt.Sprintf("Y2hhbm5lbA%02d", len(s.channels))
		s.channels[id] = body.Policy
		w.Header().Set("apns-channel-id", id)
		w.WriteHeader(201)
	case "GET /1/apps/com.example.app/channels":
		if !known {
			refuse(400, "ChannelNotRegistered")
			return
		}
		fmt.Fprintf(w, `{"message-storage-policy":%d,"push-type":"LiveActivity"}`, s.channels[id])
	case "DELETE /1/apps/com.example.app/channels":
		if !known {
			refuse(404, "BadPath")
			return
		}
		delete(s.channels, id)
		w.WriteHeader(204)
	case "GET /1/apps/com.example.app/all-channels":
		ids := []string{}
		for id := range s.channels {
			ids = append(ids, id)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"channels": ids})
	default:
		refuse(503, "Service Unavailable")
	}
}

func newBroadcaster(t *testing.T) (*Broadcaster, *channelServer) {
	state := &channelServer{channels: map[string]int{}, most: 3}
	server := goServer(t, tls.NoClientCert, state.ServeHTTP)
	b, err := NewBroadcaster(BroadcastConfig{URL: server.URL, ManageURL: server.URL, Key: newKey(t), RootCAs: roots()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, state
}

func TestC45Broadcast(t *testing.T) {
	b, server := newBroadcaster(t)
	ctx := testContext(t)
	nothing, err := b.CreateChannel(ctx, "com.example.app", StoreNothing)
	if err != nil {
		t.Fatal(err)
	}
	recent, err := b.CreateChannel(ctx, "com.example.app", StoreMostRecent)
	if err != nil {
		t.Fatal(err)
	}
	good := Broadcast{BundleID: "com.example.app", ChannelID: recent.ID, Priority: 10, Expiration: ExpireAt(time.Unix(1_900_000_000, 0)), Payload: make([]byte, 5120)}
	if r := b.Send(ctx, &good); !r.Accepted() || r.ID[0] != 0xec {
		t.Fatalf("Send = %+v", r)
	}
	if h := server.sent[0]; h.Get("apns-channel-id") != recent.ID || h.Get("apns-push-type") != "liveactivity" || h.Get("apns-priority") != "10" || h.Get("apns-expiration") != "1900000000" {
		t.Errorf("the gateway received %v", h)
	}
	seen := len(server.paths)
	for name, c := range map[string]struct {
		change func(*Broadcast)
		reason string
	}{
		"no expiration":                     {func(m *Broadcast) { m.Expiration = Expiration{} }, "BadExpirationDate"},
		"kept on a channel without storage": {func(m *Broadcast) { m.ChannelID = nothing.ID }, "BadExpirationDate"},
		"suffix":                            {func(m *Broadcast) { m.BundleID += ".push-type.liveactivity" }, "TopicDisallowed"},
		"path":                              {func(m *Broadcast) { m.BundleID = "../x" }, "TopicDisallowed"},
		"no channel":                        {func(m *Broadcast) { m.ChannelID = "" }, "MissingChannelId"},
		"channel that is no base64":         {func(m *Broadcast) { m.ChannelID = "a b" }, "BadChannelId"},
		"no priority":                       {func(m *Broadcast) { m.Priority = 0 }, "BadPriority"},
		"5121 bytes":                        {func(m *Broadcast) { m.Payload = make([]byte, 5121) }, "PayloadTooLarge"},
		"empty":                             {func(m *Broadcast) { m.Payload = nil }, "PayloadEmpty"},
	} {
		m := good
		c.change(&m)
		r := b.Send(ctx, &m)
		if f, ok := r.Err.(*Failure); !ok || f.Cause != CauseRefusedLocally || r.Reason != c.reason {
			t.Errorf("%s: %+v, want %s", name, r, c.reason)
		}
	}
	if len(server.paths) != seen {
		t.Errorf("refused broadcasts were sent: %v", server.paths[seen:])
	}
	unknown := good
	unknown.ChannelID = "AAAA"
	if r := b.Send(ctx, &unknown); r.Status != 400 || r.Reason != "ChannelNotRegistered" || r.Err != nil || r.Class() != ClassRequest {
		t.Errorf("unknown channel: %+v", r)
	}
}

func TestC46Channels(t *testing.T) {
	b, _ := newBroadcaster(t)
	ctx := testContext(t)
	var ids []string
	for i := range 3 {
		channel, err := b.CreateChannel(ctx, "com.example.app", StoragePolicy(i%2))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, channel.ID)
	}
	var refused *ChannelError
	if _, err := b.CreateChannel(ctx, "com.example.app", StoreNothing); !errors.As(err, &refused) || refused.Status != 400 || refused.Reason != "CannotCreateChannelConfig" || refused.RequestID == "" {
		t.Errorf("one channel too many: %v", err)
	}
	if channel, err := b.ReadChannel(ctx, "com.example.app", ids[1]); err != nil || channel != (Channel{ids[1], StoreMostRecent}) {
		t.Errorf("ReadChannel = %v, %v", channel, err)
	}
	if err := b.DeleteChannel(ctx, "com.example.app", ids[1]); err != nil {
		t.Error(err)
	}
	if err := b.DeleteChannel(ctx, "com.example.app", ids[1]); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := b.ReadChannel(ctx, "com.example.app", ids[1]); !errors.As(err, &refused) || refused.Reason != "ChannelNotRegistered" {
		t.Errorf("ReadChannel of a deleted one: %v", err)
	}
	got, err := b.ListChannels(ctx, "com.example.app")
	slices.Sort(got)
	if err != nil || !slices.Equal(got, []string{ids[0], ids[2]}) {
		t.Errorf("ListChannels = %v, %v", got, err)
	}
	if _, err := b.ListChannels(ctx, "com.other.app"); !errors.As(err, &refused) || refused.Reason != "ServiceUnavailable" {
		t.Errorf("a reason with a blank: %v", err)
	}
	var failure *Failure
	if _, err := b.ReadChannel(ctx, "com.example.app", ""); !errors.As(err, &failure) || failure.Reason != "MissingChannelId" {
		t.Errorf("no channel id: %v", err)
	}
}
