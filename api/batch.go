package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/aurora-push/aurora"
)

// batchByRegistration is POST /v3/push/batch/regid/single: many pushes, each to
// one registration id.
func (s *server) batchByRegistration(r *http.Request, app aurora.App) (any, error) {
	return s.batch(r, app, "registration_id")
}

// batchByAlias is POST /v3/push/batch/alias/single: many pushes, each to one alias.
func (s *server) batchByAlias(r *http.Request, app aurora.App) (any, error) {
	return s.batch(r, app, "alias")
}

const (
	maxBatch     = 1000    // pushes in one call
	maxBatchBody = 8 << 20 // bytes
	batchWorkers = 64      // pushes accepted at the same moment, so that they share commits
)

// batchItem is a push's place in the answer: a message id or a refusal.
type batchItem struct {
	MessageID string   `json:"msg_id,omitempty"`
	Error     *refusal `json:"error,omitempty"`
}

// batch accepts {"pushlist":{cid:{"target":…,…}}}. One push's refusal does not
// touch the others.
func (s *server) batch(r *http.Request, app aurora.App, selector string) (any, error) {
	body, err := readBody(r, maxBatchBody)
	if err != nil {
		return nil, err
	}
	top, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	list, ok, err := top.object("pushlist")
	if err != nil {
		return nil, err
	}
	if !ok || len(list.members) == 0 {
		return nil, aurora.Errorf(aurora.Missing, "pushlist is missing: an object of cid to push.")
	}
	if len(list.members) > maxBatch {
		return nil, aurora.Errorf(aurora.Invalid, "pushlist has %d pushes; at most %d are allowed.", len(list.members), maxBatch)
	}
	return s.acceptBatch(r, app, list, selector), nil
}

func (s *server) acceptBatch(r *http.Request, app aurora.App, list object, selector string) map[string]batchItem {
	answer := make(map[string]batchItem, len(list.members))
	var mu sync.Mutex
	var wg sync.WaitGroup
	free := make(chan struct{}, batchWorkers)
	for cid := range list.members {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			item := s.batchOne(r, app, list, cid, selector)
			mu.Lock()
			defer mu.Unlock()
			answer[cid] = item
		})
	}
	wg.Wait()
	return answer
}

func (s *server) batchOne(r *http.Request, app aurora.App, list object, cid, selector string) batchItem {
	id, err := s.acceptOne(r.Context(), app, list, cid, selector)
	if err == nil {
		return batchItem{MessageID: id.String()}
	}
	n, text := s.numberOf(r, pushFamily, err)
	return batchItem{Error: &refusal{Code: n.code, Message: text, Doc: s.docOf(n.code)}}
}

func (s *server) acceptOne(ctx context.Context, app aurora.App, list object, cid, selector string) (aurora.MessageID, error) {
	if err := checkCID(app, cid); err != nil {
		return 0, err
	}
	item, _, err := list.object(cid)
	if err != nil {
		return 0, err
	}
	item.path = ""
	target, ok, err := item.text("target")
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, aurora.Errorf(aurora.Missing, "target is missing: one %s.", selector)
	}
	audience, err := json.Marshal(map[string][]string{selector: {target}})
	if err != nil {
		return 0, err
	}
	item.members["audience"] = audience // whatever the item said: its target is its audience
	if item.raw("platform") == nil {
		item.members["platform"] = json.RawMessage(`"all"`) // some clients leave it out
	}
	request, err := decodePushObject(item)
	if err != nil {
		return 0, err
	}
	request.CID = cid
	receipt, err := s.Dispatcher.Accept(ctx, app, request)
	return receipt.MessageID, err
}
