package apns

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"unicode/utf16"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// This file takes PKCS#12 files apart that go-pkcs12 refuses as a whole, because it insists on exactly one private key and at
// most two parts. All decryption stays in that library: each protected part is put into a minimal file of its own, with a
// fresh integrity code made from the same password, and decoded there (RFC 7292, section 4 and appendix B).

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidSHA1          = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
)

// maxIterations bounds the work that a file may demand before its password is even checked; usual are 1 to 600,000.
const maxIterations = 1 << 20

type pfxPDU struct {
	Version  int
	AuthSafe pfxPart
	Mac      pfxMac `asn1:"optional"`
}

type pfxPart struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

type pfxMac struct {
	Mac struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Salt       []byte
	Iterations int `asn1:"optional,default:1"`
}

type pfxBag struct {
	Type       asn1.ObjectIdentifier
	Value      asn1.RawValue   `asn1:"tag:0,explicit"`
	Attributes []asn1.RawValue `asn1:"set,optional"`
}

type pfxCert struct {
	Type asn1.ObjectIdentifier
	Data []byte `asn1:"tag:0,explicit"`
}

// pfxFile is the outer structure of a PKCS#12 file, before any decryption.
type pfxFile struct {
	parts []pfxPart
}

func parsePFX(data []byte) (*pfxFile, error) {
	if len(data) > 1 && data[0] == 0x30 && data[1] == 0x80 {
		return nil, ber()
	}
	var pdu pfxPDU
	if err := unmarshalAll(data, &pdu); err != nil {
		return nil, notPFX(err)
	}
	if pdu.Version != 3 || !pdu.AuthSafe.Type.Equal(oidData) {
		return nil, fmt.Errorf("%w: version %d with content %v is not a password-protected PKCS#12 version 3 file", ErrNotPKCS12, pdu.Version, pdu.AuthSafe.Type)
	}
	if pdu.Mac.Iterations > maxIterations || pbkdfIterations(pdu.Mac.Mac.Algorithm.Parameters.FullBytes) > maxIterations {
		return nil, tooManyIterations()
	}
	var safe []byte
	if err := unmarshalAll(pdu.AuthSafe.Content.Bytes, &safe); err != nil {
		return nil, notPFX(err)
	}
	f := &pfxFile{}
	if err := unmarshalAll(safe, &f.parts); err != nil {
		return nil, notPFX(err)
	}
	for _, part := range f.parts {
		if pbkdfIterations(part.Content.Bytes) > maxIterations {
			return nil, tooManyIterations()
		}
	}
	return f, nil
}

func ber() error {
	return fmt.Errorf("%w: convert it with: openssl pkcs12 -in FILE -nodes -legacy | openssl pkcs12 -export -out push.p12 (leave -legacy out before OpenSSL 3)", ErrBER)
}

func tooManyIterations() error {
	return fmt.Errorf("%w: more than %d key derivation rounds", ErrUnsupportedPKCS12, maxIterations)
}

func notPFX(err error) error {
	if strings.Contains(err.Error(), "indefinite length") {
		return ber()
	}
	return fmt.Errorf("%w: %w", ErrNotPKCS12, err)
}

func unmarshalAll(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("asn1: data after the end of the structure")
	}
	return err
}

// pbkdfIterations gives the largest small-tagged INTEGER inside protection parameters. Those structures hold no other
// integers than versions, round counts and key lengths, so this is the round count whatever the method.
func pbkdfIterations(der []byte) int64 {
	var largest int64
	for len(der) > 0 {
		var value asn1.RawValue
		rest, err := asn1.Unmarshal(der, &value)
		if err != nil {
			break
		}
		if value.Class == asn1.ClassUniversal && value.Tag == asn1.TagInteger {
			n := int64(maxIterations + 1)
			if len(value.Bytes) < 8 {
				n = new(big.Int).SetBytes(value.Bytes).Int64()
			}
			largest = max(largest, n)
		}
		if value.IsCompound {
			largest = max(largest, pbkdfIterations(value.Bytes))
		}
		der = rest
	}
	return largest
}

