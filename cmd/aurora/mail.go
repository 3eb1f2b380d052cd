package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/mail"
)

// mailFlags describe the mail server that people are written through.
type mailFlags struct{ smtp, passwordFile, from string }

func (m *mailFlags) add(f *pflag.FlagSet) {
	f.StringVar(&m.smtp, "smtp", "", "mail server for invitations and warnings: smtp://USER@HOST:587 (STARTTLS), smtps://USER@HOST:465 (TLS) or smtp://HOST:25?tls=none; with the password in it only as AURORA_SMTP (default none)")
	f.StringVar(&m.passwordFile, "smtp-password-file", "", "file with the password for the mail server")
	f.StringVar(&m.from, "mail-from", "", `sender of mails, such as "Aurora <push@example.com>"`)
}

// parse returns nil if no mail server is given.
func (m *mailFlags) parse() (*mail.Relay, error) {
	if m.smtp == "" {
		if m.from != "" || m.passwordFile != "" {
			return nil, aurora.Errorf(aurora.Missing, "--mail-from or --smtp-password-file is given without --smtp")
		}
		return nil, nil
	}
	password := ""
	if m.passwordFile != "" {
		b, err := os.ReadFile(m.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("--smtp-password-file: %w", err)
		}
		password = strings.TrimSpace(string(b))
	}
	r, err := mail.ParseRelay(m.smtp, password, m.from)
	return &r, err
}
