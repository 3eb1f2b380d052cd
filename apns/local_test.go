package apns_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/apns"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// The cases C01 to C46 of spec 9.4 against the local APNs, judged at both ends: by the results that the caller gets, and by what
// the local APNs has recorded.

// A localCase is one row: what happens, and the test that lets it happen.
type localCase struct {
	id, situation string
	run           func(*testing.T)
}

var localCases = []localCase{
	{"C01", "first use with a thousand queued", oneRequestBeforeTheLimitRises},
	{"C02", "the first token is rejected", firstTokenRejected},
	{"C03", "the limit falls from 1000 to 1 with 500 in flight", limitFallsBelowTheRequestsInFlight},
	{"C04", "the limit falls to 0 and comes back", limitFallsToZero},
	{"C05", "streams are refused", refusedStreams},
	{"C06", "GOAWAY with half in flight", goAwayInTheMiddle},
	{"C07", "GOAWAY in two steps", goAwayInTwoSteps},
	{"C08", "certificate of the other environment", certificateOfTheOtherEnvironment},
	{"C09", "GOAWAY with plain text", goAwayWithPlainText},
	{"C10", "GOAWAY while pushes wait in the queue", goAwayWithAQueue},
	{"C11", "connection reset with requests unanswered", connectionReset},
	{"C12", "black hole", blackHole},
	{"C13", "slow server", slowServer},
	{"C14", "cancelled requests", cancelledRequests},
	{"C15", "connection window of 16 KiB", smallConnectionWindow},
	{"C16", "credit is never returned", creditWithheld},
	{"C17", "split and padded DATA, CONTINUATION", answersInPieces},
	{"C17", "unknown frames and 1xx", unknownFramesAndInterimAnswers},
	{"C18", "unusual bodies", unusualBodies},
	{"C19", "unknown status and unknown reason", unknownStatusAndReason},
	{"C20", "410 older and newer than the registration", timestampOfDeadTokens},
	{"C21", "a wave of bad tokens uses up the error budget", waveOfBadTokens},
	{"C22", "token of the other environment", tokenOfTheOtherEnvironment},
	{"C23", "429 for one device", tooManyForOneDevice},
	{"C24", "429 for provider tokens", tooManyProviderTokens},
	{"C25", "provider token expired by the gateway's clock", expiredProviderToken},
	{"C26", "key rotation on a live pool", keyRotation},
	{"C27", "key of the other environment, in both spellings", keyOfTheOtherEnvironment},
	{"C28", "500 again and again on one connection", internalErrors},
	{"C29", "503 everywhere for a minute", unavailable},
	{"C30", "Shutdown: 503, then GOAWAY", gatewayShutsDown},
	{"C31", "dial refused, no name, no handshake in time", dialFails},
	{"C32", "a listener that speaks only HTTP/1.1", onlyHTTP1},
	{"C33", "expired and revoked certificates, alert after the handshake", certificateRefusedInTLS},
	{"C34", "payload of 4096 and 4097 bytes, VoIP of 5120 and 5121", payloadSizes},
	{"C35", "collapse id of 64 and 65 bytes", collapseIDs},
	{"C36", "expiration absent, zero, past and future", expirations},
	{"C37", "apns-id in upper case", upperCaseID},
	{"C38", "injection through token or topic", injection},
	{"C39", "a million requests on one connection", million},
	{"C40", "stream numbers run out", streamNumbersRunOut},
	{"C41", "header table of size 0 in mid-connection", tableSizes},
	{"C42", "a hundred senders, key rotation and GOAWAY", everythingAtOnce},
	{"C43", "graceful close with a queue", gracefulClose},
	{"C44", "dial-rate limiter", dialRate},
	{"C45", "broadcast", broadcast},
	{"C46", "channels: create, read, list, delete, one too many", channels},
}

func TestLocalAPNs(t *testing.T) {
	for _, c := range localCases {
		t.Run(c.id+" "+c.situation, c.run)
	}
}

// A local is a client and a local APNs. In memory they are joined by pipes, in the fake time of testing/synctest; otherwise by
// loopback sockets.
type local struct {
	*testing.T
	server *localapns.Server
	client *apns.Client
	key    *apns.Key

	mu      sync.Mutex
	results map[uint64][]apns.Result
	changed chan struct{} // closed at the next result
	dials   []time.Time
	refuse  error // every attempt fails with it
	closers []io.Closer

	buffered bool
}

