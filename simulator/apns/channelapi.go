package apns

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/http2/hpack"
)

const (
	broadcastPath = "/4/broadcasts/apps/"
	managePath    = "/1/apps/"
)

// serveChannels handles broadcasts and channel management (spec §2.7, §2.8).
// Apple uses other host names and ports for them; here every listener takes both.
func (c *connection) serveChannels(st *stream) {
	r := st.request
	if bundle, ok := strings.CutPrefix(r.path, broadcastPath); ok {
		c.serveBroadcast(st, bundle)
		return
	}
	bundle, resource, ok := strings.Cut(strings.TrimPrefix(r.path, managePath), "/")
	if !strings.HasPrefix(r.path, managePath) || !ok || resource != "channels" && resource != "all-channels" {
		c.respondChannel(st, answer{}, refuse(404, reasonBadPath), nil)
		return
	}
	a, refused := c.manageChannels(r, bundle, resource)
	c.dirty = true
	c.respondChannel(st, a, refused, nil)
}

// respondChannel gives the answer the shape of the channel API, and then that
// of a script, if there is one.
func (c *connection) respondChannel(st *stream, a answer, refused *refusal, script *Fault) {
	id := st.request.requestID
	if !validUUID(id) {
		id = c.server.ids.uuid()
	}
	if refused != nil {
		a = answer{status: refused.status, body: reasonJSON(refused.reason, 0)}
	}
	a.headers = append(a.headers, hpack.HeaderField{Name: "apns-request-id", Value: id})
	if a.body != "" {
		a.headers = append(a.headers, hpack.HeaderField{Name: "content-type", Value: "application/json"})
	}
	if script != nil {
		script.dress(&a)
	}
	c.server.tally("channel_requests")
	c.respond(st, a, refused)
}

// checkApp is the part of the checks that both APIs begin with.
func (c *connection) checkApp(r *request, bundle string) *refusal {
	if r.duplicate {
		return refuse(400, reasonDuplicateHeaders)
	}
	if refused := c.checkCredential(r); refused != nil {
		return refused
	}
	if r.has&hasRequestID != 0 && !validUUID(r.requestID) {
		return refuse(400, reasonBadMessageID)
	}
	if !validBundle(bundle) {
		return refuse(404, reasonBadPath)
	}
	if suffixOf(bundle) != "" {
		return refuse(400, reasonTopicDisallowed)
	}
	if c.certificate != nil {
		if !slices.Contains(c.certificate.topics, bundle) {
			return refuse(403, reasonTopicMismatch)
		}
		return nil
	}
	key := c.token.key
	if owner := c.server.keys.owner(bundle); owner != "" && owner != key.TeamID || !covers(key.Topics, bundle) {
		return refuse(403, reasonTopicMismatch)
	}
	return nil
}

func (c *connection) serveBroadcast(st *stream, bundle string) {
	r, registry := st.request, c.server.registry
	n := c.newNotification(r)
	n.BundleID, n.ChannelID, n.APNsID = bundle, r.channelID, c.server.ids.uuid()
	registry.begin(n, c.server.clock.Now())
	refused := c.judgeBroadcast(r, n)
	script := c.server.faults.match(n, r)
	if script != nil && script.acts() && c.perform(script, st, n) {
		return
	}
	inject := func() *refusal { return nil }
	if script != nil && script.refuses() {
		inject = func() *refusal { return refuse(script.Status, script.Reason) }
	}
	if refused == nil {
		refused = registry.broadcast(n, inject)
		c.dirty = true
	}
	if refused != nil {
		registry.settle(n, refused.status, refused.reason)
	}
	a := answer{status: 200}
	if n.UniqueID != "" {
		a.headers = []hpack.HeaderField{{Name: "apns-unique-id", Value: n.UniqueID}}
	}
	c.respondChannel(st, a, refused, script)
}

