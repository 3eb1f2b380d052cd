package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

// errUnwell makes the command's exit code say what its lines say.
var errUnwell = errors.New("something needs mending; see above")

func doctorCommand() *cobra.Command {
	var data string
	var up aurora.CredentialFile
	cmd := &cobra.Command{
		Use:   "doctor FILE | doctor --data DIR",
		Short: "Explain a credential or an installation: what is wrong and how to mend it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			report := &diagnosis{out: cmd.OutOrStdout()}
			switch {
			case len(args) == 1: // AURORA_DATA may be set for other commands
				if up.File, err = os.ReadFile(args[0]); err != nil {
					return err
				}
				report.credential(up, time.Now())
			case len(args) == 0 && data != "":
				report.installation(cmd.Context(), data, databaseOf(cmd), time.Now())
			default:
				return errors.New("give either a credential FILE or --data DIR")
			}
			if report.bad {
				return errUnwell
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "data folder to examine")
	f.StringVar(&up.Password, "password", "", "password of a .p12")
	f.StringVar(&up.KeyID, "key-id", "", "key id of a .p8")
	f.StringVar(&up.TeamID, "team-id", "", "team id of a .p8")
	return cmd
}

// diagnosis prints findings and remembers whether one was bad.
type diagnosis struct {
	out io.Writer
	bad bool
}

func (d *diagnosis) ok(format string, args ...any) {
	fmt.Fprintf(d.out, "ok    "+format+"\n", args...)
}

func (d *diagnosis) warn(format string, args ...any) {
	fmt.Fprintf(d.out, "note  "+format+"\n", args...)
}

func (d *diagnosis) fail(format string, args ...any) {
	d.bad = true
	fmt.Fprintf(d.out, "BAD   "+format+"\n", args...)
}

// credential explains a file without the network.
func (d *diagnosis) credential(up aurora.CredentialFile, now time.Time) {
	found, err := server.InspectCredential(up)
	if err != nil {
		d.fail("%s", err)
		return
	}
	c := found.Credential
	if c.Kind == aurora.KeyCredential {
		d.ok("a .p8 key: key id %s, team %s. It does not expire, and serves every app of the team; some keys are restricted to one environment, which only APNs can tell.", c.KeyID, c.TeamID)
		return
	}
	var environments []string
	for _, env := range found.Environments {
		environments = append(environments, env.String())
	}
	d.ok("a push certificate with its private key: %s", c.Name)
	d.ok("bundle id %s, team %s", c.BundleID, c.TeamID)
	d.ok("environments: %s", strings.Join(environments, ", "))
	d.ok("topics: %s", strings.Join(c.Topics, ", "))
	d.validity(c, now)
}

// validity judges a credential's dates.
func (d *diagnosis) validity(c aurora.Credential, now time.Time) {
	days, expires := c.DaysLeft(now)
	switch {
	case !expires:
	case now.Before(c.NotBefore):
		d.fail("not valid before %s: check this machine's clock, or wait", c.NotBefore.Format(time.DateOnly))
	case !now.Before(c.NotAfter):
		d.fail("expired on %s: create a new certificate at developer.apple.com", c.NotAfter.Format(time.DateOnly))
	case days < 30:
		d.warn("expires on %s, in %d days: create its successor at developer.apple.com in time", c.NotAfter.Format(time.DateOnly), days)
	default:
		d.ok("valid until %s, %d days", c.NotAfter.Format(time.DateOnly), days)
	}
}

// installation examines a data folder, or the database that servers share,
// whether or not a server is using it.
func (d *diagnosis) installation(ctx context.Context, dir, database string, now time.Time) {
	if _, err := os.Stat(filepath.Join(dir, "aurora.db")); database == "" && errors.Is(err, fs.ErrNotExist) {
		d.fail("%s holds no Aurora: start `aurora serve --data %s` once", dir, dir)
		return
	}
	if info, err := os.Stat(filepath.Join(dir, "secret.key")); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.fail("secret.key can be read by others: chmod 600 %s", filepath.Join(dir, "secret.key"))
	}
	s, err := server.Open(ctx, server.Config{Data: dir, Database: database, Key: os.Getenv("AURORA_KEY"), StoredAPNs: true})
	if err != nil {
		d.fail("%s", err)
		return
	}
	defer shutdown(s)
	d.ok("the database opens and its schema is current")
	first, err := s.Accounts.FirstRun(ctx)
	switch {
	case err != nil:
		d.fail("%s", err)
		return
	case first:
		d.warn("there is no account yet: open the link that `aurora serve` prints, or use `aurora account create`")
	}
	apps, err := s.Accounts.AllApps(ctx)
	if err != nil {
		d.fail("%s", err)
		return
	}
	for _, app := range apps {
		d.app(ctx, s, app, now)
	}
	d.outcomes(ctx, s)
	for _, gateway := range s.Gateways() {
		d.gateway(ctx, gateway)
	}
}

// outcomes compares what is counted with what is on record.
func (d *diagnosis) outcomes(ctx context.Context, s *server.Server) {
	audit, err := s.AuditOutcomes(ctx)
	if err != nil {
		d.fail("the outcomes on record: %s", err)
		return
	}
	for _, problem := range audit.Problems {
		d.fail("%s", problem)
	}
	if len(audit.Problems) == 0 {
		d.ok("the counters of %d messages equal their sets", audit.Messages)
	}
}

func (d *diagnosis) app(ctx context.Context, s *server.Server, app aurora.App, now time.Time) {
	d.ok("app %s (%s, %s)", app.Name, app.Key, app.BundleID)
	slots, err := s.Accounts.Credentials(ctx, app.ID)
	if err != nil {
		d.fail("%s", err)
		return
	}
	if len(slots) == 0 {
		d.warn("it has no credential: upload a .p12 or .p8 in the console or with `aurora app credential`")
	}
	for _, c := range slots {
		if _, _, err := s.Accounts.OpenCredential(ctx, app.ID, c.Environment); err != nil {
			d.fail("%s credential: %s", c.Environment, err)
			continue
		}
		if c.Parked != "" {
			d.fail("%s credential: APNs refuses it since %s: %s. %s", c.Environment, c.ParkedAt.Format(time.DateTime), c.Parked, aurora.ExplainReason(c.Parked))
		}
		d.ok("%s credential: %s", c.Environment, c.Name)
		d.validity(c, now)
	}
}

// gateway tries whether the APNs host answers at all.
func (d *diagnosis) gateway(ctx context.Context, gateway string) {
	u, err := url.Parse(gateway)
	if err != nil {
		d.fail("%s: %s", gateway, err)
		return
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "443")
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		d.fail("%s cannot be reached: %v. Check the network and the firewall (port 443 or 2197).", gateway, err)
		return
	}
	conn.Close()
	d.ok("%s can be reached", gateway)
}
