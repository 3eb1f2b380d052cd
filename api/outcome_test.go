package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

type devicesAnswer struct {
	IDs  []string `json:"registration_ids"`
	Next *int64   `json:"next"`
}

// devices lists a message's devices by pages of two.
func (w *world) devices(t *testing.T, message, query string) (ids []string) {
	t.Helper()
	path := "/v1/messages/" + message + "/devices?limit=2&"
	query, after, from := strings.Cut(query, "&after=")
	if from {
		after = "&after=" + after
	}
	for {
		var a devicesAnswer
		w.accepted(t, request{path: path + query + after}.as(w.app), &a)
		ids = append(ids, a.IDs...)
		if a.Next == nil {
			return ids
		}
		if len(a.IDs) != 2 {
			t.Fatalf("a page of %d devices says that there are more", len(a.IDs))
		}
		after = fmt.Sprintf("&after=%d", *a.Next)
	}
}

// TestDevicesByOutcome: behind each number of a report are its devices, and
// for each of them the steps that explain it; for a message kept as notes and
// for one kept as bitmaps.
func TestDevicesByOutcome(t *testing.T) {
	w := startWorld(t)
	var all, tokens, without []phone
	for i := range 5 {
		attributes := `{"tags":{"set":["vip"]}}`
		if i != 2 {
			attributes = fmt.Sprintf(`{"token":%q,"environment":"development","tags":{"set":["vip"]}}`, token(i))
		}
		p := w.register(t, w.app, attributes)
		if all = append(all, p); i == 2 {
			without = append(without, p)
		} else {
			tokens = append(tokens, p)
		}
	}
	idsOf := func(list []phone) (ids []string) {
		for _, p := range list {
			ids = append(ids, p.id)
		}
		return ids
	}
	for name, audience := range map[string]string{
		"notes":   `{"registration_id":["` + all[0].id + `","` + all[1].id + `","` + all[2].id + `","` + all[3].id + `","` + all[4].id + `"]}`,
		"bitmaps": `"all"`,
	} {
		t.Run(name, func(t *testing.T) {
			p := w.push(t, w.app, `{"platform":"all","audience":`+audience+`,"notification":{"alert":"hello"},"options":{"apns_production":false}}`)
			w.settled(t, w.app, p.MessageID)
			for _, of := range []phone{tokens[0], tokens[1], tokens[3]} {
				w.accepted(t, request{path: "/v1/devices/" + of.id + "/receipts", user: of.id, password: of.secret, body: `{"receipts":[{"msg_id":"` + p.MessageID + `","event":"received"}]}`}, nil)
			}
			w.accepted(t, request{path: "/v1/devices/" + tokens[1].id + "/receipts", user: tokens[1].id, password: tokens[1].secret, body: `{"receipts":[{"msg_id":"` + p.MessageID + `","event":"opened"}]}`}, nil)
			for query, want := range map[string][]phone{
				"outcome=targeted":                  all,
				"outcome=accepted":                  tokens,
				"outcome=failed:NoToken":            without,
				"outcome=failed:Unregistered":       nil,
				"outcome=opened":                    {tokens[1]},
				"outcome=received&without=opened":   {tokens[0], tokens[3]},
				"outcome=targeted&without=accepted": without,
				"outcome=targeted&after=0":          all[1:],
				"outcome=targeted&after=4":          nil,
				"outcome=inapp:ios:targeted":        nil,
			} {
				if got := w.devices(t, p.MessageID, query); !slices.Equal(got, idsOf(want)) {
					t.Errorf("%s gives %v, want %v", query, got, idsOf(want))
				}
			}
			broken := func(of phone) (name string) {
				var a struct {
					Steps []struct{ Name, State, Remedy string }
				}
				w.accepted(t, request{path: "/v1/messages/" + p.MessageID + "/devices/" + of.id}.as(w.app), &a)
				for _, s := range a.Steps {
					if s.State == "broken" && s.Remedy != "" {
						name += s.Name
					}
				}
				return name
			}
			if got := broken(without[0]); got != "Token" {
				t.Errorf("the device without token is said to fail at %q", got)
			}
			if got := broken(tokens[0]); got != "" {
				t.Errorf("a reached device is said to fail at %q", got)
			}
		})
	}
}

// TestDevicesByOutcomeRefusals: bad questions, and another app's message.
func TestDevicesByOutcomeRefusals(t *testing.T) {
	w := startWorld(t)
	p := w.register(t, w.app, `{"alias":"mia"}`)
	stranger := w.register(t, w.other, `{"alias":"eve"}`)
	mine := w.push(t, w.app, `{"platform":"all","audience":"all","notification":{"alert":"mine"}}`)
	theirs := w.push(t, w.other, `{"platform":"all","audience":"all","notification":{"alert":"theirs"}}`)
	path := "/v1/messages/" + mine.MessageID + "/devices"
	for _, q := range []string{"", "?outcome=", "?outcome=sent", "?outcome=failed:", "?outcome=failed", "?outcome=" + url.QueryEscape("failed:"+string(make([]byte, 200))), "?outcome=accepted&without=x", "?outcome=accepted&limit=0", "?outcome=accepted&limit=1001", "?outcome=accepted&after=-1", "?outcome=accepted&after=x", "?outcome=inapp:ios:", "?outcome=inapp:pager:targeted"} {
		w.refused(t, request{path: path + q}.as(w.app), 400, 3002)
	}
	for path, status := range map[string]int{
		"/v1/messages/" + theirs.MessageID + "/devices?outcome=targeted": 404,
		"/v1/messages/x/devices?outcome=targeted":                        400,
		"/v1/messages/" + theirs.MessageID + "/devices/" + p.id:          404,
		path + "/" + stranger.id:                                         404,
		path + "/x":                                                      400,
	} {
		w.refused(t, request{path: path}.as(w.app), status, 3002)
	}
}
