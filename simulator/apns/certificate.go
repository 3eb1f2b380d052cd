package apns

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
)

// pushCertificate is what the gateway reads out of a client certificate. It is
// the gateway's own reading (spec §5.6): it decides, it does not explain.
type pushCertificate struct {
	topic       string // the subject's user id: the default topic
	topics      []string
	team        string
	name        string
	development bool
	production  bool
}

func readPushCertificate(c *x509.Certificate) *pushCertificate {
	p := &pushCertificate{name: c.Subject.CommonName}
	if units := c.Subject.OrganizationalUnit; len(units) > 0 {
		p.team = units[0]
	}
	for _, attribute := range c.Subject.Names {
		if value, ok := attribute.Value.(string); ok && attribute.Type.Equal(oidUserID) {
			p.topic = value
		}
	}
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(oidDevelopment):
			p.development = true
		case e.Id.Equal(oidProduction):
			p.production = true
		case e.Id.Equal(oidTopics):
			p.topics = append(p.topics, readTopics(e.Value)...)
		case e.Id.Equal(oidTopicString):
			p.topics = append(p.topics, readTopicString(e.Value)...)
		}
	}
	prefix, bundle, _ := strings.Cut(p.name, ": ")
	if p.topic == "" {
		p.topic = bundle
	}
	if len(p.topics) == 0 && p.topic != "" {
		p.topics = []string{p.topic}
	}
	if !p.development && !p.production {
		p.development, p.production = environmentsOf(prefix)
	}
	return p
}

// environmentsOf infers the environments from the beginning of the common
// name, for the oldest certificates, which have no extensions.
func environmentsOf(prefix string) (development, production bool) {
	switch prefix {
	case "Apple Push Services", "VoIP Services", "WatchKit Services":
		return true, true
	case "Website Push ID", "Pass Type ID":
		return false, true
	}
	development = strings.Contains(prefix, "Development") || strings.Contains(prefix, "Sandbox")
	return development, strings.Contains(prefix, "Production")
}

func (p *pushCertificate) serves(e Environment) bool {
	if e == Development {
		return p.development
	}
	return p.production
}

// readTopics walks the alternating sequence of spec §5.4. What is not a string
// at the place of a topic is skipped, so a longer kind list does no harm.
func readTopics(der []byte) []string {
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || !outer.IsCompound {
		return nil
	}
	var topics []string
	for data := outer.Bytes; len(data) > 0; {
		var item asn1.RawValue
		rest, err := asn1.Unmarshal(data, &item)
		if err != nil {
			return topics
		}
		if item.Tag == asn1.TagUTF8String && !item.IsCompound {
			topics = append(topics, string(item.Bytes))
		}
		data = rest
	}
	return topics
}

func readTopicString(der []byte) []string {
	var joined string
	if _, err := asn1.UnmarshalWithParams(der, &joined, "utf8"); err != nil {
		return nil
	}
	var topics []string
	for topic := range strings.SplitSeq(joined, ",") {
		if topic = strings.TrimSpace(topic); topic != "" {
			topics = append(topics, topic)
		}
	}
	return topics
}
