package apns

import (
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"
)

// Provider tokens, in seconds (Apple: "Establishing a token-based connection to APNs"; spec 4.5).
const (
	// tokenPeriod is the grid on which a token's time lies. Age at use is 0 to 30 minutes: never over Apple's 60, and changes
	// never closer than Apple's 20. A common grid makes all processes of a team use the same token without talking.
	tokenPeriod = 30 * 60
	// tokenFreeze is how long no new token is made after the gateway complained about changes, and how long one made out of
	// turn is kept.
	tokenFreeze = 20 * 60
	// tokenMaxAge is the age up to which an old token is still used while changes are forbidden.
	tokenMaxAge = 59 * 60
)

type providerToken struct {
	text     string
	issuedAt int64 // the iat claim: Unix seconds by the gateway's clock
	period   int64 // the period in which it is current
}

// Token gives the provider token (a JWT, RFC 7519) to use at the given time. It is the same text for everybody who holds the
// key, throughout half an hour.
func (k *Key) Token(now time.Time) (string, error) {
	token, err := k.token(now)
	if err != nil {
		return "", err
	}
	return token.text, nil
}

func (k *Key) token(now time.Time) (*providerToken, error) {
	period := now.Unix() / tokenPeriod
	if token := k.current.Load(); token != nil && token.period == period {
		return token, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	seconds := now.Unix() + k.skew
	token := k.current.Load()
	switch {
	case token != nil && token.period == period:
		return token, nil
	case token != nil && now.Unix() < max(k.frozenUntil, k.heldUntil) && seconds-token.issuedAt < tokenMaxAge:
		return token, nil
	}
	return k.mint(seconds/tokenPeriod*tokenPeriod, period)
}

// renew replaces a token that the gateway called expired although it is young by our clock: our clock is wrong. The new one
// carries the time of the gateway where its answer told it, else our time exactly instead of rounded down.
// Whoever comes second, with the same refused token, gets the first one's result.
func (k *Key) renew(refused string, now time.Time, skew time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	token := k.current.Load()
	if token != nil && token.text != refused {
		return nil
	}
	if now.Unix() < k.frozenUntil {
		return nil
	}
	k.skew = int64(skew / time.Second)
	k.heldUntil = now.Unix() + tokenFreeze
	_, err := k.mint(now.Unix()+k.skew, now.Unix()/tokenPeriod)
	return err
}

// freeze stops the making of tokens for 20 minutes (429 TooManyProviderTokenUpdates) and returns to the older of the last two
// tokens if it is still valid, because that is the one the gateway knows.
func (k *Key) freeze(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Unix() < k.frozenUntil {
		return
	}
	k.frozenUntil = now.Unix() + tokenFreeze
	if k.previous == nil || now.Unix()+k.skew-k.previous.issuedAt >= tokenMaxAge {
		return
	}
	older := *k.previous
	older.period = now.Unix() / tokenPeriod
	k.previous = k.current.Load()
	k.current.Store(&older)
}

func (k *Key) mint(issuedAt, period int64) (*providerToken, error) {
	text, err := k.sign(issuedAt)
	if err != nil {
		return nil, err
	}
	token := &providerToken{text: text, issuedAt: issuedAt, period: period}
	k.previous = k.current.Swap(token)
	return token, nil
}

// sign makes the JWT. Without a random source Go's signer is deterministic (RFC 6979), so equal claims give equal text.
func (k *Key) sign(issuedAt int64) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"ES256","kid":"`+k.id+`"}`)) + "." +
		encode(fmt.Appendf(nil, `{"iss":"%s","iat":%d}`, k.team, issuedAt))
	digest := sha256.Sum256([]byte(text))
	der, err := k.private.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("apns: signing a provider token: %w", err)
	}
	raw, err := rawSignature(der)
	if err != nil {
		return "", err
	}
	return text + "." + encode(raw), nil
}

// rawSignature turns an ASN.1 signature into the two 32-byte numbers r and s, one after the other (RFC 7518, section 3.4).
func rawSignature(der []byte) ([]byte, error) {
	var signature struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &signature); err != nil {
		return nil, fmt.Errorf("apns: signing a provider token: %w", err)
	}
	raw := make([]byte, 64)
	signature.R.FillBytes(raw[:32])
	signature.S.FillBytes(raw[32:])
	return raw, nil
}
