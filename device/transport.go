package device

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	requestTimeout = 20 * time.Second
	maxAnswer      = 256 << 10 // bytes; a device with all its tags stays well below
)

// transport speaks the device API of one server.
type transport struct {
	base string // without a trailing slash
	http *http.Client
}

func newTransport(base string, client *http.Client) *transport {
	own := &http.Client{}
	if client != nil {
		*own = *client
	}
	// Redirects are not followed: the secret of the installation goes to the configured server only.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &transport{base: strings.TrimRight(base, "/"), http: own}
}

type registration struct {
	AppKey    string `json:"app_key"`
	InstallID string `json:"install_id"`
	Secret    string `json:"secret"`
	BundleID  string `json:"bundle_id"`
	Platform  string `json:"platform"`
	changes
}

func (t *transport) register(ctx context.Context, r registration) (string, error) {
	var answer struct {
		RegistrationID string `json:"registration_id"`
	}
	if err := t.call(ctx, http.MethodPost, "/v1/devices", "", "", r, &answer); err != nil {
		return "", err
	}
	if answer.RegistrationID == "" {
		return "", &retryError{err: errors.New("device: the server's answer holds no registration id")}
	}
	return answer.RegistrationID, nil
}

func (t *transport) update(ctx context.Context, id, secret string, c changes) error {
	return t.call(ctx, http.MethodPatch, "/v1/devices/"+url.PathEscape(id), id, secret, c, &struct{}{})
}

func (t *transport) report(ctx context.Context, id, secret string, receipts []Receipt) error {
	body := struct {
		Receipts []Receipt `json:"receipts"`
	}{receipts}
	return t.call(ctx, http.MethodPost, "/v1/devices/"+url.PathEscape(id)+"/receipts", id, secret, body, &struct{}{})
}

func (t *transport) read(ctx context.Context, id, secret string) (Device, error) {
	var d Device
	err := t.call(ctx, http.MethodGet, "/v1/devices/"+url.PathEscape(id), id, secret, nil, &d)
	return d, err
}

// call makes one request and decodes its answer. The error is a *RefusedError (final) or a *retryError.
func (t *transport) call(ctx context.Context, method, path, user, secret string, body, answer any) error {
	return t.callWithin(ctx, requestTimeout, method, path, user, secret, body, answer)
}

// callWithin is call with another bound than requestTimeout.
func (t *transport) callWithin(ctx context.Context, timeout time.Duration, method, path, user, secret string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("device: encode the request: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, t.base+path, content)
	if err != nil {
		return fmt.Errorf("device: make the request: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "aurora-device-go/1")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		request.SetBasicAuth(user, secret)
	}
	response, err := t.http.Do(request)
	if err != nil {
		return &retryError{err: fmt.Errorf("device: the server cannot be reached: %w", err)}
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return &retryError{err: fmt.Errorf("device: the server's answer was cut off: %w", err)}
	}
	if response.StatusCode != http.StatusOK {
		return answerError(response.StatusCode, response.Header, data, time.Now())
	}
	// Decoded even where nothing of it is needed: a page that some gateway serves with status 200 must not count as success.
	if err := json.Unmarshal(data, answer); err != nil {
		return &retryError{err: fmt.Errorf("device: the server's answer is not one of Aurora's device API: %w", err)}
	}
	return nil
}
