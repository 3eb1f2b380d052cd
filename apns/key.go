package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// What can be wrong with a provider key; see [ReadP8].
var (
	// ErrNotP8: the data is not an APNs provider key (.p8: PEM, PKCS#8, EC P-256, unencrypted).
	ErrNotP8 = errors.New("apns: not a .p8 provider key")
	// ErrKeyID: the key id is not ten letters and digits.
	ErrKeyID = errors.New("apns: malformed key id")
	// ErrTeamID: the team id is not ten letters and digits.
	ErrTeamID = errors.New("apns: malformed team id")
)

// A Key is an APNs provider key. It is also the one source of provider tokens made with it: every client and connection that
// uses the key must share this value, because APNs punishes senders whose tokens change too often (spec 4.5).
// A Key is safe for concurrent use.
type Key struct {
	id, team string
	private  *ecdsa.PrivateKey

	current atomic.Pointer[providerToken] // read on every request
	mu      sync.Mutex                    // guards the fields below and every change of current
	// previous is the token before current; it may be in favour again when the gateway complains about a change.
	previous *providerToken
	// frozenUntil (Unix seconds) forbids new tokens after TooManyProviderTokenUpdates.
	frozenUntil int64
	// heldUntil (Unix seconds) keeps a token that was minted out of turn, so that the next boundary does not change it again.
	heldUntil int64
	// skew is how far the gateway's clock is ahead of ours, in seconds; zero unless a token was refused as expired.
	skew int64
}

// ReadP8 reads a provider key from a .p8 file. keyID and teamID are the ten-character identifiers that the Apple developer
// account shows beside the key and in the membership details. The error matches [ErrNotP8], [ErrKeyID] or [ErrTeamID].
func ReadP8(data []byte, keyID, teamID string) (*Key, error) {
	if !tenCharacters(keyID) {
		return nil, fmt.Errorf("%w %q: expected ten letters and digits, as in the name of the downloaded file AuthKey_<key id>.p8", ErrKeyID, keyID)
	}
	if !tenCharacters(teamID) {
		return nil, fmt.Errorf("%w %q: expected ten letters and digits, as under Membership in the Apple developer account", ErrTeamID, teamID)
	}
	private, err := parseP8(data)
	if err != nil {
		return nil, err
	}
	return &Key{id: keyID, team: teamID, private: private}, nil
}

func parseP8(data []byte) (*ecdsa.PrivateKey, error) {
	der := data
	if block, _ := pem.Decode(data); block != nil {
		switch block.Type {
		case "PRIVATE KEY", "EC PRIVATE KEY":
			der = block.Bytes
		case "ENCRYPTED PRIVATE KEY":
			return nil, fmt.Errorf("%w: the key is encrypted; use the file as downloaded from Apple", ErrNotP8)
		case "CERTIFICATE":
			return nil, fmt.Errorf("%w: this is a certificate; read it as a certificate", ErrNotP8)
		default:
			return nil, fmt.Errorf("%w: the file holds a %s", ErrNotP8, block.Type)
		}
	}
	parsed, err := parseKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: use the file AuthKey_<key id>.p8 as downloaded from Apple", ErrNotP8)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: provider keys are elliptic curve keys on P-256, and this is another kind", ErrNotP8)
	}
	// A round trip refuses keys whose point does not belong to their number.
	if _, err := x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotP8, err)
	}
	return private, nil
}

func tenCharacters(id string) bool {
	if len(id) != 10 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// ID is the key's ten-character identifier.
func (k *Key) ID() string { return k.id }

// TeamID is the team's ten-character identifier.
func (k *Key) TeamID() string { return k.team }

// LogValue keeps the private key out of logs.
func (k *Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key_id", k.id), slog.String("team_id", k.team))
}

// String keeps the private key out of formatted text.
func (k *Key) String() string { return "apns.Key(" + k.id + ")" }
