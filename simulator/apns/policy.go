package apns

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Duration is a time.Duration that is written as text ("250ms", "20m") in JSON.
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("apns: a duration is written like 250ms, 20m or 1h: %w", err)
	}
	*d = Duration(parsed)
	return nil
}

// Policy is how strict, fast and moody the gateway is. The zero value of a
// single field means what its comment says; start from [DefaultPolicy], under
// which a well-behaved client sees nothing unusual, or [HarshPolicy].
type Policy struct {
	// Stream limits (spec §1.4). A token connection starts with InitialStreams
	// and gets Streams once a provider token was validated (S1, S2); a
	// certificate connection has Streams at once.
	InitialStreams uint32 `json:"initial_streams"`
	Streams        uint32 `json:"streams"`
	// StreamsAfterError is what the limit falls to after a 4xx answer (S6),
	// until RecoverAfter requests in a row were accepted; 0 = it does not fall.
	StreamsAfterError uint32 `json:"streams_after_error"`
	RecoverAfter      int    `json:"recover_after"`
	// ExcessStreams is what happens to streams above the limit: "refuse"
	// (RST_STREAM, S5) or "goaway" (S4).
	ExcessStreams string `json:"excess_streams"`

	// ConnectionWindow is the flow-control credit of a connection in bytes; HTTP/2
	// begins at 65535, and a smaller figure is reached by withholding credit.
	ConnectionWindow int `json:"connection_window"`
	// ReturnCredit is when credit comes back for what was read: "batch" (as soon
	// as a quarter of the window is owed, so that the last of it waits), "at-once"
	// or "never".
	ReturnCredit string `json:"return_credit"`
	// HeaderTableSize is announced in SETTINGS, in bytes.
	HeaderTableSize uint32 `json:"header_table_size"`

	// Protocol is what new connections are spoken to in: "h2"; or "http/1.1", a
	// server or proxy that was put in the way by mistake, which agrees on nothing
	// else in the handshake; or "http/1.1-silent", the same without a word about
	// protocols in the handshake.
	Protocol string `json:"protocol"`

	AcceptLatency   Duration `json:"accept_latency"`   // before the TLS handshake
	SettingsLatency Duration `json:"settings_latency"` // before the first SETTINGS
	ResponseLatency Duration `json:"response_latency"` // before every answer
	ResponseJitter  Duration `json:"response_jitter"`  // and up to this much more, evenly distributed

	// UninstallDelay passes between the moment the gateway learns that an app
	// is gone (a push that its phone refuses) and the first 410 (spec §3.4).
	UninstallDelay Duration `json:"uninstall_delay"`

	// ErrorBudget is how many points of 4xx answers a connection may use up
	// before GOAWAY (S7); 0 = unlimited. 410 costs nothing.
	ErrorBudget    int `json:"error_budget"`
	ErrorWeight    int `json:"error_weight"`     // points of a 4xx answer
	BadTokenWeight int `json:"bad_token_weight"` // points of BadDeviceToken

	// DeviceRate is how many pushes one device token takes in DeviceRateWindow
	// before 429 TooManyRequests; 0 = unlimited.
	DeviceRate       int      `json:"device_rate"`
	DeviceRateWindow Duration `json:"device_rate_window"`

	// TokenUpdateInterval is how far apart provider tokens must have been
	// issued (429 TooManyProviderTokenUpdates); 0 = any. The scope is
	// "connection", "key" (across connections) or "address" (key and source address).
	TokenUpdateInterval Duration `json:"token_update_interval"`
	TokenUpdateScope    string   `json:"token_update_scope"`
	// StrictTokens accepts only RFC 7515 form; otherwise DER signatures and
	// padded base64 pass as well (spec §4.2).
	StrictTokens bool `json:"strict_tokens"`

	IdleTimeout Duration `json:"idle_timeout"` // GOAWAY IdleTimeout after this long without a frame; 0 = never
	MaxAge      Duration `json:"max_age"`      // GOAWAY Shutdown after this long; 0 = never
	MaxRequests int      `json:"max_requests"` // GOAWAY Shutdown after so many requests; 0 = unlimited

	MaxConnectionsPerSource int `json:"max_connections_per_source"` // further ones are closed at once; 0 = unlimited
	DialsPerMinute          int `json:"dials_per_minute"`           // per source address; 0 = unlimited

	// MaxChannels is how many broadcast channels an app may have in each
	// environment before 400 CannotCreateChannelConfig.
	MaxChannels int `json:"max_channels"`

	// Answers that are not documented (spec §11).
	InvalidJSON          string `json:"invalid_json"`           // "reject" (PayloadEmpty) or "accept"
	SuffixMismatch       string `json:"suffix_mismatch"`        // reason when push type and topic disagree
	CertificateTopic     string `json:"certificate_topic"`      // reason when the certificate does not list the topic
	EnvironmentKeyReason string `json:"environment_key_reason"` // BadEnvironmentKeyInToken or BadEnvironmentKeyIdInToken

	// OverwriteUnacknowledged lets a new notification replace one that waits
	// for its turn on a connected phone (spec §7.2, in-flight slot); otherwise
	// a connected phone receives everything in order.
	OverwriteUnacknowledged bool `json:"overwrite_unacknowledged"`
}

