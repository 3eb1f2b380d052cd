package apns

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// testAuthority is a root and an intermediate that look like Apple's, made once for all tests of the package.
type testAuthority struct {
	root, intermediate *x509.Certificate
	key                *ecdsa.PrivateKey
}

var authority = sync.OnceValue(func() *testAuthority {
	rootKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	root := sign(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: longAgo, NotAfter: farAway, KeyUsage: x509.KeyUsageCertSign}, nil, rootKey.Public(), rootKey)
	intermediate := sign(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test Developer Relations", OrganizationalUnit: []string{"G4"}},
		IsCA: true, BasicConstraintsValid: true, NotBefore: longAgo, NotAfter: farAway, KeyUsage: x509.KeyUsageCertSign}, root, key.Public(), rootKey)
	return &testAuthority{root: root, intermediate: intermediate, key: key}
})

var (
	longAgo = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	farAway = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
)

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return certificate
}

// leafOptions describes a look-alike of an Apple certificate.
type leafOptions struct {
	name, uid, team string
	extensions      []pkix.Extension
	usage           x509.ExtKeyUsage
	from, to        time.Time
	key             crypto.Signer
}

func (o leafOptions) make(t testing.TB) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	if o.key == nil {
		o.key = rsaKey()
	}
	if o.usage == 0 {
		o.usage = x509.ExtKeyUsageClientAuth
	}
	if o.from.IsZero() {
		o.from = longAgo
	}
	if o.to.IsZero() {
		o.to = farAway
	}
	subject := pkix.Name{}
	add := func(oid asn1.ObjectIdentifier, value string) {
		if value != "" {
			subject.ExtraNames = append(subject.ExtraNames, pkix.AttributeTypeAndValue{Type: oid, Value: value})
		}
	}
	add(oidUID, o.uid)
	add(asn1.ObjectIdentifier{2, 5, 4, 3}, o.name)
	add(asn1.ObjectIdentifier{2, 5, 4, 11}, o.team)
	a := authority()
	leaf := sign(&x509.Certificate{SerialNumber: big.NewInt(3), Subject: subject, NotBefore: o.from, NotAfter: o.to, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{o.usage}, ExtraExtensions: o.extensions}, a.intermediate, o.key.Public(), a.key)
	return leaf, o.key
}

var rsaKey = sync.OnceValue(func() crypto.Signer { key, _ := rsa.GenerateKey(rand.Reader, 2048); return key })

func null(oid asn1.ObjectIdentifier) pkix.Extension {
	return pkix.Extension{Id: oid, Value: []byte{5, 0}}
}

func text(oid asn1.ObjectIdentifier, value string) pkix.Extension {
	der, _ := asn1.MarshalWithParams(value, "utf8")
	return pkix.Extension{Id: oid, Value: der}
}

// topicList builds extension 6.3.6, in which topics and kind lists alternate.
func topicList(pairs ...string) pkix.Extension {
	var content []byte
	for i := 0; i < len(pairs); i += 2 {
		topic, _ := asn1.MarshalWithParams(pairs[i], "utf8")
		kind, _ := asn1.MarshalWithParams(pairs[i+1], "utf8")
		kinds, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: kind})
		content = append(append(content, topic...), kinds...)
	}
	der, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
	return pkix.Extension{Id: oidTopicList, Value: der}
}

func universal() leafOptions {
	return leafOptions{name: "Apple Push Services: com.example.app", uid: "com.example.app", team: "TEAM123456", extensions: []pkix.Extension{
		null(oidDevelopment), null(oidProduction),
		topicList("com.example.app", "app", "com.example.app.voip", "voip", "com.example.app.complication", "complication"),
	}}
}

