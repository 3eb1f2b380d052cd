package apns

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// What can be wrong with a push certificate. Each error returned by [ReadP12], [ReadCertificate] and [Certificate.Check]
// matches one of these with errors.Is and says in its text what to do.
var (
	// ErrNotPKCS12: the data is not a PKCS#12 (.p12, .pfx) file.
	ErrNotPKCS12 = errors.New("apns: not a PKCS#12 file")
	// ErrBER: a PKCS#12 file in BER form (indefinite lengths), which must be converted to DER first.
	ErrBER = errors.New("apns: PKCS#12 file in BER encoding")
	// ErrUnsupportedPKCS12: a PKCS#12 file protected by a method that this package does not implement.
	ErrUnsupportedPKCS12 = errors.New("apns: unsupported PKCS#12 protection")
	// ErrWrongPassword: the file is protected by another password.
	ErrWrongPassword = errors.New("apns: wrong password")
	// ErrNoPrivateKey: there is a certificate, but no private key.
	ErrNoPrivateKey = errors.New("apns: no private key")
	// ErrNoCertificate: there is a private key, but no certificate.
	ErrNoCertificate = errors.New("apns: no certificate")
	// ErrKeyMismatch: no private key in the file belongs to any certificate in it.
	ErrKeyMismatch = errors.New("apns: private key and certificate do not belong together")
	// ErrNotPushCertificate: a certificate with its key, but not one for push notifications.
	ErrNotPushCertificate = errors.New("apns: not a push certificate")
	// ErrExpired: the certificate's time is over.
	ErrExpired = errors.New("apns: certificate has expired")
	// ErrNotYetValid: the certificate's time has not come.
	ErrNotYetValid = errors.New("apns: certificate is not valid yet")
	// ErrEnvironment: the certificate does not cover the environment it is meant for.
	ErrEnvironment = errors.New("apns: certificate is for the other environment")
)

// A Certificate is an APNs provider certificate with its private key and what the certificate says about itself.
type Certificate struct {
	// TLS is presented to the gateway: leaf first, then the intermediates that the file contained.
	TLS tls.Certificate
	// Topic is the topic that the gateway assumes when a request names none (the subject's UID).
	Topic string
	// Topics are all values of apns-topic that this certificate may use, in the certificate's order.
	Topics []string
	// BundleID is the app's bundle identifier, without any topic suffix.
	BundleID string
	// TeamID is the Apple team's ten-character id (the subject's OU); may be empty.
	TeamID string
	// CommonName is the subject's CN, as the Keychain shows it.
	CommonName string
	// Development and Production tell which environments accept the certificate; both for current certificates.
	Development, Production bool
	// NotBefore and NotAfter bound the certificate's validity.
	NotBefore, NotAfter time.Time
}

// Check refuses a certificate that cannot work: outside its validity at now, or for the other environment. It exists so that
// a mistake is found when a credential is stored and not by a GOAWAY at night.
// The error matches [ErrExpired], [ErrNotYetValid] or [ErrEnvironment].
func (c *Certificate) Check(production bool, now time.Time) error {
	if err := c.checkDates(now); err != nil {
		return err
	}
	if production && !c.Production {
		return fmt.Errorf("%w: %q works in development only; use the development gateway or upload a production certificate", ErrEnvironment, c.CommonName)
	}
	if !production && !c.Development {
		return fmt.Errorf("%w: %q works in production only; use the production gateway or upload a development certificate", ErrEnvironment, c.CommonName)
	}
	return nil
}

// ExpiresIn is the time that remains until the certificate's end, negative when it is over.
func (c *Certificate) ExpiresIn(now time.Time) time.Duration { return c.NotAfter.Sub(now) }

// LogValue keeps the private key out of logs.
func (c *Certificate) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", c.CommonName), slog.String("topic", c.Topic), slog.Time("not_after", c.NotAfter))
}

func (c *Certificate) checkDates(now time.Time) error {
	if !c.NotAfter.IsZero() && now.After(c.NotAfter) {
		return fmt.Errorf("%w on %s: create a new one in the Apple developer account and upload it", ErrExpired, c.NotAfter.UTC().Format(time.DateOnly))
	}
	if now.Before(c.NotBefore) {
		return fmt.Errorf("%w before %s: check this machine's clock", ErrNotYetValid, c.NotBefore.UTC().Format(time.DateTime))
	}
	return nil
}

// Apple's certificate extensions, all below 1.2.840.113635.100 (spec 5.3).
var (
	oidDevelopment = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 1}
	oidProduction  = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 2}
	oidBundleID    = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 3}
	oidTopicText   = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 4}
	oidService     = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 5}
	oidTopicList   = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}
	oidUID         = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
)