func (c *connection) judgeBroadcast(r *request, n *Notification) *refusal {
	if r.method != "POST" {
		return refuse(405, reasonMethodNotAllowed)
	}
	if refused := c.checkApp(r, n.BundleID); refused != nil {
		return refused
	}
	if refused := checkChannelID(r); refused != nil {
		return refused
	}
	if r.has&hasPushType == 0 {
		return refuse(400, reasonMissingPushType)
	}
	if !strings.EqualFold(r.pushType, "liveactivity") {
		return refuse(400, reasonInvalidPushType)
	}
	n.PushType = "liveactivity"
	if r.has&hasPriority == 0 {
		return refuse(400, reasonBadPriority)
	}
	if r.has&hasExpiration == 0 {
		return refuse(400, reasonBadExpirationDate)
	}
	if refused := checkDelivery(r, n, c.server.clock.Now()); refused != nil {
		return refused
	}
	return checkPayload(c.server.policy.Load(), r, maxPayloadVoIPOrBroadcast)
}

// checkChannelID wants standard base64 of a sensible length.
func checkChannelID(r *request) *refusal {
	if r.channelID == "" {
		return refuse(400, reasonMissingChannelID)
	}
	if _, err := base64.StdEncoding.DecodeString(r.channelID); err != nil || len(r.channelID) > 256 {
		return refuse(400, reasonBadChannelID)
	}
	return nil
}

func (c *connection) manageChannels(r *request, bundle, resource string) (answer, *refusal) {
	allowed := []string{"GET"}
	if resource == "channels" {
		allowed = []string{"POST", "GET", "DELETE"}
	}
	if !slices.Contains(allowed, r.method) {
		return answer{}, refuse(405, reasonMethodNotAllowed)
	}
	if refused := c.checkApp(r, bundle); refused != nil {
		return answer{}, refused
	}
	at, registry := slot{bundle, c.environment}, c.server.registry
	if resource == "all-channels" {
		body, err := json.Marshal(map[string][]string{"channels": registry.listChannels(at)})
		if err != nil {
			return answer{}, refuse(500, reasonInternalServerError)
		}
		return answer{status: 200, body: string(body)}, nil
	}
	if r.method == "POST" {
		return c.createChannel(r, at)
	}
	if refused := checkChannelID(r); refused != nil {
		return answer{}, refused
	}
	policy, ok := registry.channelPolicy(at, r.channelID)
	if !ok {
		return answer{}, refuse(400, reasonChannelNotRegistered)
	}
	if r.method == "DELETE" {
		registry.deleteChannel(at, r.channelID)
		return answer{status: 204}, nil
	}
	body, err := json.Marshal(channelConfig{Policy: &policy, PushType: "LiveActivity"})
	if err != nil {
		return answer{}, refuse(500, reasonInternalServerError)
	}
	return answer{status: 200, body: string(body)}, nil
}

type channelConfig struct {
	Policy   *int   `json:"message-storage-policy"`
	PushType string `json:"push-type"`
}

func (c *connection) createChannel(r *request, at slot) (answer, *refusal) {
	config, err := parseChannelConfig(r.body)
	switch {
	case errors.Is(err, errUnknownMember):
		return answer{}, refuse(400, reasonBadRequestParams)
	case err != nil:
		return answer{}, refuse(400, reasonBadRequestPayload)
	case config.PushType == "":
		return answer{}, refuse(400, reasonMissingPushType)
	case !strings.EqualFold(config.PushType, "liveactivity"):
		return answer{}, refuse(400, reasonInvalidPushType)
	case config.Policy == nil || *config.Policy != 0 && *config.Policy != 1:
		return answer{}, refuse(400, reasonBadRequestParams)
	}
	id, refused := c.server.registry.createChannel(at, *config.Policy)
	if refused != nil {
		return answer{}, refused
	}
	return answer{status: 201, headers: []hpack.HeaderField{{Name: "apns-channel-id", Value: id}}}, nil
}

var errUnknownMember = errors.New("apns: an attribute that channels do not have")

// parseChannelConfig tells a body that is no JSON object from one with an
// attribute that does not exist, because the answers differ.
func parseChannelConfig(body []byte) (channelConfig, error) {
	var config channelConfig
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return config, err
	}
	for name := range members {
		if name != "message-storage-policy" && name != "push-type" {
			return config, errUnknownMember
		}
	}
	return config, json.Unmarshal(body, &config)
}
