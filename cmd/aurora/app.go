package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

func appCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "app", Short: "Manage apps, their push credentials, Master Secrets and allow-lists"}
	cmd.AddCommand(appCreateCommand(), appCredentialCommand(), appRotateCommand(), appAllowCommand(), appAuditCommand(), appDeleteCommand())
	return cmd
}

func appCreateCommand() *cobra.Command {
	var data, email, name, bundleID string
	cmd := &cobra.Command{
		Use:   "create --data DIR --account E --name N --bundle-id ID",
		Short: "Create an app",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withServices(cmd, data, func(s *server.Server) error {
				a, err := s.Accounts.AccountByEmail(cmd.Context(), email)
				if err != nil {
					return err
				}
				app, err := s.Accounts.CreateApp(cmd.Context(), a.ID, name, bundleID)
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					AppKey       string `json:"app_key"`
					MasterSecret string `json:"master_secret"`
				}{app.Key, app.MasterSecret.Reveal()})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "data", "data folder of the server")
	f.StringVar(&email, "account", "", "email of the owner's account")
	f.StringVar(&name, "name", "", "the app's name")
	f.StringVar(&bundleID, "bundle-id", "", "the app's bundle id, such as com.example.reader")
	for _, required := range []string{"account", "name", "bundle-id"} {
		cmd.MarkFlagRequired(required)
	}
	return cmd
}

func appDeleteCommand() *cobra.Command {
	var key string
	cmd := ofAccount(&cobra.Command{
		Use:   "delete --data DIR --account E --app APPKEY",
		Short: "End an app for good: its devices, messages, schedules and credentials",
		Long:  "End an app for good. Its AppKey, devices and credentials are of no use at once (to a running server within ten seconds), and what was waiting is not sent. The server erases what the app owned within minutes, in short steps. Nothing brings it back.",
	}, func(cmd *cobra.Command, s *server.Server, a aurora.Account) (any, error) {
		return map[string]string{"deleted": key}, s.Accounts.DeleteApp(cmd.Context(), a.ID, key)
	})
	cmd.Flags().StringVar(&key, "app", "", "AppKey")
	cmd.MarkFlagRequired("app")
	return cmd
}

// credentialResult is one slot in the command's JSON.
type credentialResult struct {
	Environment string     `json:"environment"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Topic       string     `json:"topic"`
	ExpiresAt   *time.Time `json:"expires_at"` // null for a key
	ValidatedAt time.Time  `json:"validated_at"`
}

func appCredentialCommand() *cobra.Command {
	var data, key, environment, apns, apnsSandbox, apnsCA string
	var up aurora.CredentialFile
	cmd := &cobra.Command{
		Use:   "credential --data DIR --app APPKEY [--password P] [--environment development|production] [--key-id K --team-id T] FILE",
		Short: "Check a .p12 or .p8, prove it at APNs, and store it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if up.File, err = os.ReadFile(args[0]); err != nil {
				return err
			}
			if environment != "" {
				if up.Environment, err = aurora.ParseEnvironment(environment); err != nil {
					return err
				}
			}
			c := server.Config{Data: data, Key: os.Getenv("AURORA_KEY"), StoredAPNs: true, APNs: apns, APNsSandbox: apnsSandbox, APNsCA: apnsCA}
			return withConfig(cmd, c, func(s *server.Server) error {
				app, err := s.Accounts.AppByKey(cmd.Context(), key)
				if err != nil {
					return err
				}
				slots, err := s.Accounts.StoreCredential(cmd.Context(), app, up)
				if err != nil {
					return err
				}
				return printJSON(cmd, credentialResults(slots))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "data", "data folder of the server")
	f.StringVar(&key, "app", "", "AppKey")
	f.StringVar(&up.Password, "password", "", "password of the .p12")
	f.StringVar(&environment, "environment", "", "fill only this slot: development or production")
	f.StringVar(&up.KeyID, "key-id", "", "key id of a .p8")
	f.StringVar(&up.TeamID, "team-id", "", "team id of a .p8")
	f.StringVar(&apns, "apns", "", "production gateway (default: the server's)")
	f.StringVar(&apnsSandbox, "apns-sandbox", "", "development gateway (default: the server's)")
	f.StringVar(&apnsCA, "apns-ca", "", "PEM file with the gateways' CA (default: the server's)")
	cmd.MarkFlagRequired("app")
	return cmd
}

func credentialResults(slots []aurora.Credential) []credentialResult {
	results := make([]credentialResult, len(slots))
	for i, c := range slots {
		results[i] = credentialResult{Environment: c.Environment.String(), Kind: string(c.Kind), Name: c.Name, Topic: c.Topic, ValidatedAt: c.ValidatedAt}
		if !c.NotAfter.IsZero() {
			results[i].ExpiresAt = &c.NotAfter
		}
	}
	return results
}
