package iphone

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aurora-push/aurora/device"
)

const (
	fleetBuffer = 512 // bytes a waiting reader holds; longer lines are put together
	fleetMemory = 32  // message ids a phone remembers
)

// fleetPhone is one phone of a fleet.
type fleetPhone struct {
	fleet     *Fleet
	number    int
	installID string
	store     device.MemoryStore

	mu         sync.Mutex
	conn       net.Conn // nil = no session
	away       bool     // taken offline until comeBack
	left       bool     // the end of the session is no failure
	running    bool     // live is under way
	token      string
	known      []string // ids of the latest messages, to find duplicates
	latest     string   // the latest delivery, to find one that comes again
	events     []fleetEvent
	whole      bool // more than receipts has to be reported
	queued     bool
	registered bool
}

// fleetEvent is what a phone has to report about a notification.
type fleetEvent struct {
	payload []byte
	opened  bool
}

func (p *fleetPhone) id() string { return p.fleet.config.Prefix + "-" + strconv.Itoa(p.number) }

// live holds a session until the fleet is closed or the phone is taken away.
func (p *fleetPhone) live() {
	failures := 0
	for {
		p.mu.Lock()
		if p.away || p.fleet.ctx.Err() != nil {
			p.running = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		began := time.Now()
		err := p.session()
		if time.Since(began) > stableAfterTime {
			failures = 0
		}
		p.mu.Lock()
		left := p.left
		p.left = false
		p.mu.Unlock()
		if left {
			failures = 0
			continue
		}
		p.fleet.failed(err)
		failures++
		wait := min(reconnectCap, reconnectBase<<min(failures-1, 10))
		timer := time.NewTimer(wait - rand.N(wait/2))
		select {
		case <-timer.C:
		case <-p.fleet.ctx.Done():
		}
		timer.Stop()
	}
}

// session opens a session and serves it to its end. Not more than Config.Dials are being opened at a time.
func (p *fleetPhone) session() error {
	f := p.fleet
	select {
	case f.dialing <- struct{}{}:
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
	release := sync.OnceFunc(func() { <-f.dialing })
	defer release()
	ctx, cancel := context.WithTimeout(f.ctx, helloTimeout)
	conn, err := f.config.Dial(ctx)
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close()
	p.mu.Lock()
	if p.away || f.ctx.Err() != nil {
		p.mu.Unlock()
		return errors.New("taken offline while connecting")
	}
	p.conn = conn
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.conn = nil
		p.mu.Unlock()
	}()
	return p.read(conn, release)
}

func (p *fleetPhone) read(conn net.Conn, welcomed func()) error {
	if err := p.say(conn, map[string]any{"op": "hello", "phone": p.id()}); err != nil {
		return err
	}
	conn.SetReadDeadline(time.Now().Add(helloTimeout))
	lines := bufio.NewReaderSize(conn, fleetBuffer)
	online := false
	defer func() {
		if online {
			p.fleet.count(func(c *Counts) { c.Online-- })
		}
	}()
	for {
		line, err := readLine(lines)
		if err != nil {
			return fmt.Errorf("the session broke: %w", err)
		}
		var a arrival
		if err := json.Unmarshal(line, &a); err != nil {
			return fmt.Errorf("APNs sent something that is not JSON: %w", err)
		}
		var answer map[string]any
		switch a.Op {
		case "welcome":
			conn.SetReadDeadline(time.Time{})
			welcomed()
			online = true
			p.fleet.count(func(c *Counts) { c.Online++; c.Sessions++ })
			app := p.fleet.config.App
			answer = map[string]any{"op": "register", "ref": 1, "bundle_id": app.BundleID, "environment": app.Environment, "install": p.installID}
		case "token":
			p.takeToken(a.Token)
		case "notification":
			p.take(a.delivery)
			answer = map[string]any{"op": "ack", "id": a.ID, "status": statusOK}
		case "error":
			return fmt.Errorf("APNs refuses: %s", a.Message)
		}
		if answer == nil {
			continue
		}
		if err := p.say(conn, answer); err != nil {
			return err
		}
	}
}

// readLine returns the next line, in the reader's buffer if it fits.
func readLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	whole := slices.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if line, err = lines.ReadSlice('\n'); len(whole)+len(line) > maxLine {
			return nil, bufio.ErrTooLong
		}
		whole = append(whole, line...)
	}
	return whole, err
}

func (p *fleetPhone) say(conn net.Conn, message map[string]any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err = conn.Write(append(line, '\n'))
	return err
}

