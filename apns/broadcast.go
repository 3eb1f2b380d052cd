package apns

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Apple's hosts for channel management; they differ from the push gateways, in port too (spec 1.1).
const (
	ManageProduction  = "https://api-manage-broadcast.push.apple.com:2196"
	ManageDevelopment = "https://api-manage-broadcast.sandbox.push.apple.com:2195"
)

// A BroadcastConfig describes a [Broadcaster].
type BroadcastConfig struct {
	// URL is where broadcasts are sent, for example [Production]; ManageURL is where channels are managed.
	URL, ManageURL string
	// Exactly one of Certificate and Key is the credential.
	Certificate *Certificate
	Key         *Key
	// RootCAs are the authorities of the servers' certificates; nil means those of the system.
	RootCAs *x509.CertPool
}

// A Broadcaster sends to the channels of live activities (iOS 18 and later) and manages the channels. Apple limits both to low
// rates, so it uses the standard library's HTTP client. It is safe for concurrent use.
type Broadcaster struct {
	send, manage string
	key          *Key
	http         *http.Client

	mu       sync.Mutex
	policies map[string]StoragePolicy // of channels that this value has created or read
}

// A Broadcast is one message to all devices subscribed to a channel.
type Broadcast struct {
	BundleID  string // bare, without a topic suffix
	ChannelID string
	// PushType is normally [PushLiveActivity], which an empty one means.
	PushType PushType
	Priority int // 10, 5 or 1; required
	// Expiration is required; for a channel that stores nothing it must be [DeliverOnce].
	Expiration Expiration
	ID         [16]byte // apns-request-id; zero lets the gateway choose
	Payload    []byte   // an update or end of a live activity, at most 5,120 bytes
}

// NewBroadcaster prepares a broadcaster and does no input or output.
func NewBroadcaster(config BroadcastConfig) (*Broadcaster, error) {
	credential, err := newCredential(config.Certificate, config.Key)
	if err != nil {
		return nil, err
	}
	for _, address := range []string{config.URL, config.ManageURL} {
		if parsed, err := url.Parse(address); err != nil || parsed.Scheme != "https" || parsed.Host == "" || strings.Trim(parsed.Path, "/") != "" {
			return nil, fmt.Errorf("apns: %q is not a server: expected https://host:port", address)
		}
	}
	tlsConfig := &tls.Config{RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12}
	if certificate := credential.certificate; certificate != nil {
		tlsConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate.TLS, nil }
	}
	return &Broadcaster{
		send: strings.TrimSuffix(config.URL, "/"), manage: strings.TrimSuffix(config.ManageURL, "/"), key: config.Key,
		http: &http.Client{
			Timeout:   time.Minute,
			Transport: &http.Transport{TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true, DisableCompression: true, TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idlePing},
		},
		policies: map[string]StoragePolicy{},
	}, nil
}

// Close closes idle connections.
func (b *Broadcaster) Close() error {
	b.http.CloseIdleConnections()
	return nil
}

// refuse is the local check of a broadcast; see [Notification.refuse].
func (b *Broadcaster) refuse(m *Broadcast) string {
	if reason := refuseBundle(m.BundleID); reason != "" {
		return reason
	}
	if reason := refuseChannel(m.ChannelID); reason != "" {
		return reason
	}
	b.mu.Lock()
	policy, known := b.policies[m.BundleID+" "+m.ChannelID]
	b.mu.Unlock()
	switch {
	case !m.Expiration.set || m.Expiration.unix < 0:
		return "BadExpirationDate"
	case known && policy == StoreNothing && m.Expiration.unix != 0:
		return "BadExpirationDate"
	case m.Priority != 10 && m.Priority != 5 && m.Priority != 1:
		return "BadPriority"
	case !isPlainName(string(m.PushType)):
		return "InvalidPushType"
	case len(m.Payload) == 0:
		return "PayloadEmpty"
	case len(m.Payload) > largestBody:
		return "PayloadTooLarge"
	}
	return ""
}

