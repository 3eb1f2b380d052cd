package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
)

const (
	lookPace  = 15 * time.Second // for letters that become due
	leaseTime = 10 * time.Minute // a batch takes less
	batch     = 8
	stepTime  = 15 * time.Second // each step of the conversation with the mail server
	sendTime  = time.Minute      // all of it
	sweepPace = time.Hour
	keepTime  = 14 * 24 * time.Hour // of letters that were given up
)

// retryWaits is the wait after each failed attempt; after the last one the
// letter is given up. Together two days.
var retryWaits = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// jitter spreads waits by a fifth both ways.
func jitter(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// Run posts what is due, and writes warnings, until the context ends.
func (s *Service) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { s.every(ctx, lookPace, s.wake, s.post) })
	parts.Go(func() {
		s.every(ctx, sweepPace, nil, func(ctx context.Context) error {
			return errors.Join(s.warnOfExpiry(ctx), s.c.Outbox.SweepMail(ctx, time.Now().Add(-keepTime)))
		})
	})
	parts.Wait()
}

// every does something at once and then after each pace, or sooner when woken.
func (s *Service) every(ctx context.Context, pace time.Duration, wake <-chan struct{}, do func(context.Context) error) {
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.c.Logger.ErrorContext(ctx, "mail: a step failed and will be tried again", "error", err)
		}
		select {
		case <-time.After(pace):
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// post sends what is due until nothing is.
func (s *Service) post(ctx context.Context) error {
	for ctx.Err() == nil {
		letters, err := s.c.Outbox.LeaseMail(ctx, time.Now().Add(leaseTime), batch)
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, l := range letters {
			f := s.attempt(ctx, l)
			if ctx.Err() != nil && !f.Sent {
				return nil // the lease ends by itself
			}
			l.Attempt++
			// What the mail server has taken is noted even while the server stops.
			if err := s.c.Outbox.SettleMail(context.WithoutCancel(ctx), l, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// attempt tries a letter once.
func (s *Service) attempt(ctx context.Context, l Letter) Fate {
	body, err := s.c.Sealer.Open(l.Sealed, label(l.To))
	if err != nil {
		return Fate{Problem: err.Error()}
	}
	err = s.send(ctx, l.To, text{l.Subject, string(body)}, fmt.Sprintf("aurora.%d.%d", l.ID, l.CreatedAt.UnixMilli()))
	if err == nil {
		return Fate{Sent: true}
	}
	f := Fate{Problem: s.sentence(err)}
	if l.Attempt < len(retryWaits) && !isFinal(err) {
		f.Again = time.Now().Add(jitter(retryWaits[l.Attempt]))
	} else {
		s.c.Logger.ErrorContext(ctx, "a mail was given up", "subject", l.Subject, "problem", f.Problem)
	}
	return f
}

// isFinal tells that the mail server will not take this letter, whenever it is
// asked: a permanent answer (RFC 5321 §4.2.1) about the recipient or the text.
func isFinal(err error) bool {
	refusal, ok := errors.AsType[*gomail.SendError](err)
	return ok && !refusal.IsTemp() && refusal.ErrorCode() >= 500 && (refusal.Reason == gomail.ErrSMTPRcptTo || refusal.Reason == gomail.ErrSMTPDataClose)
}

// send posts a mail now. The id makes that a repeat, after a crash between the
// mail server's word and the note of it, is the same mail to whoever compares.
func (s *Service) send(ctx context.Context, to string, t text, id string) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	r := s.c.Relay
	m := gomail.NewMsg()
	m.FromMailAddress(&r.From)
	if err := m.To(to); err != nil {
		return err
	}
	m.Subject(oneLine(t.Subject))
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday reply, please
	if id == "" {
		id = fmt.Sprintf("aurora.test.%d", time.Now().UnixNano())
	}
	m.SetMessageIDWithValue(id + "@" + r.From.Address[strings.LastIndex(r.From.Address, "@")+1:])
	m.SetBodyString(gomail.TypeTextPlain, t.Body)
	client, err := gomail.NewClient(r.Host, s.options()...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, m)
}

func (s *Service) options() []gomail.Option {
	r := s.c.Relay
	o := []gomail.Option{gomail.WithPort(r.Port), gomail.WithTimeout(stepTime)}
	switch {
	case r.Implicit:
		o = append(o, gomail.WithSSL())
	case r.Plain:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if r.User != "" {
		method := gomail.SMTPAuthAutoDiscover
		if r.Plain { // a server on this machine; ParseRelay saw to that
			method = gomail.SMTPAuthPlainNoEnc
		}
		o = append(o, gomail.WithSMTPAuth(method), gomail.WithUsername(r.User), gomail.WithPassword(r.Password.Reveal()))
	}
	if s.c.TLS != nil {
		trusted := s.c.TLS.Clone()
		trusted.ServerName = r.Host
		o = append(o, gomail.WithTLSConfig(trusted))
	}
	return o
}

// oneLine keeps names that people chose from beginning a header of their own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

const maxProblem = 300 // bytes

// sentence says what went wrong and what to do.
func (s *Service) sentence(err error) string {
	// What is no text could not be stored (PostgreSQL has no U+0000 either).
	said := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "")
	if len(said) > maxProblem {
		said = strings.ToValidUTF8(said[:maxProblem], "") + "…"
	}
	where := s.c.Relay.Address()
	refusal, refused := errors.AsType[*gomail.SendError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return "The certificate of the mail server " + where + " is not trusted (" + said + "). Give the name that stands in the certificate, or name its CA in SSL_CERT_FILE."
	case refused && refusal.Reason == gomail.ErrSMTPMailFrom:
		return "The mail server " + where + " does not let Aurora send as " + s.c.Relay.From.Address + " (" + said + "). Check --mail-from, and the user in --smtp."
	case refused && refusal.Reason == gomail.ErrSMTPRcptTo:
		return "The mail server " + where + " does not take mail for this recipient (" + said + ")."
	case refused:
		return "The mail server " + where + " did not take the mail (" + said + ")."
	case strings.Contains(said, "535") || strings.Contains(strings.ToLower(said), "auth"):
		return "The mail server " + where + " refused the user or the password (" + said + "). Check --smtp and --smtp-password-file."
	case strings.Contains(said, "STARTTLS"):
		return "The mail server " + where + " does not offer STARTTLS (" + said + "). Use smtps:// with its TLS port, or smtp://…?tls=none for a server on this machine."
	}
	return "The mail server " + where + " cannot be reached (" + said + "). Check host and port in --smtp, and that a firewall lets this machine out."
}
