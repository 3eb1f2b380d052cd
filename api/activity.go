package api

import (
	"encoding/json"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// decodeActivity reads live_activity (spec/rest-api.md §7.8).
func decodeActivity(top object, m *aurora.Message) error {
	o, ok, err := top.object("live_activity")
	if err != nil || !ok {
		return err
	}
	if top.raw("notification") != nil || top.raw("message") != nil {
		return aurora.Errorf(aurora.Invalid, "live_activity stands alone. Send a notification or a message as a push of its own.")
	}
	block, ok, err := o.object("ios")
	if err != nil {
		return err
	}
	if !ok {
		return aurora.Errorf(aurora.Missing, "live_activity.ios is missing.")
	}
	a := &aurora.LiveActivity{}
	m.Content.LiveActivity = a
	if a.Event, _, err = block.text("event"); err != nil {
		return err
	}
	if a.AttributesType, _, err = block.text("attributes-type"); err != nil {
		return err
	}
	for key, into := range map[string]*json.RawMessage{"content-state": &a.ContentState, "attributes": &a.Attributes, "alert": &a.Alert} {
		if _, _, err := block.object(key); err != nil {
			return err
		}
		*into = block.raw(key)
	}
	for key, into := range map[string]**int64{"stale-date": &a.StaleDate, "dismissal-date": &a.DismissalDate, "relevance-score": &a.RelevanceScore} {
		if n, ok, err := block.integer(key); err != nil {
			return err
		} else if ok {
			*into = &n
		}
	}
	if s := a.RelevanceScore; s != nil && (*s < 1 || *s > 100) {
		return aurora.Errorf(aurora.Invalid, "live_activity.ios.relevance-score must be 1 to 100.")
	}
	n, ok, err := block.integer("apns-priority")
	if err == nil && ok && n != 5 && n != 10 {
		return aurora.Errorf(aurora.Invalid, "live_activity.ios.apns-priority must be 5 or 10.")
	}
	a.Priority = int(n)
	return err
}

// decodeActivityAudience reads audience.live_activity_id, which stands alone; ""
// is none.
func decodeActivityAudience(top object) (id string, err error) {
	raw := top.raw("audience")
	if raw == nil || raw[0] != '{' {
		return "", nil
	}
	o, err := parseObject("audience", raw)
	if err != nil || o.raw("live_activity_id") == nil {
		return "", err
	}
	if id, _, err = o.text("live_activity_id"); err != nil {
		return "", err
	}
	if other := otherSelector(o, "live_activity_id"); other != "" {
		return "", aurora.Errorf(aurora.Invalid, "audience.live_activity_id stands alone. Leave audience.%s out.", other)
	}
	if top.raw("live_activity") == nil {
		return "", aurora.Errorf(aurora.Invalid, "audience.live_activity_id is for a live_activity.")
	}
	return id, aurora.ValidateActivityName("live_activity_id", id)
}

// decodeTokens reads the tokens beside that of notifications.
func decodeTokens(o object, c *registry.Change) error {
	if token, ok, err := o.text("voip_token"); err != nil {
		return err
	} else if ok {
		c.Tokens = append(c.Tokens, aurora.NamedToken{Kind: aurora.VoIPToken, Token: token})
	}
	for _, list := range []struct {
		key  string
		kind aurora.TokenKind
	}{{"live_activity_start_tokens", aurora.ActivityStartToken}, {"live_activity_tokens", aurora.ActivityToken}} {
		tokens, _, err := o.object(list.key)
		if err != nil {
			return err
		}
		for _, name := range tokens.keys() {
			token, _, err := tokens.text(name)
			if err != nil {
				return err
			}
			c.Tokens = append(c.Tokens, aurora.NamedToken{Kind: list.kind, Name: name, Token: token})
		}
	}
	return nil
}

// decodeVoIP reads notification.voip: members of the payload that PushKit
// brings the app.
func decodeVoIP(o object, m *aurora.Message) error {
	voip, ok, err := o.object("voip")
	if err != nil || !ok || !m.For(aurora.IOS) {
		return err
	}
	m.Content.VoIP = map[string]json.RawMessage{}
	for _, key := range voip.keys() {
		m.Content.VoIP[key] = voip.raw(key)
	}
	return nil
}

// onlyIOS narrows the platforms of what only iPhones get.
func onlyIOS(m *aurora.Message) error {
	if m.Platforms != nil && !slices.Contains(m.Platforms, aurora.IOS) {
		return aurora.Errorf(aurora.Invalid, "live_activity is for iOS: name it in platform, or say \"all\".")
	}
	m.Platforms = []aurora.Platform{aurora.IOS}
	return nil
}
