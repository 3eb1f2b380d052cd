package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// request is one call before it is made.
type request struct {
	method, path string
	query        url.Values
	body         any  // written as JSON; nil means none
	form         form // instead of body
	once         bool // a repeat might do it twice, so only what was not done is repeated
	gone         bool // a repeat that finds nothing has what it wanted
	refusesOK    bool // refusals may come with status 200 (admin)
	slow         bool // an upload, which takes its time
	limit        int64
	err          error // it cannot be made at all
}

// form opens a body that is read once, with its content type.
type form func() (io.ReadCloser, string)

// maxAnswer bounds what is read of an answer, in bytes: the longest, which are
// lists of a thousand devices or refusals, stay well below.
const maxAnswer = 4 << 20

// get, post and their like are requests that do no harm when they are repeated.
func get(path string, query url.Values) *request {
	return &request{method: http.MethodGet, path: path, query: query}
}

func post(path string, body any) *request {
	return &request{method: http.MethodPost, path: path, body: body}
}

func put(path string, body any) *request {
	return &request{method: http.MethodPut, path: path, body: body}
}

func remove(path string, query url.Values) *request {
	return &request{method: http.MethodDelete, path: path, query: query, gone: true}
}

// to puts values into a path, each as one segment. Such a value must not be
// empty: the path would be another's.
func (r *request) to(values ...string) *request {
	for _, v := range values {
		if v == "" {
			r.err = fmt.Errorf("client: %s %s: a value is empty: %w", r.method, r.path, ErrInvalid)
		}
		v = url.PathEscape(v)
		if strings.Trim(v, ".") == "" { // proxies would take it for a way through folders
			v = strings.ReplaceAll(v, ".", "%2E")
		}
		r.path = strings.Replace(r.path, "{}", v, 1)
	}
	return r
}

// Attempt is one attempt of a call, for Settings.OnAttempt.
type Attempt struct {
	Method, Path string
	Number       int           // from 1
	Status       int           // of the answer; 0 if there was none
	Took         time.Duration // until the last byte of the answer
	Err          error         // nil if it went well
	Wait         time.Duration // until the next attempt; 0 if there is none
}

// call makes a request, again where that may help and does no harm, and
// decodes the answer; into may be nil.
func (c *caller) call(ctx context.Context, r *request, into any) error {
	if r.err != nil {
		return r.err
	}
	var text []byte
	if r.body != nil {
		var err error
		if text, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("client: %s %s cannot be written as JSON: %w", r.method, r.path, err)
		}
	}
	var unsure bool
	for tries := c.tries(); ; {
		tries.number++
		begin := time.Now()
		o := c.attempt(ctx, r, text, into)
		err := o.err
		if refused, ok := errors.AsType[*Error](err); ok {
			refused.Attempts = tries.number
			if unsure && r.gone && errors.Is(err, ErrNotFound) {
				err = nil // an attempt without an answer had done it
			}
		} else if err != nil {
			unsure = unsure || o.sent
			err = &UnansweredError{Method: r.method, URL: c.base + r.path, Attempts: tries.number, Sent: unsure, Err: err}
		}
		wait, again := tries.next(ctx, err, !r.once || !o.sent)
		if c.s.OnAttempt != nil {
			c.s.OnAttempt(Attempt{r.method, r.path, tries.number, o.status, time.Since(begin), err, wait})
		}
		if !again {
			return err
		}
		if e := sleep(ctx, wait); e != nil {
			return &UnansweredError{Method: r.method, URL: c.base + r.path, Attempts: tries.number, Sent: unsure, Err: errors.Join(e, err)}
		}
	}
}

// outcome is what an attempt came to.
type outcome struct {
	status int
	sent   bool  // the server may have seen it
	err    error // an *Error for a refusal
}

