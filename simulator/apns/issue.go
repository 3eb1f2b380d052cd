package apns

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// DefaultTeamID is the team that credentials belong to when a request names none.
const DefaultTeamID = "AURORATEAM"

// Variant asks for a credential that is wrong or old-fashioned in one stated way.
type Variant string

const (
	// VariantNoExtensions leaves out every vendor extension: only the common
	// name tells what the certificate is for.
	VariantNoExtensions Variant = "no-extensions"
	// VariantVoIP makes a certificate of the VoIP kind: topics as one string
	// with commas (6.3.4), common name "VoIP Services: …".
	VariantVoIP Variant = "voip"
	// VariantWrongUsage makes a certificate for servers instead of clients.
	VariantWrongUsage Variant = "wrong-usage"
	// VariantMismatchedKey puts a private key into the file that does not
	// belong to the certificate.
	VariantMismatchedKey Variant = "mismatched-key"
)

// IssueRequest says what credential [Server.Issue] makes: a push certificate
// in a .p12 file, or with Key a provider key in a .p8 file.
type IssueRequest struct {
	Key      bool   `json:"key,omitempty"`       // a .p8 key instead of a certificate
	BundleID string `json:"bundle_id,omitempty"` // the app; required for certificates
	TeamID   string `json:"team_id,omitempty"`   // 10 characters; empty = DefaultTeamID

	// Development and Production restrict the environments; both false means both.
	Development bool `json:"development,omitempty"`
	Production  bool `json:"production,omitempty"`

	// Topics of a certificate; empty = for a universal certificate the bundle
	// id with its VoIP and complication topics, otherwise the bundle id alone.
	// For a key: the topics it is restricted to; empty = all topics of the team.
	Topics []string `json:"topics,omitempty"`

	NotBefore time.Time `json:"not_before,omitzero"` // zero = one hour ago
	NotAfter  time.Time `json:"not_after,omitzero"`  // zero = 395 days after NotBefore

	Legacy    bool    `json:"legacy,omitempty"`     // RC2-40 and 3DES, as Keychain exports; otherwise AES-256
	WithChain bool    `json:"with_chain,omitempty"` // the .p12 holds the intermediate and the root too
	Password  string  `json:"password,omitempty"`   // of the .p12; may be empty
	Variant   Variant `json:"variant,omitempty"`

	KeyID     string `json:"key_id,omitempty"`     // of a key, 10 characters; empty = random
	RelatedTo string `json:"related_to,omitempty"` // key id with which a topic-specific key may share a connection
}

// Issued is a new credential. Of a certificate P12 is set, of a key P8 and KeyID.
type Issued struct {
	P12         []byte            // PKCS#12 file
	P8          []byte            // PEM, unencrypted PKCS#8
	KeyID       string            // 10 characters
	TeamID      string            // 10 characters
	Certificate *x509.Certificate // the leaf
	TLS         tls.Certificate   // the same credential, ready for a tls.Config
}

// idPattern is the form of key ids and team ids.
var idPattern = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// Issue makes a credential that this local APNs, and every other one that is
// started on the same folder, trusts. It may be called before Start and from
// another process than the running server.
func (s *Server) Issue(r IssueRequest) (*Issued, error) {
	if r.TeamID == "" {
		r.TeamID = DefaultTeamID
	}
	if !idPattern.MatchString(r.TeamID) {
		return nil, fmt.Errorf("apns: team id %q must be 10 upper-case letters or digits", r.TeamID)
	}
	if r.BundleID != "" && !validBundle(r.BundleID) {
		return nil, fmt.Errorf("apns: bundle id %q may hold letters, digits, dots and hyphens only", r.BundleID)
	}
	for _, topic := range r.Topics {
		if !validBundle(topic) {
			return nil, fmt.Errorf("apns: topic %q may hold letters, digits, dots and hyphens only", topic)
		}
	}
	if !r.Development && !r.Production {
		r.Development, r.Production = true, true
	}
	if r.Key {
		return s.issueKey(r)
	}
	return s.issueCertificate(r)
}

