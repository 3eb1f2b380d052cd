// Package ledger knows what happened: which devices a message was for, what
// the vendor said, what the devices report, and how far along it all is.
package ledger

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// ErrNone is what a store returns when there is no such message.
var ErrNone = errors.New("ledger: none")

// Records stores messages' outcomes as bitmaps and answers by counts.
type Records interface {
	// Messages returns an app's messages below an id (0: from the newest), newest first.
	Messages(ctx context.Context, appID int64, before aurora.MessageID, limit int) ([]aurora.Message, error)
	// AppMessage returns ErrNone unless the message is the app's.
	AppMessage(ctx context.Context, appID int64, id aurora.MessageID) (aurora.Message, error)
	// Tally returns a message's numbers of devices by mark, and its open jobs.
	Tally(ctx context.Context, id aurora.MessageID) (Tally, error)
	// MarksOf returns the marks of one device, with when each was last written
	// for the device's block.
	MarksOf(ctx context.Context, id aurora.MessageID, number uint32) (map[aurora.Mark]time.Time, error)
	// AddReceipts marks messages as received or opened by the devices they
	// targeted, and returns what was not on record before. A message of another
	// app, or none, is left out.
	AddReceipts(ctx context.Context, reports []Reported) (fresh []Reported, err error)
	// WithoutMark returns the devices of one block that have one mark of a
	// message and not another.
	WithoutMark(ctx context.Context, id aurora.MessageID, block uint32, with, without aurora.Mark) (*roaring.Bitmap, error)
}

// Tally is a message's count of devices by mark.
type Tally struct {
	Marks map[aurora.Mark]uint64
	// Jobs is how many parts are still to be sent; NextAt when the earliest of
	// them is due; Unplanned how many have not selected their devices yet.
	Jobs, Unplanned int
	NextAt          time.Time
}

// Devices finds devices.
type Devices interface {
	// Device returns aurora.NotFound for another app's.
	Device(ctx context.Context, appID int64, registrationID string) (aurora.Device, error)
	// Blocks returns how many blocks the app's device numbers span.
	Blocks(ctx context.Context, appID int64) (uint32, error)
	// RegistrationIDs returns the registration ids of devices by ascending
	// number; one that is gone is left out.
	RegistrationIDs(ctx context.Context, appID int64, numbers *roaring.Bitmap) ([]string, error)
}

// Bus carries hints; see package bus.
type Bus interface {
	Publish(topic, hint string)
	Subscribe(topic string) (<-chan string, func())
}

// Service answers for what happened.
type Service struct {
	records Records
	devices Devices
	bus     Bus

	mu        sync.Mutex
	gathering *gathering    // receipts that the next write takes
	writing   chan struct{} // one write of receipts at a time, while the next ones gather
}

// New returns a service.
func New(records Records, devices Devices, bus Bus) *Service {
	return &Service{records: records, devices: devices, bus: bus, writing: make(chan struct{}, 1)}
}

// Report is where a message stands.
type Report struct {
	Message                                               aurora.Message
	Targeted, Accepted, Failed, Received, Opened, Pending uint64
	FailedBy                                              []ReasonCount // most frequent first
	State                                                 State
	NextAt                                                time.Time // when the next attempt is due, while waiting
	InApp                                                 *InApp    // nil without an in-app message
	VoIP                                                  *VoIP     // nil without one
}

// ReasonCount is how many devices failed for one reason.
type ReasonCount struct {
	Reason string
	Count  uint64
}

// FailedFor returns how many devices failed for a reason.
func (r *Report) FailedFor(reason string) uint64 {
	for _, f := range r.FailedBy {
		if f.Reason == reason {
			return f.Count
		}
	}
	return 0
}

// Left returns how many devices the message has been sent to: those that the
// vendor has answered for, whatever it said.
func (r *Report) Left() uint64 {
	n := r.Accepted
	for _, f := range r.FailedBy {
		if !ours(f.Reason) {
			n += f.Count
		}
	}
	return n
}

// State says whether a message has work left.
type State string

// The states of a message.
const (
	Sending State = "sending"
	Waiting State = "waiting" // for another attempt
	Done    State = "done"
)

