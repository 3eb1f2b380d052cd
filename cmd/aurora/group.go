package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

func groupCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "Manage groups of apps, which are sent to as one"}
	cmd.AddCommand(groupCreateCommand(), groupListCommand(),
		groupMemberCommand("add", "Put an app into a group", true), groupMemberCommand("remove", "Take an app out of a group", false), groupDeleteCommand())
	return cmd
}

// groupResult is a group in the commands' JSON.
type groupResult struct {
	Name   string   `json:"name"`
	Key    string   `json:"group_key"`
	Secret string   `json:"group_secret,omitempty"`
	Apps   []string `json:"apps"` // AppKeys
}

func groupOf(ctx context.Context, s *server.Server, g aurora.Group) (groupResult, error) {
	apps, err := s.Accounts.GroupApps(ctx, g.ID)
	result := groupResult{Name: g.Name, Key: g.Key, Secret: g.Secret.Reveal(), Apps: []string{}}
	for _, a := range apps {
		result.Apps = append(result.Apps, a.Key)
	}
	return result, err
}

// ofAccount makes a command on one account's groups; do returns what to print.
func ofAccount(cmd *cobra.Command, do func(cmd *cobra.Command, s *server.Server, a aurora.Account) (any, error)) *cobra.Command {
	var data, email string
	cmd.Args = cobra.NoArgs
	cmd.Flags().StringVar(&data, "data", "data", "data folder of the server")
	cmd.Flags().StringVar(&email, "account", "", "email of the owner's account")
	cmd.MarkFlagRequired("account")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withServices(cmd, data, func(s *server.Server) error {
			a, err := s.Accounts.AccountByEmail(cmd.Context(), email)
			if err != nil {
				return err
			}
			result, err := do(cmd, s, a)
			if err != nil {
				return err
			}
			return printJSON(cmd, result)
		})
	}
	return cmd
}

func groupCreateCommand() *cobra.Command {
	var name string
	cmd := ofAccount(&cobra.Command{Use: "create --data DIR --account E --name N", Short: "Create a group; prints its key and secret"},
		func(cmd *cobra.Command, s *server.Server, a aurora.Account) (any, error) {
			g, err := s.Accounts.CreateGroup(cmd.Context(), a.ID, name)
			if err != nil {
				return nil, err
			}
			return groupOf(cmd.Context(), s, g)
		})
	cmd.Flags().StringVar(&name, "name", "", "the group's name")
	cmd.MarkFlagRequired("name")
	return cmd
}

func groupListCommand() *cobra.Command {
	return ofAccount(&cobra.Command{Use: "list --data DIR --account E", Short: "List an account's groups with their apps, without secrets"},
		func(cmd *cobra.Command, s *server.Server, a aurora.Account) (any, error) {
			groups, err := s.Accounts.Groups(cmd.Context(), a.ID)
			results := []groupResult{}
			for _, g := range groups {
				one, e := groupOf(cmd.Context(), s, g)
				if e != nil {
					return nil, e
				}
				results = append(results, one)
			}
			return results, err
		})
}

func groupMemberCommand(name, short string, member bool) *cobra.Command {
	var group, app string
	cmd := ofAccount(&cobra.Command{Use: name + " --data DIR --account E --group GROUPKEY --app APPKEY", Short: short},
		func(cmd *cobra.Command, s *server.Server, a aurora.Account) (any, error) {
			if err := s.Accounts.SetGroupApp(cmd.Context(), a.ID, group, app, member); err != nil {
				return nil, err
			}
			g, err := s.Accounts.Group(cmd.Context(), a.ID, group)
			if err != nil {
				return nil, err
			}
			g.Secret = aurora.Secret{}
			return groupOf(cmd.Context(), s, g)
		})
	cmd.Flags().StringVar(&group, "group", "", "the group's key")
	cmd.Flags().StringVar(&app, "app", "", "AppKey")
	cmd.MarkFlagRequired("group")
	cmd.MarkFlagRequired("app")
	return cmd
}

func groupDeleteCommand() *cobra.Command {
	var group string
	cmd := ofAccount(&cobra.Command{Use: "delete --data DIR --account E --group GROUPKEY", Short: "Forget a group; its apps stay"},
		func(cmd *cobra.Command, s *server.Server, a aurora.Account) (any, error) {
			return map[string]string{"deleted": group}, s.Accounts.DeleteGroup(cmd.Context(), a.ID, group)
		})
	cmd.Flags().StringVar(&group, "group", "", "the group's key")
	cmd.MarkFlagRequired("group")
	return cmd
}
