package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

func apnsCommand() *cobra.Command {
	var c localapns.Config
	var logFormat, logLevel string
	cmd := &cobra.Command{
		Use:   "apns",
		Short: "Run the local APNs",
		Long:  "Run the local APNs: production and development gateways over real HTTP/2 and TLS, and a management API. Its CA is written to DIR/ca.pem.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Logger, err = newLogger(cmd.ErrOrStderr(), logFormat, logLevel); err != nil {
				return err
			}
			if err := os.MkdirAll(c.Dir, 0o700); err != nil {
				return err
			}
			s, err := localapns.NewServer(c)
			if err != nil {
				return err
			}
			if err := s.Start(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Local APNs is ready.\n  production   %s\n  development  %s\n  management   %s/\n  CA           %s/ca.pem\n", s.ProductionURL(), s.SandboxURL(), s.ManageURL(), c.Dir)
			<-cmd.Context().Done()
			return shutdown(s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Listen, "listen", "127.0.0.1:2197", "address of the production gateway")
	f.StringVar(&c.SandboxListen, "sandbox-listen", "127.0.0.1:2198", "address of the development gateway")
	f.StringVar(&c.ManageListen, "manage", "127.0.0.1:2199", "address of the management API and the phones' sessions")
	f.StringVar(&c.Dir, "data", "apns-data", "folder for CA, keys and device tokens")
	f.BoolVar(&c.AcceptAnyToken, "accept-any-token", false, "answer 200 to tokens that no phone registered")
	f.BoolVar(&c.Bench, "bench", false, "answer 200 to everything, to measure clients")
	f.IntVar(&c.BenchWindow, "bench-window", 0, "connection window of --bench in bytes, from 65535, which is Apple's (0 = 2^30)")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	f.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	cmd.AddCommand(apnsIssueCommand())
	return cmd
}

func apnsIssueCommand() *cobra.Command {
	var data, p12, p8, environment string
	var r localapns.IssueRequest
	cmd := &cobra.Command{
		Use:   "issue --data DIR --bundle-id ID (--p12 FILE [--password P] | --p8 FILE) [--environment development|production]",
		Short: "Make a credential that this local APNs trusts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (p12 == "") == (p8 == "") {
				return errors.New("give either --p12 FILE or --p8 FILE")
			}
			if environment != "" {
				env, err := aurora.ParseEnvironment(environment)
				if err != nil {
					return err
				}
				r.Development, r.Production = env == aurora.Development, env == aurora.Production
			}
			if err := os.MkdirAll(data, 0o700); err != nil {
				return err
			}
			s, err := localapns.NewServer(localapns.Config{Dir: data})
			if err != nil {
				return err
			}
			return issue(cmd, s, r, p12, p8)
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "apns-data", "folder of the local APNs")
	f.StringVar(&r.BundleID, "bundle-id", "", "bundle id of the app")
	f.StringVar(&p12, "p12", "", "write a certificate with its key to this file")
	f.StringVar(&r.Password, "password", "", "password of the .p12")
	f.StringVar(&p8, "p8", "", "write a provider key to this file")
	f.StringVar(&environment, "environment", "", "restrict it to development or production (default: both)")
	f.BoolVar(&r.Legacy, "legacy", false, "encrypt the .p12 as Keychain Access does (RC2 and 3DES)")
	f.BoolVar(&r.WithChain, "chain", false, "put the intermediate and root certificates into the .p12 too")
	cmd.MarkFlagRequired("bundle-id")
	return cmd
}

func issue(cmd *cobra.Command, s *localapns.Server, r localapns.IssueRequest, p12, p8 string) error {
	if r.Key = p8 != ""; r.Key {
		r.BundleID = "" // a key serves all apps of its team
	}
	made, err := s.Issue(r)
	if err != nil {
		return err
	}
	if r.Key {
		if err := os.WriteFile(p8, made.P8, 0o600); err != nil {
			return err
		}
		return printJSON(cmd, struct {
			File   string `json:"file"`
			KeyID  string `json:"key_id"`
			TeamID string `json:"team_id"`
		}{p8, made.KeyID, made.TeamID})
	}
	if err := os.WriteFile(p12, made.P12, 0o600); err != nil {
		return err
	}
	return printJSON(cmd, struct {
		File      string `json:"file"`
		Name      string `json:"name"`
		ExpiresAt string `json:"expires_at"`
	}{p12, made.Certificate.Subject.CommonName, made.Certificate.NotAfter.UTC().Format("2006-01-02T15:04:05Z")})
}
