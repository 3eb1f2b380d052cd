package iphone

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/aurora-push/aurora/device"
)

// delivery is a notification on the courier session.
type delivery struct {
	ID          string          `json:"id"`
	Token       string          `json:"token"`
	BundleID    string          `json:"bundle_id"`
	Environment string          `json:"environment"`
	PushType    string          `json:"push_type"`
	Priority    int             `json:"priority"`
	CollapseID  string          `json:"collapse_id"`
	ChannelID   string          `json:"channel_id"` // of a broadcast
	APNsID      string          `json:"apns_id"`
	Payload     json.RawMessage `json:"payload"`
}

// notice is a delivery as the phone understands it. APNs checks nothing inside the payload (spec apns.md §6); what has the
// wrong type is ignored here, like on a phone, and mentioned in flaws.
type notice struct {
	delivery
	title, subtitle, body string
	sound                 string // "" = none
	badge                 *int   // nil = unchanged
	contentAvailable      bool
	mutable               bool
	thread                string
	category              string
	activity              *activityContent // of a live-activity push
	caller                string           // of a VoIP push: what the sample app shows
	level                 string           // interruption level; "active" unless the payload says otherwise
	messageID             string           // Aurora's, for the log and for finding it
	flaws                 []string         // what a person debugging a payload should know
}

func (n *notice) hasAlert() bool { return n.title+n.subtitle+n.body != "" }

// foreign reports a push type that goes to other parts of iOS than the app's notification delegate.
func (n *notice) foreign() bool {
	switch n.PushType {
	case "", "alert", "background":
		return false
	}
	return true
}

// read interprets a delivery. It never fails: what cannot be understood is not shown.
func read(d delivery) notice {
	n := notice{delivery: d, level: active}
	var top map[string]json.RawMessage
	if json.Unmarshal(d.Payload, &top) != nil {
		n.flaw("the payload is not a JSON object")
		return n
	}
	n.messageID, _ = device.MessageID(d.Payload)
	var aps map[string]json.RawMessage
	if json.Unmarshal(top["aps"], &aps) != nil && d.PushType != "voip" { // a VoIP payload may be anything (spec apns.md §6.4)
		n.flaw("the payload has no aps dictionary")
		return n
	}
	if d.PushType == "voip" {
		n.caller = n.text("caller", top)
	}
	n.readAlert(aps["alert"])
	isCritical := n.readSound(aps["sound"])
	n.readBadge(aps["badge"])
	n.contentAvailable = n.flag("content-available", aps)
	n.mutable = n.flag("mutable-content", aps)
	n.thread = n.text("thread-id", aps)
	n.category = n.text("category", aps)
	switch level := n.text("interruption-level", aps); level {
	case "":
	case passive, active, timeSensitive, critical:
		n.level = level
	default:
		n.flaw(fmt.Sprintf("aps.interruption-level %.40q does not exist", level))
	}
	if isCritical {
		n.level = critical
	}
	if strings.EqualFold(d.PushType, "liveactivity") {
		n.readActivity(aps)
	}
	return n
}

func (n *notice) flaw(text string) { n.flaws = append(n.flaws, text) }

// text returns a string member, "" when absent.
func (n *notice) text(key string, from map[string]json.RawMessage) string {
	raw, present := from[key]
	var s string
	if present && json.Unmarshal(raw, &s) != nil {
		n.flaw(key + " is not a string")
	}
	return s
}

// flag reads the numbers 1 and 0 that stand for yes and no; true is not 1, which is a common mistake.
func (n *notice) flag(key string, aps map[string]json.RawMessage) bool {
	raw, present := aps[key]
	var number float64
	if present && json.Unmarshal(raw, &number) != nil {
		n.flaw("aps." + key + " must be the number 1")
	}
	return number == 1
}

func (n *notice) readAlert(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	if json.Unmarshal(raw, &n.body) == nil {
		return
	}
	var alert map[string]json.RawMessage
	if json.Unmarshal(raw, &alert) != nil {
		n.flaw("aps.alert is neither a string nor a dictionary")
		return
	}
	pick := func(plain, key string) string {
		if s := n.text(plain, alert); s != "" {
			return s
		}
		return n.text(key, alert) // looked up in the app; the sample app has no strings, so iOS shows the key
	}
	n.title = pick("title", "title-loc-key")
	n.subtitle = pick("subtitle", "subtitle-loc-key")
	n.body = pick("body", "loc-key")
}

// readSound reads the sound and whether it makes the notification a critical alert (spec apns.md §6.3).
func (n *notice) readSound(raw json.RawMessage) (isCritical bool) {
	if len(raw) == 0 || json.Unmarshal(raw, &n.sound) == nil {
		return false
	}
	var sound struct {
		Name     string  `json:"name"`
		Critical float64 `json:"critical"`
	}
	if json.Unmarshal(raw, &sound) != nil {
		n.flaw("aps.sound is neither a string nor a dictionary of name, critical and volume")
		return false
	}
	n.sound = sound.Name
	return sound.Critical == 1
}

func (n *notice) readBadge(raw json.RawMessage) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return
	}
	var number float64
	if json.Unmarshal(raw, &number) != nil || number != math.Trunc(number) || number < 0 || number > math.MaxInt32 {
		n.flaw(fmt.Sprintf("aps.badge %.40s is not a whole number from 0", raw))
		return
	}
	badge := int(number)
	n.badge = &badge
}

// short is one line of text that names the notification for a person.
func (n *notice) short() string {
	parts := slices.DeleteFunc([]string{n.title, n.subtitle, n.body}, func(s string) bool { return s == "" })
	text := strings.Join(strings.Fields(strings.Join(parts, ": ")), " ")
	if text == "" {
		return "without text"
	}
	return "“" + cut(text, 60) + "”"
}

// cut shortens a text for the log to so many characters.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// name is what the log calls the notification: Aurora's message id where there is one.
func (n *notice) name() string {
	switch {
	case n.messageID != "":
		return n.messageID
	case n.APNsID != "":
		return n.APNsID
	}
	return n.ID
}