func TestDescribeCertificate(t *testing.T) {
	type want struct {
		topics       []string
		bundle       string
		dev, prod    bool
		notPush      bool
		defaultTopic string
	}
	cases := []struct {
		name string
		leaf leafOptions
		want want
	}{
		{"universal", universal(), want{topics: []string{"com.example.app", "com.example.app.voip", "com.example.app.complication"}, bundle: "com.example.app", dev: true, prod: true}},
		{"development", leafOptions{name: "Apple Development IOS Push Services: com.example.app", uid: "com.example.app", extensions: []pkix.Extension{null(oidDevelopment)}},
			want{topics: []string{"com.example.app"}, bundle: "com.example.app", dev: true}},
		{"production", leafOptions{name: "Apple Production IOS Push Services: com.example.app", uid: "com.example.app", extensions: []pkix.Extension{null(oidProduction)}},
			want{topics: []string{"com.example.app"}, bundle: "com.example.app", prod: true}},
		{"extension wins over the name", leafOptions{name: "Apple Push Services: com.example.app", uid: "com.example.app", extensions: []pkix.Extension{null(oidProduction)}},
			want{topics: []string{"com.example.app"}, bundle: "com.example.app", prod: true}},
		{"sandbox by name only", leafOptions{name: "Apple Sandbox Push Services: com.example.app", uid: "com.example.app"},
			want{topics: []string{"com.example.app"}, bundle: "com.example.app", dev: true}},
		{"common name only", leafOptions{name: "Apple Push Services: com.example.app"},
			want{topics: []string{"com.example.app"}, bundle: "com.example.app", dev: true, prod: true}},
		{"voip with comma separated topics", leafOptions{name: "VoIP Services: com.example.app", uid: "com.example.app.voip", extensions: []pkix.Extension{
			null(oidDevelopment), null(oidProduction), text(oidBundleID, "com.example.app"), text(oidTopicText, "com.example.app, com.example.app.voip,"), null(oidService)}},
			want{topics: []string{"com.example.app", "com.example.app.voip"}, bundle: "com.example.app", dev: true, prod: true, defaultTopic: "com.example.app.voip"}},
		{"watch", leafOptions{name: "WatchKit Services: com.example.app.complication", uid: "com.example.app.complication", extensions: []pkix.Extension{null(oidService)}},
			want{topics: []string{"com.example.app.complication"}, bundle: "com.example.app", dev: true, prod: true}},
		{"mdm", leafOptions{name: "APSP:5d1b5b0e-0000-4000-8000-000000000000", uid: "com.apple.mgmt.External.5d1b5b0e"},
			want{topics: []string{"com.apple.mgmt.External.5d1b5b0e"}, bundle: "com.apple.mgmt.External.5d1b5b0e", prod: true}},
		{"website", leafOptions{name: "Website Push ID: web.com.example", uid: "web.com.example", extensions: []pkix.Extension{null(oidProduction)}},
			want{topics: []string{"web.com.example"}, bundle: "web.com.example", prod: true}},
		{"app distribution", leafOptions{name: "iPhone Distribution: Example"}, want{notPush: true}},
		{"server certificate", func() leafOptions { o := universal(); o.usage = x509.ExtKeyUsageServerAuth; return o }(), want{notPush: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			leaf, _ := c.leaf.make(t)
			got, err := describe(leaf)
			if c.want.notPush {
				if !errors.Is(err, ErrNotPushCertificate) {
					t.Fatalf("describe = %v, want ErrNotPushCertificate", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			topic := c.want.defaultTopic
			if topic == "" {
				topic = c.want.topics[0]
			}
			if !slices.Equal(got.Topics, c.want.topics) || got.BundleID != c.want.bundle || got.Development != c.want.dev || got.Production != c.want.prod || got.Topic != topic {
				t.Errorf("describe = topics %q, bundle %q, development %v, production %v, default %q; want %+v", got.Topics, got.BundleID, got.Development, got.Production, got.Topic, c.want)
			}
			if got.TeamID != c.leaf.team || got.CommonName != c.leaf.name {
				t.Errorf("team %q, name %q; want %q, %q", got.TeamID, got.CommonName, c.leaf.team, c.leaf.name)
			}
		})
	}
}

func TestReadP12Forms(t *testing.T) {
	leaf, key := universal().make(t)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	withEC := universal()
	withEC.key = ecKey
	ecLeaf, _ := withEC.make(t)
	chain := []*x509.Certificate{authority().intermediate, authority().root}
	encoders := map[string]*pkcs12.Encoder{"rc2": pkcs12.LegacyRC2, "3des": pkcs12.LegacyDES, "aes": pkcs12.Modern2023, "pbmac1": pkcs12.Modern2026}
	for name, encoder := range encoders {
		for _, password := range []string{"", "secret", "pässwörd"} {
			t.Run(name+"/"+password, func(t *testing.T) {
				alone := must(encoder.Encode(key, leaf, nil, password))
				c, err := ReadP12(alone, password)
				if err != nil {
					t.Fatal(err)
				}
				if c.BundleID != "com.example.app" || len(c.TLS.Certificate) != 1 || !c.NotAfter.Equal(leaf.NotAfter) {
					t.Errorf("read %+v", c)
				}
				c, err = ReadCertificate(must(encoder.Encode(key, leaf, chain, password)), password)
				if err != nil {
					t.Fatal(err)
				}
				if len(c.TLS.Certificate) != 2 {
					t.Errorf("the chain has %d certificates, want leaf and intermediate without the root", len(c.TLS.Certificate))
				}
				if _, err := ReadP12(alone, password+"x"); !errors.Is(err, ErrWrongPassword) {
					t.Errorf("another password: %v, want ErrWrongPassword", err)
				}
				if _, err := ReadP12(must(encoder.Encode(ecKey, ecLeaf, chain[:1], password)), password); err != nil {
					t.Errorf("elliptic curve key: %v", err)
				}
			})
		}
	}
	t.Run("unprotected", func(t *testing.T) {
		if _, err := ReadP12(must(pkcs12.Passwordless.Encode(key, leaf, chain, "")), ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("leaf is not the first certificate", func(t *testing.T) {
		c, err := ReadP12(must(pkcs12.Modern.Encode(key, chain[0], []*x509.Certificate{leaf}, "p")), "p")
		if err != nil || c.BundleID != "com.example.app" {
			t.Errorf("read %+v, %v", c, err)
		}
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// severalIdentities builds a PKCS#12 file with n certificates and n shrouded keys from single files, as a Keychain export of
// several items does.
func severalIdentities(t *testing.T, encoder *pkcs12.Encoder, password string, n int) []byte {
	t.Helper()
	var parts []pfxPart
	var keyBags []pfxBag
	for i := range n {
		options := universal()
		key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		options.key = key
		options.to = farAway.AddDate(-i, 0, 0)
		leaf, _ := options.make(t)
		file, err := parsePFX(must(encoder.Encode(key, leaf, nil, password)))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range file.parts {
			if part.Type.Equal(oidEncryptedData) {
				parts = append(parts, part)
				continue
			}
			keyBags = append(keyBags, must(part.bags())...)
		}
	}
	parts = append(parts, must(dataPart(keyBags...)))
	return must(assemble(bmpString(password), parts))
}

func TestReadP12SeveralIdentities(t *testing.T) {
	for name, encoder := range map[string]*pkcs12.Encoder{"rc2": pkcs12.LegacyRC2, "aes": pkcs12.Modern2023} {
		for _, password := range []string{"", "secret"} {
			file := severalIdentities(t, encoder, password, 4)
			c, err := ReadP12(file, password)
			if err != nil {
				t.Errorf("%s, password %q: %v", name, password, err)
				continue
			}
			if !c.NotAfter.Equal(farAway) {
				t.Errorf("%s: took the certificate valid until %v, want the longest, %v", name, c.NotAfter, farAway)
			}
			if _, err := ReadP12(file, "wrong"); !errors.Is(err, ErrWrongPassword) {
				t.Errorf("%s: wrong password: %v", name, err)
			}
		}
	}
}

func TestReadCertificateRefusals(t *testing.T) {
	leaf, key := universal().make(t)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p8 := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(other))})
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	good := must(pkcs12.Modern.Encode(key, leaf, nil, "p"))
	server := universal()
	server.usage = x509.ExtKeyUsageServerAuth
	serverLeaf, _ := server.make(t)
	trust := must(pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{leaf}, "p"))
	cases := []struct {
		name     string
		data     []byte
		password string
		want     error
	}{
		{"nothing", nil, "", ErrNotPKCS12},
		{"text", []byte("hello"), "", ErrNotPKCS12},
		{"cut short", good[:len(good)/2], "p", ErrNotPKCS12},
		{"trailing bytes", append(slices.Clone(good), 0), "p", ErrNotPKCS12},
		{"too large", make([]byte, maxCertificateFile+1), "p", ErrNotPKCS12},
		{"ber", []byte{0x30, 0x80, 2, 1, 3, 0, 0}, "", ErrBER},
		{"wrong password", good, "q", ErrWrongPassword},
		{"no password", good, "", ErrWrongPassword},
		{"password outside the plane", good, "😀", ErrWrongPassword},
		{"only the certificate, DER", leaf.Raw, "", ErrNoPrivateKey},
		{"only the certificate, PEM", certPEM, "", ErrNoPrivateKey},
		{"only certificates in a p12", trust, "p", ErrNoPrivateKey},
		{"only the key, PEM", p8, "", ErrNoCertificate},
		{"key of another certificate", append(slices.Clone(certPEM), p8...), "", ErrKeyMismatch},
		{"key of another certificate in a p12", must(pkcs12.Modern.Encode(other, leaf, nil, "p")), "p", ErrKeyMismatch},
		{"server certificate", must(pkcs12.Modern.Encode(key, serverLeaf, nil, "p")), "p", ErrNotPushCertificate},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadCertificate(c.data, c.password)
			if !errors.Is(err, c.want) {
				t.Errorf("ReadCertificate = %v, %v; want %v", got, err, c.want)
			}
		})
	}
	t.Run("PEM given as p12", func(t *testing.T) {
		if _, err := ReadP12(certPEM, ""); !errors.Is(err, ErrNotPKCS12) || !strings.Contains(err.Error(), "PEM") {
			t.Errorf("ReadP12 = %v, want a hint that this is PEM", err)
		}
	})
}

func TestReadCertificatePEM(t *testing.T) {
	leaf, key := universal().make(t)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	pkcs8 := must(x509.MarshalPKCS8PrivateKey(key))
	pkcs1 := x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey))
	//lint:ignore SA1019 the reader must understand this old form
	encrypted := must(x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", pkcs1, []byte("secret"), x509.PEMCipherAES256))
	for name, text := range map[string][]byte{
		"pkcs8 after":      slices.Concat(certPEM, block("PRIVATE KEY", pkcs8)),
		"pkcs1 before":     slices.Concat(block("RSA PRIVATE KEY", pkcs1), certPEM),
		"mislabelled":      slices.Concat(block("PRIVATE KEY", pkcs1), certPEM),
		"encrypted, old":   slices.Concat(certPEM, pem.EncodeToMemory(encrypted)),
		"with bag headers": slices.Concat([]byte("Bag Attributes\n    friendlyName: x\n"), certPEM, block("PRIVATE KEY", pkcs8)),
	} {
		if c, err := ReadCertificate(text, "secret"); err != nil || c.BundleID != "com.example.app" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for i := range 2000 { // one in 256 is found out by what it decrypts to alone
		wrong := fmt.Sprint("wrong", i)
		if _, err := ReadCertificate(slices.Concat(certPEM, pem.EncodeToMemory(encrypted)), wrong); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("wrong password %q of an encrypted key: %v", wrong, err)
		}
	}
}

// TestReadP12FromOpenSSL reads what the common tool writes, in its present and past forms.
func TestReadP12FromOpenSSL(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	leaf, key := universal().make(t)
	input := slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().intermediate.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
	source := filepath.Join(t.TempDir(), "identity.pem")
	if err := os.WriteFile(source, input, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		command := exec.CommandContext(t.Context(), tool, append(args, "-in", source)...)
		var stderr strings.Builder
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v: %s", args, err, stderr.String())
		}
		return out
	}
	for name, args := range map[string][]string{
		"modern": {"-passout", "pass:secret"},
		"3des":   {"-passout", "pass:secret", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"},
		"no mac": {"-passout", "pass:secret", "-nomac"},
		"sha512": {"-passout", "pass:secret", "-macalg", "sha512"},
		"named":  {"-passout", "pass:secret", "-name", "Apple Push Services: com.example.app"},
	} {
		if c, err := ReadP12(run(append([]string{"pkcs12", "-export"}, args...)...), "secret"); err != nil || len(c.TLS.Certificate) != 2 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if c, err := ReadP12(run("pkcs12", "-export", "-passout", "pass:"), ""); err != nil {
		t.Errorf("empty password: %+v, %v", c, err)
	}
	encryptedKey := run("pkcs8", "-topk8", "-passout", "pass:secret")
	file := slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), encryptedKey)
	if _, err := ReadCertificate(file, "secret"); err != nil {
		t.Errorf("encrypted PKCS#8: %v", err)
	}
	if _, err := ReadCertificate(file, "wrong"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("encrypted PKCS#8 with a wrong password: %v", err)
	}
}

func TestCertificateCheck(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	c := Certificate{Production: true, NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 1, 0)}
	for _, tc := range []struct {
		production bool
		at         time.Time
		want       error
	}{
		{true, now, nil},
		{false, now, ErrEnvironment},
		{true, now.AddDate(0, 2, 0), ErrExpired},
		{true, now.AddDate(0, -2, 0), ErrNotYetValid},
	} {
		if err := c.Check(tc.production, tc.at); !errors.Is(err, tc.want) {
			t.Errorf("Check(%v, %v) = %v, want %v", tc.production, tc.at, err, tc.want)
		}
	}
	if got := c.ExpiresIn(now.AddDate(0, 1, -1)); got != 24*time.Hour {
		t.Errorf("ExpiresIn = %v, want a day", got)
	}
}

