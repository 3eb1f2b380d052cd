package console

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/aurora-push/aurora"
)

// restPush is the body of POST /v3/push that does the same as a push sent
// from the console.
type restPush struct {
	Platform     []aurora.Platform `json:"platform"`
	Audience     any               `json:"audience"`
	Notification restNotification  `json:"notification"`
	Options      aurora.Options    `json:"options"`
}

type restNotification struct {
	IOS *aurora.IOSNotification `json:"ios"`
}

func restOf(p push) restPush {
	return restPush{Platform: p.Message.Platforms, Audience: p.rest, Notification: restNotification{p.Message.Content.IOS}, Options: p.Message.Options}
}

// call returns the path and the body of the call that does the same.
func (p push) call() (path, body string) {
	if p.At.IsZero() {
		return "/v3/push", indent(restOf(p))
	}
	return "/v3/schedules", indent(restSchedule{Name: p.scheduleName(), Enabled: true, Trigger: triggerAt(p.At), Push: restOf(p)})
}

// indent writes JSON for people, with the same bytes in its strings.
func indent(v any) string {
	var b bytes.Buffer
	if json.Indent(&b, compact(v), "", "  ") != nil {
		return ""
	}
	return b.String()
}

// curl returns a command for a shell. The secret is a variable in it, so that
// copying the line into a note or a ticket gives nothing away.
func curl(base, path, appKey, body string) string {
	// Inside single quotes a shell changes nothing; a quote itself occurs in
	// JSON strings only, where it may be written as an escape.
	body = strings.ReplaceAll(body, "'", `\u0027`)
	base = strings.ReplaceAll(base, "'", "")
	return "curl '" + base + path + "' \\\n" +
		"  -u \"" + appKey + ":$AURORA_MASTER_SECRET\" \\\n" +
		"  -H 'Content-Type: application/json' \\\n" +
		"  -d '" + body + "'"
}
