package channel

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// read opens a credential file: a .p8 holds nothing but a PEM "PRIVATE KEY",
// everything else is taken for a certificate.
func read(file aurora.CredentialFile) (*apns.Certificate, *apns.Key, error) {
	if isKey(file.File) {
		key, err := apns.ReadP8(file.File, file.KeyID, file.TeamID)
		return nil, key, err
	}
	cert, err := apns.ReadCertificate(file.File, file.Password)
	return cert, nil, err
}

func isKey(file []byte) bool {
	return bytes.Contains(file, []byte("-----BEGIN PRIVATE KEY-----")) && !bytes.Contains(file, []byte("-----BEGIN CERTIFICATE-----"))
}

// Inspect reads a credential file without the network. Each refusal says what
// is wrong and what to do.
func (g *Gateways) Inspect(file aurora.CredentialFile) (aurora.InspectedCredential, error) {
	if len(file.File) == 0 {
		return aurora.InspectedCredential{}, aurora.Errorf(aurora.Missing, "No file was given. Choose the .p12 or .p8 file of the app.")
	}
	cert, key, err := read(file)
	if err != nil {
		return aurora.InspectedCredential{}, explainFile(err)
	}
	if key != nil {
		return aurora.InspectedCredential{
			Credential:   aurora.Credential{Kind: aurora.KeyCredential, Name: "Key " + key.ID(), TeamID: key.TeamID(), KeyID: key.ID()},
			Environments: []aurora.Environment{aurora.Development, aurora.Production},
		}, nil
	}
	found := aurora.InspectedCredential{Credential: aurora.Credential{
		Kind: aurora.CertificateCredential, Name: cert.CommonName, Topics: cert.Topics, BundleID: cert.BundleID,
		TeamID: cert.TeamID, NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
	}}
	if cert.Development {
		found.Environments = append(found.Environments, aurora.Development)
	}
	if cert.Production {
		found.Environments = append(found.Environments, aurora.Production)
	}
	if len(found.Environments) == 0 {
		return found, explainFile(apns.ErrNotPushCertificate)
	}
	return found, nil
}

// explainFile turns the reader's errors into sentences for the person who
// uploaded the file.
func explainFile(err error) error {
	for _, e := range fileErrors {
		if errors.Is(err, e.is) {
			return &aurora.Error{Kind: aurora.Invalid, Text: e.text, Err: err}
		}
	}
	return &aurora.Error{Kind: aurora.Invalid, Text: "The file cannot be read as a push credential: " + err.Error() + ".", Err: err}
}

var fileErrors = []struct {
	is   error
	text string
}{
	{apns.ErrWrongPassword, "The password does not open this .p12. Enter the one that was set when it was exported from Keychain Access; it may be empty."},
	{apns.ErrBER, "The .p12 is in an old encoding (BER) that cannot be read. Convert it with: openssl pkcs12 -in old.p12 -legacy -nodes | openssl pkcs12 -export -out new.p12"},
	{apns.ErrNotPKCS12, "The file is not a PKCS#12 (.p12) file. Export the push certificate together with its private key from Keychain Access as .p12, or upload a .p8 key."},
	{apns.ErrNoPrivateKey, "The .p12 has a certificate but no private key. In Keychain Access select the certificate and its key together, then export."},
	{apns.ErrNoCertificate, "The file has a private key but no certificate. Export the push certificate together with its key."},
	{apns.ErrKeyMismatch, "The certificate and the private key in the file do not belong together. Export the pair from the keychain that made the signing request."},
	{apns.ErrNotPushCertificate, "This is not a push certificate. Create one at developer.apple.com under Certificates, \"Apple Push Notification service SSL\", and export that."},
	{apns.ErrNotP8, "The file is not a .p8 key. Upload the AuthKey_….p8 that developer.apple.com let you download."},
	{apns.ErrKeyID, "The key id is missing or malformed. It has 10 letters and digits and stands beside the key at developer.apple.com and in the file's name."},
	{apns.ErrTeamID, "The team id is missing or malformed. It has 10 letters and digits and stands under Membership at developer.apple.com."},
}

// proveTime bounds a live handshake.
const proveTime = 10 * time.Second

// Prove makes a live handshake with APNs: connect, present the credential, and
// push to a token that cannot exist. BadDeviceToken means the credential is
// accepted; nothing reaches any phone.
func (g *Gateways) Prove(ctx context.Context, file aurora.CredentialFile, env aurora.Environment, topic string) error {
	client, err := g.newClient(env, file)
	if err != nil {
		return explainFile(err)
	}
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	defer client.Close()
	return explainProof(client.Probe(ctx, topic), env, g.URL(env))
}

func explainProof(err error, env aurora.Environment, url string) error {
	if err == nil {
		return nil
	}
	f, _ := errors.AsType[*apns.Failure](err)
	if f != nil && f.Cause == apns.CauseCredential && !isUntrusted(err) {
		reason := or(f.Reason, "BadCertificate")
		return &aurora.Error{Kind: aurora.Invalid, Text: "APNs (" + env.String() + ") refused the credential: " + reason + ". " + aurora.ExplainReason(reason), Err: err}
	}
	if isUntrusted(err) {
		return &aurora.Error{Kind: aurora.Unavailable, Text: "The APNs server at " + url + " has a certificate that this machine does not trust. For a local APNs give its CA with --apns-ca.", Err: err}
	}
	return &aurora.Error{Kind: aurora.Unavailable, Text: "APNs (" + env.String() + ", " + url + ") could not be reached, so the credential was not validated and not stored: " + err.Error() + ". Check the network and the firewall (port 443 or 2197), then upload it again.", Err: err}
}

// isUntrusted reports whether the server's certificate, not ours, is the problem.
func isUntrusted(err error) bool {
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return authority || host
}
