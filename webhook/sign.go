package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// secretPrefix marks a secret of the Standard Webhooks scheme: base64 of 24 to
// 64 random bytes follow.
const secretPrefix = "whsec_"

func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// secrets is what is sealed beside an endpoint.
type secrets struct {
	Current       string    `json:"current"`
	Previous      string    `json:"previous,omitempty"`
	PreviousUntil time.Time `json:"previous_until,omitzero"`
}

func (s *Service) seal(endpointID string, k secrets) []byte {
	b, err := json.Marshal(k)
	if err != nil { // strings and a time always encode
		panic(err)
	}
	return s.c.Sealer.Close(b, "webhook "+endpointID)
}

func (s *Service) open(e Endpoint) (k secrets, err error) {
	b, err := s.c.Sealer.Open(e.Secrets, "webhook "+e.ID)
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	return k, err
}

// valid returns the secrets to sign with, the current one first.
func (k secrets) valid(now time.Time) []string {
	if k.Previous != "" && now.Before(k.PreviousUntil) {
		return []string{k.Current, k.Previous}
	}
	return []string{k.Current}
}

// Sign returns the value of the webhook-signature header: for each secret an
// HMAC-SHA256 over id, timestamp and body (Standard Webhooks, "Signature
// scheme").
func Sign(keys []string, id string, at time.Time, body []byte) (string, error) {
	var parts []string
	for _, k := range keys {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(k, secretPrefix))
		if err != nil {
			return "", aurora.Errorf(aurora.Internal, "a webhook's secret is damaged: %w", err)
		}
		m := hmac.New(sha256.New, key)
		m.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		m.Write(body)
		parts = append(parts, "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	}
	return strings.Join(parts, " "), nil
}
