package apns

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	courierLine    = 64 << 10         // longest line either side may send, in bytes
	courierBacklog = 256 << 10        // unsent bytes after which a phone that does not read is given up
	courierTimeout = 30 * time.Second // for the first line, and for each write
)

// courierLineIn is any line a phone may send.
type courierLineIn struct {
	Op          string      `json:"op"`
	Ref         int64       `json:"ref"`
	Phone       string      `json:"phone"`
	BundleID    string      `json:"bundle_id"`
	Environment Environment `json:"environment"`
	Install     string      `json:"install"`
	Activity    string      `json:"activity"`
	ChannelID   string      `json:"channel_id"`
	ID          string      `json:"id"`
	Status      string      `json:"status"`
	State       string      `json:"state"`
}

// courierLineOut is any line but a notification that a phone receives.
type courierLineOut struct {
	Op          string      `json:"op"`
	Ref         int64       `json:"ref,omitempty"`
	BundleID    string      `json:"bundle_id,omitempty"`
	Environment Environment `json:"environment,omitempty"`
	Token       string      `json:"token,omitempty"`
	ChannelID   string      `json:"channel_id,omitempty"`
	Message     string      `json:"message,omitempty"`
}

// courierNotification is a push on its way to the phone.
type courierNotification struct {
	Op          string      `json:"op"`
	ID          string      `json:"id"`
	Token       string      `json:"token,omitempty"`
	ChannelID   string      `json:"channel_id,omitempty"`
	BundleID    string      `json:"bundle_id"`
	Environment Environment `json:"environment"`
	Topic       string      `json:"topic,omitempty"`
	PushType    string      `json:"push_type"`
	Priority    int         `json:"priority"`
	CollapseID  string      `json:"collapse_id,omitempty"`
	Expiration  *int64      `json:"expiration,omitempty"`
	APNsID      string      `json:"apns_id"`
	Payload     Payload     `json:"payload"`
}

// session is the connection of one phone. Lines are queued and written by a
// goroutine of their own, so that a phone that does not read never holds up a push.
type session struct {
	server *Server
	conn   net.Conn
	phone  string

	mu     sync.Mutex
	out    []byte
	closed bool
	wake   chan struct{} // capacity 1
}

// ServeCourier serves one phone on conn until the phone leaves, a newer
// session of the same phone comes, or the server shuts down. It closes conn.
func (s *Server) ServeCourier(conn net.Conn) {
	ss := &session{server: s, conn: conn, wake: make(chan struct{}, 1)}
	if !s.track(ss) {
		conn.Close()
		return
	}
	defer s.untrack(ss)
	var writing sync.WaitGroup
	writing.Go(ss.write)
	if err := ss.serve(); err != nil {
		ss.send(courierLineOut{Op: "error", Message: err.Error()})
	}
	ss.finish()
	writing.Wait()
}

func (ss *session) serve() error {
	lines := bufio.NewScanner(ss.conn)
	lines.Buffer(make([]byte, 4096), courierLine)
	ss.conn.SetReadDeadline(time.Now().Add(courierTimeout))
	if !lines.Scan() {
		return scanError(lines.Err())
	}
	hello, err := parseCourierLine(lines.Bytes())
	if err != nil {
		return err
	}
	if hello.Op != "hello" {
		return errors.New(`the first line must be {"op":"hello","phone":"…"}`)
	}
	if n := utf8.RuneCountInString(hello.Phone); n < 1 || n > 64 {
		return errors.New("hello needs the phone's id, 1 to 64 characters")
	}
	ss.conn.SetReadDeadline(time.Time{})
	ss.phone = hello.Phone
	ss.send(courierLineOut{Op: "welcome"})
	if older := ss.server.registry.connect(ss); older != nil {
		older.finish()
	}
	defer ss.server.registry.disconnect(ss)
	for lines.Scan() {
		if err := ss.take(lines.Bytes()); err != nil {
			return err
		}
	}
	return scanError(lines.Err())
}

// scanError turns the end of a session into a message for the phone; nil when
// there is nobody left to tell.
func scanError(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("a line may have at most %d bytes", courierLine)
	}
	return nil
}

func parseCourierLine(line []byte) (courierLineIn, error) {
	var in courierLineIn
	if err := json.Unmarshal(line, &in); err != nil {
		return in, errors.New("each line must be one JSON object with an op")
	}
	return in, nil
}

