package api

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// decodePush reads the body of a push in the order in which JPush checks it
// (spec/rest-api.md §7.1.4), so that a body with several faults is refused for
// the same one.
func decodePush(body []byte) (dispatch.Request, error) {
	top, err := parseBody(body)
	if err != nil {
		return dispatch.Request{}, err
	}
	return decodePushObject(top)
}

func decodePushObject(top object) (r dispatch.Request, err error) {
	r.Message.Source = "api"
	if err := requireContent(top); err != nil {
		return r, err
	}
	if r.Message.Platforms, err = decodePlatform(top); err != nil {
		return r, err
	}
	activity, err := decodeActivityAudience(top)
	if err != nil {
		return r, err
	}
	if activity == "" {
		if r.Audience, r.AllowEmpty, err = decodeAudience(top); err != nil {
			return r, err
		}
	}
	if err := decodeNotification(top, &r.Message); err != nil {
		return r, err
	}
	if r.Message.Content.InApp, err = decodeInApp(top); err != nil {
		return r, err
	}
	if err := decodeActivity(top, &r.Message); err != nil {
		return r, err
	}
	if a := r.Message.Content.LiveActivity; a != nil {
		a.ID = activity
		if err := onlyIOS(&r.Message); err != nil {
			return r, err
		}
	}
	r.Message.Platforms = withContent(&r.Message)
	if err := decodeBeside(top, &r.Message); err != nil {
		return r, err
	}
	if err := decodeOptions(top, &r.Message); err != nil {
		return r, err
	}
	if err := decodeReferences(top, &r); err != nil {
		return r, err
	}
	r.CID, _, err = top.text("cid")
	return r, err
}

// decodeReferences reads the options that refer to something of the app's.
func decodeReferences(top object, r *dispatch.Request) error {
	o, ok, err := top.object("options")
	if err != nil || !ok {
		return err
	}
	if r.TestOnly, _, err = o.boolean("test_model"); err != nil {
		return err
	}
	if r.Plan, _, err = o.text("business_operation_code"); len(r.Plan) > dispatch.MaxPlanText {
		return aurora.Errorf(aurora.Invalid, "%s is longer than %d bytes, which no plan's name is.", o.name("business_operation_code"), dispatch.MaxPlanText)
	}
	return err
}

func requireContent(top object) error {
	for _, key := range []string{"platform", "audience"} {
		if top.raw(key) == nil {
			return aurora.Errorf(aurora.Missing, "%s is missing.", key)
		}
	}
	if top.raw("message") != nil || top.raw("notification") != nil || top.raw("live_activity") != nil {
		return nil
	}
	return aurora.Errorf(aurora.Missing, "notification and message are missing: there is nothing to send.")
}

