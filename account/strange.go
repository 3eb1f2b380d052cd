package account

import (
	"context"
	"slices"
	"strings"
	"time"
)

// newFor is how long the list of sessions marks one that its person was told of.
const newFor = 7 * 24 * time.Hour

// tell tells a person that they have signed in from where they have not before,
// in case it was somebody else. A sign-in does not fail for it.
func (s *Service) tell(ctx context.Context, email string, in SignedIn) {
	if s.c.Strange == nil {
		return
	}
	strange, err := s.strange(ctx, email, in)
	if err == nil && strange {
		err = s.c.Strange(ctx, email, in)
	}
	if err != nil {
		s.c.Logger.ErrorContext(ctx, "a person was not told of a new sign-in", "email", email, "error", err)
	}
}

// strange reports whether a person has not signed in from such a browser in such
// a network before, as far as their sessions and the browser itself know. Their
// first sign-in of all is no news.
func (s *Service) strange(ctx context.Context, email string, in SignedIn) (bool, error) {
	if s.knownDevice(ctx, email) != "" {
		return false, nil
	}
	sessions, err := s.c.Doors.SessionsOf(ctx, in.PersonID)
	if err != nil || len(sessions) > 0 {
		return err == nil && !slices.ContainsFunc(sessions, in.resembles), err
	}
	earlier, err := s.c.Audits.AuditEntries(ctx, AuditQuery{AccountID: in.AccountID, Action: "signed-in", Actor: email, Limit: 1})
	return len(earlier) > 0, err
}

// resembles reports whether two sessions are of the same browser, whatever its
// version, in the same network.
func (in SignedIn) resembles(other SignedIn) bool {
	return Browser(in.Agent) == Browser(other.Agent) && neighbourhood(in.Address) == neighbourhood(other.Address)
}

// markNew marks sessions of a week that resemble none of the older ones.
func markNew(sessions []SignedIn, now time.Time) {
	for i, in := range sessions {
		older := slices.DeleteFunc(slices.Clone(sessions), func(o SignedIn) bool { return !o.CreatedAt.Before(in.CreatedAt) })
		sessions[i].New = now.Sub(in.CreatedAt) < newFor && len(older) > 0 && !slices.ContainsFunc(older, in.resembles)
	}
}

// Browser names a session's browser and system, as far as its own description
// says; "" if it says nothing that people know.
func Browser(agent string) string {
	name := firstOf(agent, "Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl")
	system := firstOf(agent, "iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	return strings.Trim(name+" · "+system, " ·")
}

// firstOf returns the name beside the first mark that a text contains.
func firstOf(text string, marksAndNames ...string) string {
	for i := 0; i+1 < len(marksAndNames); i += 2 {
		if strings.Contains(text, marksAndNames[i]) {
			return marksAndNames[i+1]
		}
	}
	return ""
}
