package console

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
	"github.com/aurora-push/aurora/registry"
)

// The real services fit without an adapter.
var (
	_ Accounts  = (*account.Service)(nil)
	_ Devices   = (*registry.Service)(nil)
	_ Sender    = (*dispatch.Service)(nil)
	_ Schedules = (*dispatch.Schedules)(nil)
	_ Approvals = (*dispatch.Approvals)(nil)
	_ Reports   = (*ledger.Service)(nil)

	_ Quarantine = (*registry.Service)(nil)
)

const (
	ownerSession = "owner-session"
	otherSession = "other-session"
	fullKey      = "a1b2c3d4e5f60718293a4b5c" // an app with history
	freshKey     = "00112233445566778899aabb" // an app without
	otherKey     = "ffeeddccbbaa998877665544" // another account's
	masterSecret = "5ec4e75ec4e75ec4e75ec4e7"
	newSecret    = "0ddba110ddba110ddba110dd"
	phoneID      = "190e35f7e0b5c8d1a2f"
	retiredID    = "1a0018970a8c51be3f4"
	approvalID   = "7f2caaaa-1111-2222-3333-444455556666"
	scheduleID   = "7f2c0000-1111-2222-3333-444455556666"
	messageID    = aurora.MessageID(58512043210007)
)

// world stands in for the services with sample data, to drive pages. What the
// services decide is tested with them; here a test says what they answer.
type world struct {
	mu          sync.Mutex
	first       bool
	sessions    map[string]aurora.Account
	apps        []aurora.App
	credentials map[int64][]aurora.Credential
	devices     map[int64][]aurora.Device
	reports     map[int64][]ledger.Report
	steps       []ledger.Step
	refuse      error // what the next call that changes something answers
	uploads     []account.Upload
	sent        []dispatch.Request
	watchers    []chan ledger.Event
	counted     []audience.Expr
	overlap     time.Duration // of the newest rotation
	rotated     bool
	limit       uint64
	segments    map[int64][]registry.Segment
	waiting     []dispatch.Approval
	queries     []ledger.Query
	selections  []ledger.Selection
	planned     []dispatch.Schedule
	tests       map[int64][]registry.TestDevice
	restored    []string // registration ids, or a filter
}

var (
	owner = aurora.Account{ID: 1, Email: "mia@example.com"}
	other = aurora.Account{ID: 2, Email: "eve@example.com"}
)

