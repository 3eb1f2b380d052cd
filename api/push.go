package api

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// pushAnswer is exactly what JPush answers: strict clients refuse more
// (spec/rest-api.md §7.1.2).
type pushAnswer struct {
	SendNo    string `json:"sendno"`
	MessageID string `json:"msg_id"`
}

// push is POST /v3/push. It answers once the message is durable.
func (s *server) push(r *http.Request, app aurora.App) (any, error) {
	request, err := pushRequest(r, app)
	if err != nil {
		return nil, err
	}
	receipt, err := s.Dispatcher.Accept(r.Context(), app, request)
	return answerOf(receipt), err
}

// validate is POST /v3/push/validate: every check of a push, and nothing sent.
// Only a caller who asks gets more than JPush answers.
func (s *server) validate(r *http.Request, app aurora.App) (any, error) {
	count, err := wantsCount(r)
	if err != nil {
		return nil, err
	}
	request, err := pushRequest(r, app)
	if err != nil {
		return nil, err
	}
	receipt, err := s.Dispatcher.Validate(r.Context(), app, request)
	if err != nil || !count {
		return answerOf(receipt), err
	}
	reach, err := s.Dispatcher.Count(r.Context(), app, request)
	return validateAnswer{answerOf(receipt), reachOf(reach, request.Message.Content.InApp != nil)}, err
}

func answerOf(r dispatch.Receipt) pushAnswer {
	return pushAnswer{strconv.FormatInt(r.SendNo, 10), r.MessageID.String()}
}

func pushRequest(r *http.Request, app aurora.App) (dispatch.Request, error) {
	top, err := pushBody(r)
	if err != nil {
		return dispatch.Request{}, err
	}
	request, err := decodePushObject(top)
	if err != nil {
		return request, err
	}
	return request, checkCID(app, request.CID)
}

// pushBody reads the body of a push that was not encrypted for JPush.
func pushBody(r *http.Request) (object, error) {
	if r.Header.Get("X-Encrypt-Type") != "" {
		return object{}, aurora.Errorf(aurora.Invalid, "Bodies encrypted by X-Encrypt-Type are made for JPush's own key and cannot be read here. Switch the encryption off in the client.")
	}
	body, err := readBody(r, MaxBody)
	if err != nil {
		return object{}, err
	}
	return parseBody(body)
}

// checkCID refuses a cid that cannot be the app's; "" is none.
func checkCID(app aurora.App, cid string) error {
	key, uuid, ok := strings.Cut(cid, "-")
	if cid == "" || ok && key == app.Key && uuidForm(uuid) {
		return nil
	}
	return aurora.Errorf(aurora.Invalid, "cid is not one of this app's. Get one from GET /v3/push/cid, or write the AppKey, a hyphen and a UUID.")
}

// uuidForm reports whether s has the length and the characters of a UUID.
func uuidForm(s string) bool {
	return len(s) == 36 && strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}

// withdraw is DELETE /v3/push/{id}: what was not sent yet is not sent. What a
// phone already shows stays there: APNs has no way to take it back.
func (s *server) withdraw(r *http.Request, app aurora.App) (any, error) {
	id, err := aurora.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if _, err := s.Reports.Report(r.Context(), app.ID, id); err != nil {
		return nil, err
	}
	return empty{}, s.Dispatcher.Stop(r.Context(), app.ID, id)
}

// cids is GET /v3/push/cid: ids that make a repeated push harmless.
func (s *server) cids(r *http.Request, app aurora.App) (any, error) {
	count := 1
	if q := r.URL.Query().Get("count"); q != "" {
		var err error
		if count, err = strconv.Atoi(q); err != nil || count < 1 || count > 1000 {
			return nil, aurora.Errorf(aurora.Invalid, "count must be 1 to 1000.")
		}
	}
	if kind := r.URL.Query().Get("type"); kind != "" && kind != "push" && kind != "schedule" {
		return nil, aurora.Errorf(aurora.Invalid, "type must be push or schedule.")
	}
	list := make([]string, count)
	for i := range list {
		list[i] = app.Key + "-" + newUUID()
	}
	return struct {
		List []string `json:"cidlist"`
	}{list}, nil
}

// newUUID returns a random UUID (RFC 9562 §5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
