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

// call returns the body, indented.
func (d draft) call(p push) string {
	body := restPush{Platform: p.Message.Platforms, Audience: p.rest, Notification: restNotification{p.Message.Content.IOS}, Options: p.Message.Options}
	if d.Audience == "all" {
		body.Audience = "all"
	}
	var b bytes.Buffer
	if json.Indent(&b, compact(body), "", "  ") != nil {
		return ""
	}
	return b.String()
}

// curl returns a command for a shell. The secret is a variable in it, so that
// copying the line into a note or a ticket gives nothing away.
func curl(base, appKey, body string) string {
	// Inside single quotes a shell changes nothing; a quote itself occurs in
	// JSON strings only, where it may be written as an escape.
	body = strings.ReplaceAll(body, "'", `\u0027`)
	base = strings.ReplaceAll(base, "'", "")
	return "curl '" + base + "/v3/push' \\\n" +
		"  -u \"" + appKey + ":$AURORA_MASTER_SECRET\" \\\n" +
		"  -H 'Content-Type: application/json' \\\n" +
		"  -d '" + body + "'"
}
