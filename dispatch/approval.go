package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/aurora-push/aurora"
)

// Limits of approvals.
const (
	maxApprovals = 100                // that wait in one app
	approvalLife = 7 * 24 * time.Hour // after it nobody remembers what was meant
	freeTests    = 10                 // test devices that nobody has to approve, however low the limit is
)

// Approval is a push that one person wrote and another has to approve.
type Approval struct {
	// Schedule is what is sent, and when. Its trigger has no kind if it is to be
	// sent at once.
	Schedule
	AskedBy  string // a person's email
	Targeted uint64 // devices that the audience selected then
}

// ApprovalStore keeps the pushes that wait, and from which size on they do.
type ApprovalStore interface {
	// ApprovalLimit returns 0 for an app whose pushes nobody has to approve.
	ApprovalLimit(ctx context.Context, appID int64) (uint64, error)
	PutApprovalLimit(ctx context.Context, appID int64, limit uint64) error
	// PutApproval stores one, unless it is there already: then it is not fresh.
	// With max of the app that are younger than the time it is aurora.Full.
	PutApproval(ctx context.Context, a Approval, since time.Time, max int) (fresh bool, err error)
	// Approvals returns those younger than the time, oldest first.
	Approvals(ctx context.Context, appID int64, since time.Time) ([]Approval, error)
	// DropApproval returns aurora.NotFound unless it is the app's.
	DropApproval(ctx context.Context, appID int64, id string) error
}

// Approvals let a second person look at pushes to many before they are sent.
// They bind people, who work in the console; servers prove themselves by the
// Master Secret or an API key and are not asked.
type Approvals struct {
	service   *Service
	schedules *Schedules
	store     ApprovalStore
	record    func(context.Context, aurora.AuditEntry)
	now       func() time.Time
}

// NewApprovals returns the service. Record writes a line of the audit log.
func NewApprovals(service *Service, schedules *Schedules, store ApprovalStore, record func(context.Context, aurora.AuditEntry)) *Approvals {
	return &Approvals{service, schedules, store, record, time.Now}
}

// Submitted says what became of a push that a person wrote: it was accepted,
// is scheduled, or waits.
type Submitted struct {
	MessageID aurora.MessageID // if it was accepted
	Waiting   bool             // for a second person
}

// Limit returns how many devices a person's push may select without being
// approved; 0 is any number.
func (s *Approvals) Limit(ctx context.Context, appID int64) (uint64, error) {
	return s.store.ApprovalLimit(ctx, appID)
}

// SetLimit changes it. Only who decides about the team may.
func (s *Approvals) SetLimit(ctx context.Context, app aurora.App, limit uint64) error {
	if err := aurora.Require(ctx, aurora.TeamRight); err != nil {
		return err
	}
	if limit > 1<<32 {
		return aurora.Errorf(aurora.Invalid, "The size is a whole number of devices up to %d; 0 means that nobody has to approve.", 1<<32)
	}
	before, err := s.store.ApprovalLimit(ctx, app.ID)
	if err != nil {
		return err
	}
	if err := s.store.PutApprovalLimit(ctx, app.ID, limit); err != nil {
		return err
	}
	s.note(ctx, app, "approval.limit", app.Key, fmt.Sprintf("from %d to %d devices", before, limit))
	return nil
}

// note writes a line of the audit log.
func (s *Approvals) note(ctx context.Context, app aurora.App, action, subject, detail string) {
	s.record(ctx, aurora.AuditEntry{AccountID: app.AccountID, AppID: app.ID, Action: action, Subject: subject, Detail: detail})
}

// Submit sends a push, keeps it for its time, or lets it wait for a second
// person if it selects more devices than the limit. A repeat with the same CID
// has the same effect once. What is kept for its time, once or again and again,
// stays bound to the limit: if it selects more when it is due it is not sent.
func (s *Approvals) Submit(ctx context.Context, app aurora.App, n Schedule, cid string) (Submitted, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Submitted{}, err
	}
	limit, err := s.store.ApprovalLimit(ctx, app.ID)
	if err != nil {
		return Submitted{}, err
	}
	actor := aurora.ActorOf(ctx)
	if limit == 0 || actor.Kind != aurora.PersonActor {
		return s.send(ctx, app, n, cid)
	}
	reach, err := s.service.Count(ctx, app, n.Push)
	if err != nil {
		return Submitted{}, err
	}
	if max(reach.Targeted, reach.InApp) <= limit {
		n.Push.MaxDevices = limit
		return s.send(ctx, app, n, cid)
	}
	n.AppID, n.CreatedAt = app.ID, s.now()
	a := Approval{Schedule: n, AskedBy: actor.Name, Targeted: reach.Targeted}
	fresh, err := s.store.PutApproval(ctx, a, s.now().Add(-approvalLife), maxApprovals)
	if fresh && err == nil {
		s.note(ctx, app, "approval.asked", n.ID, fmt.Sprintf("for %d devices", reach.Targeted))
	}
	return Submitted{Waiting: true}, err
}

