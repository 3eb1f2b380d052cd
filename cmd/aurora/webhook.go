package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/webhook"
)

func webhookCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Manage where an app's events are delivered"}
	cmd.AddCommand(webhookCreateCommand(), webhookListCommand(), webhookRemoveCommand(), webhookTestCommand())
	return cmd
}

// webhookResult is a webhook in the commands' JSON.
type webhookResult struct {
	ID           string             `json:"id"`
	URL          string             `json:"url"`
	Events       []aurora.EventKind `json:"events"`
	Enabled      bool               `json:"enabled"`
	DisabledWhy  string             `json:"disabled_why"`
	FailingSince *time.Time         `json:"failing_since"`
}

func resultOfWebhook(e webhook.Endpoint) webhookResult {
	return webhookResult{e.ID, e.URL, e.Kinds.Kinds(), e.DisabledAt.IsZero(), e.DisabledWhy, orNull(e.FailingSince)}
}

func webhookCreateCommand() *cobra.Command {
	var data, app, url, description string
	var kinds []string
	cmd := &cobra.Command{
		Use:   "create --data DIR --app APPKEY --url URL [--event KIND…]",
		Short: "Make a webhook; its signing secret is printed once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				e, secret, err := s.Webhooks.Create(cmd.Context(), app, webhook.Change{URL: &url, Description: &description, Kinds: kinds})
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					webhookResult
					Secret string `json:"secret"`
				}{resultOfWebhook(e), secret.Reveal()})
			})
		},
	}
	forApp(cmd, &data, &app)
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "where to post")
	f.StringVar(&description, "description", "", "what it is for")
	f.StringSliceVar(&kinds, "event", nil, "what to tell of; may be repeated (default all but message.accepted)")
	cmd.MarkFlagRequired("url")
	return cmd
}

func webhookListCommand() *cobra.Command {
	var data, app string
	cmd := &cobra.Command{
		Use:   "list --data DIR --app APPKEY",
		Short: "List an app's webhooks",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				es, err := s.Webhooks.Endpoints(cmd.Context(), app.ID)
				if err != nil {
					return err
				}
				results := make([]webhookResult, len(es))
				for i, e := range es {
					results[i] = resultOfWebhook(e)
				}
				return printJSON(cmd, results)
			})
		},
	}
	forApp(cmd, &data, &app)
	return cmd
}

func webhookRemoveCommand() *cobra.Command {
	var data, app, id string
	cmd := &cobra.Command{
		Use:   "remove --data DIR --app APPKEY --id ID",
		Short: "Remove a webhook",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				return s.Webhooks.Remove(cmd.Context(), app, id)
			})
		},
	}
	forApp(cmd, &data, &app)
	cmd.Flags().StringVar(&id, "id", "", "the webhook's id, as `aurora webhook list` prints it")
	cmd.MarkFlagRequired("id")
	return cmd
}

func webhookTestCommand() *cobra.Command {
	var data, app, id string
	cmd := &cobra.Command{
		Use:   "test --data DIR --app APPKEY --id ID",
		Short: "Post a test event now and print the answer",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd, data, app, func(s *server.Server, app aurora.App) error {
				d, err := s.Webhooks.Test(cmd.Context(), app, id)
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					Delivered bool   `json:"delivered"`
					Status    int    `json:"status"`
					Answer    string `json:"answer"`
					Problem   string `json:"problem"`
					TookMS    int64  `json:"took_ms"`
				}{d.State == webhook.Delivered, d.Status, d.Answer, d.Problem, d.Took.Milliseconds()})
			})
		},
	}
	forApp(cmd, &data, &app)
	cmd.Flags().StringVar(&id, "id", "", "the webhook's id")
	cmd.MarkFlagRequired("id")
	return cmd
}
