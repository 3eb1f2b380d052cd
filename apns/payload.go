package apns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// ErrPayload is matched by every error of [Payload.Build]. The text names the field and says what to do.
var ErrPayload = errors.New("apns: payload")

// A Payload is the body of a notification in typed form. It can only build what APNs accepts and a device understands
// (Apple: "Generating a remote notification"; spec 6). The zero value of a field leaves its key out.
type Payload struct {
	Alert Alert
	Badge *int // 0 removes the badge
	Sound Sound
	// ThreadID groups notifications, Category adds the action buttons registered under this name.
	ThreadID, Category string
	// ContentAvailable wakes the app in the background.
	ContentAvailable bool
	// MutableContent runs the app's service extension first; it needs something visible.
	MutableContent    bool
	TargetContentID   string
	InterruptionLevel InterruptionLevel
	// RelevanceScore orders notifications in a summary, 0 to 1; live activities may use any number.
	RelevanceScore *float64
	FilterCriteria string
	Activity       *Activity // live activities only
	// Custom are the app's own keys, beside aps. Values are encoded by encoding/json.
	Custom map[string]any
}

// An Alert is the visible text. An Alert with nothing but Body is sent as a string.
type Alert struct {
	Title           string   `json:"title,omitempty"`
	Subtitle        string   `json:"subtitle,omitempty"`
	Body            string   `json:"body,omitempty"`
	TitleLocKey     string   `json:"title-loc-key,omitempty"`
	TitleLocArgs    []string `json:"title-loc-args,omitempty"`
	SubtitleLocKey  string   `json:"subtitle-loc-key,omitempty"`
	SubtitleLocArgs []string `json:"subtitle-loc-args,omitempty"`
	LocKey          string   `json:"loc-key,omitempty"`
	LocArgs         []string `json:"loc-args,omitempty"`
	LaunchImage     string   `json:"launch-image,omitempty"`
}

func (a Alert) isZero() bool { return a.size() == 0 }

// size counts the fields in use.
func (a Alert) size() (n int) {
	for _, text := range []string{a.Title, a.Subtitle, a.Body, a.TitleLocKey, a.SubtitleLocKey, a.LocKey, a.LaunchImage} {
		if text != "" {
			n++
		}
	}
	return n + len(a.TitleLocArgs) + len(a.SubtitleLocArgs) + len(a.LocArgs)
}

// A Sound is the name of a file in the app, or "default". Critical sounds need an entitlement; Volume (0 to 1) is for them only.
type Sound struct {
	Name     string
	Critical bool
	Volume   *float64
}

// An InterruptionLevel says how much a notification may disturb.
type InterruptionLevel string

// The interruption levels; an empty one means active.
const (
	LevelPassive       InterruptionLevel = "passive"
	LevelActive        InterruptionLevel = "active"
	LevelTimeSensitive InterruptionLevel = "time-sensitive"
	LevelCritical      InterruptionLevel = "critical"
)

// An ActivityEvent is a step in the life of a live activity.
type ActivityEvent string

// The events of live activities.
const (
	ActivityStart  ActivityEvent = "start"
	ActivityUpdate ActivityEvent = "update"
	ActivityEnd    ActivityEvent = "end"
)

// An Activity is the live-activity part of a payload.
type Activity struct {
	Event        ActivityEvent
	Timestamp    time.Time // required: the device keeps the newest
	ContentState any       // must decode in the app with the default decoder; required except for an end
	StaleDate    time.Time
	Dismissal    time.Time
	// AttributesType and Attributes describe a new activity; a start needs both, and an alert.
	AttributesType string
	Attributes     any
	// WantToken asks the new activity for an update token, Channel subscribes it to a broadcast channel; one of them at most.
	WantToken bool
	Channel   string
}

// Build encodes the payload for a push type. What it returns APNs does not refuse: it is not empty, not too large, and fits the
// type.
func (p *Payload) Build(pushType PushType) ([]byte, error) {
	if err := p.check(pushType); err != nil {
		return nil, err
	}
	content := make(map[string]any, len(p.Custom)+1)
	maps.Copy(content, p.Custom)
	content["aps"] = p.aps(pushType)
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // three bytes instead of one for <, > and & would be a waste of the 4,096
	if err := encoder.Encode(content); err != nil {
		return nil, fmt.Errorf("%w: a value cannot be encoded as JSON: %w", ErrPayload, err)
	}
	text := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
	if limit := pushType.maxPayload(); len(text) > limit {
		return nil, fmt.Errorf("%w: %d bytes are more than the %d that APNs accepts; shorten the text or let the app fetch the content", ErrPayload, len(text), limit)
	}
	return text, nil
}

func badPayload(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrPayload, fmt.Sprintf(format, args...))
}

