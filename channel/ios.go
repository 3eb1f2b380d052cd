// Package channel turns messages into vendors' notifications and vendors'
// answers into outcomes: one file a channel. iOS goes to APNs.
package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// Credentials hands out an app's credential for sending.
type Credentials interface {
	// OpenCredential returns aurora.NotFound if the slot is empty.
	OpenCredential(ctx context.Context, appID int64, env aurora.Environment) (aurora.Credential, aurora.CredentialFile, error)
	// ParkCredential with "" takes a credential back into use.
	ParkCredential(ctx context.Context, id int64, reason string) error
}

// IOS sends to APNs. It keeps one client, with its connections, for each app
// and environment.
type IOS struct {
	gateways    *Gateways
	credentials Credentials
	logger      *slog.Logger
	mu          sync.Mutex
	clients     map[slot]*kept
}

type slot struct {
	app int64
	env aurora.Environment
}

// kept is a client and the credential it was made with.
type kept struct {
	client       *apns.Client
	credentialID int64
	used         bool // asked for since the watch looked last
	idle         *time.Timer
}

// NewIOS returns the channel; it connects when it first sends.
func NewIOS(g *Gateways, c Credentials, logger *slog.Logger) *IOS {
	return &IOS{gateways: g, credentials: c, logger: logger, clients: map[slot]*kept{}}
}

// parkedFor is how long a refused credential rests between attempts.
const parkedFor = 55 * time.Second

// Open prepares a message for sending with the app's credential.
func (ch *IOS) Open(ctx context.Context, m *aurora.Message) (aurora.Route, error) {
	env := m.Environment()
	cred, file, err := ch.credentials.OpenCredential(ctx, m.AppID, env)
	if err != nil {
		return aurora.Route{}, err
	}
	if !cred.NotAfter.IsZero() && !time.Now().Before(cred.NotAfter) {
		return aurora.Route{CredentialID: cred.ID, Parked: "CertificateExpired"}, nil
	}
	if cred.Parked != "" {
		if time.Since(cred.ParkedAt) < parkedFor {
			return aurora.Route{CredentialID: cred.ID, Parked: cred.Parked}, nil
		}
		// Try again with fresh connections: APNs binds a verdict to a connection.
		ch.forget(slot{m.AppID, env})
		if err := ch.credentials.ParkCredential(ctx, cred.ID, ""); err != nil {
			return aurora.Route{}, err
		}
	}
	client, err := ch.client(slot{m.AppID, env}, cred, file)
	if err != nil {
		return aurora.Route{}, err
	}
	if reason := refusal(cred, m); reason != "" {
		return aurora.Route{CredentialID: cred.ID, Refused: reason}, nil
	}
	s := newSender(client, m, cred.Topic)
	return aurora.Route{CredentialID: cred.ID, Send: s.send}, nil
}

func (ch *IOS) client(at slot, cred aurora.Credential, file aurora.CredentialFile) (*apns.Client, error) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if k := ch.clients[at]; k != nil && k.credentialID == cred.ID {
		k.used = true
		return k.client, nil
	}
	client, err := ch.gateways.newClient(at.env, file)
	if err != nil {
		return nil, err
	}
	if old := ch.clients[at]; old != nil {
		old.idle.Stop()
		go ch.retire(old.client)
	}
	k := &kept{client: client, credentialID: cred.ID}
	ch.clients[at] = k
	ch.watch(at, k)
	return client, nil
}

func (ch *IOS) forget(at slot) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if k := ch.clients[at]; k != nil {
		k.idle.Stop()
		go ch.retire(k.client)
		delete(ch.clients, at)
	}
}

// retire lets a replaced client finish what it has.
func (ch *IOS) retire(client *apns.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := client.Shutdown(ctx); err != nil {
		ch.logger.Warn("an APNs client was closed with requests in flight", "error", err)
	}
}

// Close ends all connections.
func (ch *IOS) Close(ctx context.Context) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for at, k := range ch.clients {
		k.idle.Stop()
		if err := k.client.Shutdown(ctx); err != nil {
			ch.logger.Warn("an APNs client was closed with requests in flight", "error", err)
		}
		delete(ch.clients, at)
	}
}

// sender sends one message.
type sender struct {
	client   *apns.Client
	payload  payload
	shared   []byte // the body, when it is the same for all devices
	template apns.Notification
	id       [16]byte
	special  bool // a live activity or a call: not for the app's own topic
}

func newSender(client *apns.Client, m *aurora.Message, topic string) *sender {
	s := &sender{client: client, payload: buildPayload(m)}
	if kind, _ := m.Content.Needs(); kind != aurora.NotificationToken {
		s.special = true
		s.payload = buildSpecial(m)
	}
	if !s.payload.perDevice {
		s.shared = s.payload.body(0)
	}
	s.template = apns.Notification{Topic: topic, PushType: apns.PushAlert, Priority: 10, CollapseID: m.Options.CollapseID, Expiration: apns.ExpireAt(m.ExpiresAt())}
	if s.payload.background {
		s.template.PushType, s.template.Priority = apns.PushBackground, 5
	}
	if s.special {
		s.template = special(m, topic, s.template)
	}
	if m.Options.TimeToLive != nil && *m.Options.TimeToLive == 0 {
		s.template.Expiration = apns.DeliverOnce()
	}
	if s.template.CollapseID == "" && !s.special {
		// A repeat after a crash then replaces itself on the screen (DESIGN §3.6).
		s.template.CollapseID = m.ID.String()
	}
	binary.BigEndian.PutUint64(s.id[:8], uint64(m.ID)<<11) // 53 bits
	if m.Content.VoIP != nil {
		s.id[11] = 1 // beside the notification of the same push
	}
	return s
}

// send submits one delivery; the client bounds how long an answer can take.
func (s *sender) send(ctx context.Context, d aurora.Delivery, done func(aurora.Delivery, aurora.Outcome)) error {
	n := s.template
	n.Token = d.Token
	n.ID = s.apnsID(d.Number)
	n.Urgent = d.Urgent
	if n.Payload = s.shared; n.Payload == nil {
		n.Payload = s.payload.body(d.Badge)
	}
	err := s.client.Submit(ctx, &n, func(r *apns.Result) { done(d, s.outcome(outcomeOf(r))) })
	if f, ok := errors.AsType[*apns.Failure](err); ok && f.Cause != apns.CauseCancelled && f.Cause != apns.CauseClosed {
		// A verdict without a journey is an outcome like any other. As an error it
		// would make the job begin again, for ever.
		done(d, s.outcome(failureOutcome(f)))
		return nil
	}
	return err
}

// apnsID derives the apns-id from message and device, so that a repeat has the
// same one: a UUID of version 8 (RFC 9562 §5.8).
func (s *sender) apnsID(number uint32) [16]byte {
	id := s.id
	copy(id[6:], []byte{0x80 | id[6]>>4, id[6]<<4 | id[7]>>4, 0x80 | id[7]>>3&1, 0})
	binary.BigEndian.PutUint32(id[12:], number)
	return id
}
