package iphone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora/device"
)

// App is the sample app, as it would be built with a certain PushConfig.plist.
type App struct {
	BundleID    string
	Name        string // below the icon; by default the last part of the bundle id
	Version     string // "1.0" by default
	Environment string // "development" or "production": which APNs the build belongs to; by default what the plist says
	PushConfig  []byte // PushConfig.plist
	Server      string // overrides SERVER of the plist
	Build       *Build // capabilities, categories, delegate; nil = DefaultBuild
}

// ErrInstalled is wrapped when an app is installed twice.
var ErrInstalled = errors.New("iphone: the app is installed already; uninstall it first")

var bundleIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,154}$`)

// installation is an app on the phone. The fields are guarded by Phone.mu.
type installation struct {
	phone      *Phone
	app        App
	options    device.Options
	container  container
	installID  string
	permission Permission
	settings   Settings
	build      Build
	registered bool // the app has asked APNs for a token, in this or an earlier run

	process    Process
	client     *device.Client // of the running process; nil when there is none
	endWatch   context.CancelFunc
	extension  *device.Client // of a service extension that runs without the app
	handedOver string         // the token this process has received
	badge      int
	token      string
	retired    []string // dead tokens of this installation
	status     device.Status
	shown      device.Status // the one the log has told of
	messages   []Message
	launches   int
	wakes      int
	wakeTimes  []time.Time   // of the last hour
	heldWake   *Notification // background notification that waits for the next hour

	activityToken  string // starts live activities
	activityWanted bool   // the app has asked for one
	voipToken      string
	voipWanted     bool   // the app has registered with PushKit
	unreported     int    // VoIP pushes in a row that it made no call of
	toldFailure    string // the failure logged last
}

// Install puts an app on the phone. With Config.Dir an app that was there before a restart is found again with its data.
// The error says what is wrong with the app or its PushConfig.plist.
func (p *Phone) Install(app App) error {
	i, err := p.unpack(app)
	if err != nil {
		return fmt.Errorf("iphone: install %.100q: %w", app.BundleID, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.find(app.BundleID); err == nil {
		return fmt.Errorf("%w: %s", ErrInstalled, app.BundleID)
	}
	i.settings = defaultSettings(p.style)
	if err := i.container.load(i); err != nil {
		return fmt.Errorf("iphone: install %s: %w", app.BundleID, err)
	}
	p.installed = append(p.installed, i)
	p.note("user", "installed %s %s (%s, %s)", i.app.Name, i.app.Version, i.app.BundleID, i.app.Environment)
	if i.app.Environment != environment(i.options.Config.Production) {
		p.note("phone", "careful: %s is a %s build, but its PushConfig.plist says %s; pushes will go to the wrong APNs",
			i.app.Name, i.app.Environment, environment(i.options.Config.Production))
	}
	p.bump()
	return nil
}

// unpack checks an app before anything is changed.
func (p *Phone) unpack(app App) (*installation, error) {
	if !bundleIDForm.MatchString(app.BundleID) {
		return nil, errors.New("the bundle id must consist of letters, digits, dots and hyphens, such as com.example.shop")
	}
	config, err := device.ParseConfig(app.PushConfig)
	if err != nil {
		return nil, err
	}
	config.Server = cmp.Or(app.Server, config.Server)
	app.Name = cmp.Or(app.Name, app.BundleID[strings.LastIndexByte(app.BundleID, '.')+1:])
	app.Version = cmp.Or(app.Version, "1.0")
	app.Environment = cmp.Or(app.Environment, environment(config.Production))
	if app.Environment != "development" && app.Environment != "production" {
		return nil, fmt.Errorf("the environment is %.20q; write development or production", app.Environment)
	}
	i := &installation{phone: p, app: app, build: DefaultBuild(), container: p.newContainer(app.BundleID), permission: NotDetermined, process: NotRunning}
	if app.Build != nil {
		i.build = *app.Build
	}
	if err := i.build.check(); err != nil {
		return nil, err
	}
	i.options = device.Options{
		Config: config, BundleID: app.BundleID, AppVersion: app.Version,
		OSVersion: p.config.OSVersion, Model: p.config.Model, Language: p.config.Language, TimeZone: p.config.TimeZone,
		Store: i.container.store(), HTTP: p.http, Logger: p.log,
	}
	_, err = device.New(i.options) // to learn now what would be wrong with them at each launch
	return i, err
}

func environment(production bool) string {
	if production {
		return "production"
	}
	return "development"
}

// Uninstall removes an app with its data and notifications, and tells APNs if there is a session. Later notifications for
// it are answered with "app missing".
func (p *Phone) Uninstall(bundleID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.bump()
	i, err := p.find(bundleID)
	if err != nil {
		return err
	}
	p.note("user", "removed %s from the phone", i.app.Name)
	i.endProcess(NotRunning)
	i.endExtension()
	p.installed = slices.DeleteFunc(p.installed, func(other *installation) bool { return other == i })
	for _, n := range slices.Concat(p.center, p.held) {
		if n.BundleID == bundleID {
			p.remove(n.ID)
		}
	}
	for _, a := range p.activities {
		if a.BundleID == bundleID {
			a.giveUpToken(i)
		}
	}
	p.activities = slices.DeleteFunc(p.activities, func(a *Activity) bool { return a.BundleID == bundleID })
	p.calls = slices.DeleteFunc(p.calls, func(c *Call) bool { return c.BundleID == bundleID })
	for _, kind := range i.kinds() {
		p.send(map[string]any{"op": "uninstall", "bundle_id": bundleID + string(kind), "environment": i.app.Environment})
	}
	return i.container.remove()
}

func (i *installation) state() AppState {
	// Asked for now, not taken from the last announcement: "synced" right after a tap must already count its receipt.
	switch {
	case i.client != nil:
		i.status, _ = i.client.Status()
	case i.extension != nil:
		i.status, _ = i.extension.Status()
	}
	s := AppState{
		BundleID: i.app.BundleID, Name: i.app.Name, Version: i.app.Version, Environment: i.app.Environment,
		Process: i.process, Permission: i.permission, Badge: i.badge, Token: i.token,
		RegistrationID: i.status.RegistrationID, Alias: i.status.Alias, Tags: slices.Clone(i.status.Tags),
		Messages: slices.Clone(i.messages), Launches: i.launches, BackgroundWakes: i.wakes,
		Synced:          i.status.RegistrationID != "" && !i.status.Pending && i.status.Receipts == 0 && i.status.Failure == nil,
		ReceiptsWaiting: i.status.Receipts,
		Settings:        i.settings, Build: i.build, BackgroundHeld: i.heldWake != nil, ActivityToken: i.activityToken, VoIPToken: i.voipToken,
	}
	if s.Tags == nil {
		s.Tags = []string{}
	}
	if s.Messages == nil {
		s.Messages = []Message{}
	}
	if i.status.Failure != nil {
		s.Failure = i.status.Failure.Error()
	}
	return s
}
