package channel

import (
	"crypto/sha256"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// Apple's gateways (spec/apns.md §1.1).
const (
	AppleProduction = "https://api.push.apple.com"
	AppleSandbox    = "https://api.sandbox.push.apple.com"
)

// Gateways are the APNs servers of the two environments. They open clients and
// prove credentials.
type Gateways struct {
	Production string         // base URL; "" means Apple's
	Sandbox    string         // base URL for development; "" means Apple's
	RootCAs    *x509.CertPool // nil means the system's
	Logger     *slog.Logger
	// GiveUpAfter is how long notifications wait for a connection before they
	// fail; 0 for the client's own.
	GiveUpAfter time.Duration

	keys sync.Map // of provider keys by their file and ids, see key
}

// URL returns the base URL for an environment.
func (g *Gateways) URL(env aurora.Environment) string {
	switch {
	case env == aurora.Production && g.Production == "":
		return AppleProduction
	case env == aurora.Production:
		return g.Production
	case g.Sandbox == "":
		return AppleSandbox
	}
	return g.Sandbox
}

func (g *Gateways) newClient(env aurora.Environment, file aurora.CredentialFile) (*apns.Client, error) {
	cert, key, err := read(file)
	if err != nil {
		return nil, err
	}
	return apns.NewClient(apns.Config{URL: g.URL(env), Certificate: cert, Key: g.shared(key, file), RootCAs: g.RootCAs, Logger: g.Logger, GiveUpAfter: g.GiveUpAfter})
}

// shared returns the one value for a provider key, which is the one source of
// its tokens: APNs refuses senders whose tokens change too often.
func (g *Gateways) shared(key *apns.Key, file aurora.CredentialFile) *apns.Key {
	if key == nil {
		return nil
	}
	id := sha256.Sum256(append([]byte(file.KeyID+"/"+file.TeamID+"/"), file.File...))
	one, _ := g.keys.LoadOrStore(id, key)
	return one.(*apns.Key)
}
