package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

type approvalsPage struct {
	Limit   uint64
	Waiting []approvalView
	MaySet  bool
	Problem string
}

// approvalView is a push that waits, with what templates need to say about it.
type approvalView struct {
	dispatch.Approval
	Words    words
	Audience string
	Mine     bool // who looks wrote it
}

// Environment names the APNs environment that the push is for.
func (v approvalView) Environment() aurora.Environment { return v.Push.Message.Environment() }

// Later reports whether it is to be sent at a time.
func (v approvalView) Later() bool { return v.Trigger.Kind != "" }

func (c *console) approvals(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showApprovals(w, r, v, http.StatusOK, "")
}

func (c *console) showApprovals(w http.ResponseWriter, r *http.Request, v visit, status int, problem string) (err error) {
	page := approvalsPage{Problem: problem, MaySet: v.who.Role.May(aurora.TeamRight)}
	if page.Limit, err = c.Approvals.Limit(r.Context(), v.app.ID); err != nil {
		return err
	}
	list, err := c.Approvals.Pending(r.Context(), v.app.ID)
	if err != nil {
		return err
	}
	for _, a := range list {
		page.Waiting = append(page.Waiting, approvalView{a, wordsOf(a.Push.Message.Content), whom(a.Push.Audience.String()), a.AskedBy == v.who.Email})
	}
	return c.page(w, r, v, status, "approvals", "Approval", page)
}

func (c *console) setApprovalLimit(w http.ResponseWriter, r *http.Request, v visit) error {
	limit, err := strconv.ParseUint(strings.TrimSpace(r.PostForm.Get("limit")), 10, 64)
	if err != nil {
		err = aurora.Errorf(aurora.Invalid, "The size is a whole number of devices; 0 means that nobody has to approve.")
	} else {
		err = c.Approvals.SetLimit(r.Context(), v.app, limit)
	}
	if err != nil {
		if aurora.KindOf(err) == aurora.Internal {
			return err
		}
		return c.showApprovals(w, r, v, statusOf(err), c.sentence(r, err))
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/approvals", "Saved.")
}

// decide approves or withdraws a push that waits.
func (c *console) decide(w http.ResponseWriter, r *http.Request, v visit) error {
	base, id := "/apps/"+v.app.Key, r.PathValue("id")
	var done dispatch.Submitted
	var err error
	switch r.PostForm.Get("action") {
	case "approve":
		done, err = c.Approvals.Approve(r.Context(), v.app, id)
	case "withdraw":
		err = c.Approvals.Withdraw(r.Context(), v.app, id)
	default:
		err = aurora.Errorf(aurora.Invalid, "Choose whether to approve or to withdraw the push.")
	}
	switch {
	case err != nil && aurora.KindOf(err) != aurora.Internal:
		return c.showApprovals(w, r, v, statusOf(err), c.sentence(r, err))
	case err != nil:
		return err
	case r.PostForm.Get("action") == "withdraw":
		return c.done(w, r, base+"/approvals", "The push was withdrawn.")
	case done.MessageID == 0:
		return c.done(w, r, base+"/schedules", "The push is scheduled.")
	}
	return c.done(w, r, base+"/messages/"+done.MessageID.String(), "The push was accepted.")
}