// attempt sends a request once.
func (c *caller) attempt(ctx context.Context, r *request, text []byte, into any) (o outcome) {
	timeout := c.s.Timeout
	if r.slow {
		timeout *= 10
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var asked, got atomic.Bool // for a connection; without one nothing was sent
	trace := &httptrace.ClientTrace{GetConn: func(string) { asked.Store(true) }, GotConn: func(httptrace.GotConnInfo) { got.Store(true) }}
	request, err := c.prepare(httptrace.WithClientTrace(within, trace), r, text)
	if err != nil {
		return outcome{err: err}
	}
	defer func() {
		o.sent = got.Load() || !asked.Load()
		if o.err != nil && within.Err() != nil && ctx.Err() == nil {
			o.err = fmt.Errorf("no answer within %v", timeout)
		}
	}()
	resp, err := c.http.Do(request)
	if err != nil {
		return outcome{err: bare(err)}
	}
	defer resp.Body.Close()
	limit := r.limit
	if limit == 0 {
		limit = maxAnswer
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return outcome{status: resp.StatusCode, err: fmt.Errorf("the answer was cut off: %w", err)}
	case int64(len(answer)) > limit:
		return outcome{status: resp.StatusCode, err: fmt.Errorf("the answer is over %d bytes", limit)}
	case resp.StatusCode != http.StatusOK, r.refusesOK && refuses(answer):
		return outcome{status: resp.StatusCode, err: c.refusal(resp, answer)}
	}
	if into == nil {
		into = &struct{}{}
	}
	if err := json.Unmarshal(answer, into); err != nil { // such as a page that a gateway serves
		return outcome{status: resp.StatusCode, err: fmt.Errorf("the answer is none of an Aurora server's: %w", err)}
	}
	return outcome{status: resp.StatusCode}
}

// bare takes the method and the URL from an error of net/http: they are told
// once, by the error around it.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func (c *caller) prepare(ctx context.Context, r *request, text []byte) (*http.Request, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	kind := ""
	switch {
	case r.form != nil:
		body, kind = r.form()
	case text != nil:
		body, kind = bytes.NewReader(text), "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		if open, ok := body.(io.Closer); ok {
			open.Close()
		}
		return nil, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	c.identify(request)
	return request, nil
}

// identify says who calls.
func (c *caller) identify(r *http.Request) {
	agent := "aurora-client-go/1"
	if c.s.UserAgent != "" {
		agent = c.s.UserAgent + " " + agent
	}
	r.Header.Set("User-Agent", agent)
	if c.bearer {
		r.Header.Set("Authorization", "Bearer "+c.secret)
		return
	}
	r.SetBasicAuth(c.user, c.secret)
}

// refusalBody is how a server refuses.
type refusalBody struct {
	Error *itemRefusal `json:"error"`
}

// itemRefusal is a refusal without its status.
type itemRefusal struct {
	Code       int      `json:"code"`
	Message    string   `json:"message"`
	Doc        string   `json:"doc"`
	IllegalIDs []string `json:"illegal_rids"`
}

func refuses(answer []byte) bool {
	var b refusalBody
	return json.Unmarshal(answer, &b) == nil && b.Error != nil
}

func (c *caller) refusal(resp *http.Response, answer []byte) *Error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.StatusCode, resp.Header, time.Now())}
	var b refusalBody
	var flat itemRefusal // the envelope of push plans and test devices
	if json.Unmarshal(answer, &flat) == nil && flat.Code != 0 {
		return e.from(c.base, &flat)
	}
	if json.Unmarshal(answer, &b) != nil || b.Error == nil || b.Error.Message == "" {
		e.Message = fmt.Sprintf("%s answered %s; is it an Aurora server?", c.base, resp.Status)
		return e
	}
	return e.from(c.base, b.Error)
}

// from fills in what a server said. Its links may be relative to it.
func (e *Error) from(base string, r *itemRefusal) *Error {
	e.Code, e.Message, e.Doc, e.IllegalIDs = r.Code, r.Message, r.Doc, r.IllegalIDs
	if strings.HasPrefix(e.Doc, "/") {
		e.Doc = base + e.Doc
	}
	return e
}

// maxRetryAfter bounds a wish that a server or a gateway makes.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads when to come again: Retry-After in seconds or as a date (RFC
// 9110 §10.2.3), or for too many calls the end of the minute that they count
// for.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" && status == http.StatusTooManyRequests {
		text = h.Get("X-Rate-Limit-Reset")
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32); err == nil {
		return min(max(time.Duration(n)*time.Second, 0), maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// sleep waits, no longer than the context lives.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
