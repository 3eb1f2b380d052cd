// Package client is the server SDK of Aurora: it sends pushes, asks what became
// of them, and keeps devices, schedules, files, webhooks and keys. It imports
// nothing of Aurora's own and may be used in any Go program.
//
// There are three callers, each with credentials of its own: a [Client] acts for
// one app, a [Group] for a group of apps, a [Developer] for an account's apps.
// All are safe for concurrent use, and one of each is enough for a process.
//
// Every call takes a context and ends: an attempt after [Settings].Timeout, the
// whole call after [Retry].Within more. A refusal by the server is an *[Error],
// whose kind errors.Is tells ([ErrNoTarget] and its like); that no answer could
// be had is an *[UnansweredError]. A call is repeated by itself only where that
// is harmless: pushes and schedules carry a cid, by which the server knows a
// repeat.
//
// The rules behind each call stand in docs/rest.md, the numbers of refusals in
// docs/errors.md; a running server shows both at /reference.
package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config is what a [Client] needs.
type Config struct {
	Server string // base URL, such as https://push.example.com
	AppKey string // 24 letters and digits; on the app's page in the console
	// MasterSecret may do everything for the app. An API key's secret may stand
	// here as well; then the client may do what the key's scopes open.
	MasterSecret string
	// APIKey is the secret of an API key, instead of AppKey and MasterSecret. The
	// AppKey may be given beside it: it saves the client from asking the server
	// for cids.
	APIKey string
	Settings
}

// Settings are how calls are made. The zero value is good.
type Settings struct {
	// HTTP makes the requests. Nil means one that all clients of the process
	// share, which keeps up to 64 connections to a server open. Redirects are
	// never followed: the secret goes to the configured server only.
	HTTP *http.Client
	// Timeout bounds one attempt, up to the last byte of its answer. Default 30
	// seconds; uploads of files have ten times as long.
	Timeout time.Duration
	Retry   Retry
	// UserAgent names your program to the server, before the SDK's own name.
	UserAgent string
	// OnAttempt, if set, is told of every attempt, for metrics and logs. It must
	// be quick and may be called from several goroutines at once.
	OnAttempt func(Attempt)
}

// Client acts for one app of an Aurora server.
type Client struct {
	caller
	files
	users
	cids cidPool
}

// New returns a client. It does no I/O.
func New(c Config) (*Client, error) {
	switch {
	case c.APIKey != "":
		to, err := newCaller(c.Server, c.AppKey, c.APIKey, c.Settings)
		if err != nil {
			return nil, err
		}
		to.bearer = true
		return newClient(to), nil
	case c.AppKey == "" || c.MasterSecret == "":
		return nil, errors.New("client: AppKey and MasterSecret are required, or an APIKey; they are on the app's page in the console")
	}
	to, err := newCaller(c.Server, c.AppKey, c.MasterSecret, c.Settings)
	if err != nil {
		return nil, err
	}
	return newClient(to), nil
}

func newClient(to caller) *Client {
	c := &Client{caller: to}
	c.files, c.users = files{&c.caller}, users{&c.caller, "/v3/users"}
	return c
}

// caller makes the calls of somebody with credentials.
type caller struct {
	base         string // without a trailing slash
	user, secret string
	bearer       bool // the secret alone proves the caller
	http         *http.Client
	s            Settings
}

const defaultTimeout = 30 * time.Second

func newCaller(server, user, secret string, s Settings) (caller, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return caller{}, fmt.Errorf("client: the server %q must be an http or https URL", server)
	}
	own := http.Client{Transport: sharedTransport()}
	if s.HTTP != nil {
		own = *s.HTTP
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	s.Retry = s.Retry.withDefaults()
	return caller{base: strings.TrimRight(server, "/"), user: user, secret: secret, http: &own, s: s}, nil
}

// keepConnections is how many idle connections to a server are kept. The
// standard library keeps two, so that a busy sender would make a new one for
// almost every call.
const keepConnections = 64

var sharedTransport = sync.OnceValue(func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 4*keepConnections, keepConnections
	return t
})
