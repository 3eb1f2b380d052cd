package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/client"
)

// watchPace is how often --watch asks for a message's numbers.
const watchPace = 200 * time.Millisecond

// pushPatience is how long a server may be out of reach: whoever typed the
// command wants to know.
const pushPatience = 3 * time.Second

func pushCommand() *cobra.Command {
	var c client.Config
	var secretFile, alert, sound, badge string
	var a client.Audience
	var production, watch bool
	cmd := &cobra.Command{
		Use:   "push --server URL --app APPKEY --secret-file F --alert TEXT (--all | --tag T… | --alias A… | --registration-id R… | --expression E) [--watch]",
		Short: "Send a push",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret, err := os.ReadFile(secretFile)
			if err != nil {
				return err
			}
			c.MasterSecret = strings.TrimSpace(string(secret))
			if !a.All && len(a.Tag)+len(a.Alias)+len(a.RegistrationID)+len(a.Expression) == 0 {
				return errors.New("say who is to get it: --all, --tag, --alias, --registration-id or --expression")
			}
			c.Retry.Within = pushPatience
			to, err := client.New(c)
			if err != nil {
				return err
			}
			p := client.Push{Audience: a, Notification: &client.Notification{IOS: &client.IOS{Alert: client.Text(alert), Sound: client.Sound{Name: sound}, Badge: client.Badge(badge)}}}
			if !production {
				p.Options.Environment = client.Development
			}
			r, err := to.Push(cmd.Context(), p)
			if err != nil {
				return err
			}
			if !watch {
				return printJSON(cmd, r)
			}
			return watchPush(cmd, to, r.MessageID)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Server, "server", "http://localhost:8080", "URL of the Aurora server")
	f.StringVar(&c.AppKey, "app", "", "AppKey")
	f.StringVar(&secretFile, "secret-file", "", "file with the Master Secret")
	f.StringVar(&alert, "alert", "", "text to show")
	f.StringVar(&sound, "sound", "", "sound to play, such as default")
	f.StringVar(&badge, "badge", "", "number for the icon, such as 5 or +1")
	f.BoolVar(&production, "production", true, "the production environment of APNs; --production=false for development builds")
	f.BoolVar(&a.All, "all", false, "send to every device")
	f.StringSliceVar(&a.Tag, "tag", nil, "send to devices with any of these tags")
	f.StringSliceVar(&a.Alias, "alias", nil, "send to these aliases")
	f.StringSliceVar(&a.RegistrationID, "registration-id", nil, "send to these devices")
	f.StringVar(&a.Expression, "expression", "", "send to devices that an audience expression selects, such as 'vip && !seen>30d'")
	f.BoolVar(&watch, "watch", false, "show the progress until every device has an outcome")
	for _, required := range []string{"app", "secret-file", "alert"} {
		cmd.MarkFlagRequired(required)
	}
	return cmd
}

// watchPush shows a progress bar until the message is settled, then its report.
func watchPush(cmd *cobra.Command, to *client.Client, id string) error {
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionSetDescription("settled"), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(65*time.Millisecond))
	for r, err := range to.Watch(cmd.Context(), id, watchPace) {
		if err != nil {
			return err
		}
		if r.Targeted > 0 {
			bar.ChangeMax64(int64(r.Targeted))
			if err := bar.Set64(int64(r.Accepted + r.Failed)); err != nil {
				return err
			}
		}
		if r.State == client.Done {
			fmt.Fprintln(cmd.ErrOrStderr())
			return printJSON(cmd, r)
		}
	}
	return nil
}
