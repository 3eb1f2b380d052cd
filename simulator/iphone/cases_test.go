package iphone

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora/simulator/apns"
)

// TestDeviceCases are the cases D01 to D14 of spec apns.md §9.4, and calls: the phone before the real local APNs.
func TestDeviceCases(t *testing.T) {
	background := []string{"apns-push-type", "background", "apns-priority", "5"}
	silent := func(n int) string { return fmt.Sprintf(`{"aps":{"content-available":1},"_j_msgid":%d}`, n) }
	withBuild := func(change func(*Build)) Build {
		b := DefaultBuild()
		change(&b)
		return b
	}
	for _, c := range []struct {
		id, name string
		build    Build
		policy   func(*apns.Policy)
		run      func(*testing.T, *world)
	}{
		{"D01", "offline, three pushes, reconnect: only the last", DefaultBuild(), nil, func(t *testing.T, w *world) {
			back := w.offline(t)
			for _, text := range []string{"one", "two", "three"} {
				want(t, "status", w.send(t, alert(text)), 200)
			}
			back()
			want(t, "on the phone", texts(w.State().NotificationCenter), "three")
		}},
		{"D02", "expiration 0 while offline: never delivered", DefaultBuild(), nil, func(t *testing.T, w *world) {
			back := w.offline(t)
			want(t, "status", w.send(t, alert("now or never"), "apns-expiration", "0"), 200)
			back()
			want(t, "on the phone", texts(w.State().NotificationCenter), "")
		}},
		{"D03", "expired while offline: discarded", DefaultBuild(), nil, func(t *testing.T, w *world) {
			back := w.offline(t)
			w.send(t, alert("until tomorrow"), "apns-expiration", strconv.FormatInt(time.Now().Add(24*time.Hour).Unix(), 10))
			time.Sleep(25 * time.Hour)
			back()
			want(t, "on the phone", texts(w.State().NotificationCenter), "")
		}},
		{"D04", "priority 5 in low-power mode: held until it ends", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.SetLowPower(true)
			synctest.Wait()
			w.send(t, alert("no hurry"), "apns-priority", "5")
			w.send(t, alert("urgent"))
			want(t, "in low power", texts(w.State().NotificationCenter), "urgent")
			back := w.offline(t) // the new session has to learn of the power state again
			back()
			w.send(t, alert("no hurry either"), "apns-priority", "5")
			want(t, "still in low power", w.State().LowPower, true)
			want(t, "in low power, new session", strings.Contains(texts(w.State().NotificationCenter), "either"), false)
			w.SetLowPower(false)
			synctest.Wait()
			want(t, "afterwards", strings.Contains(texts(w.State().NotificationCenter), "no hurry either"), true)
		}},
		{"D05", "uninstalled: 200, then 410 after the delay", DefaultBuild(), func(p *apns.Policy) { p.UninstallDelay = apns.Duration(time.Hour) }, func(t *testing.T, w *world) {
			token := w.app().Token
			w.must(t, w.Uninstall(testBundle))
			synctest.Wait()
			want(t, "the push that finds out", w.sendTo(t, token, alert("a")), 200)
			time.Sleep(59 * time.Minute)
			want(t, "before the delay is over", w.sendTo(t, token, alert("b")), 200)
			time.Sleep(2 * time.Minute)
			want(t, "after it", w.sendTo(t, token, alert("c")), 410)
		}},
		{"D05", "uninstalled while offline: the phone reports it", DefaultBuild(), nil, func(t *testing.T, w *world) {
			token := w.app().Token
			back := w.offline(t)
			w.must(t, w.Uninstall(testBundle))
			want(t, "offline", w.sendTo(t, token, alert("a")), 200)
			back()
			want(t, "after the phone refused it", w.sendTo(t, token, alert("b")), 410)
		}},
		{"D06", "foreground, the delegate asks for nothing", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.must(t, w.Open(testBundle))
			w.send(t, alert("x", "badge", "4"))
			s := w.State()
			want(t, "on the phone", texts(s.NotificationCenter), "")
			want(t, "sounds", s.SoundsPlayed, 0)
			want(t, "badge", s.Apps[0].Badge, 0)
			want(t, "delegate", s.Apps[0].Messages[0].Via, ViaForeground)
		}},
		{"D06", "foreground, the delegate asks for banner, sound, badge", withBuild(func(b *Build) { b.Present = Presentation{Banner: true, Sound: true, Badge: true} }), nil, func(t *testing.T, w *world) {
			w.must(t, w.Open(testBundle))
			w.send(t, alert("x", "badge", "4"))
			s := w.State()
			want(t, "banner", s.Banner != nil && s.Banner.Body == "x", true)
			want(t, "sounds", s.SoundsPlayed, 1)
			want(t, "badge", s.Apps[0].Badge, 4)
			want(t, "delegate", s.Apps[0].Messages[0].Via, ViaForeground)
		}},
		{"D06", "foreground, the delegate asks for the list", withBuild(func(b *Build) { b.Present = Presentation{List: true} }), nil, func(t *testing.T, w *world) {
			w.must(t, w.Open(testBundle))
			w.send(t, alert("x"))
			s := w.State()
			want(t, "banner", s.Banner == nil, true)
			want(t, "list", texts(s.NotificationCenter), "x")
			want(t, "sounds", s.SoundsPlayed, 0)
		}},
		{"D07", "collapse: one entry, alerted twice", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.Lock()
			w.send(t, alert("1:0"), "apns-collapse-id", "score")
			w.send(t, alert("2:0"), "apns-collapse-id", "score")
			s := w.State()
			want(t, "lock screen", texts(s.LockScreen), "2:0")
			want(t, "sounds", s.SoundsPlayed, 2)
			want(t, "screen lit", s.ScreenLit, 2)
			w.send(t, alert("3:0", "interruption-level", `"passive"`), "apns-collapse-id", "score")
			want(t, "replaced quietly", texts(w.State().LockScreen), "3:0")
			want(t, "sounds", w.State().SoundsPlayed, 2)
		}},
		{"D08", "threads stack, newest on top", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.Lock()
			for _, n := range []struct{ text, thread string }{{"a1", `"a"`}, {"b1", `"b"`}, {"a2", `"a"`}, {"plain", `""`}, {"b2", `"b"`}} {
				w.send(t, alert(n.text, "thread-id", n.thread))
			}
			s := w.State()
			var got []string
			for _, stack := range s.LockScreenStacks {
				top := s.LockScreen[slices.IndexFunc(s.LockScreen, func(n Notification) bool { return n.ID == stack.IDs[0] })]
				got = append(got, fmt.Sprintf("%s:%d:%s", stack.Thread, stack.Count, top.Body))
			}
			want(t, "stacks", strings.Join(got, " "), "b:2:b2 :1:plain a:2:a2")
			w.Unlock()
			want(t, "in the center", len(w.State().CenterStacks), 3)
		}},
		{"D08", "badge: absolute, 0 removes, absent stays", DefaultBuild(), nil, func(t *testing.T, w *world) {
			for _, step := range []struct {
				payload string
				badge   int
			}{{alert("x", "badge", "5"), 5}, {alert("x"), 5}, {alert("x", "badge", "2"), 2}, {alert("x", "badge", "0"), 0}} {
				w.send(t, step.payload)
				want(t, step.payload, w.app().Badge, step.badge)
			}
		}},
		{"D09", "Focus on, unlocked and locked: the four levels", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.SetMuted(true)
			w.SetFocus(Focus{On: true, TimeSensitive: true})
			for _, locked := range []bool{false, true} {
				if locked {
					w.Lock()
				}
				before := w.State()
				for _, level := range []string{"passive", "active", "time-sensitive", "critical"} {
					w.send(t, alert(level, "interruption-level", strconv.Quote(level)))
				}
				s := w.State()
				want(t, "sounds, mute switch on", s.SoundsPlayed-before.SoundsPlayed, 1) // the critical one
				want(t, "held", texts(s.Held[len(before.Held):]), "passive, active")
				if locked {
					want(t, "lock screen", texts(s.LockScreen), "critical, time-sensitive")
					want(t, "screen lit", s.ScreenLit-before.ScreenLit, 2)
				} else {
					want(t, "banner", s.Banner.Body, "critical")
					want(t, "list", texts(s.NotificationCenter), "critical, time-sensitive")
				}
			}
			w.SetFocus(Focus{})
			s := w.State()
			want(t, "held after the Focus", len(s.Held), 0)
			want(t, "list after the Focus", texts(s.NotificationCenter[:4]), "active, passive, active, passive")
			want(t, "no sound for them", s.SoundsPlayed, 2)
		}},
		{"D09", "Focus with the app on its list, or without time-sensitive", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.SetFocus(Focus{On: true})
			w.send(t, alert("kept", "interruption-level", `"time-sensitive"`))
			want(t, "held", texts(w.State().Held), "kept")
			w.SetFocus(Focus{On: true, Allowed: []string{testBundle}})
			want(t, "let through by the list", texts(w.State().NotificationCenter), "kept")
			w.send(t, alert("through"))
			want(t, "banner", w.State().Banner.Body, "through")
		}},
		{"D09", "no capability: time-sensitive and critical count as active", withBuild(func(b *Build) { b.TimeSensitive, b.Critical = false, false }), nil, func(t *testing.T, w *world) {
			w.SetFocus(Focus{On: true, TimeSensitive: true})
			w.send(t, alert("a", "interruption-level", `"time-sensitive"`))
			w.send(t, `{"aps":{"alert":"b","sound":{"name":"siren.caf","critical":1}}}`)
			want(t, "held", texts(w.State().Held), "a, b")
			want(t, "sounds", w.State().SoundsPlayed, 0)
		}},
		{"D10", "background push without the background mode: not woken", withBuild(func(b *Build) { b.BackgroundMode = false }), nil, func(t *testing.T, w *world) {
			w.send(t, silent(1), background...)
			want(t, "wakes", w.app().BackgroundWakes, 0)
		}},
		{"D10", "background push after force-quit: not woken, not kept", DefaultBuild(), nil, func(t *testing.T, w *world) {
			w.must(t, w.Kill(testBundle))
			w.send(t, silent(1), background...)
			w.must(t, w.Open(testBundle))
			want(t, "messages", len(w.app().Messages), 0)
		}},
		{"D10", "fourth in an hour: the newest is held, until the hour is over", DefaultBuild(), nil, func(t *testing.T, w *world) {
			for n := range 5 {
				w.send(t, silent(n), background...)
				time.Sleep(time.Minute)
			}
			want(t, "wakes", w.app().BackgroundWakes, 3)
			want(t, "held", w.app().BackgroundHeld, true)
			time.Sleep(54 * time.Minute)
			want(t, "before the hour is over", w.app().BackgroundWakes, 3)
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			want(t, "after it", w.app().BackgroundWakes, 4)
			want(t, "messages", messageIDs(w.app()), "0 1 2 4")
		}},
		{"D10", "held: dropped by force-quit, delivered by the user's launch", DefaultBuild(), nil, func(t *testing.T, w *world) {
			for n := range 4 {
				w.send(t, silent(n), background...)
			}
			w.must(t, w.Open(testBundle))
			want(t, "launch delivers", messageIDs(w.app()), "0 1 2 3")
			w.Lock()
			w.send(t, silent(4), background...)
			w.Unlock()
			want(t, "unlocking into the app delivers", messageIDs(w.app()), "0 1 2 3 4")
			w.Home()
			w.send(t, silent(5), background...)
			w.must(t, w.Kill(testBundle))
			time.Sleep(2 * time.Hour)
			w.must(t, w.Open(testBundle))
			want(t, "force-quit drops", messageIDs(w.app()), "0 1 2 3 4")
			want(t, "wakes", w.app().BackgroundWakes, 3)
		}},
		{"D11", "mutable content with an extension", withBuild(func(b *Build) { b.Extension = &Extension{Prefix: "★ ", Work: 3 * time.Second} }), nil, func(t *testing.T, w *world) {
			w.send(t, alert("x", "mutable-content", "1"))
			want(t, "while it works", texts(w.State().NotificationCenter), "")
			time.Sleep(3 * time.Second)
			synctest.Wait()
			want(t, "then", texts(w.State().NotificationCenter), "★ x")
		}},
		{"D11", "mutable content without an extension", withBuild(func(b *Build) { b.Extension = nil }), nil, func(t *testing.T, w *world) {
			w.send(t, `{"aps":{"alert":"x","mutable-content":1},"_j_msgid":9}`)
			want(t, "shown", texts(w.State().NotificationCenter), "x")
			want(t, "receipts", len(w.aurora.seen()), 0)
		}},
		{"D11", "an extension that takes too long: the original after 30 s", withBuild(func(b *Build) { b.Extension = &Extension{Prefix: "★ ", Work: time.Hour} }), nil, func(t *testing.T, w *world) {
			w.send(t, `{"aps":{"alert":"x","mutable-content":1},"_j_msgid":9}`)
			time.Sleep(29 * time.Second)
			want(t, "at 29 s", texts(w.State().NotificationCenter), "")
			time.Sleep(time.Second)
			synctest.Wait()
			want(t, "at 30 s", texts(w.State().NotificationCenter), "x")
			want(t, "receipts", strings.Join(w.aurora.seen(), ","), "9 received")
		}},
		{"D12", "live activity: start, update, older ignored, end, dismissal", withBuild(func(b *Build) { b.LiveActivities = true }), nil, func(t *testing.T, w *world) {
			push := func(event string, stamp int64, score int, more string) {
				t.Helper()
				payload := fmt.Sprintf(`{"aps":{"event":%q,"timestamp":%d,"content-state":{"score":%d}%s}}`, event, stamp, score, more)
				token := w.app().ActivityToken // starts
				if a := w.State().Activities; len(a) == 1 && event != "start" {
					token = a[0].Token
				}
				want(t, event, w.sendTo(t, token, payload, "apns-topic", testBundle+activityTopic, "apns-push-type", "liveactivity"), 200)
			}
			score := func() string {
				if s := w.State(); len(s.Activities) == 1 {
					return string(s.Activities[0].State)
				}
				return fmt.Sprint(len(w.State().Activities), " activities")
			}
			push("update", 90, 9, "")
			want(t, "nothing to update", score(), "0 activities")
			push("start", 100, 0, `,"attributes-type":"Match","attributes":{"home":"A"},"alert":{"title":"Kick-off","body":"A – B"}`)
			want(t, "started", score(), `{"score":0}`)
			push("update", 110, 1, "")
			push("update", 105, 7, "")
			push("update", 110, 8, "")
			want(t, "the older ones are ignored", score(), `{"score":1}`)
			push("end", 120, 2, fmt.Sprintf(`,"dismissal-date":%d`, time.Now().Add(time.Hour).Unix()))
			push("update", 130, 3, "")
			want(t, "ended", score(), `{"score":2}`)
			time.Sleep(59 * time.Minute)
			want(t, "before its dismissal", score(), `{"score":2}`)
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			want(t, "dismissed", score(), "0 activities")

			push("start", 200, 0, `,"attributes-type":"Match","attributes":{},"alert":"again"`)
			push("end", 210, 0, fmt.Sprintf(`,"dismissal-date":%d`, time.Now().Add(9*time.Hour).Unix()))
			time.Sleep(4*time.Hour + time.Second)
			synctest.Wait()
			want(t, "dismissed after four hours at most", score(), "0 activities")
			push("start", 300, 0, `,"attributes-type":"Match","attributes":{},"alert":"again"`)
			push("end", 310, 0, `,"dismissal-date":1`)
			want(t, "dismissed at once", score(), "0 activities")
		}},
		{"D12", "each activity has a token of its own, which dies with it", withBuild(func(b *Build) { b.LiveActivities = true }), nil, func(t *testing.T, w *world) {
			stamp := 100
			push := func(token, event string, score int) int {
				t.Helper()
				stamp++
				payload := fmt.Sprintf(`{"aps":{"event":%q,"timestamp":%d,"content-state":{"score":%d},"attributes-type":"Match","attributes":{},"alert":"x"}}`, event, stamp, score)
				return w.sendTo(t, token, payload, "apns-topic", testBundle+activityTopic, "apns-push-type", "liveactivity")
			}
			scores := func() (list string) {
				for _, a := range w.State().Activities {
					list += string(a.State)
				}
				return list
			}
			start := w.app().ActivityToken
			push(start, "start", 1)
			push(start, "start", 2)
			w.must(t, w.StartActivity(testBundle, "Match", "", json.RawMessage(`{"score":3}`)))
			synctest.Wait()
			tokens := map[string]bool{start: true, w.app().Token: true}
			for _, a := range w.State().Activities {
				tokens[a.Token] = true
			}
			if len(tokens) != 5 || tokens[""] {
				t.Fatalf("the tokens are not five: %v", tokens)
			}
			first := w.State().Activities[2]
			push(first.Token, "update", 7)
			want(t, "only the first is updated", scores(), `{"score":3}{"score":2}{"score":7}`)
			push(start, "update", 9)
			push(first.Token, "start", 9)
			want(t, "the tokens are not exchangeable", scores(), `{"score":3}{"score":2}{"score":7}`)
			back := w.offline(t)
			push(first.Token, "update", 8)
			back()
			want(t, "updated after the phone's return", scores(), `{"score":3}{"score":2}{"score":8}`)
			push(first.Token, "end", 10)
			want(t, "the next push finds the token dead", push(first.Token, "update", 11), 200)
			want(t, "then it is gone", push(first.Token, "update", 12), 410)
			want(t, "the others live", push(w.State().Activities[1].Token, "update", 13), 200)
			want(t, "scores", scores(), `{"score":3}{"score":13}{"score":10}`)
			w.must(t, w.Uninstall(testBundle))
			synctest.Wait()
			push(start, "start", 14)
			want(t, "the app is gone", push(start, "start", 15), 410)
		}},
		{"VoIP", "a call in every state, force-quit and without permission", withBuild(func(b *Build) { b.VoIP = true }), nil, func(t *testing.T, w *world) {
			call := func(payload string) {
				t.Helper()
				want(t, "accepted", w.sendTo(t, w.app().VoIPToken, payload, "apns-topic", testBundle+voipTopic, "apns-push-type", "voip"), 200)
			}
			if w.app().VoIPToken == "" || w.app().VoIPToken == w.app().Token {
				t.Fatalf("the VoIP token is %q", w.app().VoIPToken)
			}
			w.must(t, w.SetPermission(testBundle, Denied))
			w.must(t, w.Kill(testBundle))
			w.Lock()
			call(`{"caller":"Ann","_j_msgid":21}`)
			s := w.State()
			if len(s.Calls) != 1 || s.Calls[0].Caller != "Ann" || s.Calls[0].MessageID != "21" || s.Apps[0].Process != Background || !s.Locked {
				t.Fatalf("calls %+v, the app is %s", s.Calls, s.Apps[0].Process)
			}
			w.must(t, w.AnswerCall("21"))
			if err := w.AnswerCall("21"); !errors.Is(err, ErrNoCall) {
				t.Errorf("taken twice: %v", err)
			}
			w.must(t, w.EndCall(s.Calls[0].ID))
			if err := w.EndCall("21"); !errors.Is(err, ErrNoCall) {
				t.Errorf("ended twice: %v", err)
			}
			call(`{"aps":{"alert":{"title":"Bob"}},"_j_msgid":22}`)
			want(t, "ringing", w.State().Calls[0].Caller, "Bob")
			time.Sleep(ringTime)
			synctest.Wait()
			want(t, "nobody took it", len(w.State().Calls), 0)
			want(t, "nothing on the lock screen", len(w.State().LockScreen), 0)
			want(t, "receipts", strings.Join(w.aurora.seen(), ","), "21 received,21 opened,22 received")
		}},
		{"VoIP", "offline: the latest rings on the return", withBuild(func(b *Build) { b.VoIP = true }), nil, func(t *testing.T, w *world) {
			back := w.offline(t)
			for _, caller := range []string{"Ann", "Bob"} {
				w.sendTo(t, w.app().VoIPToken, fmt.Sprintf(`{"caller":%q}`, caller), "apns-topic", testBundle+voipTopic, "apns-push-type", "voip")
			}
			w.sendTo(t, w.app().VoIPToken, `{"caller":"Eve"}`, "apns-topic", testBundle+voipTopic, "apns-push-type", "voip", "apns-expiration", "0")
			back()
			want(t, "calls", len(w.State().Calls), 1)
			want(t, "caller", w.State().Calls[0].Caller, "Bob")
		}},
		{"VoIP", "an app that makes no call is ended, and then not woken any more", withBuild(func(b *Build) { b.VoIP, b.SilentVoIP = true, true }), nil, func(t *testing.T, w *world) {
			for n := 1; n <= 5; n++ {
				w.sendTo(t, w.app().VoIPToken, `{"caller":"Ann"}`, "apns-topic", testBundle+voipTopic, "apns-push-type", "voip")
				want(t, "process", w.app().Process, NotRunning)
				want(t, "launches", w.app().Launches, 1+min(max(n-1, 0), maxUnreported-1)) // it was in the background at the first
			}
			want(t, "calls", len(w.State().Calls), 0)
			w.must(t, w.Open(testBundle))
			silent := w.app().Build
			silent.SilentVoIP = false
			w.must(t, w.Update(testBundle, silent))
			w.sendTo(t, w.app().VoIPToken, `{"caller":"Ann"}`, "apns-topic", testBundle+voipTopic, "apns-push-type", "voip")
			want(t, "after it was opened", len(w.State().Calls), 1)
		}},
		{"VoIP", "a push to an app without PushKit", DefaultBuild(), nil, func(t *testing.T, w *world) {
			want(t, "no token", w.app().VoIPToken, "")
			w.sendTo(t, w.app().Token, `{"caller":"Ann"}`, "apns-topic", testBundle+voipTopic, "apns-push-type", "voip")
			want(t, "calls", len(w.State().Calls), 0)
		}},
		{"D13", "channel subscriber offline: nothing with policy 0, the latest with 1", withBuild(func(b *Build) { b.LiveActivities = true }), nil, func(t *testing.T, w *world) {
			for policy, after := range []string{`{"score":0}`, `{"score":2}`} {
				r := w.request(t, "/1/apps/"+testBundle+"/channels", fmt.Sprintf(`{"message-storage-policy":%d,"push-type":"LiveActivity"}`, policy))
				channel := r.Header.Get("apns-channel-id")
				want(t, "create", r.StatusCode, http.StatusCreated)
				w.must(t, w.Open(testBundle))
				w.must(t, w.StartActivity(testBundle, "Match", channel, json.RawMessage(`{"score":-1}`)))
				synctest.Wait()
				cast := func(score int) {
					t.Helper()
					expiration := []string{"0", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)}[policy]
					want(t, "broadcast", w.request(t, "/4/broadcasts/apps/"+testBundle,
						fmt.Sprintf(`{"aps":{"event":"update","timestamp":%d,"content-state":{"score":%d}}}`, 100+score, score),
						"apns-channel-id", channel, "apns-push-type", "LiveActivity", "apns-priority", "10", "apns-expiration", expiration).StatusCode, 200)
				}
				cast(0)
				want(t, "online", string(w.State().Activities[0].State), `{"score":0}`)
				back := w.offline(t)
				cast(1)
				cast(2)
				back()
				want(t, fmt.Sprint("policy ", policy), string(w.State().Activities[0].State), after)
			}
		}},
		{"D13", "an activity that a push starts on a channel", withBuild(func(b *Build) { b.LiveActivities = true }), nil, func(t *testing.T, w *world) {
			channel := w.request(t, "/1/apps/"+testBundle+"/channels", `{"message-storage-policy":0,"push-type":"LiveActivity"}`).Header.Get("apns-channel-id")
			payload := fmt.Sprintf(`{"aps":{"event":"start","timestamp":1,"content-state":{},"attributes-type":"Match","attributes":{},"alert":"x","input-push-channel":%q}}`, channel)
			w.sendTo(t, w.app().ActivityToken, payload, "apns-topic", testBundle+activityTopic, "apns-push-type", "liveactivity")
			cast := func(event string, stamp int) {
				t.Helper()
				want(t, event, w.request(t, "/4/broadcasts/apps/"+testBundle,
					fmt.Sprintf(`{"aps":{"event":%q,"timestamp":%d,"content-state":{"score":%d}}}`, event, stamp, stamp),
					"apns-channel-id", channel, "apns-push-type", "LiveActivity", "apns-priority", "10", "apns-expiration", "0").StatusCode, 200)
			}
			cast("update", 5)
			want(t, "updated by broadcast", string(w.State().Activities[0].State), `{"score":5}`)
			cast("end", 6)
			want(t, "ended by broadcast", w.State().Activities[0].Ended, true)
			time.Sleep(5 * time.Hour)
			synctest.Wait()
			want(t, "unsubscribed with its card", strings.Contains(logText(w.State()), "goes away"), true)
			seen := len(w.State().Log)
			cast("update", 7)
			want(t, "nothing arrives any longer", len(w.State().Log), seen)
		}},
		{"D14", "token rotated while a push is queued: the old token dies", DefaultBuild(), nil, func(t *testing.T, w *world) {
			old, id := w.app().Token, w.app().RegistrationID
			back := w.offline(t)
			want(t, "queued", w.sendTo(t, old, alert("queued")), 200)
			w.must(t, w.RotateToken(testBundle))
			back()
			w.wait(t, "the new token at Aurora", func(s State) bool { a := s.Apps[0]; return a.Token != "" && a.Synced })
			fresh := w.app()
			want(t, "another token", fresh.Token != old, true)
			want(t, "the same registration", fresh.RegistrationID, id)
			want(t, "Aurora knows", w.aurora.value("token").(string), fresh.Token)
			want(t, "the queued one", texts(w.State().NotificationCenter), "")
			want(t, "the old token", w.sendTo(t, old, alert("late")), 410)
			want(t, "the new token", w.send(t, alert("hello")), 200)
			want(t, "on the phone", texts(w.State().NotificationCenter), "hello")
		}},
		{"D14", "reinstalled: another token and another registration", DefaultBuild(), nil, func(t *testing.T, w *world) {
			old := w.app()
			w.must(t, w.Reinstall(testBundle))
			want(t, "permission", w.app().Permission, NotDetermined)
			w.ready(t)
			want(t, "another token", w.app().Token != old.Token, true)
			want(t, "another registration", w.app().RegistrationID != old.RegistrationID, true)
			w.sendTo(t, old.Token, alert("finds out"))
			want(t, "the old token", w.sendTo(t, old.Token, alert("late")), 410)
		}},
	} {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.build, func(p *apns.Policy) {
					if c.policy != nil {
						c.policy(p)
					}
				})
				c.run(t, w)
				if t.Failed() {
					t.Log(logText(w.State()))
				}
			})
		})
	}
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// messageIDs are Aurora's ids of what the delegate received, oldest first.
func messageIDs(a AppState) string {
	var ids []string
	for _, m := range a.Messages {
		ids = append(ids, m.MessageID)
	}
	return strings.Join(ids, " ")
}
