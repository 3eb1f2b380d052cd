package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
)

// GroupPushes stores which messages a push to a group became.
type GroupPushes interface {
	// BeginGroupPush notes a push to a group and returns its id, or that of the
	// push that used the CID within a day.
	BeginGroupPush(ctx context.Context, groupID int64, id aurora.MessageID, cid string) (aurora.MessageID, error)
	// GroupMessages returns what a push to the group became, by app; nothing for
	// another group's.
	GroupMessages(ctx context.Context, groupID int64, id aurora.MessageID) ([]GroupMessage, error)
}

// GroupMessage is the message that a push to a group became in one app.
type GroupMessage struct {
	AppID     int64
	MessageID aurora.MessageID
}

// GroupReceipt is the answer of one app to a push to its group: a receipt or a
// refusal.
type GroupReceipt struct {
	AppKey  string
	Receipt Receipt
	Err     error
}

// groupWorkers is for how many apps of a group a push is accepted at the same
// moment, so that they share commits.
const groupWorkers = 16

// AcceptGroup accepts a push for each app of a group. One app's refusal does
// not touch the others. The same CID again gives the same answers, and reaches
// the apps that were not asked before a crash.
func (s *Service) AcceptGroup(ctx context.Context, groupID int64, apps []aurora.App, r Request) (aurora.MessageID, []GroupReceipt, error) {
	if err := aurora.Require(ctx, aurora.SendRight); err != nil {
		return 0, nil, err
	}
	if len(apps) == 0 {
		return 0, nil, aurora.Errorf(aurora.NoTarget, "The group has no app. Put one in with `aurora group add`.")
	}
	if err := r.Message.Validate(); err != nil { // wrong for every app: nothing is noted of it
		return 0, nil, err
	}
	id, err := s.c.Groups.BeginGroupPush(ctx, groupID, s.ids.next(time.Now()), r.CID)
	if err != nil {
		return 0, nil, err
	}
	receipts := make([]GroupReceipt, len(apps))
	var all sync.WaitGroup
	free := make(chan struct{}, groupWorkers)
	for i, app := range apps {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			own := r
			own.group = id
			receipts[i].AppKey = app.Key
			receipts[i].Receipt, receipts[i].Err = s.Accept(ctx, app, own)
		})
	}
	all.Wait()
	return id, receipts, nil
}

// GroupMessages returns what a push to the group became, by app;
// aurora.NotFound if it became nothing, or is another group's.
func (s *Service) GroupMessages(ctx context.Context, groupID int64, id aurora.MessageID) ([]GroupMessage, error) {
	list, err := s.c.Groups.GroupMessages(ctx, groupID, id)
	if err == nil && len(list) == 0 {
		return nil, aurora.Errorf(aurora.NotFound, "The group has no push %s.", id)
	}
	return list, err
}