// newWorld fills in the sample. Every text that a user, a device or a file
// brings passes through text.
func newWorld(text func(string) string) *world {
	now := time.Now()
	w := &world{
		sessions: map[string]aurora.Account{ownerSession: owner, otherSession: other},
		apps: []aurora.App{
			{ID: 1, AccountID: 1, Key: fullKey, MasterSecret: aurora.NewSecret(masterSecret), Name: text("Northlight Reader"), BundleID: text("com.example.reader"), CreatedAt: now.Add(-40 * 24 * time.Hour)},
			{ID: 2, AccountID: 1, Key: freshKey, MasterSecret: aurora.NewSecret(masterSecret), Name: text("极光天气"), BundleID: text("com.example.weather"), CreatedAt: now.Add(-3 * time.Hour)},
			{ID: 3, AccountID: 2, Key: otherKey, MasterSecret: aurora.NewSecret(masterSecret), Name: "Somebody else's", BundleID: "com.example.other", CreatedAt: now},
		},
		credentials: map[int64][]aurora.Credential{1: {
			{ID: 1, AppID: 1, Environment: aurora.Development, Kind: aurora.CertificateCredential, Name: text("Apple Push Services: com.example.reader"), Topic: text("com.example.reader"), TeamID: text("A1B2C3D4E5"), NotAfter: now.Add(21 * 24 * time.Hour), ValidatedAt: now.Add(-300 * 24 * time.Hour)},
			{ID: 2, AppID: 1, Environment: aurora.Production, Kind: aurora.KeyCredential, Name: text("Key ABC123DEFG"), Topic: text("com.example.reader"), TeamID: text("A1B2C3D4E5"), KeyID: text("ABC123DEFG"), ValidatedAt: now.Add(-12 * 24 * time.Hour)},
		}},
		devices: map[int64][]aurora.Device{1: {
			{AppID: 1, Number: 2, RegistrationID: phoneID, Platform: aurora.IOS, Token: strings.Repeat("9f2c41d07be35a68", 4), Environment: aurora.Development, TokenAt: now.Add(-2 * time.Hour), Alias: text("mia"), Tags: []string{text("beta"), text("berlin"), text("读者")}, Badge: 3,
				Profile: aurora.Profile{Channel: text("App Store"), AppVersion: text("4.2.0 (311)"), OSVersion: text("18.1"), Model: text("iPhone16,2"), Language: text("en-DE"), TimeZone: text("Europe/Berlin")}, RegisteredAt: now.Add(-30 * 24 * time.Hour), SeenAt: now.Add(-4 * time.Minute)},
			{AppID: 1, Number: 1, RegistrationID: retiredID, Platform: aurora.IOS, Token: strings.Repeat("7a2b", 16), Environment: aurora.Production, TokenAt: now.Add(-200 * 24 * time.Hour), RetiredReason: "Unregistered", RetiredAt: now.Add(-26 * time.Hour), Alias: text("old-phone"), Profile: aurora.Profile{Model: text("iPhone12,1"), OSVersion: text("16.7")}, RegisteredAt: now.Add(-300 * 24 * time.Hour), SeenAt: now.Add(-60 * 24 * time.Hour)},
			{AppID: 1, Number: 0, RegistrationID: "1a0018970a8c51be3f5", Platform: aurora.IOS, RegisteredAt: now.Add(-time.Hour), SeenAt: now.Add(-time.Hour)},
		}},
		reports: map[int64][]ledger.Report{1: {
			report(messageID, now.Add(-90*time.Second), text, "Gate change", "Your flight to Tromsø now leaves from B12. Boarding starts at 18:40.", 12480, 8210, 64, 5122, 907, ledger.Sending),
			report(messageID-1, now.Add(-26*time.Hour), text, "早安", "今天的极光指数很高，晚上记得出门。", 12431, 12360, 71, 9877, 3120, ledger.Done),
			report(messageID-2, now.Add(-50*time.Hour), text, "", "Three new articles in your list", 3, 3, 0, 3, 1, ledger.Done),
		}},
	}
	w.tests = map[int64][]registry.TestDevice{1: {{RegistrationID: phoneID, Name: text("Mia's iPhone")}}}
	w.planned = []dispatch.Schedule{
		{ID: scheduleID, AppID: 1, Name: text("Morning"), Enabled: true, Trigger: dispatch.Trigger{Kind: dispatch.Single, At: now.Add(26 * time.Hour)}, NextAt: now.Add(26 * time.Hour), Push: dispatch.Request{Message: w.reports[1][0].Message, Audience: audience.Is(audience.Tag, text("beta"))}},
		{ID: "7f2c1111-2222-3333-4444-555566667777", AppID: 1, Name: text("Weekly"), Trigger: dispatch.Trigger{Kind: dispatch.Periodical, Unit: dispatch.Week}, Push: dispatch.Request{Message: w.reports[1][2].Message, Audience: audience.All()}},
	}
	w.segments = map[int64][]registry.Segment{1: {{Name: text("regulars"), Expression: text("vip && seen<=30d")}}}
	w.waiting = []dispatch.Approval{
		{Schedule: dispatch.Schedule{ID: approvalID, AppID: 1, CreatedAt: now.Add(-time.Hour), Push: dispatch.Request{Message: w.reports[1][1].Message, Audience: audience.All()}}, AskedBy: text("eve@example.com"), Targeted: 12431},
		{Schedule: dispatch.Schedule{ID: "7f2c9999-2222-3333-4444-555566667777", AppID: 1, CreatedAt: now.Add(-time.Minute), Trigger: dispatch.Trigger{Kind: dispatch.Single, At: now.Add(5 * time.Hour)}, Push: dispatch.Request{Message: w.reports[1][2].Message, Audience: audience.Is(audience.Tag, text("beta"))}}, AskedBy: owner.Email, Targeted: 30000},
	}
	w.steps = []ledger.Step{
		{Name: "Registered", Text: "The app registered with Aurora as " + phoneID + ".", State: ledger.StepDone, At: now.Add(-30 * 24 * time.Hour)},
		{Name: "Accepted by Aurora", Text: "The push was accepted and stored.", State: ledger.StepDone, At: now.Add(-90 * time.Second)},
		{Name: "Selected", Text: "The audience selected this device.", State: ledger.StepDone, At: now.Add(-90*time.Second + 12*time.Millisecond)},
		{Name: "Environment", Text: text("Failed: OtherEnvironment."), Remedy: text(aurora.ExplainReason(aurora.ReasonOtherEnvironment)), State: ledger.StepBroken, At: now.Add(-89 * time.Second)},
	}
	return w
}

