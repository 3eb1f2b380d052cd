package mail

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aurora-push/aurora"
)

// warnOfExpiry mails those who can renew a credential 30, 7 and 1 days before
// its end, each time once.
func (s *Service) warnOfExpiry(ctx context.Context) error {
	now := time.Now()
	ending, err := s.c.Expiries.EndingCredentials(ctx, now.AddDate(0, 0, aurora.FirstWarning))
	if err != nil {
		return err
	}
	roles := slices.DeleteFunc(slices.Clone(aurora.Roles), func(r aurora.Role) bool { return !r.May(aurora.ConfigureRight) })
	var problems error
	for _, e := range ending {
		days, due := e.Warning(now)
		if !due {
			continue
		}
		problems = errors.Join(problems, s.warn(ctx, e, days, roles, now))
	}
	return problems
}

func (s *Service) warn(ctx context.Context, e Ending, days int, roles []aurora.Role, now time.Time) error {
	people, err := s.c.Expiries.AddressesOf(ctx, e.AccountID, roles)
	if err != nil {
		return err
	}
	letters := make([]Letter, len(people))
	t := expiryText(e, now, s.c.PublicURL)
	for i, to := range people {
		letters[i] = s.letter(to, t)
	}
	given, err := s.c.Expiries.PutExpiryMail(ctx, e.ID, days, letters)
	if given {
		s.Wake()
	}
	return err
}
