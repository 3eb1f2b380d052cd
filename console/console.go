// Package console is the web console: server-rendered pages that work without
// JavaScript, and live updates by server-sent events for browsers that have
// it. It decides nothing; every rule lives in the services it calls.
package console

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Config is what the console needs. The six services are required.
type Config struct {
	Account   Accounts
	Registry  Devices
	Dispatch  Sender
	Schedules Schedules
	Approvals Approvals
	Ledger    Reports
	Logger    *slog.Logger // nil discards

	// Payload returns what APNs would get of a message, to be shown before it
	// is sent; nil hides it.
	Payload func(m *aurora.Message, badge int) []byte

	// People is what concerns several people: teams, invitations, second factors,
	// sessions, the audit log. Without it the console has no such pages.
	People Membership
	// Figures and Pushes are what reports are made of; without them there are none.
	Figures DeviceFigures
	Pushes  PushFigures
	// Settings, Hooks and Operator bring the pages about API keys and groups,
	// webhooks, and the installation. Sample is the sample app's files.
	Settings Settings
	Hooks    Hooks
	Operator Operator
	// Letters mails invitations; nil where no mail server is set.
	Letters Letters
	Sample  fs.FS
	// Editor changes devices and segments; without it both are read only.
	Editor DeviceEditor
	// Quarantine lists and restores devices; without it there is no such page.
	Quarantine Quarantine

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
	log *slog.Logger
	now func() time.Time

	figures shelf // of reports
}

// New returns the console, rooted at "/". It fails only for a wrong Config.
//
// Live streams last as long as their request's context, so a server that
// shuts down must cancel that (http.Server.BaseContext).
func New(cfg Config) (http.Handler, error) {
	if cfg.Account == nil || cfg.Registry == nil || cfg.Dispatch == nil || cfg.Schedules == nil || cfg.Approvals == nil || cfg.Ledger == nil {
		return nil, errors.New("console: Account, Registry, Dispatch, Schedules, Approvals and Ledger are required")
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	if u, err := url.Parse(cfg.PublicURL); cfg.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("console: PublicURL must be an http or https URL with a host, such as https://push.example.com")
	}
	c := &console{Config: cfg, log: cfg.Logger, now: time.Now}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	pages() // a template that does not parse is found at the start
	mux := http.NewServeMux()
	c.routes(mux)
	return c.guard(mux), nil
}

// router takes routes, as an http.ServeMux does.
type router interface {
	Handle(pattern string, h http.Handler)
}

// routes lists every page. A route without "open" needs a session, and one
// below /apps/{key} an app of the signed-in account.
func (c *console) routes(mux router) {
	mux.Handle("GET /static/{file...}", http.HandlerFunc(c.static))
	mux.Handle("GET /favicon.ico", http.RedirectHandler(assetURL("favicon.svg"), http.StatusSeeOther))

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
	mux.Handle("POST /apps/{key}/credential/probe", c.inApp(c.probeCredential))
	mux.Handle("POST /apps/{key}/credential/remove", c.inApp(c.removeCredential))

	mux.Handle("GET /apps/{key}/send", c.inApp(c.compose))
	mux.Handle("POST /apps/{key}/send", c.inApp(c.send))
	mux.Handle("POST /apps/{key}/send/preview", c.inApp(c.preview))
	mux.Handle("POST /apps/{key}/send/confirm", c.inApp(c.confirm))
	mux.Handle("POST /apps/{key}/send/test", c.inApp(c.test))
	mux.Handle("POST /apps/{key}/send/testers", c.inApp(c.testers))

	mux.Handle("GET /apps/{key}/schedules", c.inApp(c.schedules))
	mux.Handle("POST /apps/{key}/schedules/{id}", c.inApp(c.changeSchedule))

	mux.Handle("GET /apps/{key}/approvals", c.inApp(c.approvals))
	mux.Handle("POST /apps/{key}/approvals", c.inApp(c.setApprovalLimit))
	mux.Handle("POST /apps/{key}/approvals/{id}", c.inApp(c.decide))

	mux.Handle("GET /apps/{key}/messages", c.inApp(c.messages))
	mux.Handle("GET /apps/{key}/messages/live", c.inApp(c.messagesLive))
	mux.Handle("GET /apps/{key}/messages/compare", c.inApp(c.compare))
	mux.Handle("GET /apps/{key}/messages/{id}", c.inApp(c.message))
	mux.Handle("POST /apps/{key}/messages/{id}/stop", c.inApp(c.stop))
	mux.Handle("GET /apps/{key}/messages/{id}/devices", c.inApp(c.markedDevices))
	mux.Handle("GET /apps/{key}/messages/{id}/live", c.inApp(c.messageLive))
	mux.Handle("GET /apps/{key}/messages/{id}/device", c.inApp(c.messageDevice))

	mux.Handle("GET /apps/{key}/devices", c.inApp(c.devices))
	mux.Handle("GET /apps/{key}/devices/live", c.inApp(c.devicesLive))
	mux.Handle("POST /apps/{key}/export/{file}", c.inApp(c.export))
	mux.Handle("GET /apps/{key}/devices/{rid}", c.inApp(c.device))
	mux.Handle("GET /apps/{key}/devices/{rid}/live", c.inApp(c.deviceLive))
	mux.Handle("GET /apps/{key}/devices/{rid}/messages/{id}", c.inApp(c.timeline))
	mux.Handle("GET /apps/{key}/devices/{rid}/messages/{id}/live", c.inApp(c.timelineLive))

	if c.People != nil {
		c.peopleRoutes(mux)
	}
	c.settingsRoutes(mux)
	if c.Figures != nil && c.Pushes != nil {
		mux.Handle("GET /apps/{key}/reports", c.inApp(c.reports))
		mux.Handle("GET /apps/{key}/reports/versions", c.inApp(c.reportsBy))
		mux.Handle("GET /apps/{key}/reports/{file}", c.inApp(c.reportFile))
	}
	mux.Handle("/", c.open(func(http.ResponseWriter, *http.Request, visit) error { return errNoPage }))
}