// hangUp breaks the session off, if there is one.
func (p *fleetPhone) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		p.conn.Close()
	}
}

// leave takes a phone with a session offline, and reports whether it had one.
func (p *fleetPhone) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil || p.away {
		return false
	}
	p.away, p.left = true, true
	p.conn.Close()
	return true
}

// comeBack undoes leave. It is called by stir, which Close waits for, so that the new goroutine is waited for too.
func (p *fleetPhone) comeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = false
	if !p.running {
		p.running = true
		p.fleet.work.Go(p.live)
	}
}

func (p *fleetPhone) takeToken(token string) {
	p.mu.Lock()
	before := p.token
	p.token = token
	if before != token {
		p.whole = true
		p.enqueue()
	}
	p.mu.Unlock()
	if before == "" {
		p.fleet.count(func(c *Counts) { c.Tokens++ })
	}
}

// take is what a phone with the app in the background does with a notification.
func (p *fleetPhone) take(d delivery) {
	n := read(d)
	key := d.ID + " " + d.APNsID
	p.mu.Lock()
	defer p.mu.Unlock()
	if key == p.latest {
		p.fleet.count(func(c *Counts) { c.Redelivered++ })
		return
	}
	p.latest = key
	again := n.messageID != "" && slices.Contains(p.known, n.messageID)
	if n.messageID != "" && !again {
		if len(p.known) == fleetMemory {
			p.known = slices.Delete(p.known, 0, 1)
		}
		p.known = append(p.known, n.messageID)
	}
	verdict := decide(situation{process: Background, permission: Allowed, settings: defaultSettings(Banner), build: p.fleet.build}, n)
	opened := p.fleet.note(n.messageID, again, verdict.show != nowhere)
	if p.fleet.config.NoReceipts || !opened && !verdict.extension && verdict.delegate == "" {
		return
	}
	p.events = append(p.events, fleetEvent{n.Payload, opened})
	p.enqueue()
}

// enqueue asks for a worker. The caller holds mu.
func (p *fleetPhone) enqueue() {
	if !p.queued {
		p.queued = true
		p.fleet.count(func(c *Counts) { c.Reporting++ })
		p.fleet.queue <- p // never waits: there is room for every phone once
	}
}

// reportAll is a worker: it lends one phone after another its time.
func (f *Fleet) reportAll() {
	for {
		select {
		case p := <-f.queue:
			p.report()
		case <-f.ctx.Done():
			return
		}
	}
}

// report runs the phone's SDK until Aurora knows everything, with the SDK's own back-off, for a minute at most; then it is
// the turn of others.
func (p *fleetPhone) report() {
	f := p.fleet
	p.mu.Lock()
	token, events, whole := p.token, p.events, p.whole
	p.events, p.whole, p.queued = nil, false, false
	p.mu.Unlock()
	err := p.tell(token, events, whole)
	var refused *device.RefusedError
	final := err == nil || errors.As(err, &refused)
	if err != nil {
		f.failed(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := err == nil && whole && !p.registered
	p.registered = p.registered || fresh
	f.count(func(c *Counts) {
		c.Reporting--
		if fresh {
			c.Registered++
		}
	})
	if !final && f.ctx.Err() == nil {
		p.whole = true // the record of the SDK holds what was not confirmed
		p.enqueue()
	}
}

func (p *fleetPhone) tell(token string, events []fleetEvent, whole bool) error {
	options := p.fleet.options
	options.Store, options.ReceiptsOnly = &p.store, !whole
	client, err := device.New(options)
	if err != nil {
		return err
	}
	if whole {
		raw, err := hex.DecodeString(token)
		if err != nil {
			return fmt.Errorf("the device token is not hexadecimal: %w", err)
		}
		client.SetNotificationsAllowed(true)
		client.RegisterDeviceToken(raw)
		if err := p.introduce(client); err != nil {
			return err
		}
	}
	for _, e := range events {
		if e.opened {
			client.HandleOpened(e.payload)
		} else {
			client.HandleReceived(e.payload)
		}
	}
	client.Start()
	defer closeClient(client)
	ctx, cancel := context.WithTimeout(p.fleet.ctx, reportTime)
	defer cancel()
	return client.Sync(ctx)
}

func (p *fleetPhone) introduce(client *device.Client) error {
	if alias := p.fleet.config.Alias; alias != nil {
		if err := client.SetAlias(alias(p.number)); err != nil {
			return err
		}
	}
	if tags := p.fleet.config.Tags; tags != nil {
		return client.SetTags(tags(p.number))
	}
	return nil
}
