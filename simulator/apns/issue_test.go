package apns

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func TestIssuedCertificates(t *testing.T) {
	s, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{testBundle, testBundle + ".voip", testBundle + ".complication"}
	for _, test := range []struct {
		name                    string
		request                 IssueRequest
		commonName              string
		topics                  []string
		development, production bool
	}{
		{"universal", IssueRequest{}, "Apple Push Services: ", all, true, true},
		{"universal with chain, legacy", IssueRequest{WithChain: true, Legacy: true, Password: "pw"}, "Apple Push Services: ", all, true, true},
		{"development", IssueRequest{Development: true}, "Apple Sandbox Push Services: ", []string{testBundle}, true, false},
		{"production", IssueRequest{Production: true, Legacy: true}, "Apple Production IOS Push Services: ", []string{testBundle}, false, true},
		{"chosen topics", IssueRequest{Topics: []string{testBundle, testBundle + ".pushkit.fileprovider"}}, "Apple Push Services: ", []string{testBundle, testBundle + ".pushkit.fileprovider"}, true, true},
		{"no extensions", IssueRequest{Development: true, Variant: VariantNoExtensions}, "Apple Development IOS Push Services: ", []string{testBundle}, true, false},
		{"calls", IssueRequest{Variant: VariantVoIP}, "VoIP Services: ", []string{testBundle, testBundle + ".voip"}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			issued := mustIssue(t, s, test.request)
			key, leaf, chain, err := pkcs12.DecodeChain(issued.P12, test.request.Password)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 2, false: 0}[test.request.WithChain]; len(chain) != want {
				t.Errorf("%d certificates beside the leaf, want %d", len(chain), want)
			}
			if !key.(*rsa.PrivateKey).PublicKey.Equal(leaf.PublicKey) {
				t.Error("the key does not belong to the certificate")
			}
			if leaf.Subject.CommonName != test.commonName+testBundle || leaf.NotAfter.Sub(leaf.NotBefore) != 395*24*time.Hour {
				t.Errorf("%q, valid %v", leaf.Subject.CommonName, leaf.NotAfter.Sub(leaf.NotBefore))
			}
			if strings.Contains(leaf.Subject.Organization[0], "Apple Inc") || leaf.Issuer.OrganizationalUnit[0] != "G4" {
				t.Errorf("subject %v, issuer %v", leaf.Subject, leaf.Issuer)
			}
			read := readPushCertificate(leaf)
			if !slices.Equal(read.topics, test.topics) || read.development != test.development || read.production != test.production || read.team != DefaultTeamID {
				t.Errorf("the gateway reads %+v", read)
			}
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(s.CAPEM())
			between := x509.NewCertPool()
			between.AddCert(s.authority.issuer)
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
				t.Error(err)
			}
		})
	}
	if _, _, err := pkcs12.Decode(mustIssue(t, s, IssueRequest{Password: "right"}).P12, "wrong"); err != pkcs12.ErrIncorrectPassword {
		t.Errorf("with a wrong password: %v", err)
	}
	mismatched := mustIssue(t, s, IssueRequest{Variant: VariantMismatchedKey})
	key, leaf, err := pkcs12.Decode(mismatched.P12, "")
	if err != nil {
		t.Fatal(err)
	}
	if key.(*rsa.PrivateKey).PublicKey.Equal(leaf.PublicKey) {
		t.Error("the key was to be another one")
	}
}

func TestIssuedKey(t *testing.T) {
	s, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	issued := mustIssue(t, s, IssueRequest{Key: true, TeamID: "TEAM123456"})
	block, rest := pem.Decode(issued.P8)
	if block == nil || len(rest) > 0 || block.Type != "PRIVATE KEY" {
		t.Fatalf("%s", issued.P8)
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil || !idPattern.MatchString(issued.KeyID) || issued.TeamID != "TEAM123456" {
		t.Errorf("%q %q %v", issued.KeyID, issued.TeamID, err)
	}
}

func TestIssueRefuses(t *testing.T) {
	s, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, request := range []IssueRequest{
		{}, {BundleID: "../etc"}, {BundleID: testBundle, TeamID: "short"}, {BundleID: testBundle, Topics: []string{"a b"}},
		{Key: true, KeyID: "../../../x"}, {BundleID: testBundle, NotBefore: now, NotAfter: now.Add(-time.Hour)},
	} {
		if _, err := s.Issue(request); err == nil {
			t.Errorf("%+v was issued", request)
		}
	}
}

// Bad certificates end in the handshake, with the alert that says why. Under
// TLS 1.3 the client hears of it with its first read.
func TestBadCertificatesFailTheHandshake(t *testing.T) {
	s := startServer(t, Config{})
	stranger, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	revoked := mustIssue(t, s, IssueRequest{})
	if err := s.Revoke(revoked.Certificate.SerialNumber.Text(16)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name       string
		credential *Issued
		alert      string
	}{
		{"expired", mustIssue(t, s, IssueRequest{NotAfter: time.Now().Add(-time.Hour)}), "expired certificate"},
		{"not yet valid", mustIssue(t, s, IssueRequest{NotBefore: time.Now().Add(time.Hour)}), "expired certificate"},
		{"of another authority", mustIssue(t, stranger, IssueRequest{}), "unknown certificate authority"},
		{"for servers", mustIssue(t, s, IssueRequest{Variant: VariantWrongUsage}), "bad certificate"},
		{"revoked", revoked, "bad certificate"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			w := dialWire(t, s, Production, nil, func(c *tls.Config) {
				c.MaxVersion = version
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &test.credential.TLS, nil }
			})
			_, err := io.WriteString(w.conn, h2ClientPreface)
			if err == nil {
				_, err = w.framer.ReadFrame()
			}
			if err == nil || !strings.Contains(err.Error(), test.alert) {
				t.Errorf("%s, TLS %x: %v, want %q", test.name, version, err, test.alert)
			}
		}
	}
}

func FuzzPushCertificate(f *testing.F) {
	value, err := marshalTopics([]string{testBundle, testBundle + ".voip"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Add([]byte{0x0c, 3, 'a', ',', 'b'})
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, topic := range append(readTopics(der), readTopicString(der)...) {
			if len(topic) > 2*len(der) { // two bytes of an old string type may be three in UTF-8
				t.Fatalf("%q out of %d bytes", topic, len(der))
			}
		}
	})
}