func (p *Payload) check(pushType PushType) error {
	visible := !p.Alert.isZero() || p.Badge != nil || p.Sound.Name != "" || p.Sound.Critical
	if _, taken := p.Custom["aps"]; taken {
		return badPayload(`Custom must not contain "aps", which is Apple's`)
	}
	if p.Badge != nil && *p.Badge < 0 {
		return badPayload("Badge is %d and must not be negative; 0 removes it", *p.Badge)
	}
	if err := p.checkSound(); err != nil {
		return err
	}
	if !slices.Contains([]InterruptionLevel{"", LevelPassive, LevelActive, LevelTimeSensitive, LevelCritical}, p.InterruptionLevel) {
		return badPayload("InterruptionLevel %q is none of the four levels", p.InterruptionLevel)
	}
	if score := p.RelevanceScore; score != nil && (math.IsNaN(*score) || math.IsInf(*score, 0) || pushType != PushLiveActivity && (*score < 0 || *score > 1)) {
		return badPayload("RelevanceScore is %v and must lie between 0 and 1", *score)
	}
	if p.MutableContent && p.Alert.isZero() {
		return badPayload("MutableContent needs an Alert, or the extension is not run")
	}
	if (p.Activity != nil) != (pushType == PushLiveActivity) {
		return badPayload("Activity belongs to the push type %s and only to it", PushLiveActivity)
	}
	switch pushType {
	case PushAlert:
		if !visible && !p.ContentAvailable {
			return badPayload("a push of type alert needs an Alert, a Badge or a Sound")
		}
	case PushBackground:
		if visible || !p.ContentAvailable {
			return badPayload("a background push has ContentAvailable and no Alert, Badge or Sound")
		}
	case PushMDM:
		return badPayload("the body of an mdm push is {\"mdm\": magic} and is not built here")
	case PushLiveActivity:
		return p.Activity.check(p.Alert)
	}
	return nil
}

func (p *Payload) checkSound() error {
	volume := p.Sound.Volume
	if volume == nil {
		return nil
	}
	if !p.Sound.Critical {
		return badPayload("Sound.Volume is for critical sounds only")
	}
	if !(*volume >= 0 && *volume <= 1) {
		return badPayload("Sound.Volume is %v and must lie between 0 and 1", *volume)
	}
	return nil
}

func (a *Activity) check(alert Alert) error {
	switch {
	case a.Event != ActivityStart && a.Event != ActivityUpdate && a.Event != ActivityEnd:
		return badPayload("Activity.Event %q is none of start, update and end", a.Event)
	case a.Timestamp.IsZero():
		return badPayload("Activity.Timestamp is missing: devices keep the newest and drop the rest")
	case a.ContentState == nil && a.Event != ActivityEnd:
		return badPayload("Activity.ContentState is missing")
	case a.WantToken && a.Channel != "":
		return badPayload("an Activity wants a token or a channel, not both")
	case a.Event == ActivityStart && (a.AttributesType == "" || a.Attributes == nil || alert.isZero()):
		return badPayload("the start of an Activity needs AttributesType, Attributes and an Alert")
	case a.Event != ActivityStart && (a.AttributesType != "" || a.Attributes != nil || a.WantToken || a.Channel != ""):
		return badPayload("AttributesType, Attributes, WantToken and Channel belong to the start of an Activity")
	}
	return nil
}

// aps builds Apple's part.
func (p *Payload) aps(pushType PushType) map[string]any {
	aps := map[string]any{}
	put := func(key string, value any, present bool) {
		if present {
			aps[key] = value
		}
	}
	if p.Alert.Body != "" && p.Alert.size() == 1 && pushType != PushLiveActivity {
		aps["alert"] = p.Alert.Body
	} else {
		put("alert", p.Alert, !p.Alert.isZero())
	}
	if p.Badge != nil {
		aps["badge"] = *p.Badge
	}
	if p.Sound.Critical {
		aps["sound"] = p.criticalSound()
	} else {
		put("sound", p.Sound.Name, p.Sound.Name != "")
	}
	put("thread-id", p.ThreadID, p.ThreadID != "")
	put("category", p.Category, p.Category != "")
	put("content-available", 1, p.ContentAvailable)
	put("mutable-content", 1, p.MutableContent)
	put("target-content-id", p.TargetContentID, p.TargetContentID != "")
	put("interruption-level", p.InterruptionLevel, p.InterruptionLevel != "")
	put("relevance-score", p.RelevanceScore, p.RelevanceScore != nil)
	put("filter-criteria", p.FilterCriteria, p.FilterCriteria != "")
	put("content-changed", true, pushType == PushWidgets || pushType == PushControls)
	if a := p.Activity; a != nil {
		aps["event"], aps["timestamp"] = a.Event, a.Timestamp.Unix()
		put("content-state", a.ContentState, a.ContentState != nil)
		put("stale-date", a.StaleDate.Unix(), !a.StaleDate.IsZero())
		put("dismissal-date", a.Dismissal.Unix(), !a.Dismissal.IsZero())
		put("attributes-type", a.AttributesType, a.AttributesType != "")
		put("attributes", a.Attributes, a.Attributes != nil)
		put("input-push-token", 1, a.WantToken)
		put("input-push-channel", a.Channel, a.Channel != "")
	}
	return aps
}

func (p *Payload) criticalSound() map[string]any {
	sound := map[string]any{"critical": 1, "name": p.Sound.Name}
	if p.Sound.Name == "" {
		sound["name"] = "default"
	}
	if p.Sound.Volume != nil {
		sound["volume"] = *p.Sound.Volume
	}
	return sound
}