// DefaultPolicy is the service on a good day.
func DefaultPolicy() Policy {
	return Policy{
		InitialStreams:       1,
		Streams:              1000,
		RecoverAfter:         1,
		ExcessStreams:        "refuse",
		ConnectionWindow:     65535,
		ReturnCredit:         "batch",
		HeaderTableSize:      4096,
		Protocol:             protocolHTTP2,
		ErrorWeight:          1,
		BadTokenWeight:       4,
		DeviceRateWindow:     Duration(time.Second),
		TokenUpdateInterval:  Duration(20 * time.Minute),
		TokenUpdateScope:     "connection",
		IdleTimeout:          Duration(2 * time.Hour),
		MaxChannels:          maxChannels,
		InvalidJSON:          "reject",
		SuffixMismatch:       reasonBadTopic,
		CertificateTopic:     reasonTopicDisallowed,
		EnvironmentKeyReason: "BadEnvironmentKeyInToken",
	}
}

// HarshPolicy is the service on a bad day: the stream limit falls after errors,
// connections have an error budget, one device takes only so much, a 410 comes
// late and answers take their time.
func HarshPolicy() Policy {
	p := DefaultPolicy()
	p.StreamsAfterError = 1
	p.ErrorBudget = 100
	p.DeviceRate = 20
	p.UninstallDelay = Duration(time.Minute)
	p.ResponseLatency = Duration(20 * time.Millisecond)
	p.ResponseJitter = Duration(30 * time.Millisecond)
	p.TokenUpdateScope = "key"
	p.OverwriteUnacknowledged = true
	p.DialsPerMinute = 60
	return p
}

// merge applies JSON to a copy of the policy: what the JSON does not name stays.
// The extra member "profile" ("default" or "harsh") is applied first.
func (p Policy) merge(data []byte) (Policy, error) {
	var chosen struct {
		Profile string `json:"profile"`
	}
	if err := json.Unmarshal(data, &chosen); err != nil {
		return p, fmt.Errorf("apns: the policy must be a JSON object: %w", err)
	}
	switch chosen.Profile {
	case "":
	case "default":
		p = DefaultPolicy()
	case "harsh":
		p = HarshPolicy()
	default:
		return p, fmt.Errorf("apns: profile %q is unknown; use default or harsh", chosen.Profile)
	}
	wrapped := struct {
		Profile string `json:"profile,omitempty"`
		*Policy
	}{Policy: &p}
	if err := strictJSON(data, &wrapped); err != nil {
		return p, fmt.Errorf("apns: the policy cannot be read: %w", err)
	}
	return p, p.check()
}

func (p Policy) check() error {
	oneOf := func(name, value string, allowed ...string) error {
		if slices.Contains(allowed, value) {
			return nil
		}
		return fmt.Errorf("apns: policy %s is %q; use one of %q", name, value, allowed)
	}
	for _, err := range []error{
		oneOf("excess_streams", p.ExcessStreams, "refuse", "goaway"),
		oneOf("protocol", p.Protocol, protocolHTTP2, protocolHTTP1, protocolSilent),
		oneOf("return_credit", p.ReturnCredit, "batch", "at-once", "never"),
		oneOf("token_update_scope", p.TokenUpdateScope, "connection", "key", "address"),
		oneOf("invalid_json", p.InvalidJSON, "reject", "accept"),
	} {
		if err != nil {
			return err
		}
	}
	if p.ConnectionWindow < 1 || p.ConnectionWindow > 1<<31-1 {
		return fmt.Errorf("apns: policy connection_window is %d bytes; use 1 to 2147483647", p.ConnectionWindow)
	}
	return nil
}