func (s *Server) issueKey(r IssueRequest) (*Issued, error) {
	if r.KeyID == "" {
		r.KeyID = newKeyID()
	}
	if !idPattern.MatchString(r.KeyID) {
		return nil, fmt.Errorf("apns: key id %q must be 10 upper-case letters or digits", r.KeyID)
	}
	if len(r.Topics) > maxTopicsPerKey {
		return nil, fmt.Errorf("apns: a key may be restricted to at most %d topics", maxTopicsPerKey)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	key := &providerKey{
		KeyID: r.KeyID, TeamID: r.TeamID, Topics: r.Topics, RelatedTo: r.RelatedTo,
		Development: r.Development, Production: r.Production, public: &private.PublicKey,
	}
	if err := s.keys.add(key); err != nil {
		return nil, err
	}
	if r.BundleID != "" {
		if err := s.keys.claim(r.BundleID, r.TeamID); err != nil {
			return nil, err
		}
	}
	p8 := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return &Issued{P8: p8, KeyID: r.KeyID, TeamID: r.TeamID}, nil
}

func newKeyID() string {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32 signs: no bias
	id := make([]byte, 10)
	rand.Read(id)
	for i, b := range id {
		id[i] = alphabet[b%32]
	}
	return string(id)
}

func (s *Server) issueCertificate(r IssueRequest) (*Issued, error) {
	if r.BundleID == "" {
		return nil, errors.New("apns: a push certificate needs the bundle id of its app")
	}
	if r.NotBefore.IsZero() {
		r.NotBefore = s.clock.Now().Add(-time.Hour)
		if !r.NotAfter.IsZero() && !r.NotAfter.After(r.NotBefore) {
			r.NotBefore = r.NotAfter.AddDate(0, 0, -395) // an expired one was asked for
		}
	}
	if r.NotAfter.IsZero() {
		r.NotAfter = r.NotBefore.AddDate(0, 0, 395)
	}
	if !r.NotAfter.After(r.NotBefore) {
		return nil, errors.New("apns: the end of validity must be after its beginning")
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template, err := pushTemplate(r)
	if err != nil {
		return nil, err
	}
	leaf, err := sign(template, s.authority.issuer, &private.PublicKey, s.authority.issuerKey)
	if err != nil {
		return nil, err
	}
	if err := s.keys.claim(r.BundleID, r.TeamID); err != nil {
		return nil, err
	}
	issued := &Issued{TeamID: r.TeamID, Certificate: leaf}
	issued.TLS = tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: private, Leaf: leaf}
	if r.WithChain {
		issued.TLS.Certificate = append(issued.TLS.Certificate, s.authority.issuer.Raw)
	}
	issued.P12, err = s.encodeP12(r, leaf, private)
	return issued, err
}

func (s *Server) encodeP12(r IssueRequest, leaf *x509.Certificate, private crypto.PrivateKey) ([]byte, error) {
	if r.Variant == VariantMismatchedKey {
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		private = other
	}
	encoder := pkcs12.Modern2023
	if r.Legacy {
		encoder = pkcs12.LegacyRC2
	}
	var chain []*x509.Certificate
	if r.WithChain {
		chain = []*x509.Certificate{s.authority.issuer, s.authority.root}
	}
	data, err := encoder.Encode(private, leaf, chain, r.Password)
	if err != nil {
		return nil, fmt.Errorf("apns: write the .p12: %w", err)
	}
	return data, nil
}

// The attributes and extensions of push certificates (spec §5.2, §5.3).
var (
	oidUserID       = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
	oidCommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidUnit         = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidOrganisation = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidCountry      = asn1.ObjectIdentifier{2, 5, 4, 6}

	oidDevelopment = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 1}
	oidProduction  = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 2}
	oidBundle      = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 3}
	oidTopicString = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 4}
	oidPushKit     = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 5}
	oidTopics      = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}
	oidPolicy      = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 5, 1}
)

