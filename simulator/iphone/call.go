package iphone

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// voipTopic is what the topic of VoIP pushes adds to the bundle id (spec apns.md §2.3).
const voipTopic = ".voip"

const (
	maxCalls = 8
	ringTime = 45 * time.Second // assumed; the app or the network ends it on a real phone
	// maxUnreported is after how many VoIP pushes without a call the system brings an app no more. That it stops is
	// documented (Apple: Responding to VoIP notifications from PushKit), the number is assumed.
	maxUnreported = 3
)

// Call is an incoming call: what the sample app reports when PushKit brings it a VoIP push.
type Call struct {
	ID        string          `json:"id"` // "c1", "c2", …: what AnswerCall and EndCall take
	APNsID    string          `json:"apns_id"`
	MessageID string          `json:"msg_id"` // Aurora's; "" for other senders
	BundleID  string          `json:"bundle_id"`
	AppName   string          `json:"app_name"`
	Caller    string          `json:"caller"` // the payload's "caller", otherwise its alert
	Answered  bool            `json:"answered"`
	At        time.Time       `json:"at"`
	Payload   json.RawMessage `json:"payload"`
}

// decideCall is decide for VoIP pushes: they reach the app in every state, force-quit included, and need no permission; Focus
// and mute switch are the business of the call's screen.
func decideCall(s situation) decision {
	d := decision{status: statusOK}
	switch {
	case !s.build.VoIP:
		d.because = "the VoIP push is ignored: the app does not register with PushKit"
	case s.deaf:
		d.because = "the VoIP push is not delivered: the app made no call of the last ones; opening it ends this"
	default:
		d.call = true
	}
	return d
}

// receiveCall hands a VoIP push to the app and shows the call that it makes of it. An app that makes none is ended.
func (i *installation) receiveCall(n notice, entry Notification) {
	p := i.phone
	if i.client == nil {
		i.launch(Background)
	}
	i.didReceive(entry, response{via: ViaVoIP})
	if i.build.SilentVoIP {
		i.unreported++
		p.note("phone", "the system ends %s: it must report a call for each VoIP push", i.app.Name)
		i.endProcess(NotRunning)
		return
	}
	i.unreported = 0
	p.callIDs++
	c := &Call{
		ID: fmt.Sprintf("c%d", p.callIDs), APNsID: n.APNsID, MessageID: n.messageID, BundleID: i.app.BundleID, AppName: i.app.Name,
		Caller: cmp.Or(n.caller, n.title, n.body, "Unknown"), At: time.Now(), Payload: n.Payload,
	}
	p.calls = slices.Insert(p.calls, 0, c)
	if len(p.calls) > maxCalls {
		p.calls = p.calls[:maxCalls]
	}
	p.note("screen", "%s is calling (%s)", c.Caller, c.AppName)
	p.later(ringTime, func() {
		if !c.Answered && p.dropCall(c.ID) != nil {
			p.note("screen", "nobody took the call of %s", c.Caller)
		}
	})
}

// ErrNoCall is wrapped where an id names no call.
var ErrNoCall = errors.New("iphone: no such call")

// AnswerCall takes a call that rings; the id may also be its APNs id or Aurora's message id. The app hears of it where it is,
// and the receipt is *opened*.
func (p *Phone) AnswerCall(id string) error {
	return p.try(func() error {
		c := p.call(id)
		if c == nil || c.Answered {
			return fmt.Errorf("%w that rings: %.100q", ErrNoCall, id)
		}
		i, err := p.find(c.BundleID)
		if err != nil {
			return err
		}
		p.note("user", "takes the call of %s", c.Caller)
		c.Answered = true
		if i.client == nil {
			i.launch(Background)
		}
		i.didReceive(Notification{ID: c.ID, APNsID: c.APNsID, MessageID: c.MessageID, BundleID: c.BundleID, Title: c.Caller, At: time.Now(), Payload: c.Payload}, response{via: ViaAnswered})
		return nil
	})
}

// EndCall declines a call that rings, or hangs up.
func (p *Phone) EndCall(id string) error {
	return p.try(func() error {
		c := p.call(id)
		if c == nil {
			return fmt.Errorf("%w: %.100q", ErrNoCall, id)
		}
		p.dropCall(c.ID)
		if c.Answered {
			p.note("user", "ends the call of %s", c.Caller)
		} else {
			p.note("user", "declines the call of %s", c.Caller)
		}
		return nil
	})
}

func (p *Phone) call(id string) *Call {
	i := slices.IndexFunc(p.calls, func(c *Call) bool { return id != "" && (c.ID == id || c.APNsID == id || c.MessageID == id) })
	if i < 0 {
		return nil
	}
	return p.calls[i]
}

// dropCall takes a call off the screen; nil if it has gone already.
func (p *Phone) dropCall(id string) *Call {
	c := p.call(id)
	p.calls = slices.DeleteFunc(p.calls, func(other *Call) bool { return other == c })
	return c
}
