package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// setAside deals with a job whose row cannot be read. It is parked, with the
// reason, until its message expires or is stopped: a person may mend it. Then
// the devices that nobody will send to fail.
func (s *Service) setAside(ctx context.Context, j Job) error {
	m, err := s.c.Messages.Message(ctx, j.MessageID)
	reason := ""
	switch {
	case errors.Is(err, ErrDamaged), err == nil && !time.Now().Before(m.ExpiresAt()):
		reason = aurora.ReasonDamaged
	case err != nil:
		return err
	case !m.StoppedAt.IsZero():
		reason = aurora.ReasonStopped
	}
	if reason == "" {
		if j.Problem == "" { // else it was said before
			s.c.Logger.ErrorContext(ctx, "a job is damaged and set aside; `aurora doctor` tells more", "message", j.MessageID, "job", j.ID, "until", m.ExpiresAt(), "error", j.Damaged)
		}
		return s.c.Messages.ParkJob(ctx, j, j.Damaged.Error(), m.ExpiresAt())
	}
	devices, err := s.c.Messages.AbandonJob(ctx, j, reason)
	if err == nil {
		s.c.Settled(aurora.Failed(reason), devices)
		s.hint(j.AppID, j.MessageID)
	}
	return err
}

// giveUp settles a job whose message can no longer be read: whoever is waited
// for gets the reason, and who would have been selected remains unknown.
func (w *work) giveUp(ctx context.Context, cause error) error {
	w.s.c.Logger.ErrorContext(ctx, "a message is damaged; its devices fail", "message", w.job.MessageID, "error", cause)
	if w.job.Targets == nil {
		w.job.Targets = roaring.New()
	}
	w.stopped = aurora.ReasonDamaged
	return w.finish(ctx)
}