// walk collects every certificate and key of the file. The caller has verified the file's own integrity code where it has
// one. A part that cannot be decrypted is an error; a bag of another kind (CRL, secret) is passed over.
func (f *pfxFile) walk(password string) (*credentials, error) {
	found := &credentials{}
	var shrouded []pfxBag
	for _, part := range f.parts {
		if part.Type.Equal(oidEncryptedData) {
			if err := found.addEncryptedPart(part, password); err != nil {
				return nil, err
			}
			continue
		}
		if !part.Type.Equal(oidData) {
			continue
		}
		bags, err := part.bags()
		if err != nil {
			return nil, notPFX(err)
		}
		for _, bag := range bags {
			switch {
			case bag.Type.Equal(oidCertBag):
				if err := found.addCertBag(bag); err != nil {
					return nil, err
				}
			case bag.Type.Equal(oidKeyBag):
				key, err := x509.ParsePKCS8PrivateKey(bag.Value.Bytes)
				if err != nil {
					return nil, fmt.Errorf("%w: %w", ErrNoPrivateKey, err)
				}
				if err := found.addKey(key); err != nil {
					return nil, err
				}
			case bag.Type.Equal(oidShroudedBag):
				shrouded = append(shrouded, bag)
			}
		}
	}
	for _, bag := range shrouded {
		if err := found.addShroudedKey(bag, password); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (p pfxPart) bags() ([]pfxBag, error) {
	var content []byte
	if err := unmarshalAll(p.Content.Bytes, &content); err != nil {
		return nil, err
	}
	var bags []pfxBag
	return bags, unmarshalAll(content, &bags)
}

func (c *credentials) addCertBag(bag pfxBag) error {
	var value pfxCert
	if err := unmarshalAll(bag.Value.Bytes, &value); err != nil {
		return notPFX(err)
	}
	if !value.Type.Equal(oidX509) {
		return nil
	}
	certificate, err := x509.ParseCertificate(value.Data)
	if err != nil {
		return fmt.Errorf("%w: unreadable certificate: %w", ErrNotPKCS12, err)
	}
	c.certificates = append(c.certificates, certificate)
	return nil
}

// addEncryptedPart decrypts one part beside a plain key of our own, which satisfies the decoder when the part holds
// certificates only. A part with a key in it is decoded alone.
func (c *credentials) addEncryptedPart(part pfxPart, password string) error {
	filler, err := fillerKeyPart()
	if err != nil {
		return err
	}
	_, first, more, err := decodeParts(password, part, filler)
	if err == nil {
		c.certificates = append(append(c.certificates, first), more...)
		return nil
	}
	if badDecryption(err) {
		return wrongPassword(password)
	}
	key, first, more, err := decodeParts(password, part)
	if err != nil {
		return fmt.Errorf("%w: %w; re-export a single identity, or convert it to PEM with: openssl pkcs12 -in FILE -nodes", ErrUnsupportedPKCS12, err)
	}
	c.certificates = append(append(c.certificates, first), more...)
	return c.addKey(key)
}

// addShroudedKey decrypts one key beside any certificate, which the decoder demands.
func (c *credentials) addShroudedKey(bag pfxBag, password string) error {
	if pbkdfIterations(bag.Value.Bytes) > maxIterations {
		return tooManyIterations()
	}
	companion, err := fillerCertificate()
	if err != nil {
		return err
	}
	part, err := dataPart(companion, bag)
	if err != nil {
		return err
	}
	key, _, _, err := decodeParts(password, part)
	if badDecryption(err) {
		return wrongPassword(password)
	}
	if err != nil {
		return fmt.Errorf("%w: unreadable key: %w", ErrUnsupportedPKCS12, err)
	}
	return c.addKey(key)
}

// badDecryption recognises what a wrong password looks like once it is past the integrity code: wrong padding, or, one time in
// 256, right padding around rubbish. The library reports both as text only.
func badDecryption(err error) bool {
	return err != nil && !strings.Contains(err.Error(), "support") && !strings.Contains(err.Error(), "exactly one")
}

// decodeParts lets go-pkcs12 decode a file made of the given parts. An empty password has two encodings, and a part does not
// say which one it was encrypted with, so both are tried.
func decodeParts(password string, parts ...pfxPart) (any, *x509.Certificate, []*x509.Certificate, error) {
	encodings := [][]byte{bmpString(password)}
	if password == "" {
		encodings = append(encodings, nil)
	}
	var failure error
	for _, encoded := range encodings {
		file, err := assemble(encoded, parts)
		if err != nil {
			return nil, nil, nil, err
		}
		key, first, more, err := pkcs12.DecodeChain(file, password)
		if err == nil {
			return key, first, more, nil
		}
		failure = err
	}
	return nil, nil, nil, failure
}

func assemble(password []byte, parts []pfxPart) ([]byte, error) {
	safe, err := asn1.Marshal(parts)
	if err != nil {
		return nil, err
	}
	content, err := asn1.Marshal(safe)
	if err != nil {
		return nil, err
	}
	pdu := pfxPDU{Version: 3, AuthSafe: pfxPart{Type: oidData, Content: explicit(content)}}
	pdu.Mac.Salt = []byte("aurora")
	pdu.Mac.Iterations = 1
	pdu.Mac.Mac.Algorithm = pkix.AlgorithmIdentifier{Algorithm: oidSHA1, Parameters: asn1.NullRawValue}
	mac := hmac.New(sha1.New, macKey(password, pdu.Mac.Salt))
	mac.Write(safe)
	pdu.Mac.Mac.Digest = mac.Sum(nil)
	return asn1.Marshal(pdu)
}

// macKey is the key derivation of RFC 7292, appendix B.2, for purpose 3 (integrity), SHA-1 and one round, where it comes down
// to a single hash over three filled 64-byte areas.
func macKey(password, salt []byte) []byte {
	hash := sha1.New()
	hash.Write(bytes.Repeat([]byte{3}, 64))
	hash.Write(fill64(salt))
	hash.Write(fill64(password))
	return hash.Sum(nil)
}

func fill64(pattern []byte) []byte {
	size := (len(pattern) + 63) / 64 * 64
	filled := make([]byte, 0, size+len(pattern))
	for len(filled) < size {
		filled = append(filled, pattern...)
	}
	return filled[:size]
}

// bmpString is the password as PKCS#12 hashes it: UTF-16, big endian, with a terminating zero.
func bmpString(password string) []byte {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(password)) {
		encoded = append(encoded, byte(unit>>8), byte(unit))
	}
	return append(encoded, 0, 0)
}

func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

func dataPart(bags ...pfxBag) (pfxPart, error) {
	list, err := asn1.Marshal(bags)
	if err != nil {
		return pfxPart{}, err
	}
	content, err := asn1.Marshal(list)
	return pfxPart{Type: oidData, Content: explicit(content)}, err
}

// fillerIdentity is a throw-away key and certificate that complete a minimal file; they never leave this package.
var fillerIdentity = sync.OnceValues(func() (filler struct{ key, certificate []byte }, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return filler, err
	}
	if filler.key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return filler, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	filler.certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return filler, err
})

func fillerKeyPart() (pfxPart, error) {
	filler, err := fillerIdentity()
	if err != nil {
		return pfxPart{}, err
	}
	return dataPart(pfxBag{Type: oidKeyBag, Value: explicit(filler.key)})
}

func fillerCertificate() (pfxBag, error) {
	filler, err := fillerIdentity()
	if err != nil {
		return pfxBag{}, err
	}
	value, err := asn1.Marshal(pfxCert{Type: oidX509, Data: filler.certificate})
	return pfxBag{Type: oidCertBag, Value: explicit(value)}, err
}
