package api

import (
	"encoding/json"

	"github.com/aurora-push/aurora"
)

// decodeNotification reads notification with its platform blocks
// (spec/rest-api.md §7.4–7.6).
func decodeNotification(top object, m *aurora.Message) error {
	o, _, err := top.object("notification")
	if err != nil {
		return err
	}
	if m.Content.Alert, err = decodeAlert(o); err != nil {
		return err
	}
	if block, ok, err := o.object("ios"); err != nil {
		return err
	} else if ok {
		if m.Content.IOS, err = decodeIOS(block); err != nil {
			return err
		}
	}
	if err := (shape{"alternate_alert": isTextOf(aurora.MaxIOSBlock), "ai_opportunity": isBoolean}).check(o); err != nil {
		return err
	}
	if err := decodeVoIP(o, m); err != nil {
		return err
	}
	return decodeOthers(o, m)
}

// decodeAlert reads an alert: a string, or an object for iOS.
func decodeAlert(o object) (json.RawMessage, error) {
	raw := o.raw("alert")
	if raw == nil || raw[0] == '"' || raw[0] == '{' {
		return raw, nil
	}
	return nil, aurora.Errorf(aurora.Invalid, "%s must be a string or an object.", o.name("alert"))
}

func decodeIOS(o object) (n *aurora.IOSNotification, err error) {
	n = &aurora.IOSNotification{}
	if n.Alert, err = decodeAlert(o); err != nil {
		return nil, err
	}
	if n.Sound, err = decodeSound(o); err != nil {
		return nil, err
	}
	if n.Badge, err = decodeBadge(o); err != nil {
		return nil, err
	}
	if n.ContentAvailable, _, err = o.boolean("content-available"); err != nil {
		return nil, err
	}
	if n.MutableContent, _, err = o.boolean("mutable-content"); err != nil {
		return nil, err
	}
	if n.Category, _, err = o.text("category"); err != nil {
		return nil, err
	}
	if n.ThreadID, _, err = o.text("thread-id"); err != nil {
		return nil, err
	}
	if n.InterruptionLevel, _, err = o.text("interruption-level"); err != nil {
		return nil, err
	}
	if n.InterruptionLevel != "" {
		if err := isWord(aurora.InterruptionLevels...)(o, "interruption-level"); err != nil {
			return nil, err
		}
	}
	n.Extras, err = decodeExtras(o)
	return n, err
}

// decodeExtras reads members of the app's own; null counts as absent.
func decodeExtras(o object) (extras map[string]json.RawMessage, err error) {
	members, _, err := o.object("extras")
	for key := range members.members {
		if raw := members.raw(key); raw != nil {
			if extras == nil {
				extras = map[string]json.RawMessage{}
			}
			extras[key] = raw
		}
	}
	return extras, err
}

// decodeSound reads a file name, or the object of a critical alert, whose
// members it brings into Apple's types.
func decodeSound(o object) (json.RawMessage, error) {
	raw := o.raw("sound")
	if raw == nil || raw[0] == '"' {
		return raw, nil
	}
	s, _, err := o.object("sound")
	if err != nil {
		return nil, aurora.Errorf(aurora.Invalid, "%s must be a string or an object with critical, name and volume.", o.name("sound"))
	}
	var sound struct {
		Critical int      `json:"critical,omitempty"`
		Name     string   `json:"name,omitempty"`
		Volume   *float64 `json:"volume,omitempty"`
	}
	critical, _, err := s.boolean("critical")
	if err != nil {
		return nil, err
	}
	if critical {
		sound.Critical = 1
	}
	if sound.Name, _, err = s.text("name"); err != nil {
		return nil, err
	}
	if raw := s.raw("volume"); raw != nil {
		if json.Unmarshal(raw, &sound.Volume) != nil || *sound.Volume < 0 || *sound.Volume > 1 {
			return nil, aurora.Errorf(aurora.Invalid, "%s must be a number from 0 to 1.", s.name("volume"))
		}
	}
	if sound.Critical == 0 && sound.Name == "" && sound.Volume == nil {
		return nil, nil // an empty object asks for nothing
	}
	return encode(sound), nil
}

// decodeBadge reads a number, or a string such as "5" or "+1".
func decodeBadge(o object) (*aurora.Badge, error) {
	raw := o.raw("badge")
	if raw == nil {
		return nil, nil
	}
	text := string(raw)
	if raw[0] == '"' {
		var err error
		if text, _, err = o.text("badge"); err != nil {
			return nil, err
		}
	} else if raw[0] == '-' {
		return nil, aurora.Errorf(aurora.Invalid, "%s must not be negative; to subtract write a string such as \"-1\".", o.name("badge"))
	}
	b, err := aurora.ParseBadge(text)
	return &b, err
}

// decodeOthers checks and keeps the blocks of platforms without a channel.
func decodeOthers(o object, m *aurora.Message) error {
	for _, p := range []aurora.Platform{aurora.Android, aurora.HMOS, aurora.QuickApp, aurora.WinPhone} {
		block, ok, err := o.object(string(p))
		if err != nil {
			return err
		}
		if !ok || !m.For(p) {
			continue
		}
		alert, _, err := block.text("alert")
		if err != nil {
			return err
		}
		if alert == "" && m.Content.Alert == nil && p != aurora.QuickApp {
			if p == aurora.HMOS && len(block.members) == 0 {
				return aurora.Errorf(aurora.Missing, "notification.hmos is empty and there is no shared notification.alert.")
			}
			return aurora.Errorf(aurora.Invalid, "notification.%s has no alert, and there is no shared notification.alert.", p)
		}
		if err := blocks[p].check(block); err != nil {
			return err
		}
		if m.Content.Others == nil {
			m.Content.Others = map[aurora.Platform]json.RawMessage{}
		}
		m.Content.Others[p] = o.raw(string(p))
	}
	return nil
}
