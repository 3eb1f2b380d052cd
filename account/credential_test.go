package account_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// issue makes a credential as its owner would hand it in.
func issue(t *testing.T, a *localapns.Server, r localapns.IssueRequest) aurora.CredentialFile {
	t.Helper()
	if r.BundleID == "" && !r.Key {
		r.BundleID = bundleID
	}
	made, err := a.Issue(r)
	check(t, err)
	if r.Key {
		return aurora.CredentialFile{File: made.P8, KeyID: made.KeyID, TeamID: made.TeamID}
	}
	return aurora.CredentialFile{File: made.P12, Password: r.Password}
}

// websiteP12 is a .p12 with a certificate that has nothing to do with push.
func websiteP12(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "www.example.com"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	file, err := pkcs12.Modern2023.Encode(key, cert, nil, "")
	check(t, err)
	return file
}

// TestCredentialRefusals: each way in which an upload can be wrong has a
// sentence of its own that says what to do, and leaves what is stored alone.
func TestCredentialRefusals(t *testing.T) {
	a, stranger := startAPNs(t), startAPNs(t)
	s, app := openBeside(t, a)
	now := time.Now()
	with := func(up aurora.CredentialFile, change func(*aurora.CredentialFile)) aurora.CredentialFile {
		change(&up)
		return up
	}
	made, err := a.Issue(localapns.IssueRequest{BundleID: bundleID})
	check(t, err)
	trustStore, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{made.Certificate}, "")
	check(t, err)
	revoked, err := a.Issue(localapns.IssueRequest{BundleID: bundleID})
	check(t, err)
	check(t, a.Revoke(revoked.Certificate.SerialNumber.Text(16)))
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(t, err)
	p384DER, err := x509.MarshalPKCS8PrivateKey(p384)
	check(t, err)
	good := issue(t, a, localapns.IssueRequest{Password: "geheim"})
	key := issue(t, a, localapns.IssueRequest{Key: true})
	otherKey := issue(t, a, localapns.IssueRequest{Key: true})

	for _, tt := range []struct {
		name   string
		up     aurora.CredentialFile
		kind   aurora.Kind
		says   string // what is wrong
		remedy string
	}{
		{"no file", aurora.CredentialFile{}, aurora.Missing, "No file was given", "Choose"},
		{"over 1 MiB", aurora.CredentialFile{File: make([]byte, 1<<20+1)}, aurora.TooLarge, "over 1 MiB", "Export"},
		{"wrong password", with(good, func(u *aurora.CredentialFile) { u.Password = "falsch" }), aurora.Invalid, "password does not open", "Enter"},
		{"no password", with(good, func(u *aurora.CredentialFile) { u.Password = "" }), aurora.Invalid, "password does not open", "Enter"},
		{"wrong password, legacy", with(issue(t, a, localapns.IssueRequest{Legacy: true, Password: "geheim"}), func(u *aurora.CredentialFile) { u.Password = "falsch" }), aurora.Invalid, "password does not open", "Enter"},
		{"a text", aurora.CredentialFile{File: []byte("hello")}, aurora.Invalid, "not a PKCS#12", "Export"},
		{"a picture", aurora.CredentialFile{File: []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 500))}, aurora.Invalid, "not a PKCS#12", "Export"},
		{"half a .p12", with(good, func(u *aurora.CredentialFile) { u.File = u.File[:len(u.File)/2] }), aurora.Invalid, "not a PKCS#12", "Export"},
		{"no private key", aurora.CredentialFile{File: trustStore}, aurora.Invalid, "no private key", "select the certificate and its key together"},
		{"a certificate alone, in PEM", aurora.CredentialFile{File: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate.Raw})}, aurora.Invalid, "no private key", "export"},
		{"key of another certificate", issue(t, a, localapns.IssueRequest{Variant: localapns.VariantMismatchedKey}), aurora.Invalid, "do not belong together", "Export the pair"},
		{"a website's certificate", aurora.CredentialFile{File: websiteP12(t)}, aurora.Invalid, "not a push certificate", "developer.apple.com"},
		{"another app's certificate", issue(t, a, localapns.IssueRequest{BundleID: "com.example.other"}), aurora.Invalid, "com.example.other, but this app's is " + bundleID, ""},
		{"development in the production slot", with(issue(t, a, localapns.IssueRequest{Development: true}), func(u *aurora.CredentialFile) { u.Environment = aurora.Production }), aurora.Invalid, "development certificate and the slot is for production", "development slot"},
		{"production in the development slot", with(issue(t, a, localapns.IssueRequest{Production: true}), func(u *aurora.CredentialFile) { u.Environment = aurora.Development }), aurora.Invalid, "production certificate and the slot is for development", "production slot"},
		{"expired", issue(t, a, localapns.IssueRequest{NotAfter: now.Add(-24 * time.Hour)}), aurora.Invalid, "expired on " + now.Add(-24*time.Hour).UTC().Format("2 January 2006"), "Create a new one"},
		{"not yet valid", issue(t, a, localapns.IssueRequest{NotBefore: now.Add(48 * time.Hour)}), aurora.Invalid, "not valid before " + now.Add(48*time.Hour).UTC().Format("2 January 2006"), "clock"},
		{"not issued by this APNs", issue(t, stranger, localapns.IssueRequest{}), aurora.Invalid, "refused the credential: BadCertificate", "Upload"},
		{"revoked", aurora.CredentialFile{File: revoked.P12}, aurora.Invalid, "refused the credential: BadCertificate", "Upload"},
		{"key without its id", with(key, func(u *aurora.CredentialFile) { u.KeyID = "" }), aurora.Invalid, "key id is missing or malformed", "10 letters and digits"},
		{"key with a short id", with(key, func(u *aurora.CredentialFile) { u.KeyID = "ABC" }), aurora.Invalid, "key id is missing or malformed", "10 letters and digits"},
		{"key with a strange id", with(key, func(u *aurora.CredentialFile) { u.KeyID = "ABC 123-DE" }), aurora.Invalid, "key id is missing or malformed", "10 letters and digits"},
		{"key without a team", with(key, func(u *aurora.CredentialFile) { u.TeamID = "" }), aurora.Invalid, "team id is missing or malformed", "10 letters and digits"},
		{"key with a long team", with(key, func(u *aurora.CredentialFile) { u.TeamID = "AURORATEAMS" }), aurora.Invalid, "team id is missing or malformed", "10 letters and digits"},
		{"key of another APNs", issue(t, stranger, localapns.IssueRequest{Key: true}), aurora.Invalid, "refused the credential: InvalidProviderToken", "Check the key id"},
		{"key with another's id", with(key, func(u *aurora.CredentialFile) { u.KeyID = otherKey.KeyID }), aurora.Invalid, "refused the credential: InvalidProviderToken", "Check the key id"},
		{"key with another team", with(key, func(u *aurora.CredentialFile) { u.TeamID = "ABCDE12345" }), aurora.Invalid, "refused the credential: InvalidProviderToken", "team id"},
		{"key for other topics", issue(t, a, localapns.IssueRequest{Key: true, Topics: []string{"com.example.other"}}), aurora.Invalid, "refused the credential: TopicDisallowed", "Upload"},
		{"key for development in the production slot", with(issue(t, a, localapns.IssueRequest{Key: true, Development: true}), func(u *aurora.CredentialFile) { u.Environment = aurora.Production }), aurora.Invalid, "refused the credential: BadEnvironmentKeyI", ""},
		{"damaged key", with(key, func(u *aurora.CredentialFile) {
			u.File = []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
		}), aurora.Invalid, "not a .p8 key", "AuthKey_"},
		{"key of another curve", with(key, func(u *aurora.CredentialFile) {
			u.File = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p384DER})
		}), aurora.Invalid, "not a .p8 key", "AuthKey_"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := s.Accounts.Credentials(t.Context(), app.ID)
			check(t, err)
			_, err = s.Accounts.StoreCredential(t.Context(), app, tt.up)
			sentence := refused(t, err, tt.kind)
			if !strings.Contains(sentence, tt.says) || !strings.Contains(sentence, tt.remedy) || !strings.HasSuffix(sentence, ".") && !strings.Contains(sentence, "openssl") {
				t.Errorf("the sentence is %q; it should say %q and %q", sentence, tt.says, tt.remedy)
			}
			for _, secret := range []string{"geheim", "falsch"} {
				if strings.Contains(sentence, secret) {
					t.Errorf("the sentence has the password: %q", sentence)
				}
			}
			after, err := s.Accounts.Credentials(t.Context(), app.ID)
			check(t, err)
			if !reflect.DeepEqual(before, after) {
				t.Errorf("stored %+v, before %+v", after, before)
			}
		})
	}
}

