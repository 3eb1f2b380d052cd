package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
)

// inAppMessage is a message as an app gets it (spec/ios-sdk.md §6).
type inAppMessage struct {
	MessageID   string                     `json:"msg_id"`
	Content     string                     `json:"content"`
	Title       string                     `json:"title"`
	ContentType string                     `json:"content_type"`
	Extras      map[string]json.RawMessage `json:"extras"`
}

// maxInboxWait is how many seconds a device may wait for a message.
const maxInboxWait = 60

// inbox is GET /v1/devices/{id}/messages?wait=SECONDS: the in-app messages that
// wait for the device, oldest first. Each comes again until the device
// acknowledges it by a receipt.
func (s *server) inbox(r *http.Request) (any, error) {
	d, err := s.caller(r)
	if err != nil {
		return nil, err
	}
	wait := 0
	if q := r.URL.Query().Get("wait"); q != "" {
		if wait, err = strconv.Atoi(q); err != nil || wait < 0 || wait > maxInboxWait {
			return nil, aurora.Errorf(aurora.Invalid, "wait must be 0 to %d seconds.", maxInboxWait)
		}
	}
	if wait > 0 {
		defer noteWait(r.Context(), time.Now())
	}
	waiting, err := s.Inbox.Fetch(r.Context(), d, time.Duration(wait)*time.Second)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Messages []inAppMessage `json:"messages"`
	}{make([]inAppMessage, len(waiting))}
	for i, m := range waiting {
		c := m.Content.InApp
		answer.Messages[i] = inAppMessage{m.ID.String(), c.Content, c.Title, c.ContentType, c.Extras}
		if c.Extras == nil {
			answer.Messages[i].Extras = map[string]json.RawMessage{}
		}
	}
	return answer, nil
}

// decodeInApp reads message. A msg_content that is an object goes to the app
// as its JSON text.
func decodeInApp(top object) (*aurora.InAppMessage, error) {
	o, ok, err := top.object("message")
	if err != nil || !ok {
		return nil, err
	}
	m := &aurora.InAppMessage{}
	if raw := o.raw("msg_content"); raw == nil {
		return nil, aurora.Errorf(aurora.Missing, "message.msg_content is missing.")
	} else if raw[0] == '{' {
		m.Content = string(raw)
	} else if m.Content, _, err = o.text("msg_content"); err != nil {
		return nil, err
	}
	if m.Title, _, err = o.text("title"); err != nil {
		return nil, err
	}
	if m.ContentType, _, err = o.text("content_type"); err != nil {
		return nil, err
	}
	if m.Extras, err = decodeExtras(o); err != nil {
		return nil, err
	}
	return m, shape{"test_message": isBoolean, "alternate_title": isTextOf(aurora.MaxInApp), "alternate_content": isTextOf(aurora.MaxInApp)}.check(o)
}
