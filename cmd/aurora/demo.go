package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/simulator/iphone"
)

const (
	demoEmail    = "demo@example.com"
	demoBundleID = "com.example.reader"
	demoAppName  = "Reader"
	demoChannel  = "demo"
)

func demoCommand() *cobra.Command {
	var listen, data string
	var script, verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything offline: Aurora, a local APNs and a simulated iPhone",
		Long:  "Run Aurora, a local APNs and a simulated iPhone with a sample app in one process, with nothing leaving this machine. With --script the whole way of a push is walked unattended, for each state of the app and both environments, and each step is printed with what was observed at its far end.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := slog.New(slog.DiscardHandler)
			if verbose {
				logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			}
			if script {
				return runScript(cmd.Context(), cmd.OutOrStdout(), logger)
			}
			return runDemo(cmd.Context(), cmd.OutOrStdout(), listen, data, logger)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8080", "address for console, API and phone")
	f.StringVar(&data, "data", "", "folder to keep the demo in (default: a temporary one)")
	f.BoolVar(&script, "script", false, "walk steps A to G unattended; exit 0 only if each was observed")
	f.BoolVar(&verbose, "verbose", false, "log what the parts do")
	return cmd
}

// demo is everything in one process.
type demo struct {
	dir      string
	bench    bool         // the local APNs answers without looking, and no call is one too many
	database string       // instead of SQLite in dir; with bench
	bodies   func([]byte) // sees what reaches the local APNs; with bench
	logger   *slog.Logger
	apns     *localapns.Server
	server   *server.Server
	account  aurora.Account
	app      aurora.App
	cleanups []func() error // in the order of their making
}

// stop ends the parts in the reverse order of their start.
func (d *demo) stop() error {
	var err error
	for i := len(d.cleanups) - 1; i >= 0; i-- {
		err = errors.Join(err, d.cleanups[i]())
	}
	return err
}

// startDemo starts the local APNs and Aurora in a folder, "" for a temporary
// one. phone is served below /phone/.
func startDemo(ctx context.Context, listen, dir string, phone func(*demo) (http.Handler, error), logger *slog.Logger) (d *demo, err error) {
	d = &demo{dir: dir, logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "aurora-demo-"); err != nil {
			return d, err
		}
		d.cleanups = append(d.cleanups, func() error { return os.RemoveAll(d.dir) })
	}
	if err := d.startAPNs(ctx); err != nil {
		return d, err
	}
	handler, err := phone(d)
	if err != nil {
		return d, err
	}
	if err := d.startServer(ctx, listen, handler); err != nil {
		return d, err
	}
	return d, d.prepareAccount(ctx)
}

// startMeasured starts both without a phone, and gives the app a credential for
// each environment.
func (d *demo) startMeasured(ctx context.Context) error {
	if err := d.startAPNs(ctx); err != nil {
		return err
	}
	if err := d.startServer(ctx, "127.0.0.1:0", nil); err != nil {
		return err
	}
	if err := d.prepareAccount(ctx); err != nil {
		return err
	}
	_, err := d.issue(ctx, true, true)
	return err
}

func (d *demo) startAPNs(ctx context.Context) (err error) {
	dir := filepath.Join(d.dir, "apns")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if d.apns, err = localapns.NewServer(localapns.Config{Dir: dir, Bench: d.bench, Distinct: d.bench, Bodies: d.bodies, Logger: d.logger.With("part", "local APNs")}); err != nil {
		return err
	}
	if err := d.apns.Start(ctx); err != nil {
		return err
	}
	d.cleanups = append(d.cleanups, func() error { return shutdown(d.apns) })
	return nil
}

func (d *demo) startServer(ctx context.Context, listen string, phone http.Handler) (err error) {
	c := d.config(listen)
	c.Phone = phone
	if phone != nil {
		c.PhoneURL = "/phone/"
	}
	if d.server, err = server.Open(ctx, c); err != nil {
		return err
	}
	d.cleanups = append(d.cleanups, func() error { return shutdown(d.server) })
	return d.server.Start(ctx)
}

// joinServer starts one more server on the database.
func (d *demo) joinServer(ctx context.Context, n int) error {
	c := d.config("127.0.0.1:0")
	key, err := os.ReadFile(filepath.Join(d.dir, account.KeyFile))
	if err != nil {
		return err
	}
	c.Data, c.Key = filepath.Join(d.dir, fmt.Sprint("server-", n)), strings.TrimSpace(string(key))
	s, err := server.Open(ctx, c)
	if err != nil {
		return err
	}
	d.cleanups = append(d.cleanups, func() error { return shutdown(s) })
	return s.Start(ctx)
}

func (d *demo) config(listen string) server.Config {
	c := server.Config{Data: d.dir, Database: d.database, Listen: listen, APNs: d.apns.ProductionURL(), APNsSandbox: d.apns.SandboxURL(), APNsCA: filepath.Join(d.dir, "apns", "ca.pem"), Logger: d.logger}
	if d.bench {
		c.Limits.Push, c.Limits.Reports = math.MaxInt, math.MaxInt
		c.WebhookAllowPrivate = true
	}
	return c
}