// TestRefusalKeepsTheOldCredential: what worked goes on working when its
// replacement is refused.
func TestRefusalKeepsTheOldCredential(t *testing.T) {
	a := startAPNs(t)
	s, app := openBeside(t, a)
	before, err := s.Accounts.StoreCredential(t.Context(), app, issue(t, a, localapns.IssueRequest{}))
	check(t, err)
	_, err = s.Accounts.StoreCredential(t.Context(), app, issue(t, startAPNs(t), localapns.IssueRequest{}))
	refused(t, err, aurora.Invalid)
	after, err := s.Accounts.Credentials(t.Context(), app.ID)
	check(t, err)
	if len(after) != len(before) || !after[0].NotAfter.Equal(before[0].NotAfter) || !after[0].Usable(time.Now()) {
		t.Errorf("%+v became %+v", before, after)
	}
}

// TestCredentialAccepted: a good file fills the slots it serves, with what is
// known of it, after APNs has accepted it in each of them.
func TestCredentialAccepted(t *testing.T) {
	a := startAPNs(t)
	s, app := openBeside(t, a)
	dev, prod := aurora.Development, aurora.Production
	pemPair := func() aurora.CredentialFile {
		made, err := a.Issue(localapns.IssueRequest{BundleID: bundleID})
		check(t, err)
		key, err := x509.MarshalPKCS8PrivateKey(made.TLS.PrivateKey)
		check(t, err)
		return aurora.CredentialFile{File: bytes.Join([][]byte{
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate.Raw}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		}, nil)}
	}
	slot := func(up aurora.CredentialFile, env aurora.Environment) aurora.CredentialFile {
		up.Environment = env
		return up
	}
	key := issue(t, a, localapns.IssueRequest{Key: true})
	for _, tt := range []struct {
		name string
		up   aurora.CredentialFile
		want []aurora.Environment
	}{
		{"universal", issue(t, a, localapns.IssueRequest{}), []aurora.Environment{dev, prod}},
		{"universal, as Keychain exports it", issue(t, a, localapns.IssueRequest{Legacy: true, Password: "geheim"}), []aurora.Environment{dev, prod}},
		{"universal, with its chain", issue(t, a, localapns.IssueRequest{WithChain: true, Password: "pässwörd 密码"}), []aurora.Environment{dev, prod}},
		{"legacy, with its chain", issue(t, a, localapns.IssueRequest{Legacy: true, WithChain: true, Password: "pässwörd 密码"}), []aurora.Environment{dev, prod}},
		{"development", issue(t, a, localapns.IssueRequest{Development: true}), []aurora.Environment{dev}},
		{"production", issue(t, a, localapns.IssueRequest{Production: true}), []aurora.Environment{prod}},
		{"production without extensions", issue(t, a, localapns.IssueRequest{Production: true, Variant: localapns.VariantNoExtensions}), []aurora.Environment{prod}},
		{"universal, for one slot", slot(issue(t, a, localapns.IssueRequest{}), dev), []aurora.Environment{dev}},
		{"PEM", pemPair(), []aurora.Environment{dev, prod}},
		{"key", key, []aurora.Environment{dev, prod}},
		{"key for one slot", slot(key, prod), []aurora.Environment{prod}},
		{"key that is restricted to development", issue(t, a, localapns.IssueRequest{Key: true, Development: true}), []aurora.Environment{dev}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, env := range []aurora.Environment{dev, prod} {
				check(t, s.Accounts.RemoveCredential(t.Context(), app.ID, env))
			}
			_, err := s.Accounts.StoreCredential(t.Context(), app, tt.up)
			check(t, err)
			slots, err := s.Accounts.Credentials(t.Context(), app.ID)
			check(t, err)
			var filled []aurora.Environment
			for _, c := range slots {
				filled = append(filled, c.Environment)
				checkFacts(t, c, tt.up)
				_, file, err := s.Accounts.OpenCredential(t.Context(), app.ID, c.Environment)
				check(t, err)
				if !bytes.Equal(file.File, tt.up.File) || file.Password != tt.up.Password || file.KeyID != tt.up.KeyID || file.TeamID != c.TeamID || file.Environment != c.Environment {
					t.Errorf("the %s slot does not give the file back for sending", c.Environment)
				}
			}
			if !reflect.DeepEqual(filled, tt.want) {
				t.Errorf("filled %v, want %v", filled, tt.want)
			}
		})
	}
}