// take acts on one line. An error ends the session; a request that merely
// cannot be fulfilled is answered with an error line instead.
func (ss *session) take(line []byte) error {
	in, err := parseCourierLine(line)
	if err != nil {
		return err
	}
	registry := ss.server.registry
	switch in.Op {
	case "ping":
		ss.send(courierLineOut{Op: "pong"})
	case "ack":
		sequence, err := strconv.ParseUint(in.ID, 10, 64)
		if err != nil {
			ss.refuse(in.Ref, "ack needs the id of a notification")
			return nil
		}
		registry.acknowledge(ss, sequence, in.Status)
	case "power":
		if in.State != "low" && in.State != "normal" {
			ss.refuse(in.Ref, "power needs a state, low or normal")
			return nil
		}
		registry.setPower(ss, in.State == "low")
	case "register", "uninstall", "subscribe", "unsubscribe":
		ss.takeApp(in)
	default:
		ss.refuse(in.Ref, fmt.Sprintf("op %q is unknown", in.Op))
	}
	return nil
}

// takeApp acts on the lines that are about one app.
func (ss *session) takeApp(in courierLineIn) {
	if !validBundle(in.BundleID) {
		ss.refuse(in.Ref, "bundle_id may hold letters, digits, dots and hyphens only")
		return
	}
	if !in.Environment.valid() {
		ss.refuse(in.Ref, "environment must be development or production")
		return
	}
	registry := ss.server.registry
	out := courierLineOut{Ref: in.Ref, BundleID: in.BundleID, Environment: in.Environment}
	switch in.Op {
	case "register":
		if len(in.Install) > 256 || len(in.Activity) > 256 {
			ss.refuse(in.Ref, "install and activity may have at most 256 bytes each")
			return
		}
		out.Op = "token"
		out.Token = registry.register(ss.phone, in.BundleID, in.Environment, in.Install, in.Activity)
		ss.send(out)
	case "uninstall":
		registry.uninstall(ss.phone, in.BundleID, in.Environment, in.Activity)
	case "subscribe":
		out.Op, out.ChannelID = "subscribed", in.ChannelID
		if err := registry.subscribe(ss, in.BundleID, in.Environment, in.ChannelID, func() { ss.send(out) }); err != nil {
			ss.refuse(in.Ref, err.Error())
		}
	case "unsubscribe":
		registry.unsubscribe(ss.phone, in.BundleID, in.Environment, in.ChannelID)
	}
}

func (ss *session) refuse(ref int64, message string) {
	ss.send(courierLineOut{Op: "error", Ref: ref, Message: message})
}

// notify queues a push. It is called with the registry locked and must not wait.
func (ss *session) notify(n *Notification) {
	pushType := n.PushType
	if pushType == "" {
		pushType = "alert"
	}
	ss.send(courierNotification{
		Op: "notification", ID: strconv.FormatUint(n.Sequence, 10),
		Token: n.Token, ChannelID: n.ChannelID, BundleID: n.BundleID, Environment: n.Environment, Topic: n.Topic,
		PushType: pushType, Priority: n.Priority, CollapseID: n.CollapseID,
		Expiration: n.Expiration, APNsID: n.APNsID, Payload: n.Payload,
	})
}

// send queues one line.
func (ss *session) send(line any) {
	data, err := json.Marshal(line)
	if err != nil {
		panic("apns: a courier line cannot be written as JSON: " + err.Error())
	}
	ss.mu.Lock()
	if !ss.closed {
		ss.out = append(append(ss.out, data...), '\n')
	}
	full := len(ss.out) > courierBacklog
	ss.mu.Unlock()
	if full {
		ss.conn.Close() // ends both loops; the phone may come again
	}
	ss.poke()
}

func (ss *session) poke() {
	select {
	case ss.wake <- struct{}{}:
	default:
	}
}

// finish lets the writer send what is queued and then close the connection.
func (ss *session) finish() {
	ss.mu.Lock()
	ss.closed = true
	ss.mu.Unlock()
	ss.poke()
}

func (ss *session) write() {
	defer ss.conn.Close() // unblocks the reader too
	for range ss.wake {
		ss.mu.Lock()
		out, closed := ss.out, ss.closed
		ss.out = nil
		ss.mu.Unlock()
		if len(out) > 0 {
			ss.conn.SetWriteDeadline(time.Now().Add(courierTimeout))
			if _, err := ss.conn.Write(out); err != nil {
				return
			}
		}
		if closed {
			return
		}
	}
}
