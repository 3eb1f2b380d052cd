package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// NATS carries hints through a NATS server or cluster.
type NATS struct {
	*remote
	conn    *nats.Conn
	subject string
}

// ErrOpen says that a NATS server asks nobody who they are.
var ErrOpen = errors.New("the NATS server asks for no user, password or token: whoever reaches it can read which apps are busy, and send false hints. Give it an authorization block")

// NewNATS connects to the servers of a URL, or of several joined by commas. The
// installation keeps apart those that share a NATS. A server that is not there
// is tried again for ever, but one that refuses the user is not.
func NewNATS(urls, installation string) (*NATS, error) {
	for one := range strings.SplitSeq(urls, ",") {
		if scheme, _, ok := strings.Cut(strings.TrimSpace(one), "://"); !ok || scheme != "nats" && scheme != "tls" && scheme != "ws" && scheme != "wss" {
			return nil, errors.New("NATS is not a URL such as nats://user:password@host:4222")
		}
	}
	r, ctx := newRemote()
	n := &NATS{remote: r, subject: "aurora." + installation}
	r.setTrouble(errors.New("NATS was not reached yet"))
	options := []nats.Option{
		nats.Name("aurora " + r.node), nats.Timeout(silence), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond),
		nats.PingInterval(silence), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1), // what is not sent at once is lost
		nats.ConnectHandler(func(*nats.Conn) { r.setTrouble(nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { r.setTrouble(nil) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { r.setTrouble(fmt.Errorf("NATS is not reached: %w", orClosed(err))) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { r.setTrouble(fmt.Errorf("NATS is not reached: %w", orClosed(err))) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { r.setTrouble(fmt.Errorf("NATS: %w", err)) }),
	}
	conn, err := nats.Connect(urls, options...)
	if errors.Is(err, nats.ErrAuthorization) {
		r.cancel()
		return nil, fmt.Errorf("NATS refuses the user, password or token in its URL: %w", err)
	}
	if err != nil { // perhaps it starts later
		conn, err = nats.Connect(urls, append(options, nats.RetryOnFailedConnect(true))...)
	}
	if err != nil {
		r.cancel()
		return nil, fmt.Errorf("NATS cannot be used: %w", err)
	}
	if conn.IsConnected() {
		r.setTrouble(nil)
	}
	n.conn = conn
	if _, err := conn.Subscribe(n.subject, func(m *nats.Msg) { r.deliver(string(m.Data)) }); err != nil {
		n.Close()
		return nil, fmt.Errorf("NATS cannot be used: %w", err)
	}
	r.ended.Go(func() { n.send(ctx) })
	return n, nil
}

func orClosed(err error) error {
	if err == nil {
		return nats.ErrConnectionClosed
	}
	return err
}

// Open returns ErrOpen if the server asks nobody who they are; nil while it is
// not reached.
func (n *NATS) Open() error {
	if n.conn.IsConnected() && !n.conn.AuthRequired() {
		return ErrOpen
	}
	return nil
}

func (n *NATS) send(ctx context.Context) {
	for {
		bundle := n.bundle(ctx)
		if bundle == "" {
			return
		}
		_ = n.conn.Publish(n.subject, []byte(bundle)) // lost, which a hint may be; Trouble says why
	}
}

// Close ends the connection.
func (n *NATS) Close() {
	n.remote.Close()
	n.conn.Close()
}