// commonNames lists the prefixes of the common name by kind of certificate and the environments each kind covers (spec 5.2).
var commonNames = []struct {
	prefix                  string
	development, production bool
}{
	{"Apple Push Services: ", true, true},
	{"Apple Sandbox Push Services: ", true, false},
	{"Apple Development IOS Push Services: ", true, false},
	{"Apple Production IOS Push Services: ", false, true},
	{"Apple Development Mac Push Services: ", true, false},
	{"Apple Production Mac Push Services: ", false, true},
	{"VoIP Services: ", true, true},
	{"WatchKit Services: ", true, true},
	{"Website Push ID: ", false, true},
	{"Pass Type ID: ", false, true},
	{"APSP:", false, true},
}

// describe reads what a leaf certificate says about topics, environments and team (spec 5.6). The chain to Apple's root is
// not checked: that root is in no common trust store, and the gateway is the judge.
func describe(leaf *x509.Certificate) (*Certificate, error) {
	c := &Certificate{
		CommonName: leaf.Subject.CommonName,
		NotBefore:  leaf.NotBefore,
		NotAfter:   leaf.NotAfter,
	}
	if len(leaf.Subject.OrganizationalUnit) > 0 {
		c.TeamID = leaf.Subject.OrganizationalUnit[0]
	}
	for _, name := range leaf.Subject.Names {
		if text, ok := name.Value.(string); ok && name.Type.Equal(oidUID) {
			c.Topic = text
		}
	}
	marked := false
	var topicText string
	for _, extension := range leaf.Extensions {
		switch {
		case extension.Id.Equal(oidDevelopment):
			c.Development, marked = true, true
		case extension.Id.Equal(oidProduction):
			c.Production, marked = true, true
		case extension.Id.Equal(oidService):
			marked = true
		case extension.Id.Equal(oidBundleID):
			c.BundleID = decodeUTF8(extension.Value)
		case extension.Id.Equal(oidTopicText):
			marked = true
			topicText = decodeUTF8(extension.Value)
		case extension.Id.Equal(oidTopicList):
			marked = true
			c.Topics = decodeTopicList(extension.Value)
		}
	}
	named, known := "", false
	for _, kind := range commonNames {
		rest, ok := strings.CutPrefix(leaf.Subject.CommonName, kind.prefix)
		if !ok {
			continue
		}
		named, known = strings.TrimSpace(rest), true
		if !c.Development && !c.Production {
			c.Development, c.Production = kind.development, kind.production
		}
		break
	}
	if !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return nil, notPush(leaf, "it may not be used for TLS client authentication")
	}
	if !marked && !known {
		return nil, notPush(leaf, "it has no Apple push extension and its name is not that of a push certificate")
	}
	if len(c.Topics) == 0 {
		c.Topics = splitTopics(topicText)
	}
	if len(c.Topics) == 0 && c.Topic != "" {
		c.Topics = []string{c.Topic}
	}
	if len(c.Topics) == 0 && named != "" {
		c.Topics = []string{named}
	}
	if len(c.Topics) == 0 {
		return nil, notPush(leaf, "it names no topic")
	}
	if c.Topic == "" {
		c.Topic = c.Topics[0]
	}
	if c.BundleID == "" {
		c.BundleID = bundleOf(c.Topic)
	}
	return c, nil
}

func notPush(leaf *x509.Certificate, why string) error {
	return fmt.Errorf("%w: %q cannot be used, because %s; in the Apple developer account choose \"Apple Push Notification service SSL\"",
		ErrNotPushCertificate, leaf.Subject.CommonName, why)
}

func decodeUTF8(der []byte) string {
	var text string
	if rest, err := asn1.UnmarshalWithParams(der, &text, "utf8"); err != nil || len(rest) != 0 {
		return ""
	}
	return text
}

// decodeTopicList reads extension 6.3.6: one SEQUENCE in which a topic (UTF8String) and the list of its kinds (SEQUENCE)
// alternate (spec 5.4). Kinds are not needed here, so anything that is not a string is skipped.
func decodeTopicList(der []byte) []string {
	var list asn1.RawValue
	if _, err := asn1.Unmarshal(der, &list); err != nil || list.Tag != asn1.TagSequence || !list.IsCompound {
		return nil
	}
	var topics []string
	for rest := list.Bytes; len(rest) > 0; {
		var element asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &element); err != nil {
			return topics
		}
		if element.Class == asn1.ClassUniversal && element.Tag == asn1.TagUTF8String && len(element.Bytes) > 0 {
			topics = append(topics, string(element.Bytes))
		}
	}
	return topics
}

func splitTopics(text string) []string {
	var topics []string
	for topic := range strings.SplitSeq(text, ",") {
		if topic = strings.TrimSpace(topic); topic != "" {
			topics = append(topics, topic)
		}
	}
	return topics
}

// bundleOf removes the topic suffix of a service certificate; topics that are no bundle ids are returned as they are.
func bundleOf(topic string) string {
	for _, suffix := range topicSuffixes {
		if bundle, ok := strings.CutSuffix(topic, suffix.suffix); ok && bundle != "" {
			return bundle
		}
	}
	return topic
}