func checkFacts(t *testing.T, c aurora.Credential, up aurora.CredentialFile) {
	t.Helper()
	if c.Topic != bundleID || c.TeamID != localapns.DefaultTeamID || !c.Usable(time.Now()) || time.Since(c.ValidatedAt) > patience || c.Name == "" {
		t.Errorf("%+v", c)
	}
	if up.KeyID != "" {
		if c.Kind != aurora.KeyCredential || c.KeyID != up.KeyID || !c.NotAfter.IsZero() {
			t.Errorf("%+v", c)
		}
		return
	}
	if days, _ := c.DaysLeft(time.Now()); c.Kind != aurora.CertificateCredential || c.BundleID != bundleID || days < 390 || days > 395 || !strings.Contains(c.Name, bundleID) {
		t.Errorf("%+v", c)
	}
}

// TestProbeCredential: APNs is asked again about what is stored; its word lifts
// what the credential was parked for, and a network that is down changes nothing.
func TestProbeCredential(t *testing.T) {
	a := startAPNs(t)
	s, app := openBeside(t, a)
	made, err := a.Issue(localapns.IssueRequest{BundleID: bundleID, Production: true})
	check(t, err)
	stored, err := s.Accounts.StoreCredential(t.Context(), app, aurora.CredentialFile{File: made.P12})
	check(t, err)
	slot := func() aurora.Credential {
		t.Helper()
		all, err := s.Accounts.Credentials(t.Context(), app.ID)
		check(t, err)
		return all[0]
	}
	before := slot()
	check(t, s.Accounts.ParkCredential(t.Context(), before.ID, "BadCertificate"))
	check(t, s.Accounts.ProbeCredential(t.Context(), app, aurora.Production))
	if after := slot(); after.Parked != "" || !after.ParkedAt.IsZero() || !after.ValidatedAt.After(stored[0].ValidatedAt) {
		t.Errorf("after a good probe: %+v", after)
	}
	refused(t, s.Accounts.ProbeCredential(t.Context(), app, aurora.Development), aurora.NotFound)
	check(t, a.Revoke(made.Certificate.SerialNumber.Text(16)))
	if says := refused(t, s.Accounts.ProbeCredential(t.Context(), app, aurora.Production), aurora.Invalid); !strings.Contains(says, "refused the credential") || !strings.Contains(says, "Upload") {
		t.Errorf("revoked: %s", says)
	}
	stop(t, a)
	if says := refused(t, s.Accounts.ProbeCredential(t.Context(), app, aurora.Production), aurora.Unavailable); !strings.Contains(says, "stays as it was") || strings.Contains(says, "upload it again") {
		t.Errorf("unreachable: %s", says)
	}
	if after := slot(); after.Parked != "" {
		t.Errorf("a probe without an answer parked it: %s", after.Parked)
	}
}