// decodePlatform returns nil for "all". PHP's client turns a filtered array
// into an object with numbers for keys; its values count.
func decodePlatform(top object) ([]aurora.Platform, error) {
	raw := top.raw("platform")
	if string(raw) == `"all"` {
		return nil, nil
	}
	list, ok := platformNames(raw)
	if !ok {
		return nil, aurora.Errorf(aurora.Invalid, "platform must be \"all\" or an array such as [\"ios\"].")
	}
	if len(list) == 0 {
		return nil, aurora.Errorf(aurora.Invalid, "platform is an empty list. Name a platform, or say \"all\".")
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// platformNames reads a list of platforms, or the values of an object. Null is a
// platform without a name, which nobody has.
func platformNames(raw json.RawMessage) (list []aurora.Platform, ok bool) {
	items := itemsOf(raw)
	switch raw[0] {
	case '[':
	case '{':
		items = maps.Values(membersOf(raw))
	default:
		return nil, false
	}
	for item := range items {
		name, ok := textOf(item)
		if !ok && string(item) != "null" {
			return nil, false
		}
		list = append(list, aurora.Platform(name))
	}
	return list, true
}

// withContent leaves out the platforms for which the push holds nothing:
// without a shared alert only those with a block of their own. A device of
// another platform would get an empty notification.
func withContent(m *aurora.Message) []aurora.Platform {
	if m.Content.Alert != nil || m.Content.InApp != nil {
		return m.Platforms
	}
	var list []aurora.Platform
	for _, p := range aurora.Platforms {
		_, other := m.Content.Others[p]
		if m.For(p) && (other || p == aurora.IOS && (m.Content.IOS != nil || m.Content.VoIP != nil || m.Content.LiveActivity != nil)) {
			list = append(list, p)
		}
	}
	if list == nil { // nothing for anybody, which Validate refuses
		return m.Platforms
	}
	slices.Sort(list)
	return list
}

// selectors are the audience's lists, with how their members combine and how
// many there may be (spec/rest-api.md §7.3).
var selectors = []struct {
	key   string
	max   int
	field audience.Field
	build func(audience.Field, []string) audience.Expr
}{
	{"tag", 20, audience.Tag, audience.AnyOf},
	{"tag_and", 20, audience.Tag, allOf},
	{"tag_not", 20, audience.Tag, noneOf},
	{"alias", 1000, audience.Alias, audience.AnyOf},
	{"registration_id", 1000, audience.Registration, audience.AnyOf},
	{"segment", 1, audience.Segment, audience.AnyOf},
}

// otherSelector returns a selector of an audience beside one that stands alone,
// or "".
func otherSelector(audience object, alone string) string {
	known := []string{"expression", "abtest", "file", "live_activity_id"}
	for _, sel := range selectors {
		known = append(known, sel.key)
	}
	for _, key := range known {
		if text := string(audience.raw(key)); key != alone && text != "" && text != "[]" {
			return key
		}
	}
	return ""
}

func allOf(f audience.Field, values []string) audience.Expr {
	args := make([]audience.Expr, len(values))
	for i, v := range values {
		args[i] = audience.Is(f, v)
	}
	return audience.And(args...)
}

func noneOf(f audience.Field, values []string) audience.Expr {
	return audience.Not(audience.AnyOf(f, values))
}

// decodeAudience returns the expression, and whether it may select nobody:
// JPush refuses an empty audience only if it uses one kind of selector.
func decodeAudience(top object) (e audience.Expr, allowEmpty bool, err error) {
	raw := top.raw("audience")
	if string(raw) == `"all"` {
		return audience.All(), false, nil
	}
	if raw[0] != '{' {
		return e, false, aurora.Errorf(aurora.Invalid, "audience must be \"all\" or an object such as {\"tag\":[\"vip\"]}.")
	}
	o, err := parseObject("audience", raw)
	if err != nil {
		return e, false, err
	}
	for _, key := range []string{"abtest", "file"} {
		if list := string(o.raw(key)); list != "" && list != "[]" {
			return e, false, aurora.Errorf(aurora.Invalid, "audience.%s is not supported yet. Use tag, tag_and, tag_not, alias, registration_id, segment or expression.", key)
		}
	}
	var parts []audience.Expr
	for _, sel := range selectors {
		values, _, err := o.texts(sel.key)
		if err != nil {
			return e, false, err
		}
		if len(values) == 0 {
			continue
		}
		if len(values) > sel.max {
			return e, false, aurora.Errorf(aurora.Invalid, "audience.%s has %d members; at most %d are allowed.", sel.key, len(values), sel.max)
		}
		for _, v := range values {
			if err := validateMember(sel.field, v); err != nil {
				return e, false, err
			}
		}
		parts = append(parts, sel.build(sel.field, values))
	}
	text, ok, err := o.text("expression")
	if err != nil {
		return e, false, err
	}
	if ok {
		if e, err = registry.ReadExpression("audience.expression", text); err != nil {
			return e, false, err
		}
		parts = append(parts, e)
	}
	if len(parts) == 0 {
		return e, false, aurora.Errorf(aurora.Invalid, "audience selects nothing. Say \"all\", or name tags, an alias or registration ids.")
	}
	return audience.And(parts...), len(parts) > 1, nil
}

func validateMember(f audience.Field, v string) error {
	if f == audience.Registration {
		return aurora.ValidateRegistrationID(v)
	}
	return aurora.ValidateTag(string(f), v)
}
