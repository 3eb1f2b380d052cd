package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/channel"
)

// The settings under which the gateways in use are kept, so that command-line
// tools prove credentials against the same ones.
const (
	productionSetting = "apns.production"
	sandboxSetting    = "apns.sandbox"
	caSetting         = "apns.ca"
)

// gateways reads where APNs is: from the configuration, or for command-line
// tools from what the last server stored.
func (s *Server) gateways(ctx context.Context) (*channel.Gateways, error) {
	c := &s.config
	var ca string
	if c.APNsCA != "" {
		pem, err := os.ReadFile(c.APNsCA)
		if err != nil {
			return nil, fmt.Errorf("--apns-ca: %w", err)
		}
		ca = string(pem)
	}
	if c.StoredAPNs && c.APNs == "" && c.APNsSandbox == "" && ca == "" {
		var err error
		if c.APNs, err = s.store.Setting(ctx, productionSetting); err != nil {
			return nil, err
		}
		if c.APNsSandbox, err = s.store.Setting(ctx, sandboxSetting); err != nil {
			return nil, err
		}
		if ca, err = s.store.Setting(ctx, caSetting); err != nil {
			return nil, err
		}
	}
	g := &channel.Gateways{Production: c.APNs, Sandbox: c.APNsSandbox, Logger: c.Logger}
	if s.store.Shared() {
		g.GiveUpAfter = handOver
	}
	for name, value := range map[string]string{"--apns": c.APNs, "--apns-sandbox": c.APNsSandbox} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "") {
			return nil, fmt.Errorf("%s %q is not a gateway: give https://host:port", name, value)
		}
	}
	if ca != "" {
		g.RootCAs = x509.NewCertPool()
		if !g.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, fmt.Errorf("--apns-ca %s holds no certificate in PEM form", c.APNsCA)
		}
	}
	s.apnsCA = ca
	s.apns = g
	return g, nil
}

// Gateways returns the base URLs of the two APNs gateways in use.
func (s *Server) Gateways() []string {
	return []string{s.apns.URL(aurora.Production), s.apns.URL(aurora.Development)}
}

// InspectCredential reads a credential file without the network; refusals are
// *aurora.Error with a sentence and its remedy.
func InspectCredential(file aurora.CredentialFile) (aurora.InspectedCredential, error) {
	return new(channel.Gateways).Inspect(file)
}

// handOver is how long notifications wait for a connection to APNs where another
// server may have one.
const handOver = 6 * time.Second

// keepGateways stores the gateways of a running server.
func (s *Server) keepGateways(ctx context.Context) error {
	for name, value := range map[string]string{productionSetting: s.config.APNs, sandboxSetting: s.config.APNsSandbox, caSetting: s.apnsCA} {
		if err := s.store.PutSetting(ctx, name, value); err != nil {
			return err
		}
	}
	return nil
}
