// Package console is the web console: server-rendered pages that work without
// JavaScript, and live updates by server-sent events for browsers that have
// it. It decides nothing; every rule lives in the services it calls.
package console

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Config is what the console needs. The five services are required.
type Config struct {
	Account   Accounts
	Registry  Devices
	Dispatch  Sender
	Schedules Schedules
	Ledger    Reports
	Logger    *slog.Logger // nil discards

	// Payload returns what APNs would get of a message, to be shown before it
	// is sent; nil hides it.
	Payload func(m *aurora.Message, badge int) []byte

	// PublicURL is the base URL under which devices and servers reach Aurora,
	// such as https://push.example.com; it is written into PushConfig.plist
	// and the curl line. "" means what the browser used.
	PublicURL string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// PhoneURL links to the simulated iPhone of a demo; "" hides the link.
	PhoneURL string
}

type console struct {
	Config
	log    *slog.Logger
	pages  map[*language]pageSet
	assets map[string]asset
	now    func() time.Time
}

// New returns the console, rooted at "/". It fails only for a wrong Config.
//
// Live streams last as long as their request's context, so a server that
// shuts down must cancel that (http.Server.BaseContext).
func New(cfg Config) (http.Handler, error) {
	if cfg.Account == nil || cfg.Registry == nil || cfg.Dispatch == nil || cfg.Schedules == nil || cfg.Ledger == nil {
		return nil, errors.New("console: Account, Registry, Dispatch, Schedules and Ledger are required")
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	if u, err := url.Parse(cfg.PublicURL); cfg.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("console: PublicURL must be an http or https URL with a host, such as https://push.example.com")
	}
	c := &console{Config: cfg, log: cfg.Logger, now: time.Now}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.assets = loadAssets()
	c.pages = map[*language]pageSet{}
	for _, l := range languages {
		c.pages[l] = parsePages(c, l)
	}
	return c.guard(c.routes()), nil
}

// routes lists every page. A route without "open" needs a session, and one
// below /apps/{key} an app of the signed-in account.
func (c *console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/{file...}", http.HandlerFunc(c.static))
	mux.Handle("GET /favicon.ico", http.RedirectHandler(c.asset("favicon.svg"), http.StatusSeeOther))

	mux.Handle("GET /{$}", c.open(c.home))
	mux.Handle("GET /setup", c.open(c.setupForm))
	mux.Handle("POST /setup", c.open(c.setup))
	mux.Handle("GET /signin", c.open(c.signInForm))
	mux.Handle("POST /signin", c.open(c.signIn))
	mux.Handle("POST /signout", c.open(c.signOut))
	mux.Handle("POST /language", c.open(c.chooseLanguage))

	mux.Handle("GET /apps", c.signedIn(c.appList))
	mux.Handle("POST /apps", c.signedIn(c.createApp))
	mux.Handle("GET /apps/new", c.signedIn(c.newApp))

	mux.Handle("GET /apps/{key}", c.inApp(c.overview))
	mux.Handle("GET /apps/{key}/live", c.inApp(c.overviewLive))
	mux.Handle("POST /apps/{key}/secret", c.inApp(c.secret))
	mux.Handle("GET /apps/{key}/keys", c.inApp(c.keys))
	mux.Handle("POST /apps/{key}/keys/rotate", c.inApp(c.rotateSecret))
	mux.Handle("GET /apps/{key}/PushConfig.plist", c.inApp(c.plist))

	mux.Handle("GET /apps/{key}/credential", c.inApp(c.credentials))
	mux.Handle("POST /apps/{key}/credential", c.inApp(c.uploadCredential))
	mux.Handle("POST /apps/{key}/credential/remove", c.inApp(c.removeCredential))

	mux.Handle("GET /apps/{key}/send", c.inApp(c.compose))
	mux.Handle("POST /apps/{key}/send", c.inApp(c.send))
	mux.Handle("POST /apps/{key}/send/preview", c.inApp(c.preview))
	mux.Handle("POST /apps/{key}/send/confirm", c.inApp(c.confirm))
	mux.Handle("POST /apps/{key}/send/test", c.inApp(c.test))
	mux.Handle("POST /apps/{key}/send/testers", c.inApp(c.testers))

	mux.Handle("GET /apps/{key}/schedules", c.inApp(c.schedules))
	mux.Handle("POST /apps/{key}/schedules/{id}", c.inApp(c.changeSchedule))

	mux.Handle("GET /apps/{key}/messages", c.inApp(c.messages))
	mux.Handle("GET /apps/{key}/messages/live", c.inApp(c.messagesLive))
	mux.Handle("GET /apps/{key}/messages/{id}", c.inApp(c.message))
	mux.Handle("GET /apps/{key}/messages/{id}/live", c.inApp(c.messageLive))
	mux.Handle("GET /apps/{key}/messages/{id}/device", c.inApp(c.messageDevice))

	mux.Handle("GET /apps/{key}/devices", c.inApp(c.devices))
	mux.Handle("GET /apps/{key}/devices/live", c.inApp(c.devicesLive))
	mux.Handle("GET /apps/{key}/devices/{rid}", c.inApp(c.device))
	mux.Handle("GET /apps/{key}/devices/{rid}/live", c.inApp(c.deviceLive))
	mux.Handle("GET /apps/{key}/devices/{rid}/messages/{id}", c.inApp(c.timeline))
	mux.Handle("GET /apps/{key}/devices/{rid}/messages/{id}/live", c.inApp(c.timelineLive))

	mux.Handle("/", c.open(func(http.ResponseWriter, *http.Request, visit) error { return errNoPage }))
	return mux
}
