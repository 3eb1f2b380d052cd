package store

import (
	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/ledger"
)

// inAppPart returns the reports of a block that are about the in-app message.
// A device that does not say which of two deliveries it means, means the one
// that it was handed and has not acknowledged.
func (m marks) inAppPart(r ledger.Reported, part aurora.Part, parts int, block uint32) (ledger.Reported, error) {
	nothing := ledger.Reported{Received: roaring.New(), Opened: roaring.New()}
	switch {
	case parts == notificationOnly || part == aurora.NotificationPart:
		return nothing, nil
	case part == aurora.MessagePart || parts == inAppOnly:
		return r, nil
	}
	owed := roaring.New()
	for _, p := range aurora.Platforms {
		handed, err := m.load(block, aurora.InApp(p, aurora.Accepted))
		if err != nil {
			return nothing, err
		}
		received, err := m.load(block, aurora.InApp(p, aurora.Received))
		if err != nil {
			return nothing, err
		}
		owed.Or(roaring.AndNot(handed, received))
	}
	// Opened is about the notification: an in-app message has no banner to tap.
	return ledger.Reported{Received: roaring.AndNot(roaring.And(r.Received, owed), r.Opened), Opened: roaring.New()}, nil
}

// addInApp notes who acknowledged the in-app message, and ends their waiting.
func (m marks) addInApp(r ledger.Reported, block uint32, news *ledger.Reported) error {
	if r.Received.IsEmpty() {
		return nil
	}
	targeted := roaring.New()
	for _, p := range aurora.Platforms {
		mark := aurora.InApp(p, aurora.Targeted)
		meant, err := m.load(block, mark)
		if err != nil {
			return err
		}
		if !meant.Intersects(r.Received) {
			continue
		}
		targeted.Or(meant)
		if err := m.addReported(r, block, mark, aurora.InApp(p, aurora.Received), aurora.InApp(p, aurora.Opened), news); err != nil {
			return err
		}
	}
	return settleInbox(m.t, news.AppID, m.id, block, roaring.And(targeted, r.Received))
}