// demandsWork tells files with many key derivation rounds, which are legal up to a limit and slow.
func demandsWork(data []byte) bool {
	const enough = 5000
	if pbkdfIterations(data) > enough {
		return true
	}
	file, err := parsePFX(data)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(file.parts, func(p pfxPart) bool { return pbkdfIterations(p.Content.Bytes) > enough })
}

func TestTooManyRoundsAreRefused(t *testing.T) {
	leaf, key := universal().make(t)
	for name, encoder := range map[string]*pkcs12.Encoder{"rc2": pkcs12.LegacyRC2, "aes": pkcs12.Modern2023} {
		file := must(encoder.WithIterations(0x10000).Encode(key, leaf, nil, "p"))
		file = bytes.ReplaceAll(file, []byte{2, 3, 1, 0, 0}, []byte{2, 3, 0x7f, 0xff, 0xff})
		if _, err := ReadP12(file, "p"); !errors.Is(err, ErrUnsupportedPKCS12) {
			t.Errorf("%s: %v, want ErrUnsupportedPKCS12", name, err)
		}
	}
}

func FuzzReadCertificate(f *testing.F) {
	leaf, key := universal().make(f)
	f.Add(must(pkcs12.Modern.Encode(key, leaf, nil, "")), "")
	f.Add(must(pkcs12.LegacyRC2.Encode(key, leaf, nil, "p")), "p")
	f.Add(must(pkcs12.Passwordless.Encode(key, leaf, nil, "")), "")
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), "")
	f.Add([]byte{0x30, 0x80, 2, 1, 3}, "")
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		if demandsWork(data) {
			t.Skip("derives keys for too long to fuzz")
		}
		c, err := ReadCertificate(data, password)
		if (c == nil) == (err == nil) {
			t.Fatalf("ReadCertificate = %v, %v: exactly one must be given", c, err)
		}
		if c != nil && (len(c.Topics) == 0 || c.TLS.PrivateKey == nil) {
			t.Fatalf("accepted a certificate without topic or key: %+v", c)
		}
	})
}
