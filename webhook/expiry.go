package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
)

// warnOfExpiry makes an event of each credential that has come within a
// warning's days. Each warning is given once, and of several that are due only
// the most urgent.
func (s *Service) warnOfExpiry(ctx context.Context) error {
	now := time.Now()
	ending, err := s.c.Expiries.ExpiringCredentials(ctx, now.AddDate(0, 0, aurora.FirstWarning))
	if err != nil {
		return err
	}
	var problems error
	for _, c := range ending {
		days, due := c.Warning(now)
		if !due {
			continue
		}
		left, _ := c.DaysLeft(now)
		detail := detailOf(map[string]any{"environment": c.Environment.String(), "name": c.Name, "expires_at": c.NotAfter.UTC().Format(time.RFC3339), "days_left": left})
		problems = errors.Join(problems, s.c.Expiries.NoteExpiry(ctx, c, days, detail))
	}
	return problems
}