// Try sends a push to the app's test devices, at once. Where pushes need
// approval a person tries them on as many as need none, or on ten: test devices
// are no way around it.
func (s *Approvals) Try(ctx context.Context, app aurora.App, r Request) (Receipt, error) {
	r.TestOnly = true
	limit, err := s.store.ApprovalLimit(ctx, app.ID)
	if err != nil {
		return Receipt{}, err
	}
	if limit > 0 && aurora.ActorOf(ctx).Kind == aurora.PersonActor {
		r.MaxDevices = max(limit, freeTests)
		tests, err := s.service.c.Registry.TestDevices(ctx, app.ID)
		if err != nil {
			return Receipt{}, err
		}
		if uint64(len(tests)) > r.MaxDevices {
			return Receipt{}, aurora.Errorf(aurora.Forbidden, "The app has %d test devices, and a push to more than %d needs the approval of a second person. Remove some of them, or send it to the devices you choose.", len(tests), r.MaxDevices)
		}
	}
	return s.service.Accept(ctx, app, r)
}

func (s *Approvals) send(ctx context.Context, app aurora.App, n Schedule, cid string) (Submitted, error) {
	if n.Trigger.Kind != "" {
		_, err := s.schedules.Create(ctx, app, n, cid)
		return Submitted{}, err
	}
	n.Push.CID = cid
	receipt, err := s.service.Accept(ctx, app, n.Push)
	return Submitted{MessageID: receipt.MessageID}, err
}

// Pending returns what waits, oldest first. A week old it is forgotten.
func (s *Approvals) Pending(ctx context.Context, appID int64) ([]Approval, error) {
	return s.store.Approvals(ctx, appID, s.now().Add(-approvalLife))
}

// Approve sends what another person wrote, or keeps it for its time. Approved
// twice at once, or again after a crash, it is sent once.
func (s *Approvals) Approve(ctx context.Context, app aurora.App, id string) (Submitted, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return Submitted{}, err
	}
	a, err := s.find(ctx, app.ID, id)
	if err != nil {
		return Submitted{}, err
	}
	if aurora.ActorOf(ctx).Name == a.AskedBy {
		return Submitted{}, aurora.Errorf(aurora.Forbidden, "You wrote this push yourself. Somebody else who may send has to approve it.")
	}
	// The id is also the CID: only then is it safe to send first and forget after.
	done, err := s.send(ctx, app, a.Schedule, app.Key+"-"+id)
	if err != nil {
		return done, err
	}
	err = s.store.DropApproval(ctx, app.ID, id)
	if aurora.KindOf(err) == aurora.NotFound && err != nil { // a second click was quicker, and wrote the line
		return done, nil
	}
	if err == nil {
		s.note(ctx, app, "approval.given", id, "asked by "+a.AskedBy)
	}
	return done, err
}

// Withdraw forgets a push that waits; its writer may, and whoever could
// approve it.
func (s *Approvals) Withdraw(ctx context.Context, app aurora.App, id string) error {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return err
	}
	if err := s.store.DropApproval(ctx, app.ID, id); err != nil {
		return err
	}
	s.note(ctx, app, "approval.withdrawn", id, "")
	return nil
}

func (s *Approvals) find(ctx context.Context, appID int64, id string) (Approval, error) {
	list, err := s.Pending(ctx, appID)
	if err != nil {
		return Approval{}, err
	}
	for _, a := range list {
		if a.ID == id && a.Damaged == nil {
			return a, nil
		}
	}
	return Approval{}, aurora.Errorf(aurora.NotFound, "This push does not wait any more: it was sent, withdrawn, or forgotten after a week.")
}
