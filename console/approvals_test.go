package console

import (
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

func TestApproval(t *testing.T) {
	w := newWorld(plain)
	w.waiting, w.limit = nil, 2
	v := newVisitor(t, w, ownerSession)
	fields := []string{"title=Big", "body=x", "audience=all", "environment=development", "life_unit=hours", "nonce=n"}
	contains(t, v.post(full+"/send/confirm", fields...).Body.String(), "needs the word of a second person", "Ask for approval")
	rec := v.post(full+"/send", fields...)
	if rec.Header().Get("Location") != full+"/approvals" || len(w.sent) != 0 || len(w.waiting) != 1 {
		t.Fatalf("led to %q, %d sent, %d wait", rec.Header().Get("Location"), len(w.sent), len(w.waiting))
	}
	body := v.follow(rec).Body.String()
	contains(t, body, "waits for the word of a second person", "Big", "3 devices", "You wrote it")
	if strings.Contains(body, `value="approve"`) {
		t.Error("who wrote it may approve it")
	}
	w.waiting[0].AskedBy = "eve@example.com"
	contains(t, v.get(full+"/approvals").Body.String(), "Approve and send")
	w.refuse = aurora.Errorf(aurora.Forbidden, "You wrote this push yourself. Somebody else who may send has to approve it.")
	if rec := v.post(full+"/approvals/"+w.waiting[0].ID, "action=approve"); rec.Code != 403 || !strings.Contains(rec.Body.String(), "Somebody else who may send") {
		t.Errorf("refused: status %d", rec.Code)
	}
	if rec := v.post(full+"/approvals/"+w.waiting[0].ID, "action=approve"); rec.Header().Get("Location") != full+"/messages/"+messageID.String() {
		t.Errorf("approved, led to %q", rec.Header().Get("Location"))
	}
	if rec := v.post(full+"/approvals/"+approvalID, "action=withdraw"); rec.Code != 404 {
		t.Errorf("unknown: status %d", rec.Code)
	}
	v.post(full+"/approvals", "limit= 500 ")
	if w.limit != 500 {
		t.Errorf("limit %d", w.limit)
	}
	if rec := v.post(full+"/approvals", "limit=many"); rec.Code != 422 || w.limit != 500 {
		t.Errorf("a wrong size: status %d, limit %d", rec.Code, w.limit)
	}
}
