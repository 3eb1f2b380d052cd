package apns

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
)

// What Policy.Protocol may be.
const (
	protocolHTTP2  = "h2"
	protocolHTTP1  = "http/1.1"
	protocolSilent = "http/1.1-silent"
)

// tlsFor is the TLS side of Policy.Protocol.
func (s *Server) tlsFor(p *Policy) *tls.Config {
	if p.Protocol == protocolHTTP2 {
		return s.tlsConfig
	}
	config := s.tlsConfig.Clone()
	config.NextProtos = nil
	if p.Protocol == protocolHTTP1 {
		config.NextProtos = []string{protocolHTTP1}
	}
	return config
}

var errSpokeHTTP1 = errors.New("the policy's protocol is HTTP/1.1")

// answerHTTP1 is an HTTP/1.1 server that meets HTTP/2's preface, whose first
// lines look like a request with a version it does not know (RFC 9113 §3.4).
func answerHTTP1(secure *tls.Conn) error {
	var request []byte
	for piece := make([]byte, 1024); len(request) < headerBlockLimit && !bytes.Contains(request, []byte("\r\n\r\n")); {
		n, err := secure.Read(piece)
		request = append(request, piece[:n]...)
		if err != nil {
			return err
		}
	}
	if _, err := io.WriteString(secure, "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"); err != nil {
		return err
	}
	secure.CloseWrite()
	io.Copy(io.Discard, secure) // within the handshake's deadline; a close with unread bytes would be a reset
	return errSpokeHTTP1
}