// prepareAccount makes the demo's account and app, or finds those of an
// earlier run in the same folder.
func (d *demo) prepareAccount(ctx context.Context) error {
	accounts := d.server.Accounts
	a, err := accounts.AccountByEmail(ctx, demoEmail)
	if aurora.KindOf(err) == aurora.NotFound {
		a, _, err = accounts.Create(ctx, demoEmail, aurora.NewKey()) // nobody needs the password: the link signs in
	}
	if err != nil {
		return err
	}
	d.account = a
	apps, err := accounts.Apps(ctx, a.ID)
	if err != nil {
		return err
	}
	if len(apps) > 0 {
		d.app, err = accounts.App(ctx, a.ID, apps[0].Key)
		return err
	}
	d.app, err = accounts.CreateApp(ctx, a.ID, demoAppName, demoBundleID)
	return err
}

// issue has the local APNs make a .p12 and uploads it, as a developer would
// with Apple's.
func (d *demo) issue(ctx context.Context, development, production bool) ([]aurora.Credential, error) {
	const password = "demo"
	p12, err := d.apns.Issue(localapns.IssueRequest{BundleID: d.app.BundleID, Development: development, Production: production, Password: password})
	if err != nil {
		return nil, err
	}
	return d.server.Accounts.StoreCredential(ctx, d.app, account.Upload{File: p12.P12, Password: password})
}

// newPhone makes a phone that connects to the local APNs.
func (d *demo) newPhone(id, name string, permission iphone.Answer) (*iphone.Phone, error) {
	dir := filepath.Join(d.dir, id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	phone := iphone.New(iphone.Config{ID: id, Name: name, Dial: iphone.DialCourier(d.apns.ManageURL()), Dir: dir, Permission: permission, Logger: d.logger.With("part", id)})
	d.cleanups = append(d.cleanups, func() error { phone.Close(); return nil })
	return phone, nil
}

// install puts the app's build for an environment on a phone.
func (d *demo) install(phone *iphone.Phone, env aurora.Environment) error {
	plist := aurora.PushConfig{Channel: demoChannel, AppKey: d.app.Key, Production: env == aurora.Production, Server: d.server.URL()}.Plist()
	err := phone.Install(iphone.App{BundleID: d.app.BundleID, Name: d.app.Name, Environment: env.String(), PushConfig: plist})
	if errors.Is(err, iphone.ErrInstalled) {
		return nil // it lives on from an earlier run
	}
	return err
}

func runDemo(ctx context.Context, out io.Writer, listen, dir string, logger *slog.Logger) error {
	var phone *iphone.Phone
	d, err := startDemo(ctx, listen, dir, func(d *demo) (http.Handler, error) {
		var err error
		if phone, err = d.newPhone("phone", "Demo iPhone", iphone.AskUser); err != nil {
			return nil, err
		}
		return phone.Handler(), nil
	}, logger)
	if err != nil {
		return err
	}
	if err := d.greet(ctx, out, phone); err != nil {
		return errors.Join(err, d.stop())
	}
	<-ctx.Done()
	fmt.Fprintln(out, "\nStopping …")
	return d.stop()
}

// greet finishes the demo's setting up and prints where everything is.
func (d *demo) greet(ctx context.Context, out io.Writer, phone *iphone.Phone) error {
	slots, err := d.server.Accounts.Credentials(ctx, d.app.ID)
	if err != nil {
		return err
	}
	if len(slots) == 0 {
		if slots, err = d.issue(ctx, true, true); err != nil {
			return err
		}
	}
	if err := d.install(phone, aurora.Development); err != nil {
		return err
	}
	phone.Start()
	if err := phone.Open(d.app.BundleID); err != nil {
		return err
	}
	link, err := d.server.Accounts.IssueLink(ctx, account.SignInLink, d.account.ID)
	if err != nil {
		return err
	}
	url := d.server.URL()
	fmt.Fprintf(out, `Aurora is running, with its own local APNs and a simulated iPhone. Nothing leaves this machine.

  Console      %s/signin?link=%s   (signs you in once, by one button)
  iPhone       %s/phone/
  Local APNs   %s/

Open the two first links side by side. On the phone allow notifications, press Home, then send from the console — or from here:

  curl %s/v3/push -u %s:%s -d '{"platform":["ios"],"audience":"all","notification":{"ios":{"alert":"Hello","sound":"default","badge":"+1"}},"options":{"apns_production":false}}'

The app's certificate (%s) was made by the local APNs and validated by a live handshake. Press Ctrl-C to stop.
`, url, link, url, d.apns.ManageURL(), url, d.app.Key, d.app.MasterSecret.Reveal(), slots[0].Name)
	return nil
}