// in says how a local is made; the zero value is a client with a key and a local APNs on a good day.
type in struct {
	policy      func(*localapns.Policy)
	server      localapns.Config
	config      apns.Config
	certificate *localapns.IssueRequest // in place of a key
	key         localapns.IssueRequest
	known       bool // only tokens of phones are accepted
	buffered    bool // what the client writes is taken although nobody reads it, as by a socket
	cold        bool // no push goes ahead to have the stream limit raised
}

// inMemory runs a test with both ends in one bubble.
func (i in) inMemory(t *testing.T, run func(t *testing.T, l *local)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := i.make(t)
		i.config.URL = "https://127.0.0.1:2197"
		i.config.Dial = l.dialer(localapns.Production)
		defer func() {
			l.client.Close()
			l.stop()
		}()
		l.connect(i)
		run(l.T, l)
	})
}

// onLoopback runs a test over real sockets.
func (i in) onLoopback(t *testing.T, run func(t *testing.T, l *local)) {
	t.Helper()
	l := i.make(t)
	if err := l.server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer l.stop()
	i.config.URL = l.server.ProductionURL()
	l.connect(i)
	defer l.client.Close()
	run(l.T, l)
}

func (i in) make(t *testing.T) *local {
	t.Helper()
	policy := localapns.DefaultPolicy()
	if i.policy != nil {
		i.policy(&policy)
	}
	i.server.Policy, i.server.AcceptAnyToken, i.server.Keep = &policy, !i.known, 50_000
	server, err := localapns.NewServer(i.server)
	if err != nil {
		t.Fatal(err)
	}
	return &local{T: t, server: server, buffered: i.buffered, results: map[uint64][]apns.Result{}, changed: make(chan struct{})}
}

func (l *local) connect(i in) {
	l.Helper()
	config := i.config
	config.RootCAs = l.roots()
	switch {
	case i.certificate != nil:
		config.Certificate = l.certificate(*i.certificate)
	case config.Key == nil:
		l.key = l.newKey(i.key)
		config.Key = l.key
	}
	client, err := apns.NewClient(config)
	if err != nil {
		l.Fatal(err)
	}
	l.client = client
	if !i.cold {
		l.submit(warm, warm+1)
		l.all(warm, warm+1, apns.Result.Accepted)
	}
}

// warm is the notification that goes ahead.
const warm = 1_000_000

func (l *local) stop() {
	for _, closer := range l.closers {
		closer.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		l.Errorf("the local APNs did not end: %v", err)
	}
}

func (l *local) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(l.server.CAPEM())
	return roots
}

func (l *local) newKey(request localapns.IssueRequest) *apns.Key {
	l.Helper()
	request.Key = true
	issued, err := l.server.Issue(request)
	if err != nil {
		l.Fatal(err)
	}
	key, err := apns.ReadP8(issued.P8, issued.KeyID, issued.TeamID)
	if err != nil {
		l.Fatal(err)
	}
	return key
}

func (l *local) certificate(request localapns.IssueRequest) *apns.Certificate {
	l.Helper()
	request.BundleID = bundle
	issued, err := l.server.Issue(request)
	if err != nil {
		l.Fatal(err)
	}
	certificate, err := apns.ReadP12(issued.P12, "")
	if err != nil {
		l.Fatal(err)
	}
	return certificate
}

// dialer opens in-memory connections to one of the gateways, and remembers when.
func (l *local) dialer(environment localapns.Environment) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dials = append(l.dials, time.Now())
		if l.refuse != nil {
			return nil, l.refuse
		}
		near, far := net.Pipe()
		go l.server.ServeProvider(environment, far)
		if l.buffered {
			return buffer(near), nil
		}
		return near, nil
	}
}

const bundle = "com.example.app"

func device(i int) string { return fmt.Sprintf("%064x", i+1) }

func push(i int) *apns.Notification {
	return &apns.Notification{Token: device(i), Topic: bundle, PushType: apns.PushAlert, Payload: []byte(`{"aps":{"alert":"hello"}}`), Tag: uint64(i)}
}

func (l *local) submit(from, to int) {
	l.Helper()
	for i := from; i < to; i++ {
		l.send(push(i))
	}
}

// send submits a notification. An error of Submit counts as its result: a credential may be refused while others are submitted.
func (l *local) send(n *apns.Notification) {
	if err := l.client.Submit(context.Background(), n, l.record); err != nil {
		result := apns.Result{Notification: n, Err: err}
		var failure *apns.Failure
		if errors.As(err, &failure) {
			result.Reason = failure.Reason
		}
		l.record(&result)
	}
}
