package webhook

import (
	"context"
	"errors"
	"time"
)

// warnings are the days before a credential's end at which its owner is told.
var warnings = []int{1, 7, 30}

// warnOfExpiry makes an event of each credential that has come within a
// warning's days. Each warning is given once, and of several that are due only
// the most urgent.
func (s *Service) warnOfExpiry(ctx context.Context) error {
	now := time.Now()
	ending, err := s.c.Expiries.ExpiringCredentials(ctx, now.AddDate(0, 0, warnings[len(warnings)-1]))
	if err != nil {
		return err
	}
	var problems error
	for _, c := range ending {
		left, _ := c.DaysLeft(now)
		for _, days := range warnings {
			if c.NotAfter.After(now.AddDate(0, 0, days)) {
				continue
			}
			detail := detailOf(map[string]any{"environment": c.Environment.String(), "name": c.Name, "expires_at": c.NotAfter.UTC().Format(time.RFC3339), "days_left": left})
			problems = errors.Join(problems, s.c.Expiries.NoteExpiry(ctx, c, days, detail))
			break
		}
	}
	return problems
}