func report(id aurora.MessageID, at time.Time, text func(string) string, title, body string, targeted, accepted, failed, received, opened uint64, state ledger.State) ledger.Report {
	var alert any = text(body)
	if title != "" {
		alert = map[string]string{"title": text(title), "body": text(body)}
	}
	raw, _ := json.Marshal(alert)
	r := ledger.Report{
		Message: aurora.Message{ID: id, AppID: 1, Source: text("console"), Platforms: []aurora.Platform{aurora.IOS}, Audience: text(`tag:beta & (tag:berlin | alias:"mia") & platform:ios`), AcceptedAt: at,
			Content: aurora.Content{IOS: &aurora.IOSNotification{Alert: raw, Sound: json.RawMessage(`"default"`), Badge: &aurora.Badge{Relative: true, N: 1}}}, Options: aurora.Options{CollapseID: text("gate")}},
		Targeted: targeted, Accepted: accepted, Failed: failed, Received: received, Opened: opened, Pending: targeted - accepted - failed, State: state,
	}
	if failed > 0 {
		r.FailedBy = []ledger.ReasonCount{{Reason: "Unregistered", Count: failed - 7}, {Reason: "BadDeviceToken", Count: 5}, {Reason: text("NoToken"), Count: 2}}
	}
	return r
}

func plain(s string) string { return s }

// refusal answers once with what a test put in.
func (w *world) refusal() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.refuse
	w.refuse = nil
	return err
}

func (w *world) FirstRun(context.Context) (bool, error) { return w.first, nil }
func (w *world) CreateOwner(_ context.Context, link, email, _ string) (aurora.Account, error) {
	if err := w.refusal(); err != nil {
		return aurora.Account{}, err
	}
	if link != "right-link" {
		return aurora.Account{}, aurora.Errorf(aurora.Forbidden, "This set-up link is not valid any more.")
	}
	w.first = false
	return aurora.Account{ID: 1, Email: email}, nil
}
func (w *world) SignIn(_ context.Context, email, password string) (account.Entry, error) {
	if err := w.refusal(); err != nil {
		return account.Entry{}, err
	}
	if email != owner.Email || password != "correct horse battery" {
		return account.Entry{}, aurora.Errorf(aurora.Unauthorized, "The email address or the password is not right.")
	}
	return account.Entry{Session: ownerSession}, nil
}
func (w *world) SignInLinkOf(ctx context.Context, link string) (string, error) {
	_, err := w.SignInByLink(ctx, link)
	return owner.Email, err
}
func (w *world) SignInByLink(_ context.Context, link string) (string, error) {
	if link != "right-link" {
		return "", aurora.Errorf(aurora.Unauthorized, "This sign-in link was used before or has expired.")
	}
	return ownerSession, nil
}
func (w *world) Session(_ context.Context, session string) (account.Visitor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, ok := w.sessions[session]; ok {
		return account.Visitor{Account: a, PersonID: a.ID, Email: a.Email, Role: aurora.OwnerRole}, nil
	}
	return account.Visitor{}, aurora.Errorf(aurora.Unauthorized, "You are signed out. Sign in again.")
}
func (w *world) Remember(_ context.Context, session string) (string, error) {
	return "kept-" + session, nil
}
func (w *world) SignOut(_ context.Context, session string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions, session)
	return nil
}
func (w *world) CreateApp(_ context.Context, accountID int64, name, bundleID string) (aurora.App, error) {
	if err := w.refusal(); err != nil {
		return aurora.App{}, err
	}
	if err := aurora.ValidateBundleID(bundleID); err != nil {
		return aurora.App{}, err
	}
	a := aurora.App{ID: 9, AccountID: accountID, Key: aurora.NewKey(), Name: name, BundleID: bundleID, CreatedAt: time.Now()}
	w.apps = append(w.apps, a)
	return a, nil
}
func (w *world) Apps(_ context.Context, accountID int64) (apps []aurora.App, err error) {
	for _, a := range w.apps {
		if a.AccountID == accountID {
			apps = append(apps, a)
		}
	}
	return apps, nil
}
func (w *world) App(_ context.Context, accountID int64, key string) (aurora.App, error) {
	for _, a := range w.apps {
		if a.Key == key && a.AccountID == accountID {
			return a, nil
		}
	}
	return aurora.App{}, aurora.Errorf(aurora.NotFound, "You have no app %q.", key)
}
func (w *world) RevealSecret(_ context.Context, app aurora.App) (aurora.Secret, error) {
	return app.MasterSecret, nil
}
func (w *world) Credentials(_ context.Context, appID int64) ([]aurora.Credential, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.credentials[appID], nil
}
func (w *world) ProbeCredential(_ context.Context, app aurora.App, env aurora.Environment) error {
	if err := w.refusal(); err != nil {
		return err
	}
	for i, c := range w.credentials[app.ID] {
		if c.Environment == env {
			w.credentials[app.ID][i].Parked, w.credentials[app.ID][i].ValidatedAt = "", time.Now()
		}
	}
	return nil
}