// peopleRoutes lists the pages about people.
func (c *console) peopleRoutes(mux router) {
	mux.Handle("GET /signin/second", c.open(c.second))
	mux.Handle("POST /signin/second", c.open(c.secondCode))
	mux.Handle("POST /signin/passkey/ask", c.open(c.askPasskey))
	mux.Handle("POST /signin/passkey", c.open(c.signInWithPasskey))
	mux.Handle("GET /signin/provider", c.open(c.toProvider))
	mux.Handle("GET "+providerBack, c.open(c.fromProvider))
	mux.Handle("GET /join", c.open(c.join))
	mux.Handle("POST /join", c.open(c.accept))

	mux.Handle("GET /team", c.signedIn(c.team))
	mux.Handle("POST /team/invite", c.signedIn(c.invite))
	mux.Handle("POST /team/revoke", c.signedIn(c.revokeInvitation))
	mux.Handle("POST /team/role", c.signedIn(c.setRole))
	mux.Handle("POST /team/remove", c.signedIn(c.removeMember))
	mux.Handle("POST /team/switch", c.signedIn(c.switchAccount))

	mux.Handle("GET /security", c.signedIn(c.security))
	mux.Handle("POST /security/codes", c.signedIn(c.beginCodes))
	mux.Handle("POST /security/codes/confirm", c.signedIn(c.confirmCodes))
	mux.Handle("POST /security/codes/off", c.signedIn(c.disableCodes))
	mux.Handle("POST /security/recovery", c.signedIn(c.renewRecovery))
	mux.Handle("POST /security/passkeys/begin", c.signedIn(c.beginPasskey))
	mux.Handle("POST /security/passkeys", c.signedIn(c.addPasskey))
	mux.Handle("POST /security/passkeys/remove", c.signedIn(c.removePasskey))
	mux.Handle("POST /security/sessions/end", c.signedIn(c.endSession))
	mux.Handle("POST /security/sessions/others", c.signedIn(c.endOtherSessions))
	mux.Handle("POST /security/password", c.signedIn(c.changePassword))

	mux.Handle("GET /audit", c.signedIn(c.audit))
	mux.Handle("GET /audit/{form}", c.signedIn(c.auditExport))
}

// settingsRoutes lists the pages about who may call, who is told, and the
// installation.
func (c *console) settingsRoutes(mux router) {
	if c.Settings != nil {
		mux.Handle("GET /apps/{key}/access", c.inApp(c.access))
		mux.Handle("POST /apps/{key}/access/keys", c.inApp(c.createKey))
		mux.Handle("POST /apps/{key}/access/revoke", c.inApp(c.revokeKey))
		mux.Handle("POST /apps/{key}/access/allow", c.inApp(c.setAllowList))
		mux.Handle("GET /groups", c.signedIn(c.groups))
		mux.Handle("POST /groups", c.signedIn(c.createGroup))
		mux.Handle("POST /groups/delete", c.signedIn(c.deleteGroup))
		mux.Handle("POST /groups/apps", c.signedIn(c.setGroupApp))
		mux.Handle("POST /groups/secret", c.signedIn(c.groupSecret))
	}
	if c.Hooks != nil {
		mux.Handle("GET /apps/{key}/webhooks", c.inApp(c.webhooks))
		mux.Handle("POST /apps/{key}/webhooks", c.inApp(c.createWebhook))
		mux.Handle("GET /apps/{key}/webhooks/{id}", c.inApp(c.webhook))
		mux.Handle("POST /apps/{key}/webhooks/{id}", c.inApp(c.changeWebhook))
	}
	if c.Editor != nil {
		mux.Handle("POST /apps/{key}/devices/{rid}", c.inApp(c.changeDevice))
		mux.Handle("GET /apps/{key}/segments", c.inApp(c.segments))
		mux.Handle("POST /apps/{key}/segments", c.inApp(c.saveSegment))
		mux.Handle("POST /apps/{key}/segments/delete", c.inApp(c.deleteSegment))
	}
	if c.Quarantine != nil {
		mux.Handle("GET /apps/{key}/quarantine", c.inApp(c.quarantine))
		mux.Handle("POST /apps/{key}/quarantine", c.inApp(c.restore))
	}
	if c.Operator != nil {
		mux.Handle("GET /system", c.signedIn(c.system))
		mux.Handle("POST /system/mail", c.signedIn(c.testMail))
	}
	if c.Sample != nil {
		mux.Handle("GET /apps/{key}/sample.zip", c.inApp(c.sample))
	}
}
