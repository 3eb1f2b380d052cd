package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Step is one link of the chain from a message to one device's user.
type Step struct {
	Name   string
	State  StepState
	Text   string    // what happened, one sentence
	Remedy string    // what to do, for a broken step
	At     time.Time // zero if not known

	format string // what Text was made of, for In
	args   []any
	reason string // what Remedy explains
}

// In returns the step in another language: translate gets names, sentences and
// the formats of sentences, and returns ones with the same verbs.
func (s Step) In(translate func(string) string) Step {
	s.Name = translate(s.Name)
	switch {
	case s.format != "":
		s.Text = fmt.Sprintf(translate(s.format), s.args...)
	case s.Text != "":
		s.Text = translate(s.Text)
	}
	switch {
	case s.reason != "":
		s.Remedy = aurora.ExplainReasonIn(s.reason, translate)
	case s.Remedy != "":
		s.Remedy = translate(s.Remedy)
	}
	return s
}

// StepState is how a step of a timeline stands.
type StepState string

// The states of a step. A timeline has at most one broken step, after which
// the others are missing; a push with an in-app message and a notification one
// for each.
const (
	StepDone    StepState = "done"
	StepBroken  StepState = "broken"
	StepWaiting StepState = "waiting"
	StepUnknown StepState = "unknown" // nobody reported it; it may have happened
)

// Timeline says for one device and one message what happened, step by step, up
// to the first broken link.
func (s *Service) Timeline(ctx context.Context, appID int64, registrationID string, id aurora.MessageID) ([]Step, error) {
	m, err := s.message(ctx, appID, id)
	if err != nil {
		return nil, err
	}
	d, err := s.devices.Device(ctx, appID, registrationID)
	if err != nil {
		return nil, err
	}
	tally, err := s.records.Tally(ctx, id)
	if err != nil {
		return nil, err
	}
	marks, err := s.records.MarksOf(ctx, id, d.Number)
	if err != nil {
		return nil, err
	}
	t := timeline{m: m, d: d, tally: tally, marks: marks}
	t.build()
	return t.steps, nil
}

type timeline struct {
	m     aurora.Message
	d     aurora.Device
	tally Tally
	marks map[aurora.Mark]time.Time
	steps []Step
}

func (t *timeline) build() {
	t.done("Registered", t.d.RegisteredAt, "The app registered with Aurora as %s.", t.d.RegistrationID)
	t.done("Accepted by Aurora", t.m.AcceptedAt, "The push was accepted and stored.")
	targetedAt, notified := t.marks[aurora.Targeted]
	inAppAt, inApp := t.marks[aurora.InApp(t.d.Platform, aurora.Targeted)]
	if !notified {
		targetedAt = inAppAt
	}
	targeted := notified || inApp
	switch {
	case !targeted && t.tally.Unplanned > 0:
		t.add(StepWaiting, "Selected", "The audience is still being worked through.")
		return
	case !targeted:
		t.broken("Selected", "The audience did not select this device when the push was sent.", "The audience was: "+clip(t.m.Audience)+". Check the device's tags, alias and platform.")
		return
	}
	t.done("Selected", targetedAt, "The audience selected this device.")
	if inApp {
		t.inApp()
	}
	if !notified || !t.sent() {
		return
	}
	if at, ok := t.marks[aurora.Received]; ok {
		t.done("Received", at, "The app reported that the notification arrived.")
	} else {
		t.add(StepUnknown, "Received", "The app has not reported it. It does when it is open, or when the push has mutable-content and the app has the service extension. If the phone is off, APNs delivers later, until the push expires.")
	}
	if at, ok := t.marks[aurora.Opened]; ok {
		t.done("Opened", at, "The user opened the app through the notification.")
	} else {
		t.add(StepUnknown, "Opened", "Not opened so far.")
	}
}

// sent adds the steps between selection and the vendor's answer; false when
// the chain ends there.
func (t *timeline) sent() bool {
	for mark, at := range t.marks {
		reason, failed := mark.FailedReason()
		if !failed {
			continue
		}
		if !ours(reason) {
			t.done("Token", t.d.TokenAt, "The app had reported a %s token.", t.m.Environment())
		}
		t.broken(failedStep(reason), "", aurora.ExplainReason(reason))
		t.last().At, t.last().reason = at, reason
		t.last().say("Failed: %s.", reason)
		return false
	}
	if !t.d.TokenAt.IsZero() {
		t.done("Token", t.d.TokenAt, "The app reported a push token.")
	}
	at, accepted := t.marks[aurora.Accepted]
	if !accepted {
		t.add(StepWaiting, "Accepted by APNs", "Waiting to be sent.")
		if t.tally.NextAt.After(time.Now()) {
			t.last().say("Waiting for the next attempt at %s.", t.tally.NextAt.UTC().Format("15:04:05 MST"))
		}
		return false
	}
	t.done("Accepted by APNs", at, "APNs took the notification for this device.")
	return true
}

// ours reports whether Aurora failed the device without asking the vendor.
func ours(reason string) bool {
	switch reason {
	case aurora.ReasonNoToken, aurora.ReasonOtherEnvironment, aurora.ReasonPushDisabled, aurora.ReasonNoChannel, aurora.ReasonNoCredential, aurora.ReasonExpired, aurora.ReasonStopped, aurora.ReasonDamaged:
		return true
	}
	return false
}

func failedStep(reason string) string {
	switch reason {
	case aurora.ReasonNoToken:
		return "Token"
	case aurora.ReasonOtherEnvironment:
		return "Environment"
	case aurora.ReasonPushDisabled:
		return "Pushes enabled"
	case aurora.ReasonNoCredential:
		return "Credential"
	case aurora.ReasonNoChannel:
		return "Channel"
	case aurora.ReasonExpired:
		return "Sent in time"
	case aurora.ReasonStopped:
		return "Sent before it was stopped"
	case aurora.ReasonDamaged:
		return "Read from the database"
	}
	return "Accepted by APNs"
}

func (t *timeline) done(name string, at time.Time, format string, args ...any) {
	step := Step{Name: name, State: StepDone, At: at}
	step.say(format, args...)
	t.steps = append(t.steps, step)
}

func (t *timeline) last() *Step { return &t.steps[len(t.steps)-1] }

func (s *Step) say(format string, args ...any) {
	s.Text, s.format, s.args = fmt.Sprintf(format, args...), format, args
}

func (t *timeline) broken(name, text, remedy string) {
	t.steps = append(t.steps, Step{Name: name, State: StepBroken, Text: text, Remedy: remedy})
}

func (t *timeline) add(state StepState, name, text string) {
	t.steps = append(t.steps, Step{Name: name, State: state, Text: text})
}

func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
