package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
)

func accountCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Manage accounts"}
	var data, email string
	create := &cobra.Command{
		Use:   "create --data DIR --email E",
		Short: "Create an account; the password is read from standard input",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			return withServices(cmd, data, func(s *server.Server) error {
				a, devSecret, err := s.Accounts.Create(cmd.Context(), email, password)
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					Email     string `json:"email"`
					DevKey    string `json:"dev_key"`
					DevSecret string `json:"dev_secret"`
				}{a.Email, a.DevKey, devSecret.Reveal()})
			})
		},
	}
	create.Flags().StringVar(&data, "data", "data", "data folder of the server")
	create.Flags().StringVar(&email, "email", "", "email address to sign in with")
	create.MarkFlagRequired("email")
	cmd.AddCommand(create, signInLinkCommand())
	return cmd
}

// signInLinkCommand is the way back in for somebody who lost their password or
// second factor: whoever has the data folder vouches for them.
func signInLinkCommand() *cobra.Command {
	var data, email, base string
	cmd := &cobra.Command{
		Use:   "signin-link --data DIR --email E",
		Short: "Print a link that signs somebody in once, by one button, without password or second factor",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withServices(cmd, data, func(s *server.Server) error {
				link, err := s.Accounts.IssueSignInLink(cmd.Context(), email)
				if err != nil {
					return err
				}
				return printJSON(cmd, struct {
					Link string `json:"link"`
				}{strings.TrimRight(base, "/") + "/signin?link=" + link})
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "data folder of the server")
	cmd.Flags().StringVar(&email, "email", "", "email address of who is to sign in")
	cmd.Flags().StringVar(&base, "public-url", "http://localhost:8080", "how browsers reach the server")
	cmd.MarkFlagRequired("email")
	return cmd
}

// readPassword takes the first line of standard input, without showing it on a
// terminal.
func readPassword(cmd *cobra.Command) (string, error) {
	if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		fmt.Fprint(cmd.ErrOrStderr(), "Password: ")
		password, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(password), err
	}
	line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// withServices opens a data folder, which a server may be using at the same
// time, and closes it again.
func withServices(cmd *cobra.Command, data string, do func(*server.Server) error) error {
	return withConfig(cmd, server.Config{Data: data, Key: os.Getenv("AURORA_KEY"), StoredAPNs: true}, do)
}

func withConfig(cmd *cobra.Command, c server.Config, do func(*server.Server) error) error {
	cmd.SetContext(aurora.WithActor(cmd.Context(), aurora.Actor{Kind: aurora.CommandActor}))
	c.Database = databaseOf(cmd)
	s, err := server.Open(cmd.Context(), c)
	if err != nil {
		return err
	}
	return errors.Join(do(s), shutdown(s))
}