func (w *world) StoreCredential(_ context.Context, app aurora.App, up account.Upload) ([]aurora.Credential, error) {
	if err := w.refusal(); err != nil {
		return nil, err
	}
	w.uploads = append(w.uploads, up)
	return nil, nil
}
func (w *world) RemoveCredential(_ context.Context, appID int64, env aurora.Environment) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.credentials[appID] = slices.DeleteFunc(w.credentials[appID], func(c aurora.Credential) bool { return c.Environment == env })
	return nil
}
func (w *world) RotateSecret(_ context.Context, _ aurora.App, overlap time.Duration) (aurora.Secret, error) {
	if err := w.refusal(); err != nil {
		return aurora.Secret{}, err
	}
	w.rotated, w.overlap = true, overlap
	return aurora.NewSecret(newSecret), nil
}
func (w *world) OldSecretUntil(context.Context, int64) (time.Time, error) {
	if !w.rotated || w.overlap == 0 {
		return time.Time{}, nil
	}
	return time.Now().Add(w.overlap), nil
}
func (w *world) Devices(_ context.Context, appID int64, q registry.Query) (found []aurora.Device, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.devices[appID] {
		if q.Text == "" || q.Text == d.RegistrationID || q.Text == d.Alias || slices.Contains(d.Tags, q.Text) {
			found = append(found, d)
		}
	}
	return found, nil
}
func (w *world) Device(_ context.Context, appID int64, registrationID string) (aurora.Device, error) {
	for _, d := range w.devices[appID] {
		if d.RegistrationID == registrationID {
			return d, nil
		}
	}
	return aurora.Device{}, aurora.Errorf(aurora.NotFound, "This app has no device with registration id %.40q.", registrationID)
}
func (w *world) Count(_ context.Context, appID int64, e audience.Expr) (n uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted = append(w.counted, e)
	for _, d := range w.devices[appID] {
		s := audience.Subject{Tags: d.Tags, Alias: d.Alias, RegistrationID: d.RegistrationID, Platform: string(d.Platform)}
		if d.RetiredReason == "" && d.Token != "" {
			s.Token = d.Environment.String()
		}
		if e.Match(s) {
			n++
		}
	}
	return n, nil
}

// sender is the world as the service that sends.
type sender struct{ *world }