func pushTemplate(r IssueRequest) (*x509.Certificate, error) {
	subject, err := asn1.Marshal(pushSubject(r))
	if err != nil {
		return nil, err
	}
	extensions, err := pushExtensions(r)
	if err != nil {
		return nil, err
	}
	usage := x509.ExtKeyUsageClientAuth
	if r.Variant == VariantWrongUsage {
		usage = x509.ExtKeyUsageServerAuth
	}
	return &x509.Certificate{
		SerialNumber:          newSerial(),
		RawSubject:            subject,
		NotBefore:             r.NotBefore,
		NotAfter:              r.NotAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
		PolicyIdentifiers:     []asn1.ObjectIdentifier{oidPolicy},
		CRLDistributionPoints: []string{"http://crl.local-apns.invalid/push.crl"},
		ExtraExtensions:       extensions,
	}, nil
}

// pushSubject keeps the order and the string type that real certificates have.
func pushSubject(r IssueRequest) pkix.RDNSequence {
	utf8 := func(id asn1.ObjectIdentifier, value string) pkix.RelativeDistinguishedNameSET {
		raw := asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagUTF8String, Bytes: []byte(value)}
		return pkix.RelativeDistinguishedNameSET{{Type: id, Value: raw}}
	}
	uid := r.BundleID
	if r.Variant == VariantVoIP {
		uid += ".voip"
	}
	return pkix.RDNSequence{
		utf8(oidUserID, uid),
		utf8(oidCommonName, commonNamePrefix(r)+r.BundleID),
		utf8(oidUnit, r.TeamID),
		utf8(oidOrganisation, organisation),
		utf8(oidCountry, "US"),
	}
}

func commonNamePrefix(r IssueRequest) string {
	switch {
	case r.Variant == VariantVoIP:
		return "VoIP Services: "
	case r.Development && r.Production:
		return "Apple Push Services: "
	case r.Development && r.Variant == VariantNoExtensions:
		return "Apple Development IOS Push Services: "
	case r.Development:
		return "Apple Sandbox Push Services: "
	}
	return "Apple Production IOS Push Services: "
}

func pushExtensions(r IssueRequest) ([]pkix.Extension, error) {
	if r.Variant == VariantNoExtensions {
		return nil, nil
	}
	var list []pkix.Extension
	if r.Development {
		list = append(list, pkix.Extension{Id: oidDevelopment, Value: asn1.NullBytes})
	}
	if r.Production {
		list = append(list, pkix.Extension{Id: oidProduction, Value: asn1.NullBytes})
	}
	topics := r.Topics
	if r.Variant == VariantVoIP {
		if len(topics) == 0 {
			topics = []string{r.BundleID, r.BundleID + ".voip"}
		}
		bundle, err := asn1.MarshalWithParams(r.BundleID, "utf8")
		if err != nil {
			return nil, err
		}
		joined, err := asn1.MarshalWithParams(strings.Join(topics, ", "), "utf8")
		if err != nil {
			return nil, err
		}
		return append(list,
			pkix.Extension{Id: oidBundle, Value: bundle},
			pkix.Extension{Id: oidTopicString, Value: joined},
			pkix.Extension{Id: oidPushKit, Value: asn1.NullBytes}), nil
	}
	if len(topics) == 0 && r.Development && r.Production {
		topics = []string{r.BundleID, r.BundleID + ".voip", r.BundleID + ".complication"}
	}
	if len(topics) == 0 {
		return list, nil // a one-environment certificate names its topic in the subject only
	}
	value, err := marshalTopics(topics)
	return append(list, pkix.Extension{Id: oidTopics, Value: value}), err
}

// marshalTopics writes the topic list of universal certificates: one sequence
// in which a topic and the list of its kinds alternate (spec §5.4).
func marshalTopics(topics []string) ([]byte, error) {
	utf8 := func(s string) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagUTF8String, Bytes: []byte(s)}
	}
	var items []asn1.RawValue
	for _, topic := range topics {
		kinds, err := asn1.Marshal([]asn1.RawValue{utf8(topicKind(topic))})
		if err != nil {
			return nil, err
		}
		items = append(items, utf8(topic), asn1.RawValue{FullBytes: kinds})
	}
	return asn1.Marshal(items)
}

func topicKind(topic string) string {
	for _, kind := range []string{"voip", "complication"} {
		if strings.HasSuffix(topic, "."+kind) {
			return kind
		}
	}
	return "app"
}

// covers reports whether topic is in list; an empty list covers everything.
func covers(list []string, topic string) bool {
	return len(list) == 0 || slices.Contains(list, topic)
}
