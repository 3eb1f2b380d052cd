package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// jpushNames are the hosts that JPush's clients have built in
// (spec/rest-api.md §1.1, §1.2).
var jpushNames = []string{"api.jpush.cn", "device.jpush.cn", "report.jpush.cn", "admin.jpush.cn", "bjapi.push.jiguang.cn"}

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 397 * 24 * time.Hour // browsers and Apple take no longer ones
)

func jpushCertCommand() *cobra.Command {
	var out string
	var names []string
	cmd := &cobra.Command{
		Use:   "jpush-cert --out DIR",
		Short: "Make a certificate for JPush's host names, for clients without a base-URL option",
		Long: "Make a CA and a server certificate for the host names that JPush's clients have built in, so that clients without a base-URL option can be led to Aurora by name resolution.\n" +
			"Give `aurora serve` the server's files with --tls-cert and --tls-key, and your own servers the CA to trust; docs/jpush-compatibility.md has the steps. " +
			"A CA that is in the folder already is used again; the certificate is made anew, which a running server takes up.\n\n" +
			"Whoever has ca-key.pem can be anybody for those who trust the CA: keep it away from the servers, and delete it when no renewal is wanted.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := makeJPushCert(out, append(append([]string{}, jpushNames...), names...), time.Now()); err != nil {
				return err
			}
			return printJSON(cmd, map[string]string{
				"ca":  filepath.Join(out, "ca.pem"),
				"crt": filepath.Join(out, "server.pem"),
				"key": filepath.Join(out, "server-key.pem"),
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder for ca.pem, ca-key.pem, server.pem and server-key.pem")
	cmd.Flags().StringSliceVar(&names, "name", nil, "more host names or addresses that the certificate is to cover")
	cmd.MarkFlagRequired("out")
	return cmd
}

// signer is a certificate with its key.
type signer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func makeJPushCert(dir string, names []string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca, err := loadCA(dir, now)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = newCA(dir, now)
	}
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		NotBefore:   now.Add(-time.Hour), // clocks differ
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	_, err = sign(dir, "server", template, &ca)
	return err
}

func newCA(dir string, now time.Time) (signer, error) {
	return sign(dir, "ca", &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Aurora CA for JPush's host names"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(caLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil)
}

func loadCA(dir string, now time.Time) (ca signer, err error) {
	cert, err := readPEM(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return ca, err
	}
	key, err := readPEM(filepath.Join(dir, "ca-key.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return ca, fmt.Errorf("%s has a ca.pem and no ca-key.pem, so its CA cannot sign; use another folder, and have the new CA trusted", dir)
	}
	if err != nil {
		return ca, err
	}
	if ca.cert, err = x509.ParseCertificate(cert); err != nil {
		return ca, fmt.Errorf("%s: %w", filepath.Join(dir, "ca.pem"), err)
	}
	if now.After(ca.cert.NotAfter) {
		return ca, fmt.Errorf("the CA in %s expired on %s; use another folder, and have the new CA trusted", dir, ca.cert.NotAfter.Format(time.DateOnly))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return ca, fmt.Errorf("%s: %w", filepath.Join(dir, "ca-key.pem"), err)
	}
	var ok bool
	if ca.key, ok = parsed.(crypto.Signer); !ok {
		return ca, fmt.Errorf("%s holds no key that can sign", filepath.Join(dir, "ca-key.pem"))
	}
	return ca, nil
}

func readPEM(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file", file)
	}
	return block.Bytes, nil
}

// sign makes a key and a certificate and writes both; without a parent it
// signs itself.
func sign(dir, name string, template *x509.Certificate, parent *signer) (made signer, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return made, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return made, err
	}
	by, with := template, crypto.Signer(key)
	if parent != nil {
		by, with = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), with)
	if err != nil {
		return made, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return made, err
	}
	// The key first: a server that looks between the two keeps what it has.
	err = errors.Join(
		writeWhole(filepath.Join(dir, name+"-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		writeWhole(filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	if err != nil {
		return made, err
	}
	made.key = key
	made.cert, err = x509.ParseCertificate(der)
	return made, err
}

// writeWhole replaces a file at once, with its mode from the start.
func writeWhole(file string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
