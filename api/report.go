package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

// receivedItem is one message's numbers in JPush's words; null means not
// applicable or none (spec/rest-api.md §11.2).
type receivedItem struct {
	MessageID       string  `json:"msg_id"`
	AndroidReceived *uint64 `json:"android_received"`
	APNsSent        *uint64 `json:"ios_apns_sent"`
	APNsReceived    *uint64 `json:"ios_apns_received"`
	MessageReceived *uint64 `json:"ios_msg_received"`
	MPNSSent        *uint64 `json:"wp_mpns_sent"`
}

// received is GET /v3/received: an array with one item for each id, in the
// order asked; an id that is not the app's has an item without numbers.
func (s *server) received(r *http.Request, app aurora.App) (any, error) {
	ids, err := messageIDs(r.URL.Query().Get("msg_ids"))
	if err != nil {
		return nil, err
	}
	items := make([]receivedItem, len(ids))
	for i, id := range ids {
		items[i].MessageID = id.String()
		report, err := s.Reports.Report(r.Context(), app.ID, id)
		if aurora.KindOf(err) == aurora.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		items[i].fill(report)
	}
	return items, nil
}

func (i *receivedItem) fill(r ledger.Report) {
	if a := r.InApp; a != nil {
		i.MessageReceived = countOf(a.Received, aurora.IOS)
		i.AndroidReceived = countOf(a.Received, aurora.Android)
	}
	if !notifies(r) {
		return
	}
	i.APNsSent = &r.Accepted
	if r.Received > 0 { // without the service extension nobody counts: null, not 0
		i.APNsReceived = &r.Received
	}
}

// countOf returns a platform's number, or nil if the message had no device there.
func countOf(by map[aurora.Platform]uint64, p aurora.Platform) *uint64 {
	if n, ok := by[p]; ok {
		return &n
	}
	return nil
}

// messageIDs reads a comma list; spaces and empty items are tolerated.
func messageIDs(list string) ([]aurora.MessageID, error) {
	var ids []aurora.MessageID
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		id, err := reportedID(item)
		if err != nil {
			return nil, err
		}
		if ids = append(ids, id); len(ids) > 100 {
			return nil, aurora.Errorf(aurora.Invalid, "msg_ids has more than 100 ids.")
		}
	}
	if len(ids) == 0 {
		return nil, aurora.Errorf(aurora.Missing, "msg_ids is missing: a comma-separated list of 1 to 100 message ids.")
	}
	return ids, nil
}

// reportedID reads an id that a report is asked for. JPush's own ids go beyond
// those that Aurora gives; whoever has moved still asks for them, and they are
// unknown here, not malformed (spec/rest-api.md §11.1).
func reportedID(s string) (aurora.MessageID, error) {
	if n, err := strconv.ParseUint(s, 10, 63); err == nil && n > 0 {
		return aurora.MessageID(n), nil
	}
	return aurora.ParseMessageID(s)
}
