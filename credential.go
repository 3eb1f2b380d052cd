package aurora

import "time"

// CredentialKind is how an app authenticates to APNs.
type CredentialKind string

// The kinds of credential.
const (
	CertificateCredential CredentialKind = "certificate" // from a .p12
	KeyCredential         CredentialKind = "key"         // from a .p8, for provider tokens
)

// Credential is what fills one environment slot of an app. The secret part
// (the file) is stored encrypted beside it and is not in this value.
type Credential struct {
	ID          int64
	AppID       int64
	Environment Environment // the slot it fills
	Kind        CredentialKind
	Name        string // the certificate's common name, or "Key ABC123DEFG"
	Topic       string // the APNs topic it was validated for
	Topics      []string
	BundleID    string // "" for a key, which serves all of the team's apps
	TeamID      string
	KeyID       string // keys only
	NotBefore   time.Time
	NotAfter    time.Time // zero for a key, which does not expire
	ValidatedAt time.Time // when APNs accepted it in a live handshake
	// Parked is why APNs refuses the credential since; "" while it works.
	Parked   string
	ParkedAt time.Time
}

// Usable reports whether it may be sent with at the given time.
func (c Credential) Usable(now time.Time) bool {
	return c.Parked == "" && !c.ValidatedAt.IsZero() && (c.NotAfter.IsZero() || now.Before(c.NotAfter))
}

// DaysLeft returns the whole days until expiry, negative when past, and false
// for a credential that does not expire.
func (c Credential) DaysLeft(now time.Time) (int, bool) {
	if c.NotAfter.IsZero() {
		return 0, false
	}
	const day = 24 * time.Hour
	left := c.NotAfter.Sub(now)
	if left < 0 {
		left -= day - 1 // rounds down: an hour ago is -1, not 0
	}
	return int(left / day), true
}

// FirstWarning is how many days before a credential's end its owner is told
// first.
const FirstWarning = 30

// warnings are the days before a credential's end at which its owner is told.
var warnings = []int{1, 7, FirstWarning}

// Warning returns which warning of the credential's end is due, by its days: of
// several the most urgent. It stays due until the next one is.
func (c Credential) Warning(now time.Time) (days int, due bool) {
	if c.NotAfter.IsZero() {
		return 0, false
	}
	for _, days := range warnings {
		if !c.NotAfter.After(now.AddDate(0, 0, days)) {
			return days, true
		}
	}
	return 0, false
}

// CredentialFile is a credential as its owner hands it in.
type CredentialFile struct {
	File        []byte
	Password    string      // of a .p12
	KeyID       string      // of a .p8
	TeamID      string      // of a .p8
	Environment Environment // the slot to fill; NoEnvironment means all that the file serves
}

// InspectedCredential is what a credential file says of itself.
type InspectedCredential struct {
	Credential   Credential // without ID, AppID, Environment, Topic and ValidatedAt
	Environments []Environment
}
