package account

import (
	"context"
	"time"

	"github.com/aurora-push/aurora"
)

// Audits stores the audit log.
type Audits interface {
	AddAudit(ctx context.Context, e aurora.AuditEntry) error
	// AuditEntries returns entries below an id (0: from the newest), newest first.
	AuditEntries(ctx context.Context, q AuditQuery) ([]aurora.AuditEntry, error)
}

// AuditQuery selects entries of the audit log: those of an app, of an account,
// or, with neither, all.
type AuditQuery struct {
	AppID, AccountID int64
	Action           string // only these, such as "key.created", or all that begin so, such as "key."; "" means any
	Actor            string // only those of this name; "" means anybody
	Before           int64  // entry id to continue below; 0 starts at the newest
	Limit            int    // 1 to 1000
}

// Record writes a line of the audit log for the actor of the context. The
// change it tells of is done already, so a failure is logged and not returned:
// the caller must not believe that nothing has changed. An entry of an app needs
// no account.
func (s *Service) Record(ctx context.Context, e aurora.AuditEntry) {
	e.At, e.Actor = time.Now(), aurora.ActorOf(ctx)
	if e.AppID != 0 && e.AccountID == 0 {
		app, err := s.c.Apps.AppByID(context.WithoutCancel(ctx), e.AppID)
		if err != nil { // the line is worth more than where it is listed
			s.c.Logger.ErrorContext(ctx, "the account of a line of the audit log is not known", "app", e.AppID, "error", err)
		}
		e.AccountID = app.AccountID
	}
	if err := s.c.Audits.AddAudit(context.WithoutCancel(ctx), e); err != nil {
		s.c.Logger.ErrorContext(ctx, "a line of the audit log was not written", "action", e.Action, "subject", e.Subject, "actor", e.Actor.Kind, "name", e.Actor.Name, "error", err)
	}
}

// Audit returns lines of the audit log, newest first.
func (s *Service) Audit(ctx context.Context, q AuditQuery) ([]aurora.AuditEntry, error) {
	if err := aurora.Require(ctx, aurora.AuditRight); err != nil {
		return nil, err
	}
	q.Limit = min(max(q.Limit, 1), 1000)
	return s.c.Audits.AuditEntries(ctx, q)
}
