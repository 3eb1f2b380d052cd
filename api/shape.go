package api

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// check refuses a member of the wrong type or range; absent ones are fine.
type check func(o object, key string) error

// shape says what the members of an object must look like. What it does not
// name is ignored (spec/rest-api.md §4).
type shape map[string]check

func (s shape) check(o object) error {
	for _, key := range o.keys() { // sorted: the same fault each time
		if check, ok := s[key]; ok {
			if err := check(o, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func isText(o object, key string) error {
	_, _, err := o.text(key)
	return err
}

// isTextOf accepts up to max bytes.
func isTextOf(max int) check {
	return func(o object, key string) error {
		s, _, err := o.text(key)
		if err == nil && len(s) > max {
			return aurora.Errorf(aurora.Invalid, "%s is %d bytes long; at most %d are allowed.", o.name(key), len(s), max)
		}
		return err
	}
}

func isTexts(o object, key string) error {
	_, _, err := o.texts(key)
	return err
}

func isBoolean(o object, key string) error {
	_, _, err := o.boolean(key)
	return err
}

func isObject(o object, key string) error {
	_, _, err := o.object(key)
	return err
}

// isWhole accepts whole numbers from min to max.
func isWhole(min, max int64) check {
	return func(o object, key string) error {
		n, _, err := o.integer(key)
		if err == nil && (n < min || n > max) {
			return aurora.Errorf(aurora.Invalid, "%s must be a whole number from %d to %d.", o.name(key), min, max)
		}
		return err
	}
}

// isOne accepts one of some whole numbers.
func isOne(of ...int64) check {
	return func(o object, key string) error {
		n, _, err := o.integer(key)
		if err == nil && !slices.Contains(of, n) {
			return aurora.Errorf(aurora.Invalid, "%s must be one of %v.", o.name(key), of)
		}
		return err
	}
}

// isWord accepts one of some texts.
func isWord(of ...string) check {
	return func(o object, key string) error {
		s, _, err := o.text(key)
		if err == nil && !slices.Contains(of, s) {
			return aurora.Errorf(aurora.Invalid, "%s must be one of %q.", o.name(key), of)
		}
		return err
	}
}

func isAnyWhole(o object, key string) error {
	_, _, err := o.integer(key)
	return err
}

func isMoment(o object, key string) error {
	s, _, err := o.text(key)
	if err != nil || s == "" {
		return err
	}
	if _, err := time.Parse(time.DateTime, s); err != nil {
		return aurora.Errorf(aurora.Invalid, "%s must be a time written as yyyy-MM-dd HH:mm:ss.", o.name(key))
	}
	return nil
}

func isTextOrObject(o object, key string) error {
	if raw := o.raw(key); raw[0] == '"' || raw[0] == '{' {
		return nil
	}
	return aurora.Errorf(aurora.Invalid, "%s must be a string or an object.", o.name(key))
}

// objectsIn accepts an object whose members are objects.
func objectsIn(o object, key string) error {
	members, _, err := o.object(key)
	if err != nil {
		return err
	}
	for _, name := range members.keys() {
		if _, _, err := members.object(name); err != nil {
			return err
		}
	}
	return nil
}

// keys returns the members that are there, sorted.
func (o object) keys() []string {
	var keys []string
	for key := range o.members {
		if o.raw(key) != nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// blocks are the members of the platforms without a channel
// (spec/rest-api.md §7.6).
var blocks = map[aurora.Platform]shape{
	aurora.Android: {
		"alert": isText, "title": isText, "builder_id": isAnyWhole, "channel_id": isTextOf(1000), "priority": isWhole(-2, 2), "category": isText,
		"style": isWhole(0, 3), "alert_type": isWhole(-1, 7), "big_text": isText, "inbox": isTextOrObject, "big_pic_path": isText,
		"large_icon": isText, "small_icon_uri": isText, "icon_bg_color": isText, "intent": isObject,
		"uri_activity": isText, "uri_action": isText, "uri_flag": isText,
		"badge_add_num": isWhole(1, 99), "badge_set_num": isWhole(0, 99), "badge_class": isText, "sound": isText,
		"show_begin_time": isMoment, "show_end_time": isMoment, "display_foreground": isWord("", "0", "1"), "extras": isObject,
	},
	aurora.HMOS: {
		"alert": isText, "title": isText, "category": isText, "large_icon": isText, "intent": isObject,
		"badge_add_num": isWhole(1, 99), "badge_set_num": isWhole(0, 99), "test_message": isBoolean, "receipt_id": isText, "extras": isObject,
		"style": isOne(0, 2), "inbox": isTextOrObject, "push_type": isOne(0, 1, 2, 7, 10), "extra_data": isText, "display_foreground": isWord("", "0", "1"),
		"sound": isText, "sound_duration": isWhole(1, 60), "hm_payload": isObject,
	},
	aurora.QuickApp: {"alert": isText, "title": isText, "page": isText, "extras": isObject},
	aurora.WinPhone: {"alert": isText, "title": isText, "_open_page": isText, "extras": isObject},
}

// beside are the members of a push besides its content that Aurora records and
// does not act on (spec/rest-api.md §7.9, §7.10, §7.12).
var beside = map[string]shape{
	"sms_message":   {"delay_time": isWhole(0, 86400), "temp_id": isAnyWhole, "temp_para": isObject, "signid": isAnyWhole, "active_filter": isBoolean, "content": isSMS},
	"inapp_message": {"inapp_message": isBoolean},
	"callback":      {"url": isTextOf(1024), "params": isObject, "type": isWhole(0, 15)},
}

func isSMS(o object, key string) error {
	s, _, err := o.text(key)
	if err == nil && utf8.RuneCountInString(s) > 480 {
		return aurora.Errorf(aurora.Invalid, "%s has more than 480 characters.", o.name(key))
	}
	return err
}

// third are the members of notification_3rd in its first version.
var third = shape{
	"content": isText, "title": isText, "channel_id": isTextOf(1000), "uri_activity": isText, "uri_action": isText,
	"badge_add_num": isWhole(1, 99), "badge_set_num": isWhole(0, 99), "badge_class": isText, "sound": isText, "extras": isObject, "intent": isObject,
}

// decodeBeside checks and keeps what stands beside the content.
func decodeBeside(top object, m *aurora.Message) error {
	for _, key := range []string{"sms_message", "inapp_message", "callback"} {
		o, ok, err := top.object(key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := beside[key].check(o); err != nil {
			return err
		}
		if key == "callback" {
			if m.Options.Callback, err = callbackOf(o); err != nil {
				return err
			}
			continue
		}
		keep(m, key, top.raw(key))
	}
	if o, ok, _ := top.object("sms_message"); ok && o.raw("content") == nil {
		for _, key := range []string{"delay_time", "temp_id"} {
			if o.raw(key) == nil {
				return aurora.Errorf(aurora.Missing, "%s is missing.", o.name(key))
			}
		}
	}
	if _, ok, _ := top.object("inapp_message"); ok && (top.raw("notification") == nil || top.raw("message") != nil) {
		return aurora.Errorf(aurora.Invalid, "inapp_message goes with a notification and without a message.")
	}
	return decodeThird(top, m)
}

// callbackOf reads a checked callback. Without a type it is told of receipts.
func callbackOf(o object) (*aurora.Callback, error) {
	c := aurora.Callback{Params: o.raw("params"), Type: aurora.CallbackReceived | aurora.CallbackOpened}
	var err error
	if c.URL, _, err = o.text("url"); err != nil {
		return nil, err
	}
	if n, ok, err := o.integer("type"); err != nil {
		return nil, err
	} else if ok {
		c.Type = aurora.CallbackType(n)
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, aurora.Errorf(aurora.Invalid, "%s must be a whole URL, such as https://example.com/hooks/aurora.", o.name("url"))
	}
	return &c, nil
}

func decodeThird(top object, m *aurora.Message) error {
	o, ok, err := top.object("notification_3rd")
	if err != nil || !ok {
		return err
	}
	if top.raw("notification") != nil || top.raw("message") == nil {
		return aurora.Errorf(aurora.Invalid, "notification_3rd goes with a message and without a notification.")
	}
	options, _, err := top.object("options")
	if err != nil {
		return err
	}
	if err := (shape{"notification_3rd_ver": recorded["notification_3rd_ver"]}).check(options); err != nil {
		return err
	}
	if version, _, _ := options.text("notification_3rd_ver"); version == "v2" {
		for p, s := range map[aurora.Platform]shape{aurora.Android: blocks[aurora.Android], aurora.HMOS: blocks[aurora.HMOS]} {
			block, _, err := o.object(string(p))
			if err != nil {
				return err
			}
			if err := s.check(block); err != nil {
				return err
			}
		}
		if block, ok, err := o.object("ios"); err != nil {
			return err
		} else if ok {
			if _, err := decodeIOS(block); err != nil {
				return err
			}
		}
	} else {
		if err := third.check(o); err != nil {
			return err
		}
		if content, _, _ := o.text("content"); content == "" {
			return aurora.Errorf(aurora.Missing, "notification_3rd.content is missing.")
		}
	}
	keep(m, "notification_3rd", top.raw("notification_3rd"))
	return nil
}

// keep notes what the caller said and Aurora does not act on.
func keep(m *aurora.Message, key string, raw json.RawMessage) {
	if m.Options.Recorded == nil {
		m.Options.Recorded = map[string]json.RawMessage{}
	}
	m.Options.Recorded[key] = raw
}
