package apns

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

func looksLikePEM(data []byte) bool {
	block, _ := pem.Decode(data)
	return block != nil
}

// readPEM collects the certificates and keys of a PEM file, whatever their order.
func readPEM(data []byte, password string) (*credentials, error) {
	found := &credentials{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%w: unreadable certificate in the PEM file: %w", ErrNoCertificate, err)
			}
			found.certificates = append(found.certificates, certificate)
			continue
		}
		if !bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")) {
			continue
		}
		if err := found.addPEMKey(block, password); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c *credentials) addPEMKey(block *pem.Block, password string) error {
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		return c.addShroudedKey(pfxBag{Type: oidShroudedBag, Value: explicit(block.Bytes)}, password)
	}
	der := block.Bytes
	//lint:ignore SA1019 OpenSSL wrote this weak form for twenty years, and such files are still uploaded
	if x509.IsEncryptedPEMBlock(block) {
		var err error
		//lint:ignore SA1019 as above
		der, err = x509.DecryptPEMBlock(block, []byte(password))
		if errors.Is(err, x509.IncorrectPasswordError) {
			return wrongPassword(password)
		}
		if err != nil {
			return fmt.Errorf("%w: unreadable encrypted key: %w", ErrNoPrivateKey, err)
		}
		if _, err := parseKey(der); err != nil { // one wrong password in 256 leaves a right padding
			return wrongPassword(password)
		}
	}
	key, err := parseKey(der)
	if err != nil {
		return fmt.Errorf("%w: unreadable key in the PEM file: %w", ErrNoPrivateKey, err)
	}
	return c.addKey(key)
}

// parseKey accepts the three containers of a private key; the PEM label is often wrong and therefore not consulted.
func parseKey(der []byte) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParseECPrivateKey(der)
}
