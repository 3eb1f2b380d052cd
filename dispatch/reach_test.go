package dispatch_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// mixed registers n devices in every state that keeps a push from one, and in
// several at once. Their numbers rise from the first that is free.
func (w *world) mixed(n int, rnd *rand.Rand) {
	w.Helper()
	changes := make([]registry.Registration, n)
	for i := range changes {
		r := registry.Registration{InstallID: fmt.Sprintf("mixed-%06d", i), Secret: strings.Repeat("s", 43), Platform: aurora.IOS}
		if rnd.IntN(5) == 0 {
			r.Platform = aurora.Android
		}
		env := aurora.Environment(1 + rnd.IntN(2))
		if rnd.IntN(4) > 0 && r.Platform == aurora.IOS {
			token := fmt.Sprintf("%064x", 1+i)
			r.Change.Token, r.Change.Environment = &token, &env
		}
		if rnd.IntN(3) == 0 && r.Platform == aurora.IOS {
			r.Change.Environment = &env
			r.Change.Tokens = append(r.Change.Tokens, aurora.NamedToken{Kind: aurora.VoIPToken, Token: fmt.Sprintf("%064x", 1<<30+i)})
		}
		if rnd.IntN(3) == 0 && r.Platform == aurora.IOS {
			r.Change.Environment = &env
			r.Change.Tokens = append(r.Change.Tokens, aurora.NamedToken{Kind: aurora.ActivityStartToken, Name: "Order", Token: fmt.Sprintf("%064x", 1<<31+i)})
		}
		off := rnd.IntN(6) == 0
		r.Change.PushDisabled = &off
		r.Change.AddTags = []string{fmt.Sprint("t", rnd.IntN(3))}
		changes[i] = r
	}
	var wg sync.WaitGroup
	for _, r := range changes {
		wg.Go(func() {
			if _, err := w.registry.Register(w.Context(), w.app.ID, r); err != nil {
				w.Error(err)
			}
		})
	}
	wg.Wait()
}

// dropOf is the reason of a count that stands for an outcome's.
func dropOf(reason string) dispatch.Drop {
	switch reason {
	case aurora.ReasonNoChannel:
		return dispatch.OtherPlatform
	case aurora.ReasonPushDisabled:
		return dispatch.OptedOut
	case aurora.ReasonNoToken, aurora.ReasonNoVoIPToken, aurora.ReasonNoActivityToken:
		return dispatch.NoToken
	case aurora.ReasonOtherEnvironment:
		return dispatch.WrongEnvironment
	}
	return dispatch.Quarantined
}

// counted compares a count with what sending did.
func (w *world) counted(name string, r dispatch.Request) {
	w.Helper()
	before, err := w.dispatch.Count(w.Context(), w.app, r)
	if err != nil {
		w.Fatalf("%s: %v", name, err)
	}
	report := w.report(w.push(r))
	after := dispatch.Reach{Targeted: report.Targeted, Reachable: report.Accepted, Dropped: map[dispatch.Drop]uint64{}}
	failedBy := report.FailedBy
	if v := report.VoIP; v != nil && report.Targeted == 0 {
		after.Targeted, after.Reachable, failedBy = v.Targeted, v.Accepted, v.FailedBy
	}
	for drop := range before.Dropped {
		after.Dropped[drop] = 0
	}
	for _, f := range failedBy {
		after.Dropped[dropOf(f.Reason)] += f.Count
	}
	if report.InApp != nil {
		for _, n := range report.InApp.Targeted {
			after.InApp += n
		}
		if report.Message.Content.Alert == nil && report.Message.Content.IOS == nil { // in-app alone: nobody drops out
			after.Targeted, after.Reachable = after.InApp, after.InApp
		}
	}
	if got, want := fmt.Sprint(before), fmt.Sprint(after); got != want {
		w.Errorf("%s: counted %s, and sending did %s", name, got, want)
	}
}

// A count before sending is what sending does, for every kind of push.
func TestCountIsWhatSendingDoes(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mixed(300, rand.New(rand.NewPCG(5, 1)))
		w.vendor.answer = func(d aurora.Delivery, _ int) aurora.Outcome {
			if d.Number%3 == 0 {
				return aurora.Outcome{Fault: aurora.DeviceFault, Reason: "Unregistered"}
			}
			return aurora.Outcome{}
		}
		w.report(w.push(dispatch.Request{Message: alert("which ones are dead")}))
		w.vendor.answer = nil

		ios := aurora.Message{Content: aurora.Content{IOS: &aurora.IOSNotification{Alert: json.RawMessage(`"hi"`)}}}
		inApp := aurora.Message{Content: aurora.Content{InApp: &aurora.InAppMessage{Content: "hi"}}}
		both := ios
		both.Content.InApp = inApp.Content.InApp
		call := aurora.Message{Content: aurora.Content{VoIP: map[string]json.RawMessage{"call": json.RawMessage(`1`)}}}
		call.Platforms = []aurora.Platform{aurora.IOS}
		activity := aurora.Message{Platforms: call.Platforms, Content: aurora.Content{LiveActivity: &aurora.LiveActivity{
			Event: "start", ContentState: json.RawMessage(`{}`), AttributesType: "Order", Attributes: json.RawMessage(`{}`), Alert: json.RawMessage(`{"body":"hi"}`)}}}
		audiences := []audience.Expr{
			audience.All(), audience.Is(audience.Tag, "t1"), audience.Not(audience.Is(audience.Tag, "t2")), audience.Is(audience.Tag, "nobody"),
			audience.Is(audience.State, audience.Quarantined), audience.And(audience.Is(audience.Tag, "t0"), audience.Is(audience.State, audience.OptedOut)),
		}
		for name, m := range map[string]aurora.Message{"alert": alert("hi"), "ios block": ios, "in-app": inApp, "both": both, "call": call, "activity": activity} {
			for _, production := range []bool{true, false} {
				for _, e := range audiences {
					m.Options.Production = production
					w.counted(fmt.Sprintf("%s, production %v, to %v", name, production, e), dispatch.Request{Message: m, Audience: e, AllowEmpty: true})
				}
			}
		}
	})
}

// More devices than a handful are counted block by block, with the same result.
func TestCountOfManyIsWhatSendingDoes(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mixed(5000, rand.New(rand.NewPCG(5, 2)))
		w.counted("everyone", dispatch.Request{Message: alert("hi")})
		w.counted("most", dispatch.Request{Message: alert("hi"), Audience: audience.Not(audience.And(audience.Is(audience.Tag, "t0"), audience.Is(audience.State, audience.OptedOut)))})
	})
}

func TestCountRefusesWhatAPushWouldBeRefusedFor(t *testing.T) {
	inWorld(t, func(w *world) {
		w.device(1, aurora.Development)
		_, err := w.dispatch.Count(w.Context(), w.app, dispatch.Request{Message: alert("hi"), Audience: audience.Is(audience.Tag, "nobody")})
		if aurora.KindOf(err) != aurora.NoTarget {
			t.Errorf("got %v, want a refusal for no target", err)
		}
		r, err := w.dispatch.Count(w.Context(), w.app, dispatch.Request{})
		if got := fmt.Sprint(r, err); got != "{1 1 map[no_token:0 opted_out:0 other_platform:0 quarantined:0 wrong_environment:0] 0} <nil>" {
			t.Errorf("an audience without a push: %s", got)
		}
	})
}
