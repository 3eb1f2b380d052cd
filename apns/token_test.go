package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

func newKey(t testing.TB) *Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ReadP8(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))}), "KEY1234567", "TEAM123456")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// readToken verifies a provider token as RFC 7515 and 7518 say and returns its iat.
func readToken(t testing.TB, key *Key, token string) int64 {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	var header struct{ Alg, Kid string }
	var claims struct {
		Iss string
		Iat int64
	}
	for i, into := range []any{&header, &claims} {
		if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[i])), into); err != nil {
			t.Fatal(err)
		}
	}
	if header.Alg != "ES256" || header.Kid != key.ID() || claims.Iss != key.TeamID() {
		t.Fatalf("token says %+v %+v", header, claims)
	}
	signature := must(base64.RawURLEncoding.DecodeString(parts[2]))
	if len(signature) != 64 {
		t.Fatalf("signature has %d bytes, want 64", len(signature))
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(&key.private.PublicKey, digest[:], r, s) {
		t.Fatal("signature does not verify")
	}
	return claims.Iat
}

func TestTokenIsTheSameEverywhereForHalfAnHour(t *testing.T) {
	key := newKey(t)
	twin := &Key{id: key.id, team: key.team, private: key.private}
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	first := must(key.Token(start.Add(17 * time.Minute)))
	if got := readToken(t, key, first); got != start.Unix() {
		t.Errorf("iat = %d, want the half hour %d", got, start.Unix())
	}
	if other := must(twin.Token(start.Add(29*time.Minute + 59*time.Second))); other != first {
		t.Error("two processes with the same key have different tokens")
	}
	next := must(key.Token(start.Add(30 * time.Minute)))
	if got := readToken(t, key, next); got != start.Add(30*time.Minute).Unix() {
		t.Errorf("iat after rotation = %d", got)
	}
}

func TestTokenRenewedOnceForAllRefusals(t *testing.T) {
	key := newKey(t)
	now := time.Date(2026, 1, 1, 12, 25, 0, 0, time.UTC)
	refused := must(key.Token(now))
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := key.renew(refused, now, 2*time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	renewed := must(key.Token(now))
	if got, want := readToken(t, key, renewed), now.Add(2*time.Hour).Unix(); got != want {
		t.Errorf("renewed iat = %d, want the gateway's time %d", got, want)
	}
	// The boundary five minutes later must not change it again: Apple allows one change in 20 minutes.
	if must(key.Token(now.Add(10*time.Minute))) != renewed {
		t.Error("token changed again ten minutes after it was renewed")
	}
	later := must(key.Token(now.Add(21 * time.Minute)))
	if got, want := readToken(t, key, later), now.Truncate(30*time.Minute).Add(2*time.Hour+30*time.Minute).Unix(); got != want {
		t.Errorf("iat after the hold = %d, want %d", got, want)
	}
}

func TestTokenFrozenAfterTooManyUpdates(t *testing.T) {
	key := newKey(t)
	boundary := time.Date(2026, 1, 1, 12, 30, 0, 0, time.UTC)
	older := must(key.Token(boundary.Add(-time.Minute)))
	newer := must(key.Token(boundary))
	if older == newer {
		t.Fatal("no rotation at the boundary")
	}
	key.freeze(boundary)
	if must(key.Token(boundary.Add(time.Second))) != older {
		t.Error("did not return to the older token, which the gateway knows")
	}
	if must(key.Token(boundary.Add(19*time.Minute))) != older {
		t.Error("token changed while frozen")
	}
	if iat := readToken(t, key, must(key.Token(boundary.Add(31*time.Minute)))); iat != boundary.Add(30*time.Minute).Unix() {
		t.Errorf("iat after the freeze = %d", iat)
	}
}

func TestReadP8Refusals(t *testing.T) {
	good, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	wide, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	block := func(kind string, key any) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
	}
	for _, c := range []struct {
		name     string
		data     []byte
		key, tm  string
		want     error
		contains string
	}{
		{"good", block("PRIVATE KEY", good), "ABC123DEFG", "TEAM123456", nil, ""},
		{"der", must(x509.MarshalPKCS8PrivateKey(good)), "ABC123DEFG", "TEAM123456", nil, ""},
		{"short key id", block("PRIVATE KEY", good), "ABC", "TEAM123456", ErrKeyID, "AuthKey_"},
		{"key id with quote", block("PRIVATE KEY", good), `ABC123DEF"`, "TEAM123456", ErrKeyID, ""},
		{"team id empty", block("PRIVATE KEY", good), "ABC123DEFG", "", ErrTeamID, "Membership"},
		{"text", []byte("hello"), "ABC123DEFG", "TEAM123456", ErrNotP8, ""},
		{"rsa", block("PRIVATE KEY", rsaKey().(*rsa.PrivateKey)), "ABC123DEFG", "TEAM123456", ErrNotP8, "P-256"},
		{"another curve", block("PRIVATE KEY", wide), "ABC123DEFG", "TEAM123456", ErrNotP8, "P-256"},
		{"certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}), "ABC123DEFG", "TEAM123456", ErrNotP8, "certificate"},
		{"encrypted", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}), "ABC123DEFG", "TEAM123456", ErrNotP8, "encrypted"},
	} {
		_, err := ReadP8(c.data, c.key, c.tm)
		if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.contains)) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.want, c.contains)
		}
	}
}

func FuzzReadP8(f *testing.F) {
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))}), "KEY1234567", "TEAM123456")
	f.Add([]byte("-----BEGIN"), "KEY1234567", "TEAM123456")
	f.Fuzz(func(t *testing.T, data []byte, keyID, teamID string) {
		key, err := ReadP8(data, keyID, teamID)
		if (key == nil) == (err == nil) {
			t.Fatalf("ReadP8 = %v, %v: exactly one must be given", key, err)
		}
		if key != nil {
			readToken(t, key, must(key.Token(time.Unix(1_800_000_000, 0))))
		}
	})
}

func TestCredentialsKeepTheirSecretsOutOfLogs(t *testing.T) {
	key, certificate := newKey(t), testCertificate(t)
	var text strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
		slog.New(handler).Info("loaded", "key", key, "certificate", certificate)
	}
	fmt.Fprintf(&text, "%v %s", key, key)
	secret := certificate.TLS.PrivateKey.(*rsa.PrivateKey)
	scalar := must(key.private.Bytes())
	for _, forbidden := range []string{secret.D.String(), secret.Primes[0].String(), new(big.Int).SetBytes(scalar).String(), base64.StdEncoding.EncodeToString(scalar)} {
		if strings.Contains(text.String(), forbidden) {
			t.Errorf("a private key is in the log: %s", text.String())
		}
	}
	if !strings.Contains(text.String(), "KEY1234567") || !strings.Contains(text.String(), "com.example.app") {
		t.Errorf("the log does not name the credentials: %s", text.String())
	}
}
