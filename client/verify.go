package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Verifier proves that what came to a webhook was sent by Aurora: its signature
// (Standard Webhooks, "Signature scheme") and its age. It is safe for concurrent
// use.
type Verifier struct {
	keys [][]byte
	// Tolerance is how far the time of a delivery may be from this machine's.
	// The scheme recommends the default of five minutes.
	Tolerance time.Duration
}

// defaultTolerance is what the Standard Webhooks libraries allow.
const defaultTolerance = 5 * time.Minute

// NewVerifier takes the secrets of a webhook, which begin with "whsec_": the
// current one, and during a rotation the next one as well.
func NewVerifier(secrets ...string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("client: a verifier needs a webhook's secret; CreateWebhook and the console tell it")
	}
	v := &Verifier{Tolerance: defaultTolerance}
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, errors.New(`client: a webhook's secret is base64 after "whsec_"`)
		}
		v.keys = append(v.keys, key)
	}
	return v, nil
}

// NewCallbackVerifier takes the app's Master Secret, by which deliveries for a
// push's [Callback] are signed; during a rotation the next one as well.
func NewCallbackVerifier(masterSecrets ...string) (*Verifier, error) {
	v := &Verifier{Tolerance: defaultTolerance}
	for _, s := range masterSecrets {
		if s != "" {
			v.keys = append(v.keys, []byte(s))
		}
	}
	if len(v.keys) == 0 {
		return nil, errors.New("client: a verifier of callbacks needs the app's Master Secret")
	}
	return v, nil
}

// The reasons for which a delivery is not believed; errors.Is tells them.
var (
	ErrNotSigned    = errors.New("client: the delivery lacks webhook-id, webhook-timestamp or webhook-signature")
	ErrBadSignature = errors.New("client: the delivery's signature is not right: another secret, or a changed body")
	ErrTooOld       = errors.New("client: the delivery's time is too far from now: repeated by somebody, or a clock that is wrong")
)

// The headers of a delivery (Standard Webhooks, "Webhook headers").
const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
)

// Verify checks the headers of a delivery and its body, byte by byte as it came.
// Signatures are compared in constant time.
func (v *Verifier) Verify(h http.Header, body []byte) error {
	id, stamp, signatures := h.Get(idHeader), h.Get(timestampHeader), h.Get(signatureHeader)
	if id == "" || stamp == "" || signatures == "" {
		return ErrNotSigned
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return ErrNotSigned
	}
	if !v.signed(id+"."+stamp+".", signatures, body) {
		return ErrBadSignature
	}
	if age := time.Since(time.Unix(seconds, 0)); age > v.Tolerance || age < -v.Tolerance {
		return ErrTooOld
	}
	return nil
}

// maxSignatures is how many signatures are looked at: two during a rotation.
const maxSignatures = 16

func (v *Verifier) signed(prefix, signatures string, body []byte) bool {
	var sums [][]byte
	for _, key := range v.keys {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(prefix))
		m.Write(body)
		sums = append(sums, m.Sum(nil))
	}
	looked := 0
	for s := range strings.FieldsSeq(signatures) {
		version, text, _ := strings.Cut(s, ",")
		given, err := base64.StdEncoding.DecodeString(text)
		if version != "v1" || err != nil {
			continue // a scheme of later days
		}
		if looked++; looked > maxSignatures {
			return false
		}
		for _, sum := range sums {
			if hmac.Equal(given, sum) {
				return true
			}
		}
	}
	return false
}

// maxDelivery bounds what is read of a delivery, in bytes.
const maxDelivery = 1 << 20

// Read reads a delivery from an HTTP request and verifies it. Answer with any 2xx
// once you have it safe: Aurora tries again otherwise, with the same Event.ID.
func (v *Verifier) Read(r *http.Request) (Event, error) {
	body, err := v.read(r)
	if err != nil {
		return Event{}, err
	}
	return parseEvent(r.Header.Get(idHeader), body)
}

func (v *Verifier) read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxDelivery+1))
	if err != nil {
		return nil, fmt.Errorf("client: the delivery was cut off: %w", err)
	}
	if len(body) > maxDelivery {
		return nil, fmt.Errorf("client: the delivery is over %d bytes: %w", maxDelivery, ErrTooLarge)
	}
	return body, v.Verify(r.Header, body)
}

// CallbackEvent is one device in a delivery for a push's [Callback].
type CallbackEvent struct {
	Type           CallbackEvents  `json:"type"`
	MessageID      string          `json:"msg_id"`
	RegistrationID string          `json:"registration_id"`
	Milliseconds   int64           `json:"itime"` // since 1970
	Reason         string          `json:"reason"`
	Params         json.RawMessage `json:"params"` // of the callback
}

// ReadCallback reads a delivery for a push's [Callback] and verifies it.
func (v *Verifier) ReadCallback(r *http.Request) ([]CallbackEvent, error) {
	body, err := v.read(r)
	if err != nil {
		return nil, err
	}
	var list []CallbackEvent
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("client: the callback cannot be read: %w", err)
	}
	return list, nil
}

// Handler answers deliveries: 204 once handle has returned nil, 401 for one that
// is not believed, 500 for an error of handle, so that Aurora delivers again.
// Aurora waits ten seconds for the answer: handle should store the event and do
// the rest later.
func (v *Verifier) Handler(handle func(*http.Request, Event) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := v.Read(r)
		switch {
		case errors.Is(err, ErrNotSigned), errors.Is(err, ErrBadSignature), errors.Is(err, ErrTooOld):
			http.Error(w, err.Error(), http.StatusUnauthorized)
		case errors.Is(err, ErrTooLarge):
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case handle(r, e) != nil:
			http.Error(w, "the event could not be handled", http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}
