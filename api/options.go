package api

import (
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
)

// recorded are the options that Aurora checks and records, and does not act on
// (spec/rest-api.md §7.11).
var recorded = shape{
	"third_party_channel": objectsIn, "classification": isOne(0, 1), "target_event": isTexts,
	"test_message": isBoolean, "receipt_id": isText, "active_push": isBoolean, "need_backup": isBoolean,
	"alternate_set": isBoolean, "geofence": isObject, "portal_extra": isTextOrObject, "notification_3rd_ver": isWord("v1", "v2"),
	"auto_truncation": isBoolean, "mkt_enable": isBoolean, "notification_switch_filter": isBoolean,
}

// decodeOptions reads options. The order is the one in which JPush's documents
// name them.
func decodeOptions(top object, m *aurora.Message) error {
	m.Options.Production = true // JPush's default when the caller says nothing
	o, ok, err := top.object("options")
	if err != nil || !ok {
		return err
	}
	if n, ok, err := o.integer("sendno"); err != nil {
		return err
	} else if ok {
		if n < 1 || n > aurora.MaxSendNo {
			return aurora.Errorf(aurora.Invalid, "options.sendno must be a whole number from 1 to %d.", aurora.MaxSendNo)
		}
		m.SendNo = n
	}
	if n, ok, err := o.integer("time_to_live"); err != nil {
		return err
	} else if ok {
		m.Options.TimeToLive = &n
	}
	if raw := o.raw("override_msg_id"); raw != nil && string(raw) != "0" {
		if m.Options.OverrideID, err = aurora.ParseMessageID(strings.Trim(string(raw), `"`)); err != nil {
			return err
		}
	}
	if b, ok, err := o.boolean("apns_production"); err != nil {
		return err
	} else if ok {
		m.Options.Production = b
	}
	if m.Options.CollapseID, _, err = o.text("apns_collapse_id"); err != nil {
		return err
	}
	if n, ok, err := o.integer("big_push_duration"); err != nil {
		return err
	} else if ok && n != 0 { // some clients send 0 for none
		if n < 1 || n > aurora.MaxPace {
			return aurora.Errorf(aurora.Invalid, "options.big_push_duration must be 1 to %d minutes.", aurora.MaxPace)
		}
		m.Options.Pace = int(n)
	}
	if err := recorded.check(o); err != nil {
		return err
	}
	for _, key := range o.keys() {
		if _, ok := recorded[key]; ok {
			keep(m, key, o.raw(key))
		}
	}
	return checkActivePush(o, m)
}

// checkActivePush refuses what JPush does not combine with pushing to active
// devices first.
func checkActivePush(o object, m *aurora.Message) error {
	active, _, _ := o.boolean("active_push")
	backup, _, _ := o.boolean("need_backup")
	if (active || backup) && (m.Content.InApp != nil || m.Options.Pace != 0) {
		return numbered{http.StatusBadRequest, 1035, "active_push and need_backup do not go with a message or with big_push_duration. Leave one of them out."}
	}
	return nil
}
