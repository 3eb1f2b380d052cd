package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

// shutdownTime bounds how long a stopping server waits for what is in progress.
const shutdownTime = 15 * time.Second

func serveCommand() *cobra.Command {
	var c server.Config
	var logFormat, logLevel string
	var proxies []string
	var provider oidcFlags
	var relay mailFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long:  "Run the service: console, REST API and dispatch. Each flag can also be given as an environment variable, such as AURORA_LISTEN for --listen. AURORA_KEY holds the encryption key (base64, 32 bytes) if it is not to live in the data folder.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Logger, err = newLogger(cmd.ErrOrStderr(), logFormat, logLevel); err != nil {
				return err
			}
			if c.TrustedProxies, err = account.ParseAllowList(proxies); err != nil {
				return fmt.Errorf("--trusted-proxies: %w", err)
			}
			if c.OIDC, err = provider.parse(); err != nil {
				return err
			}
			if c.Mail, err = relay.parse(); err != nil {
				return err
			}
			c.Key = os.Getenv("AURORA_KEY")
			if c.OTLP == "" {
				c.OTLP = os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") // where its users expect it
			}
			return serve(cmd, c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Listen, "listen", ":8080", "address for console and API")
	f.StringVar(&c.Data, "data", "data", "folder for database and keys")
	f.StringVar(&c.Database, "database", "", "postgres:// URL of a database that several servers may share (default SQLite in --data)")
	f.StringVar(&c.NATS, "nats", "", "nats:// URL to carry hints between servers (default the PostgreSQL database)")
	f.StringVar(&c.APNs, "apns", "", "production gateway (default Apple's)")
	f.StringVar(&c.APNsSandbox, "apns-sandbox", "", "development gateway (default Apple's)")
	f.StringVar(&c.APNsCA, "apns-ca", "", "PEM file with the gateways' CA, for a local APNs")
	f.StringVar(&c.TLSCert, "tls-cert", "", "PEM file of a certificate with its chain, to serve HTTPS; read again when it changes")
	f.StringVar(&c.TLSKey, "tls-key", "", "PEM file of the certificate's key")
	f.StringVar(&c.PublicURL, "public-url", "", "how phones and browsers reach this server, such as https://push.example.com")
	f.BoolVar(&c.WebhookAllowPrivate, "webhook-allow-private", false, "deliver webhooks to this machine and private networks too, and by plain HTTP")
	f.StringSliceVar(&proxies, "trusted-proxies", nil, "addresses and ranges of proxies in front whose X-Forwarded-For is believed, such as 10.0.0.0/8 (default none)")
	provider.add(f)
	relay.add(f)
	f.IntVar(&c.Limits.Push, "push-limit", 0, "push calls a minute that one app may make (0 = 600,000, -1 = any number)")
	f.IntVar(&c.Limits.Devices, "device-limit", 0, "device, alias and tag calls a minute that one app's servers may make (0 = 600,000, -1 = any number)")
	f.IntVar(&c.Limits.Reports, "report-limit", 0, "report calls a minute that one app may make (0 = 600,000, -1 = any number)")
	f.IntVar(&c.Limits.Files, "file-limit", 0, "calls a minute to /v3/files that one app may make (0 = 600,000, -1 = any number)")
	f.IntVar(&c.Limits.Schedules, "schedule-limit", 0, "schedule calls a minute that one app may make (0 = 600,000, -1 = any number)")
	f.IntVar(&c.Broadcasts, "broadcast-limit", 0, "pushes to all its devices that one app may send a day (0 = any number)")
	f.IntVar(&c.MaxSchedules, "max-schedules", 0, "unfinished schedules that one app may have (0 = 100)")
	f.IntVar(&c.AudienceCache, "audience-cache", 0, "MiB of memory for the bitmaps of audiences (0 = 64)")
	f.Var((*age)(&c.KeepMessages), "keep-messages", "how long messages, their outcomes and finished schedules are kept, such as 90d or 2000h; at least 11d (default 90d)")
	f.Var((*age)(&c.KeepQuarantined), "keep-quarantined", "how long a device whose token is dead is kept while nothing is heard of it, such as 90d (default 30d)")
	f.StringVar(&c.AdminListen, "admin-listen", "", "address for operators only, such as 127.0.0.1:9090: /metrics, /debug/pprof, /healthz, /readyz (default none)")
	f.DurationVar(&c.DrainDelay, "drain-delay", 0, "how long to go on serving after SIGTERM while /readyz says no, such as 5s behind a load balancer")
	f.StringVar(&c.OTLP, "otlp", "", "OpenTelemetry collector (OTLP over HTTP) to send traces to, such as http://localhost:4318 (default $OTEL_EXPORTER_OTLP_ENDPOINT, else none)")
	f.Float64Var(&c.TraceRatio, "trace-ratio", 0.01, "share of requests to trace, of those that bring no trace of their own: 0 to 1")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	f.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func serve(cmd *cobra.Command, c server.Config) error {
	ctx := cmd.Context()
	s, err := server.Open(ctx, c)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return errors.Join(err, shutdownWithin(s, c.DrainDelay+shutdownTime))
	}
	if a := s.AdminAddr(); a != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "For operators: http://%s/metrics\n", a)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Aurora is ready at %s\n", s.URL())
	link, err := s.SetupLink(ctx)
	if err != nil && ctx.Err() == nil { // else it was asked to stop already, which is no failure
		return errors.Join(err, shutdownWithin(s, c.DrainDelay+shutdownTime))
	}
	if link != "" {
		fmt.Fprintf(cmd.OutOrStdout(), "Create the owner's account (this link works once): %s\n", link)
	}
	<-ctx.Done()
	fmt.Fprintln(cmd.OutOrStdout(), "Stopping …")
	return shutdownWithin(s, c.DrainDelay+shutdownTime)
}

func shutdown(s interface{ Shutdown(context.Context) error }) error {
	return shutdownWithin(s, shutdownTime)
}

func shutdownWithin(s interface{ Shutdown(context.Context) error }, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return s.Shutdown(ctx)
}
