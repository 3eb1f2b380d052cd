package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aurora-push/aurora/mail"
)

const (
	expirySoon  = 7 * 24 * time.Hour // from when on /readyz speaks of a certificate's end
	expiryPause = time.Minute        // how long what was found is reused: every credential is read for it
)

// expiries knows which certificates have ended or soon will: the one that this
// server shows, and those for APNs. Without them phones get nothing, and from
// outside that looks like many other things.
type expiries struct {
	ending func(ctx context.Context, before time.Time) ([]mail.Ending, error)

	mu     sync.Mutex
	own    *keyPair // nil without --tls-cert
	looked time.Time
	apns   string
}

// serves notes the certificate that this server shows.
func (e *expiries) serves(p *keyPair) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.own = p
}

// problem says in a sentence or two what ends; "" if nothing does. Apps are not
// named: whoever reaches the server may ask.
func (e *expiries) problem(ctx context.Context, now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	if e.own != nil {
		if c, err := e.own.certificate(nil); err == nil && c.Leaf != nil && c.Leaf.NotAfter.Before(now.Add(expirySoon)) {
			all = append(all, fmt.Sprintf("The TLS certificate of this server %s: renew the files of --tls-cert and --tls-key, which are taken up without a restart.", endOf(c.Leaf.NotAfter, now)))
		}
	}
	if now.Sub(e.looked) >= expiryPause {
		if list, err := e.ending(ctx, now.Add(expirySoon)); err == nil { // else what was found last stands
			e.apns, e.looked = sentenceOf(list, now), now
		}
	}
	if e.apns != "" {
		all = append(all, e.apns)
	}
	return strings.Join(all, " ")
}

func sentenceOf(list []mail.Ending, now time.Time) string {
	ended := 0
	for _, e := range list {
		if !e.Credential.NotAfter.After(now) {
			ended++
		}
	}
	const remedy = "see Credential of the apps in the console, which names them, and upload new ones."
	switch soon := len(list) - ended; {
	case ended > 0 && soon > 0:
		return fmt.Sprintf("APNs certificates: %d expired and %d expire within 7 days; %s", ended, soon, remedy)
	case ended > 0:
		return fmt.Sprintf("APNs certificates: %d expired; %s", ended, remedy)
	case soon > 0:
		return fmt.Sprintf("APNs certificates: %d expire within 7 days; %s", soon, remedy)
	}
	return ""
}

func endOf(at, now time.Time) string {
	what := "expires"
	if !at.After(now) {
		what = "expired"
	}
	return what + " at " + at.UTC().Format(time.RFC3339)
}
