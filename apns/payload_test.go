package apns

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestPayloadBuild(t *testing.T) {
	zero, nine, half := 0, 9, 0.5
	at := time.Unix(1_700_000_000, 0)
	state := map[string]int{"score": 3}
	for _, c := range []struct {
		pushType PushType
		payload  Payload
		want     string
	}{
		{PushAlert, Payload{Alert: Alert{Body: "a < b & c"}}, `{"aps":{"alert":"a < b & c"}}`},
		{PushAlert, Payload{Alert: Alert{Title: "T", Body: "B"}, Badge: &zero, Sound: Sound{Name: "default"}}, `{"aps":{"alert":{"title":"T","body":"B"},"badge":0,"sound":"default"}}`},
		{PushAlert, Payload{Badge: &nine, ThreadID: "t", Category: "c", TargetContentID: "w", FilterCriteria: "f", InterruptionLevel: LevelTimeSensitive, RelevanceScore: &half},
			`{"aps":{"badge":9,"category":"c","filter-criteria":"f","interruption-level":"time-sensitive","relevance-score":0.5,"target-content-id":"w","thread-id":"t"}}`},
		{PushAlert, Payload{Alert: Alert{LocKey: "K", LocArgs: []string{"x"}}, MutableContent: true, Custom: map[string]any{"id": 7}},
			`{"aps":{"alert":{"loc-key":"K","loc-args":["x"]},"mutable-content":1},"id":7}`},
		{PushAlert, Payload{Sound: Sound{Critical: true, Volume: &half}}, `{"aps":{"sound":{"critical":1,"name":"default","volume":0.5}}}`},
		{PushBackground, Payload{ContentAvailable: true}, `{"aps":{"content-available":1}}`},
		{PushVoIP, Payload{Custom: map[string]any{"call": "x"}}, `{"aps":{},"call":"x"}`},
		{PushWidgets, Payload{}, `{"aps":{"content-changed":true}}`},
		{PushLiveActivity, Payload{Activity: &Activity{Event: ActivityUpdate, Timestamp: at, ContentState: state, StaleDate: at}},
			`{"aps":{"content-state":{"score":3},"event":"update","stale-date":1700000000,"timestamp":1700000000}}`},
		{PushLiveActivity, Payload{Alert: Alert{Body: "go"}, Activity: &Activity{Event: ActivityStart, Timestamp: at, ContentState: state, AttributesType: "Game", Attributes: state, Channel: "ch"}},
			`{"aps":{"alert":{"body":"go"},"attributes":{"score":3},"attributes-type":"Game","content-state":{"score":3},"event":"start","input-push-channel":"ch","timestamp":1700000000}}`},
		{PushLiveActivity, Payload{Activity: &Activity{Event: ActivityEnd, Timestamp: at, Dismissal: at}}, `{"aps":{"dismissal-date":1700000000,"event":"end","timestamp":1700000000}}`},
	} {
		got, err := c.payload.Build(c.pushType)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v\n want %s", c.pushType, got, err, c.want)
		}
	}
}

func TestPayloadRefusesWhatAppleRefuses(t *testing.T) {
	minus, two, nan := -1, 2.0, math.NaN()
	at := time.Unix(1_700_000_000, 0)
	alert := Alert{Body: "x"}
	for name, c := range map[string]struct {
		pushType PushType
		payload  Payload
	}{
		"nothing to show":            {PushAlert, Payload{}},
		"custom aps":                 {PushAlert, Payload{Alert: alert, Custom: map[string]any{"aps": 1}}},
		"negative badge":             {PushAlert, Payload{Badge: &minus}},
		"volume without critical":    {PushAlert, Payload{Sound: Sound{Name: "x", Volume: &two}}},
		"volume of 2":                {PushAlert, Payload{Sound: Sound{Critical: true, Volume: &two}}},
		"volume that is no number":   {PushAlert, Payload{Sound: Sound{Critical: true, Volume: &nan}}},
		"unknown level":              {PushAlert, Payload{Alert: alert, InterruptionLevel: "loud"}},
		"score of 2":                 {PushAlert, Payload{Alert: alert, RelevanceScore: &two}},
		"score that is no number":    {PushLiveActivity, Payload{RelevanceScore: &nan, Activity: &Activity{Event: ActivityEnd, Timestamp: at}}},
		"mutable without alert":      {PushAlert, Payload{Badge: new(int), MutableContent: true}},
		"visible background":         {PushBackground, Payload{ContentAvailable: true, Alert: alert}},
		"background without content": {PushBackground, Payload{}},
		"mdm":                        {PushMDM, Payload{}},
		"activity in an alert":       {PushAlert, Payload{Alert: alert, Activity: &Activity{}}},
		"no activity":                {PushLiveActivity, Payload{Alert: alert}},
		"activity without timestamp": {PushLiveActivity, Payload{Activity: &Activity{Event: ActivityEnd}}},
		"activity of unknown event":  {PushLiveActivity, Payload{Activity: &Activity{Event: "pause", Timestamp: at}}},
		"update without state":       {PushLiveActivity, Payload{Activity: &Activity{Event: ActivityUpdate, Timestamp: at}}},
		"start without alert":        {PushLiveActivity, Payload{Activity: &Activity{Event: ActivityStart, Timestamp: at, ContentState: 1, AttributesType: "x", Attributes: 1}}},
		"attributes in an update":    {PushLiveActivity, Payload{Activity: &Activity{Event: ActivityUpdate, Timestamp: at, ContentState: 1, Attributes: 1}}},
		"value that is no JSON":      {PushAlert, Payload{Alert: alert, Custom: map[string]any{"f": func() {}}}},
		"one byte too many":          {PushAlert, Payload{Alert: Alert{Body: strings.Repeat("x", 4096-len(`{"aps":{"alert":""}}`)+1)}}},
	} {
		if got, err := c.payload.Build(c.pushType); !errors.Is(err, ErrPayload) || got != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	full := Payload{Alert: Alert{Body: strings.Repeat("x", 4096-len(`{"aps":{"alert":""}}`))}}
	if got, err := full.Build(PushAlert); err != nil || len(got) != 4096 {
		t.Errorf("a full payload: %d bytes, %v", len(got), err)
	}
}

// FuzzPayload holds the builder to its promise: what it returns is JSON with an object under aps, and within the limit.
func FuzzPayload(f *testing.F) {
	f.Add("title", "body", "sound", 3, "custom", "voip")
	f.Add("", "\xff\x00\u2028", "", -1, "aps", "alert")
	f.Fuzz(func(t *testing.T, title, body, sound string, badge int, custom, pushType string) {
		p := Payload{Alert: Alert{Title: title, Body: body}, Sound: Sound{Name: sound}, Badge: &badge, Custom: map[string]any{custom: body}}
		text, err := p.Build(PushType(pushType))
		if err != nil {
			return
		}
		var content map[string]json.RawMessage
		var aps map[string]any
		if json.Unmarshal(text, &content) != nil || json.Unmarshal(content["aps"], &aps) != nil || len(text) > PushType(pushType).maxPayload() {
			t.Fatalf("built %q", text)
		}
	})
}
