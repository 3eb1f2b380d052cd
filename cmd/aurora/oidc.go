package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

// oidcFlags describe the provider that people sign in to the console through.
type oidcFlags struct {
	issuer, clientID, secretFile, name, account, role string
	domains                                           []string
}

func (o *oidcFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.issuer, "oidc-issuer", "", "OpenID Connect provider that people may sign in to the console through, such as https://login.example.com (default none)")
	f.StringVar(&o.clientID, "oidc-client-id", "", "Aurora's client id at the provider; its redirect address is PUBLIC-URL/signin/provider/back")
	f.StringVar(&o.secretFile, "oidc-client-secret-file", "", "file with Aurora's client secret, or AURORA_OIDC_CLIENT_SECRET (default none: a public client with PKCE)")
	f.StringVar(&o.name, "oidc-name", "", "what people call the provider (default its host)")
	f.StringVar(&o.account, "oidc-account", "", "email address of the account that people join who sign in so for the first time (default none: only people who are here already)")
	f.StringVar(&o.role, "oidc-role", "viewer", "what they are there: owner, developer, sender or viewer")
	f.StringSliceVar(&o.domains, "oidc-domains", nil, "domains of email addresses that may join, such as example.com (default any that the provider verified)")
}

// parse returns nil if no provider is given.
func (o *oidcFlags) parse() (*account.OIDC, error) {
	if o.issuer == "" {
		if o.clientID != "" {
			return nil, aurora.Errorf(aurora.Missing, "--oidc-client-id is given without --oidc-issuer")
		}
		return nil, nil
	}
	secret := os.Getenv("AURORA_OIDC_CLIENT_SECRET")
	if o.secretFile != "" {
		b, err := os.ReadFile(o.secretFile)
		if err != nil {
			return nil, fmt.Errorf("--oidc-client-secret-file: %w", err)
		}
		secret = strings.TrimSpace(string(b))
	}
	p := &account.OIDC{Issuer: o.issuer, ClientID: o.clientID, ClientSecret: aurora.NewSecret(secret), Name: o.name, Account: o.account, Role: aurora.Role(o.role), Domains: o.domains}
	return p, p.Check()
}
