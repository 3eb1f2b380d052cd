package apns

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"
)

// providerToken is a parsed JWT; its signature is not verified yet.
type providerToken struct {
	text      string
	keyID     string
	team      string
	issued    int64 // seconds since the epoch
	signed    string
	signature []byte
}

var errProviderToken = errors.New("apns: not a provider token")

// parseProviderToken reads the compact form of a JWT. Unless strict, it takes
// what the real verifier is known to take (spec §4.2): padded standard base64,
// and an ASN.1 signature instead of the 64 raw bytes.
func parseProviderToken(text string, strict bool) (*providerToken, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > 4096 {
		return nil, errProviderToken
	}
	var header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	var claims struct {
		Iss string      `json:"iss"`
		Iat json.Number `json:"iat"`
	}
	if err := decodeSegment(parts[0], strict, &header); err != nil {
		return nil, err
	}
	if err := decodeSegment(parts[1], strict, &claims); err != nil {
		return nil, err
	}
	if header.Alg != "ES256" || header.Kid == "" || claims.Iss == "" {
		return nil, errProviderToken
	}
	issued, err := wholeSeconds(claims.Iat)
	if err != nil {
		return nil, err
	}
	signature, err := decodeBase64(parts[2], strict)
	if err != nil {
		return nil, err
	}
	if len(signature) != 64 && !strict {
		signature, err = rawSignature(signature)
	}
	if err != nil || len(signature) != 64 {
		return nil, errProviderToken
	}
	return &providerToken{
		text: text, keyID: header.Kid, team: claims.Iss, issued: issued,
		signed: text[:len(parts[0])+1+len(parts[1])], signature: signature,
	}, nil
}

// decodeSegment refuses a quoted number for iat, because json.Number would
// take it: the claim must be a number (spec §4.6).
func decodeSegment(segment string, strict bool, into any) error {
	data, err := decodeBase64(segment, strict)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return errProviderToken
	}
	if iat, ok := members["iat"]; ok && len(iat) > 0 && iat[0] == '"' {
		return errProviderToken
	}
	return json.Unmarshal(data, into)
}

func wholeSeconds(n json.Number) (int64, error) {
	if seconds, err := n.Int64(); err == nil {
		return seconds, nil
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > 1<<53 {
		return 0, errProviderToken
	}
	return int64(f), nil
}

func decodeBase64(s string, strict bool) ([]byte, error) {
	if strict {
		return base64.RawURLEncoding.Strict().DecodeString(s)
	}
	s = strings.TrimRight(s, "=")
	s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
	return base64.RawURLEncoding.DecodeString(s)
}

// rawSignature turns an ASN.1 ECDSA signature into its 64 raw bytes.
func rawSignature(der []byte) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &pair)
	if err != nil || len(rest) > 0 {
		return nil, errProviderToken
	}
	for _, n := range []*big.Int{pair.R, pair.S} {
		if n.Sign() <= 0 || n.BitLen() > 256 {
			return nil, errProviderToken
		}
	}
	raw := make([]byte, 64)
	pair.R.FillBytes(raw[:32])
	pair.S.FillBytes(raw[32:])
	return raw, nil
}

func (t *providerToken) verify(key *ecdsa.PublicKey) bool {
	digest := sha256.Sum256([]byte(t.signed))
	r := new(big.Int).SetBytes(t.signature[:32])
	s := new(big.Int).SetBytes(t.signature[32:])
	return ecdsa.Verify(key, digest[:], r, s)
}

// tokenState is what a connection remembers about provider tokens (spec §4.4,
// §4.5): the first authenticated push binds team and key, and the last accepted
// token is what a new one is compared with.
type tokenState struct {
	first *providerKey
	last  *providerToken
	// checked is the last token whose signature was verified, accepted or not,
	// so that a stable token costs one signature check per connection.
	checked *providerToken
	key     *providerKey
}

// authenticate walks the table of spec §4.6 in its order, except for the last
// row: the topic is checked where all credentials have theirs checked.
func (c *connection) authenticate(header string) *refusal {
	text, ok := bearer(header)
	if !ok {
		return refuse(403, reasonMissingProviderToken)
	}
	p := c.server.policy.Load()
	state := &c.token
	if state.checked == nil || state.checked.text != text {
		token, err := parseProviderToken(text, p.StrictTokens)
		if err != nil {
			return refuse(403, reasonInvalidProviderToken)
		}
		key := c.server.keys.find(token.keyID)
		if key == nil || key.TeamID != token.team || !token.verify(key.public) {
			return refuse(403, reasonInvalidProviderToken)
		}
		state.checked, state.key = token, key
	}
	token, key := state.checked, c.server.keys.find(state.checked.keyID)
	if key == nil || key.Revoked {
		return refuse(403, reasonInvalidProviderToken)
	}
	if !key.serves(c.environment) {
		return refuse(403, p.EnvironmentKeyReason)
	}
	if state.first != nil && state.first.TeamID != key.TeamID {
		return refuse(403, reasonInvalidProviderToken)
	}
	if state.first != nil && !state.first.related(key) {
		return refuse(403, reasonUnrelatedKey)
	}
	age := c.server.clock.Now().Unix() - token.issued
	if age > maxProviderTokenAgeSeconds {
		return refuse(403, reasonExpiredProviderToken)
	}
	if age < -maxProviderTokenAheadSecond {
		return refuse(403, reasonInvalidProviderToken)
	}
	last := state.last
	if p.TokenUpdateScope != "connection" {
		last = c.server.updates.last(c.updateScope(p, key))
	}
	if tooSoon(last, token, time.Duration(p.TokenUpdateInterval)) {
		return refuse(429, reasonTooManyTokenUpdates)
	}
	state.last = token
	if p.TokenUpdateScope != "connection" {
		c.server.updates.remember(c.updateScope(p, key), token)
	}
	if state.first == nil {
		state.first = key
		c.bind(key.TeamID, key.KeyID)
	}
	return nil
}

func bearer(header string) (token string, ok bool) {
	scheme, token, found := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, found && strings.EqualFold(scheme, "bearer") && token != ""
}

// tooSoon reports whether next replaces last although both were issued within
// the interval. Two tokens with one issue time are the same update, whatever
// their signatures (spec §11 no. 6).
func tooSoon(last, next *providerToken, interval time.Duration) bool {
	if last == nil || last.text == next.text || last.keyID != next.keyID || last.issued == next.issued {
		return false
	}
	apart := next.issued - last.issued
	if apart < 0 {
		apart = -apart
	}
	return time.Duration(apart)*time.Second < interval
}
