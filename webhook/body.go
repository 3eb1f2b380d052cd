package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// eventID is the webhook-id of a delivery and the id in the event stream: the
// same at every attempt and for every listener, so that whoever gets it twice
// can tell.
func eventID(seq int64, part, parts int) string {
	id := "evt_" + strconv.FormatInt(seq, 10)
	if parts > 1 {
		id += "_" + strconv.Itoa(part)
	}
	return id
}

// parseEventID reads what eventID writes; part is -1 if there is none.
func parseEventID(id string) (seq int64, part int, ok bool) {
	rest, found := strings.CutPrefix(id, "evt_")
	number, partText, hasPart := strings.Cut(rest, "_")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !found || err != nil || seq < 0 {
		return 0, 0, false
	}
	if !hasPart {
		return seq, -1, true
	}
	part, err = strconv.Atoi(partText)
	return seq, part, err == nil && part >= 0
}

// envelope is the body of every event (Standard Webhooks, "Payload structure").
type envelope struct {
	Type      aurora.EventKind `json:"type"`
	Timestamp string           `json:"timestamp"`
	Data      map[string]any   `json:"data"`
}

// body writes one part of an event.
func (s *Service) body(ctx context.Context, appKey string, e Event, part int) ([]byte, error) {
	data := map[string]any{"app_key": appKey}
	if e.Detail != "" {
		detail := map[string]any{}
		if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
			return nil, err
		}
		maps.Copy(data, detail)
	}
	if e.MessageID != 0 {
		data["msg_id"] = e.MessageID.String()
	}
	if e.Reason != "" {
		data["reason"], data["text"] = e.Reason, aurora.ExplainReason(e.Reason)
	}
	if e.Devices != nil {
		ids, err := s.c.Reader.RegistrationIDs(ctx, e.AppID, partOf(e.Devices, part))
		if err != nil {
			return nil, err
		}
		data["registration_ids"], data["part"], data["parts"] = append([]string{}, ids...), part+1, e.Parts()
	}
	if e.Kind == aurora.EventSettled {
		if err := s.addOutcome(ctx, data, e.MessageID); err != nil {
			return nil, err
		}
	}
	return json.Marshal(envelope{e.Kind, e.At.UTC().Format(time.RFC3339Nano), data})
}

// partOf returns the devices of one delivery.
func partOf(devices *roaring.Bitmap, part int) *roaring.Bitmap {
	chosen := roaring.New()
	first := uint32(part * MaxDevices)
	if uint64(first) >= devices.GetCardinality() {
		return chosen
	}
	from, err := devices.Select(first)
	if err != nil { // it has more members than that
		return chosen
	}
	it := devices.Iterator()
	it.AdvanceIfNeeded(from)
	for range MaxDevices {
		if !it.HasNext() {
			break
		}
		chosen.Add(it.Next())
	}
	return chosen
}

// addOutcome says how a settled message ended: these numbers move no more.
func (s *Service) addOutcome(ctx context.Context, data map[string]any, id aurora.MessageID) error {
	m, marks, err := s.c.Reader.MessageOutcome(ctx, id)
	if errors.Is(err, ErrNone) { // removed since
		return nil
	}
	if err != nil {
		return err
	}
	failed, by := uint64(0), map[string]uint64{}
	for mark, n := range marks {
		if reason, ok := mark.FailedReason(); ok {
			failed += n
			by[reason] = n
		}
	}
	data["targeted"], data["accepted"], data["failed"], data["failed_by"] = marks[aurora.Targeted], marks[aurora.Accepted], failed, by
	data["stopped"] = !m.StoppedAt.IsZero()
	return nil
}

// WebhookID is the delivery's webhook-id header.
func (d *Delivery) WebhookID() string { return eventID(d.Event.Seq, d.Part, d.Event.Parts()) }