// Messages returns reports of an app's messages below an id (0: from the
// newest), newest first; limit is 1 to 100.
func (s *Service) Messages(ctx context.Context, appID int64, before aurora.MessageID, limit int) ([]Report, error) {
	messages, err := s.records.Messages(ctx, appID, before, min(max(limit, 1), 100))
	if err != nil {
		return nil, err
	}
	reports := make([]Report, len(messages))
	for i, m := range messages {
		if reports[i], err = s.report(ctx, m); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// Report returns one message's report, or aurora.NotFound.
func (s *Service) Report(ctx context.Context, appID int64, id aurora.MessageID) (Report, error) {
	m, err := s.message(ctx, appID, id)
	if err != nil {
		return Report{}, err
	}
	return s.report(ctx, m)
}

func (s *Service) message(ctx context.Context, appID int64, id aurora.MessageID) (aurora.Message, error) {
	m, err := s.records.AppMessage(ctx, appID, id)
	if errors.Is(err, ErrNone) {
		return m, aurora.Errorf(aurora.NotFound, "This app has no message %v.", id)
	}
	return m, err
}

func (s *Service) report(ctx context.Context, m aurora.Message) (Report, error) {
	t, err := s.records.Tally(ctx, m.ID)
	if err != nil {
		return Report{}, err
	}
	r := Report{Message: m, Targeted: t.Marks[aurora.Targeted], Accepted: t.Marks[aurora.Accepted], Received: t.Marks[aurora.Received], Opened: t.Marks[aurora.Opened], State: Done, InApp: inAppOf(m, t.Marks), VoIP: voipOf(m, t.Marks)}
	for mark, n := range t.Marks {
		if reason, ok := mark.FailedReason(); ok {
			r.Failed += n
			r.FailedBy = append(r.FailedBy, ReasonCount{reason, n})
		}
	}
	sortReasons(r.FailedBy)
	if settled := r.Accepted + r.Failed; r.Targeted > settled {
		r.Pending = r.Targeted - settled
	}
	if t.Jobs > 0 {
		r.State = Sending
		if t.NextAt.After(time.Now()) {
			r.State, r.NextAt = Waiting, t.NextAt
		}
	}
	return r, nil
}

// historyDepth is how many of an app's newest messages are searched for those
// that targeted one device.
const historyDepth = 200

// DeviceMessages returns reports of the newest messages that targeted a device.
func (s *Service) DeviceMessages(ctx context.Context, appID int64, registrationID string, limit int) ([]Report, error) {
	d, err := s.devices.Device(ctx, appID, registrationID)
	if err != nil {
		return nil, err
	}
	messages, err := s.records.Messages(ctx, appID, 0, historyDepth)
	if err != nil {
		return nil, err
	}
	var reports []Report
	for _, m := range messages {
		marks, err := s.records.MarksOf(ctx, m.ID, d.Number)
		if err != nil {
			return nil, err
		}
		_, notified := marks[aurora.Targeted]
		if _, inApp := marks[aurora.InApp(d.Platform, aurora.Targeted)]; !notified && !inApp {
			continue
		}
		r, err := s.report(ctx, m)
		if err != nil {
			return nil, err
		}
		if reports = append(reports, r); len(reports) >= limit {
			break
		}
	}
	return reports, nil
}

// Marks returns what is on record for one device of a message, with when each
// mark was last written for the device's block.
func (s *Service) Marks(ctx context.Context, d aurora.Device, id aurora.MessageID) (map[aurora.Mark]time.Time, error) {
	return s.records.MarksOf(ctx, id, d.Number)
}

// WithoutMark returns the devices of one block of 65,536 that have one mark of a
// message and not another: who received it and did not open it, for one. The
// message must be the app's that asks, see Report.
func (s *Service) WithoutMark(ctx context.Context, id aurora.MessageID, block uint32, with, without aurora.Mark) (*roaring.Bitmap, error) {
	return s.records.WithoutMark(ctx, id, block, with, without)
}

// Event is a hint that something moved.
type Event struct {
	MessageID aurora.MessageID // 0: devices or credentials of the app
}

// Hint tells watchers of an app that a message's numbers (or, with id 0, its
// devices) moved.
func (s *Service) Hint(appID int64, id aurora.MessageID) { s.bus.Publish(topic(appID), id.String()) }

// Watch returns hints about an app until the returned function is called. They
// may be lost or repeated: read again what you show.
func (s *Service) Watch(_ context.Context, appID int64) (<-chan Event, func()) {
	hints, stop := s.bus.Subscribe(topic(appID))
	events := make(chan Event)
	quit := make(chan struct{})
	go func() {
		defer close(events)
		for h := range hints {
			id, _ := strconv.ParseInt(h, 10, 64)
			select {
			case events <- Event{aurora.MessageID(id)}:
			case <-quit:
				return
			}
		}
	}()
	return events, func() {
		stop()
		select {
		case <-quit:
		default:
			close(quit)
		}
	}
}

func topic(appID int64) string { return "app " + strconv.FormatInt(appID, 10) }
