package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
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
)

// organisation marks everything this authority signs. It must never read like
// the vendor's own: a credential that leaks has to be recognisable as a toy.
const organisation = "Aurora Local APNs (not Apple)"

// authority signs the server's own certificate and the push certificates: a
// root, and below it an issuer that is named like the vendor's intermediate
// (spec §5.5, §5.8), so that chains have the length that clients meet outside.
type authority struct {
	root      *x509.Certificate
	rootKey   *ecdsa.PrivateKey
	issuer    *x509.Certificate
	issuerKey *ecdsa.PrivateKey
	pem       []byte // the root, for clients
}

// openAuthority loads the authority from dir or creates it there; with an
// empty dir it lives in memory only. The folder lock keeps the server and a
// concurrently started `issue` from each making one of their own.
func openAuthority(dir string) (*authority, error) {
	if dir == "" {
		return newAuthority(time.Now())
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("apns: create the data folder: %w", err)
	}
	unlock, err := lockFile(filepath.Join(dir, "ca.lock"), true)
	if err != nil {
		return nil, fmt.Errorf("apns: lock the data folder: %w", err)
	}
	defer unlock()
	a, err := loadAuthority(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	if _, err := os.Stat(filepath.Join(dir, "ca.pem")); err == nil {
		return nil, fmt.Errorf("apns: %s holds ca.pem but not the keys that belong to it; restore them or remove ca.pem, ca.key, issuer.pem and issuer.key to start a new authority", dir)
	}
	if a, err = newAuthority(time.Now()); err != nil {
		return nil, err
	}
	return a, a.save(dir)
}

func newAuthority(now time.Time) (*authority, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	issuerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root, err := sign(&x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: "Aurora Local APNs Root CA", Organization: []string{organisation}},
		NotBefore:             now.AddDate(-10, 0, 0), // before every certificate it may be asked to issue
		NotAfter:              now.AddDate(25, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, rootKey, rootKey)
	if err != nil {
		return nil, err
	}
	issuer, err := sign(&x509.Certificate{
		SerialNumber: newSerial(),
		Subject: pkix.Name{
			CommonName:         "Apple Worldwide Developer Relations Certification Authority",
			OrganizationalUnit: []string{"G4"},
			Organization:       []string{organisation},
			Country:            []string{"US"},
		},
		NotBefore:             root.NotBefore,
		NotAfter:              root.NotAfter,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, root, &issuerKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	return &authority{root: root, rootKey: rootKey, issuer: issuer, issuerKey: issuerKey, pem: certificatePEM(root)}, nil
}

// sign makes a certificate from template; a nil parent means self-signed.
func sign(template, parent *x509.Certificate, subjectKey any, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	if key, ok := subjectKey.(*ecdsa.PrivateKey); ok {
		subjectKey = &key.PublicKey
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, subjectKey, signer)
	if err != nil {
		return nil, fmt.Errorf("apns: sign a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func newSerial() *big.Int {
	limit := new(big.Int).Lsh(big.NewInt(1), 63)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic("apns: the system's random source failed: " + err.Error())
	}
	return n.Add(n, big.NewInt(1))
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func (a *authority) save(dir string) error {
	for _, f := range []struct {
		name string
		cert *x509.Certificate
		key  *ecdsa.PrivateKey
	}{{"issuer", a.issuer, a.issuerKey}, {"ca", a.root, a.rootKey}} {
		der, err := x509.MarshalPKCS8PrivateKey(f.key)
		if err != nil {
			return err
		}
		key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := writeFile(filepath.Join(dir, f.name+".key"), key, 0o600); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, f.name+".pem"), certificatePEM(f.cert), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func loadAuthority(dir string) (*authority, error) {
	root, rootKey, err := loadPair(dir, "ca")
	if err != nil {
		return nil, err
	}
	issuer, issuerKey, err := loadPair(dir, "issuer")
	if err != nil {
		return nil, err
	}
	if err := issuer.CheckSignatureFrom(root); err != nil {
		return nil, fmt.Errorf("apns: issuer.pem was not signed by ca.pem; restore both from the same authority: %w", err)
	}
	return &authority{root: root, rootKey: rootKey, issuer: issuer, issuerKey: issuerKey, pem: certificatePEM(root)}, nil
}

func loadPair(dir, name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, name+".pem"))
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("apns: %s.pem and %s.key in %s do not form a pair: %w", name, name, dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("apns: %s.key must be an EC key", name)
	}
	return pair.Leaf, key, nil
}

// serverCertificate makes the gateway's own certificate, new for each start
// and never stored. It answers to the vendor's host names too, so that a
// client that cannot change its URL may be redirected by name resolution.
func (a *authority) serverCertificate(names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      pkix.Name{CommonName: "Aurora Local APNs", Organization: []string{organisation}},
		// Wide, because tests turn the client's clock; a client's own limit on
		// server certificates (398 days on some systems) counts the whole span.
		NotBefore:   now.AddDate(0, -6, 0),
		NotAfter:    now.AddDate(0, 6, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{
			"localhost", "*.push.apple.com", "*.sandbox.push.apple.com", "*.development.push.apple.com",
		},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		if name != "" {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	leaf, err := sign(template, a.root, &key.PublicKey, a.rootKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// clientPool is what push certificates are verified against. The issuer is an
// anchor as well, because providers usually present the leaf alone.
func (a *authority) clientPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	pool.AddCert(a.issuer)
	return pool
}

// writeFile replaces a file in one step: a reader sees the old or the new
// content, also when this process is killed half way.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