func (w sender) Accept(_ context.Context, app aurora.App, r dispatch.Request) (dispatch.Receipt, error) {
	if err := w.refusal(); err != nil {
		return dispatch.Receipt{}, err
	}
	w.sent = append(w.sent, r)
	return dispatch.Receipt{MessageID: messageID}, nil
}
func (w sender) Count(_ context.Context, app aurora.App, r dispatch.Request) (dispatch.Reach, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reach := dispatch.Reach{Dropped: map[dispatch.Drop]uint64{}}
	for _, d := range w.devices[app.ID] {
		if !r.Audience.Match(audience.Subject{Tags: d.Tags, Alias: d.Alias, RegistrationID: d.RegistrationID, Platform: string(d.Platform)}) {
			continue
		}
		reach.Targeted++
		switch {
		case d.RetiredReason != "":
			reach.Dropped[dispatch.Quarantined]++
		case d.Token == "":
			reach.Dropped[dispatch.NoToken]++
		case d.Environment != r.Message.Environment():
			reach.Dropped[dispatch.WrongEnvironment]++
		default:
			reach.Reachable++
		}
	}
	return reach, nil
}
func (w sender) Stop(_ context.Context, appID int64, id aurora.MessageID) error {
	if err := w.refusal(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range w.reports[appID] {
		if r.Message.ID == id {
			w.reports[appID][i].State, w.reports[appID][i].Message.StoppedAt = ledger.Done, time.Now()
			w.tell(id)
			return nil
		}
	}
	return aurora.Errorf(aurora.NotFound, "This app has no message %v.", id)
}

// planner is the world as the service that keeps schedules.
type planner struct{ *world }

func (w planner) Create(_ context.Context, app aurora.App, n dispatch.Schedule, cid string) (dispatch.Schedule, error) {
	if err := w.refusal(); err != nil {
		return n, err
	}
	n.AppID, n.NextAt = app.ID, n.Trigger.At
	w.planned = append(w.planned, n)
	return n, nil
}

// approver is the world as the service that asks a second person.
type approver struct{ *world }

func (w approver) Limit(context.Context, int64) (uint64, error) { return w.limit, nil }
func (w approver) SetLimit(_ context.Context, _ aurora.App, limit uint64) error {
	if err := w.refusal(); err != nil {
		return err
	}
	w.limit = limit
	return nil
}
func (w approver) Submit(ctx context.Context, app aurora.App, n dispatch.Schedule, cid string) (dispatch.Submitted, error) {
	reach, _ := sender(w).Count(ctx, app, n.Push)
	switch {
	case w.limit > 0 && reach.Targeted > w.limit:
		n.AppID, n.CreatedAt = app.ID, time.Now()
		w.waiting = append(w.waiting, dispatch.Approval{Schedule: n, AskedBy: owner.Email, Targeted: reach.Targeted})
		return dispatch.Submitted{Waiting: true}, nil
	case n.Trigger.Kind != "":
		_, err := planner(w).Create(ctx, app, n, cid)
		return dispatch.Submitted{}, err
	}
	n.Push.CID = cid
	receipt, err := sender(w).Accept(ctx, app, n.Push)
	return dispatch.Submitted{MessageID: receipt.MessageID}, err
}
func (w approver) Try(ctx context.Context, app aurora.App, r dispatch.Request) (dispatch.Receipt, error) {
	r.TestOnly = true
	return sender(w).Accept(ctx, app, r)
}
func (w approver) Pending(_ context.Context, appID int64) (list []dispatch.Approval, err error) {
	for _, a := range w.waiting {
		if a.AppID == appID {
			list = append(list, a)
		}
	}
	return list, nil
}
func (w approver) Approve(ctx context.Context, app aurora.App, id string) (dispatch.Submitted, error) {
	if err := w.refusal(); err != nil {
		return dispatch.Submitted{}, err
	}
	return dispatch.Submitted{MessageID: messageID}, w.Withdraw(ctx, app, id)
}
func (w approver) Withdraw(_ context.Context, app aurora.App, id string) error {
	before := len(w.waiting)
	w.waiting = slices.DeleteFunc(w.waiting, func(a dispatch.Approval) bool { return a.AppID == app.ID && a.ID == id })
	if len(w.waiting) == before {
		return aurora.Errorf(aurora.NotFound, "This push does not wait any more: it was sent, withdrawn, or forgotten after a week.")
	}
	return nil
}
func (w planner) Schedules(_ context.Context, appID int64, _ int) (list []dispatch.Schedule, total int, err error) {
	for _, s := range w.planned {
		if s.AppID == appID {
			list = append(list, s)
		}
	}
	return list, len(list), nil
}
func (w planner) Change(_ context.Context, appID int64, id string, c dispatch.ScheduleChange) (dispatch.Schedule, error) {
	for i, s := range w.planned {
		if s.AppID == appID && s.ID == id {
			w.planned[i].Enabled = *c.Enabled
			return w.planned[i], nil
		}
	}
	return dispatch.Schedule{}, aurora.Errorf(aurora.NotFound, "There is no such schedule.")
}
func (w planner) Delete(_ context.Context, appID int64, id string) error {
	before := len(w.planned)
	w.planned = slices.DeleteFunc(w.planned, func(s dispatch.Schedule) bool { return s.AppID == appID && s.ID == id })
	if len(w.planned) == before {
		return aurora.Errorf(aurora.NotFound, "There is no such schedule.")
	}
	return nil
}
func (w *world) ListTestDevices(_ context.Context, appID int64) ([]registry.TestDevice, error) {
	return w.tests[appID], nil
}
func (w *world) Export(_ context.Context, _ int64, to io.Writer, _ registry.ExportOptions) (int64, error) {
	n, err := io.WriteString(to, "registration_id\n")
	return int64(n), err
}
func (w *world) Segments(_ context.Context, appID int64) ([]registry.Segment, error) {
	return w.segments[appID], nil
}
func (w *world) PutTestDevice(ctx context.Context, appID int64, registrationID, name string, _ bool) error {
	if err := aurora.ValidateRegistrationID(registrationID); err != nil {
		return err
	}
	if _, err := w.Device(ctx, appID, registrationID); err != nil {
		return err
	}
	w.tests[appID] = append(w.tests[appID], registry.TestDevice{RegistrationID: registrationID, Name: name})
	return nil
}
func (w *world) DropTestDevice(_ context.Context, appID int64, registrationID string) error {
	w.tests[appID] = slices.DeleteFunc(w.tests[appID], func(d registry.TestDevice) bool { return d.RegistrationID == registrationID })
	return nil
}
func (w *world) Messages(_ context.Context, appID int64, before aurora.MessageID, limit int) (found []ledger.Report, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.reports[appID] {
		if before == 0 || r.Message.ID < before {
			found = append(found, r)
		}
	}
	return found[:min(limit, len(found))], nil
}
func (w *world) Report(_ context.Context, appID int64, id aurora.MessageID) (ledger.Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.reports[appID] {
		if r.Message.ID == id {
			return r, nil
		}
	}
	return ledger.Report{}, aurora.Errorf(aurora.NotFound, "This app has no message %v.", id)
}
func (w *world) Search(ctx context.Context, appID int64, q ledger.Query) (f ledger.Found, err error) {
	w.queries = append(w.queries, q)
	reports, err := w.Messages(ctx, appID, q.Before, 100)
	for _, r := range reports {
		if strings.Contains(string(r.Message.Content.IOS.Alert), q.Text) {
			f.Reports = append(f.Reports, r)
		}
	}
	return f, err
}
func (w *world) MarkedDevices(_ context.Context, appID int64, id aurora.MessageID, q ledger.Selection) (ids []string, next int64, err error) {
	w.selections = append(w.selections, q)
	for _, d := range w.devices[appID] {
		ids = append(ids, d.RegistrationID)
	}
	return ids, 65536, nil
}
func (w *world) Timeline(context.Context, int64, string, aurora.MessageID) ([]ledger.Step, error) {
	return w.steps, nil
}
func (w *world) DeviceMessages(_ context.Context, appID int64, _ string, _ int) ([]ledger.Report, error) {
	return w.Messages(context.Background(), appID, 0, 100)
}
func (w *world) Watch(context.Context, int64) (<-chan ledger.Event, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	hints := make(chan ledger.Event, 100)
	w.watchers = append(w.watchers, hints)
	return hints, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.watchers = slices.DeleteFunc(w.watchers, func(c chan ledger.Event) bool { return c == hints })
	}
}

// received sets a message's count and hints at it, as the ledger does.
func (w *world) received(id aurora.MessageID, n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.reports[1] {
		if w.reports[1][i].Message.ID == id {
			w.reports[1][i].Received = n
		}
	}
	w.tell(id)
}

// hint tells watchers that something moved; 0 for devices and credentials.
func (w *world) hint(id aurora.MessageID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell(id)
}

func (w *world) tell(id aurora.MessageID) {
	for _, c := range w.watchers {
		c <- ledger.Event{MessageID: id}
	}
}

func (w *world) watching() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watchers)
}
