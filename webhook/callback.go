package webhook

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aurora-push/aurora"
)

// callbackEvent is one device in the body of a callback. JPush's own form is
// not published with its client libraries; this one uses its words.
type callbackEvent struct {
	Type           aurora.CallbackType `json:"type"`
	MessageID      string              `json:"msg_id"`
	RegistrationID string              `json:"registration_id"`
	Time           int64               `json:"itime"` // milliseconds since 1970
	Reason         string              `json:"reason,omitempty"`
	Params         json.RawMessage     `json:"params,omitempty"`
}

// callbackBody writes one part of an event for the callback of its push: an
// array with an object for each device.
func (s *Service) callbackBody(ctx context.Context, e Event, part int) ([]byte, error) {
	m, _, err := s.c.Reader.MessageOutcome(ctx, e.MessageID)
	if err != nil && !errors.Is(err, ErrNone) {
		return nil, err
	}
	var params json.RawMessage
	if c := m.Options.Callback; c != nil {
		params = c.Params
	}
	list := []callbackEvent{}
	if e.Devices != nil {
		ids, err := s.c.Reader.RegistrationIDs(ctx, e.AppID, partOf(e.Devices, part))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			list = append(list, callbackEvent{aurora.CallbackType(0).Of(e.Kind), e.MessageID.String(), id, e.At.UnixMilli(), e.Reason, params})
		}
	}
	return json.Marshal(list)
}

// recipients says which endpoints an event goes to.
func (s *Service) recipients(p Pending) (to []Endpoint, keep bool) {
	for _, e := range p.Endpoints {
		if !e.Callback && e.Kinds.Has(p.Event.Kind) {
			to = append(to, e)
		}
	}
	if c := p.Callback; c != nil && c.Type&c.Type.Of(p.Event.Kind) != 0 {
		if e, ok := s.callbackEndpoint(p, c); ok {
			to = append(to, e)
		}
	}
	return to, p.Streamed
}

// callbackEndpoint returns the endpoint of a push's callback: the one of its
// URL, to be made if need be, or the URL of the app's oldest webhook.
func (s *Service) callbackEndpoint(p Pending, c *aurora.Callback) (Endpoint, bool) {
	target := c.URL
	for _, e := range p.Endpoints {
		if target == "" && !e.Callback {
			target = e.URL
		}
	}
	if target == "" {
		return Endpoint{}, false
	}
	for _, e := range p.Endpoints {
		if e.Callback && e.URL == target {
			return e, true
		}
	}
	return Endpoint{ID: newID(), AppID: p.Event.AppID, Callback: true, URL: target}, true
}
