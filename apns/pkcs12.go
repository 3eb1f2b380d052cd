package apns

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// maxCertificateFile bounds what is read as a credential, in bytes. Real files have 3 to 10 kB.
const maxCertificateFile = 1 << 20

// ReadP12 reads a provider certificate with its key from a .p12 file: as the Keychain exports it, as OpenSSL writes it (old
// and new protection), with or without intermediates, with several identities (the newest push certificate is taken).
// An empty password is tried in both of its encodings.
//
// The error matches one of [ErrNotPKCS12], [ErrBER], [ErrUnsupportedPKCS12], [ErrWrongPassword], [ErrNoPrivateKey],
// [ErrNoCertificate], [ErrKeyMismatch] and [ErrNotPushCertificate].
func ReadP12(data []byte, password string) (*Certificate, error) {
	if len(data) > maxCertificateFile {
		return nil, fmt.Errorf("%w: %d bytes are too many for a .p12 file", ErrNotPKCS12, len(data))
	}
	if err := foreignFormat(data); err != nil {
		return nil, err
	}
	file, err := parsePFX(data)
	if err != nil {
		return nil, err
	}
	content, err := file.decrypt(data, password)
	if err != nil {
		return nil, err
	}
	return content.identity()
}

// ReadCertificate reads a provider certificate with its key from a .p12 file or from PEM text (certificate and key in one
// file; key as PKCS#1, SEC 1 or PKCS#8, encrypted or not). The errors are those of [ReadP12].
func ReadCertificate(data []byte, password string) (*Certificate, error) {
	if len(data) <= maxCertificateFile && looksLikePEM(data) {
		content, err := readPEM(data, password)
		if err != nil {
			return nil, err
		}
		return content.identity()
	}
	return ReadP12(data, password)
}

// foreignFormat recognises the files that people upload by mistake and says what to do instead.
func foreignFormat(data []byte) error {
	if block, _ := pem.Decode(data); block != nil {
		if block.Type == "PRIVATE KEY" && !bytes.Contains(data, []byte("BEGIN CERTIFICATE")) {
			return fmt.Errorf("%w: this is a private key in PEM form, perhaps a .p8 provider key; read it as a key", ErrNotPKCS12)
		}
		return fmt.Errorf("%w: this is PEM text (%s); read it as PEM or convert it with: openssl pkcs12 -export -in FILE -out push.p12", ErrNotPKCS12, block.Type)
	}
	if leaf, err := x509.ParseCertificate(data); err == nil {
		return fmt.Errorf("%w: this is only the certificate %q (.cer); open it in the Keychain of the Mac that made the request, and export it together with its key as .p12",
			ErrNoPrivateKey, leaf.Subject.CommonName)
	}
	return nil
}

// credentials are the certificates and private keys found in a file, in any order.
type credentials struct {
	certificates []*x509.Certificate
	keys         []crypto.Signer
}

// identity picks the leaf with its key. They are matched by public key and never by order; of several, the push
// certificate that is valid longest wins.
func (c *credentials) identity() (*Certificate, error) {
	if len(c.certificates) == 0 {
		return nil, fmt.Errorf("%w: the file holds only a private key; export the certificate and its key together", ErrNoCertificate)
	}
	if len(c.keys) == 0 {
		return nil, fmt.Errorf("%w: the file holds the certificate %q without its key; in the Keychain select the certificate with the key below it and export both",
			ErrNoPrivateKey, c.certificates[0].Subject.CommonName)
	}
	var best *Certificate
	var refusal error
	for _, leaf := range c.certificates {
		key := c.keyOf(leaf)
		if key == nil {
			continue
		}
		found, err := describe(leaf)
		if err != nil {
			refusal = err
			continue
		}
		found.TLS = tls.Certificate{Certificate: c.chain(leaf), PrivateKey: key, Leaf: leaf}
		if best == nil || found.NotAfter.After(best.NotAfter) {
			best = found
		}
	}
	if best != nil {
		return best, nil
	}
	if refusal != nil {
		return nil, refusal
	}
	return nil, fmt.Errorf("%w: the file holds the certificate %q and the key of another one", ErrKeyMismatch, c.certificates[0].Subject.CommonName)
}

func (c *credentials) keyOf(leaf *x509.Certificate) crypto.Signer {
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil
	}
	for _, key := range c.keys {
		if public.Equal(key.Public()) {
			return key
		}
	}
	return nil
}

// chain gives the leaf and its issuers as far as the file contains them, without a self-signed root.
func (c *credentials) chain(leaf *x509.Certificate) [][]byte {
	chain := [][]byte{leaf.Raw}
	for current := leaf; len(chain) <= len(c.certificates); {
		next := c.issuerOf(current)
		if next == nil {
			break
		}
		chain = append(chain, next.Raw)
		current = next
	}
	return chain
}

func (c *credentials) issuerOf(certificate *x509.Certificate) *x509.Certificate {
	for _, candidate := range c.certificates {
		selfSigned := bytes.Equal(candidate.RawSubject, candidate.RawIssuer)
		if bytes.Equal(candidate.RawSubject, certificate.RawIssuer) && !selfSigned && !candidate.Equal(certificate) {
			return candidate
		}
	}
	return nil
}

func (c *credentials) addKey(key any) error {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("%w: a key of type %T cannot sign", ErrNoPrivateKey, key)
	}
	c.keys = append(c.keys, signer)
	return nil
}

// decrypt verifies the file's integrity and password and returns everything in it. The plain case is the decoder's own;
// what it refuses (several keys, more than two parts, no integrity code) is taken apart by walk.
func (f *pfxFile) decrypt(data []byte, password string) (*credentials, error) {
	key, leaf, issuers, err := pkcs12.DecodeChain(data, password)
	if err == nil {
		content := &credentials{certificates: append([]*x509.Certificate{leaf}, issuers...)}
		return content, content.addKey(key)
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption) {
		return nil, wrongPassword(password)
	}
	if strings.Contains(err.Error(), "UCS-2") {
		return nil, fmt.Errorf("%w: it contains characters that no PKCS#12 password can have", ErrWrongPassword)
	}
	var unsupported pkcs12.NotImplementedError
	if errors.As(err, &unsupported) && len(f.parts) <= 2 {
		return nil, fmt.Errorf("%w: %s; convert it with: openssl pkcs12 -in FILE -nodes | openssl pkcs12 -export -out push.p12", ErrUnsupportedPKCS12, unsupported)
	}
	content, walkErr := f.walk(password)
	if walkErr != nil {
		return nil, walkErr
	}
	if len(content.certificates) == 0 && len(content.keys) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrNotPKCS12, err)
	}
	return content, nil
}

func wrongPassword(password string) error {
	if password == "" {
		return fmt.Errorf("%w: the file is protected by one and none was given", ErrWrongPassword)
	}
	return fmt.Errorf("%w: give the one that was chosen when the file was exported", ErrWrongPassword)
}
