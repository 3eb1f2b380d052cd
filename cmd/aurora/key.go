package main

import (
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Manage an app's API keys"}
	cmd.AddCommand(keyCreateCommand(), keyListCommand(), keyRevokeCommand())
	return cmd
}

// keyResult is a key in the commands' JSON.
type keyResult struct {
	ID         int64           `json:"id"`
	Name       string          `json:"name"`
	Hint       string          `json:"hint"`
	Scopes     []account.Scope `json:"scopes"`
	Allow      []string        `json:"allow"`
	ExpiresAt  *time.Time      `json:"expires_at"`
	LastUsedAt *time.Time      `json:"last_used_at"`
	RevokedAt  *time.Time      `json:"revoked_at"`
}

func resultOfKey(k account.APIKey) keyResult {
	return keyResult{k.ID, k.Name, k.Hint, k.Scopes, k.Allow.Texts(), orNull(k.ExpiresAt), orNull(k.LastUsedAt), orNull(k.RevokedAt)}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func keyCreateCommand() *cobra.Command {
	var data, app string
	var n account.NewAPIKey
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "create --data DIR --app APPKEY --name N --scope S… [--allow CIDR…] [--expires-in DURATION]",
		Short: "Make an API key; its secret is printed once and cannot be had again",
		Long:  "Make an API key. Its secret takes the place of the Master Secret in HTTP Basic authentication, also in JPush's clients, or is a bearer token by itself. Scopes: push, push:read, devices, devices:read, schedules, schedules:read, reports, webhooks, webhooks:read, events, audit.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if life != 0 {
				n.ExpiresAt = time.Now().Add(life)
			}
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				k, secret, err := s.Accounts.CreateAPIKey(cmd.Context(), app, n)
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					keyResult
					Secret string `json:"secret"`
				}{resultOfKey(k), secret.Reveal()})
			})
		},
	}
	forApp(cmd, &data, &app)
	f := cmd.Flags()
	f.StringVar(&n.Name, "name", "", "what the key is for, such as the server that will use it")
	f.StringSliceVar(&n.Scopes, "scope", nil, "what it may do; may be repeated")
	f.StringSliceVar(&n.Allow, "allow", nil, "addresses and ranges it may be used from (default any)")
	f.DurationVar(&life, "expires-in", 0, "how long it is valid, such as 720h (default for ever)")
	cmd.MarkFlagRequired("name")
	cmd.MarkFlagRequired("scope")
	return cmd
}

func keyListCommand() *cobra.Command {
	var data, app string
	cmd := &cobra.Command{
		Use:   "list --data DIR --app APPKEY",
		Short: "List an app's API keys, newest first, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				keys, err := s.Accounts.APIKeys(cmd.Context(), app.ID)
				if err != nil {
					return err
				}
				results := make([]keyResult, len(keys))
				for i, k := range keys {
					results[i] = resultOfKey(k)
				}
				return printJSON(cmd, results)
			})
		},
	}
	forApp(cmd, &data, &app)
	return cmd
}

func keyRevokeCommand() *cobra.Command {
	var data, app string
	var id int64
	cmd := &cobra.Command{
		Use:   "revoke --data DIR --app APPKEY --id ID",
		Short: "End an API key; a running server heeds it within ten seconds",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				return s.Accounts.RevokeAPIKey(cmd.Context(), app, id)
			})
		},
	}
	forApp(cmd, &data, &app)
	cmd.Flags().Int64Var(&id, "id", 0, "the key's id, as `aurora key list` prints it")
	cmd.MarkFlagRequired("id")
	return cmd
}

// appRotateCommand gives an app a new Master Secret.
func appRotateCommand() *cobra.Command {
	var data, app string
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate-secret --data DIR --app APPKEY [--overlap DURATION]",
		Short: "Give an app a new Master Secret; the old one stays valid for the overlap",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				secret, err := s.Accounts.RotateSecret(cmd.Context(), app, overlap)
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					AppKey       string `json:"app_key"`
					MasterSecret string `json:"master_secret"`
				}{app.Key, secret.Reveal()})
			})
		},
	}
	forApp(cmd, &data, &app)
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret stays valid, at most 720h")
	return cmd
}

// appAllowCommand sets the addresses that an app's servers may call from.
func appAllowCommand() *cobra.Command {
	var data, app string
	cmd := &cobra.Command{
		Use:   "allow --data DIR --app APPKEY [ADDRESS|CIDR]…",
		Short: "Set the addresses that an app's servers may call from; none means any",
		RunE: func(cmd *cobra.Command, entries []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				list, err := s.Accounts.SetAllowList(cmd.Context(), app, entries, netip.Addr{})
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					Allow []string `json:"allow"`
				}{list.Texts()})
			})
		},
	}
	forApp(cmd, &data, &app)
	return cmd
}

// appAuditCommand prints who did what.
func appAuditCommand() *cobra.Command {
	var data, app string
	var limit int
	cmd := &cobra.Command{
		Use:   "audit --data DIR --app APPKEY [--limit N]",
		Short: "Print who did what to an app, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				entries, err := s.Accounts.Audit(cmd.Context(), account.AuditQuery{AppID: app.ID, Limit: limit})
				if err != nil {
					return err
				}
				type line struct {
					At      time.Time        `json:"at"`
					Actor   aurora.ActorKind `json:"actor"`
					Name    string           `json:"name"`
					Address string           `json:"address"`
					Action  string           `json:"action"`
					Subject string           `json:"subject"`
					Detail  string           `json:"detail"`
				}
				lines := make([]line, len(entries))
				for i, e := range entries {
					lines[i] = line{e.At, e.Actor.Kind, e.Actor.Name, e.Actor.Address, e.Action, e.Subject, e.Detail}
				}
				return printJSON(cmd, lines)
			})
		},
	}
	forApp(cmd, &data, &app)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many lines, at most 1000")
	return cmd
}

func forApp(cmd *cobra.Command, data, app *string) {
	cmd.Flags().StringVar(data, "data", "data", "data folder of the server")
	cmd.Flags().StringVar(app, "app", "", "AppKey")
	cmd.MarkFlagRequired("app")
}

// withApp opens a data folder and finds an app in it.
func withApp(cmd *cobra.Command, data, key string, do func(*server.Server, aurora.App) error) error {
	return withServices(cmd, data, func(s *server.Server) error {
		app, err := s.Accounts.AppByKey(cmd.Context(), key)
		if err != nil {
			return err
		}
		return do(s, app)
	})
}