func refuseBundle(bundleID string) string {
	if bundleID == "" || !isPlainName(bundleID) || bundleOf(bundleID) != bundleID {
		return "TopicDisallowed"
	}
	return ""
}

func refuseChannel(id string) string {
	if id == "" {
		return "MissingChannelId"
	}
	if _, err := base64.StdEncoding.DecodeString(id); err != nil || len(id) > 1024 {
		return "BadChannelId"
	}
	return ""
}

// Send broadcasts one message and waits for the answer. The Result has no Notification; its ID is the apns-request-id.
func (b *Broadcaster) Send(ctx context.Context, m *Broadcast) Result {
	if reason := b.refuse(m); reason != "" {
		return Result{ID: m.ID, Reason: reason, Err: refusedLocally(reason)}
	}
	pushType := m.PushType
	if pushType == "" {
		pushType = PushLiveActivity
	}
	header := http.Header{}
	header.Set("apns-channel-id", m.ChannelID)
	header.Set("apns-push-type", string(pushType))
	header.Set("apns-priority", strconv.Itoa(m.Priority))
	header.Set("apns-expiration", strconv.FormatInt(m.Expiration.unix, 10))
	if m.ID != [16]byte{} {
		header.Set("apns-request-id", string(appendUUID(nil, m.ID)))
	}
	answer, err := b.do(ctx, "POST", b.send+"/4/broadcasts/apps/"+m.BundleID, header, m.Payload)
	if err != nil {
		return Result{ID: m.ID, Err: &Failure{Cause: CauseNetwork, Err: err}}
	}
	result := Result{ID: m.ID, Status: answer.status, Reason: answer.reason(), UniqueID: answer.header.Get("apns-unique-id"),
		RetryAfter: parseRetryAfter([]byte(answer.header.Get("retry-after")))}
	if id, ok := parseUUID([]byte(answer.header.Get("apns-request-id"))); ok {
		result.ID = id
	}
	if credentialFatal(result.Reason) {
		result.Err = &Failure{Cause: CauseCredential, Safe: true, Reason: result.Reason, Err: credentialHint(result.Reason)}
	}
	return result
}

type httpAnswer struct {
	status int
	header http.Header
	body   []byte
}

// reason gives Apple's word, which the channel API has printed with blanks in it (spec 3.3).
func (a *httpAnswer) reason() string {
	if a.status < 300 {
		return ""
	}
	reason, _ := readErrorBody(a.body)
	return strings.ReplaceAll(reason, " ", "")
}

// maxChannelList bounds the largest answer, the list of 10,000 channels.
const maxChannelList = 8 << 20

// do makes a request, and once more with a new provider token if the gateway calls a young one expired.
func (b *Broadcaster) do(ctx context.Context, method, address string, header http.Header, body []byte) (*httpAnswer, error) {
	for attempt := 0; ; attempt++ {
		request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		request.Header = header.Clone()
		request.Header.Set("user-agent", "")
		var token string
		if b.key != nil {
			if token, err = b.key.Token(time.Now()); err != nil {
				return nil, err
			}
			request.Header.Set("authorization", "bearer "+token)
		}
		response, err := b.http.Do(request)
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(io.LimitReader(response.Body, maxChannelList))
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		answer := &httpAnswer{response.StatusCode, response.Header, content}
		switch reason := answer.reason(); {
		case reason == "TooManyProviderTokenUpdates" && b.key != nil:
			b.key.freeze(time.Now())
		case reason == "ExpiredProviderToken" && b.key != nil && attempt == 0:
			now := time.Now()
			if err := b.key.renew(token, now, clockSkew(response.Header.Get("date"), now)); err != nil {
				return nil, err
			}
			b.http.CloseIdleConnections() // a connection that saw a refused token stays bad
			continue
		}
		return answer, nil
	}
}
