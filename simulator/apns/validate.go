package apns

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pushTypes maps a push type to the suffix that its topic must have (spec §2.3).
var pushTypes = map[string]string{
	"alert":        "",
	"background":   "",
	"mdm":          "",
	"voip":         ".voip",
	"complication": ".complication",
	"fileprovider": ".pushkit.fileprovider",
	"location":     ".location-query",
	"liveactivity": ".push-type.liveactivity",
	"pushtotalk":   ".voip-ptt",
	"widgets":      ".push-type.widgets",
	"controls":     ".push-type.controls",
}

// tokenOnly are the push types whose topic no certificate can list.
var tokenOnly = []string{"location", "liveactivity", "widgets", "controls"}

// suffixes are those of pushTypes. None is the end of another.
var suffixes = func() (list []string) {
	for _, suffix := range pushTypes {
		if suffix != "" {
			list = append(list, suffix)
		}
	}
	slices.Sort(list)
	return list
}()

// suffixOf returns the push-type suffix of a topic, empty for a plain bundle id.
func suffixOf(topic string) string {
	for _, suffix := range suffixes {
		if strings.HasSuffix(topic, suffix) {
			return suffix
		}
	}
	return ""
}

// bundleOf returns the bundle id of a topic.
func bundleOf(topic string) string { return strings.TrimSuffix(topic, suffixOf(topic)) }

const devicePath = "/3/device/"

// judge walks a device push through the checks in the order of spec §9.2, up
// to and including the syntax of the device token; what needs the registry
// follows in registry.accept. On success the notification is complete.
func (c *connection) judge(r *request, n *Notification) *refusal {
	p := c.server.policy.Load()
	if r.method != "POST" {
		return refuse(405, reasonMethodNotAllowed)
	}
	token, ok := strings.CutPrefix(r.path, devicePath)
	if !ok {
		if r.path == strings.TrimSuffix(devicePath, "/") {
			return refuse(400, reasonMissingDeviceToken)
		}
		return refuse(404, reasonBadPath)
	}
	if token == "" {
		return refuse(400, reasonMissingDeviceToken)
	}
	n.Token = strings.ToLower(token)
	if r.duplicate {
		return refuse(400, reasonDuplicateHeaders)
	}
	if refused := c.checkCredential(r); refused != nil {
		return refused
	}
	if r.has&hasID != 0 && !validUUID(r.id) {
		return refuse(400, reasonBadMessageID)
	}
	if refused := c.checkTopic(p, r, n); refused != nil {
		return refused
	}
	if refused := c.checkPushType(p, r, n); refused != nil {
		return refused
	}
	if refused := checkDelivery(r, n, c.server.clock.Now()); refused != nil {
		return refused
	}
	limit := maxPayload
	if r.pushType == "voip" {
		limit = maxPayloadVoIPOrBroadcast
	}
	if refused := checkPayload(p, r, limit); refused != nil {
		return refused
	}
	if !validToken(n.Token) {
		return refuse(400, reasonBadDeviceToken)
	}
	return nil
}

func (c *connection) checkCredential(r *request) *refusal {
	if c.certificate == nil {
		return c.authenticate(r.authorization)
	}
	if c.revoked() {
		return refuse(403, "BadCertificate")
	}
	if !c.certificate.serves(c.environment) { // reached only by a request that overtook GOAWAY
		return refuse(403, reasonBadEnvironment)
	}
	return nil
}

func (c *connection) checkTopic(p *Policy, r *request, n *Notification) *refusal {
	n.Topic = r.topic
	if n.Topic == "" && c.certificate != nil && len(c.certificate.topics) == 1 {
		n.Topic = c.certificate.topic
	}
	if n.Topic == "" {
		return refuse(400, reasonMissingTopic)
	}
	if !validBundle(n.Topic) {
		return refuse(400, reasonBadTopic)
	}
	n.BundleID = bundleOf(n.Topic)
	if c.certificate != nil {
		if !slices.Contains(c.certificate.topics, n.Topic) {
			return refuse(400, p.CertificateTopic)
		}
		return nil
	}
	key := c.token.key
	if owner := c.server.keys.owner(n.Topic); owner != "" && owner != key.TeamID {
		return refuse(400, reasonTopicDisallowed)
	}
	if !covers(key.Topics, n.Topic) && !covers(key.Topics, n.BundleID) {
		return refuse(400, reasonTopicDisallowed)
	}
	return nil
}

func (c *connection) checkPushType(p *Policy, r *request, n *Notification) *refusal {
	n.PushType = r.pushType
	if r.has&hasPushType == 0 {
		return nil
	}
	want, known := pushTypes[r.pushType]
	if !known || c.certificate != nil && slices.Contains(tokenOnly, r.pushType) {
		return refuse(400, reasonInvalidPushType)
	}
	if suffixOf(n.Topic) != want {
		return refuse(400, p.SuffixMismatch)
	}
	return nil
}

// checkDelivery reads priority, expiration and collapse id.
func checkDelivery(r *request, n *Notification, now time.Time) *refusal {
	n.Priority = 10
	if r.pushType == "background" {
		n.Priority = 5
	}
	if r.has&hasPriority != 0 {
		switch r.priority {
		case "10":
			n.Priority = 10
		case "5":
			n.Priority = 5
		case "1":
			n.Priority = 1
		default:
			return refuse(400, reasonBadPriority)
		}
	}
	if r.pushType == "background" && n.Priority == 10 {
		return refuse(400, reasonBadPriority)
	}
	n.keepUntil = now.Add(longestStorage)
	if r.has&hasExpiration != 0 {
		seconds, err := strconv.ParseInt(r.expiration, 10, 64)
		if err != nil || seconds < 0 {
			return refuse(400, reasonBadExpirationDate)
		}
		n.Expiration = &seconds
		if at := time.Unix(min(seconds, 1<<40), 0); at.Before(n.keepUntil) {
			n.keepUntil = at
		}
	}
	if len(r.collapseID) > maxCollapseID {
		return refuse(400, reasonBadCollapseID)
	}
	n.CollapseID = r.collapseID
	return nil
}

// checkPayload looks at the size first, because a body over the limit was not
// kept whole and could not be parsed.
func checkPayload(p *Policy, r *request, limit int) *refusal {
	if r.length == 0 {
		return refuse(400, reasonPayloadEmpty)
	}
	if r.length > limit {
		return refuse(413, reasonPayloadTooLarge)
	}
	if p.InvalidJSON == "reject" && !json.Valid(r.body) {
		return refuse(400, reasonPayloadEmpty)
	}
	return nil
}

// validToken wants an even number of hexadecimal digits, up to maxTokenBytes:
// not always 64, since the tokens of live activities are longer (spec §2.5).
func validToken(token string) bool {
	return token != "" && len(token)%2 == 0 && len(token) <= 2*maxTokenBytes && isHex(token)
}

// validBundle wants what a bundle id, or a topic, is made of: letters, digits,
// dots and hyphens, not beginning with one of the latter two. It also keeps
// path separators out of file names.
func validBundle(s string) bool {
	if s == "" || len(s) > 255 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-') {
			return false
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}

// validUUID wants the form 8-4-4-4-12 and nothing about version or variant.
func validUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
}
