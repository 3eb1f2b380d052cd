package main

import (
	"strings"
	"time"
)

// thousand starts where Apple lets a token connection start: one stream, and
// 1,000 once the first push was authenticated.
func thousand(t *trial) {
	pushes, phones := t.many(1000)
	begin := time.Now()
	results := t.send(t.key(), true, pushes...)
	t.note("%d connections, %d streams refused, %.1f s", t.happened("connections"), t.happened("streams_refused"), time.Since(begin).Seconds())
	t.settled(pushes, phones, results)
}

func fewStreams(t *trial) {
	t.must(t.gateway.call("POST", "/v1/policy", map[string]any{"streams": 20, "response_latency": "5ms"}, nil))
	pushes, phones := t.many(300)
	results := t.send(t.certificate(""), true, pushes...)
	t.note("%d connections, %d streams refused", t.happened("connections"), t.happened("streams_refused"))
	t.settled(pushes, phones, results)
}

// goAway ends the connection in the middle of a run: everything that had
// arrived is still answered, what comes later belongs on another connection.
func goAway(t *trial) { t.interrupted("this") }

// goAwayUnread declares one push unread that had arrived: it must be sent again.
func goAwayUnread(t *trial) { t.interrupted("previous") }

func (t *trial) interrupted(last string) {
	pushes, phones := t.many(500)
	t.must(t.gateway.call("POST", "/v1/policy", map[string]any{"streams": 50, "response_latency": "5ms"}, nil))
	t.must(t.gateway.call("POST", "/v1/faults", map[string]any{"topic": t.topic, "skip": 200, "count": 1,
		"goaway": map[string]any{"code": 0, "reason": "Shutdown", "last": last}}, nil))
	results := t.send(t.certificate(""), true, pushes...)
	t.check(t.happened("goaway") > 0, "no GOAWAY was sent")
	t.note("%d connections", t.happened("connections"))
	t.settled(pushes, phones, results)
}

// many makes pushes spread over ten phones.
func (t *trial) many(count int) (pushes []push, phones []*phone) {
	var tokens []string
	for range 10 {
		phone, token := t.phone("production")
		phones, tokens = append(phones, phone), append(tokens, token)
	}
	for i := range count {
		pushes = append(pushes, t.alert(tokens[i%len(tokens)]))
	}
	return pushes, phones
}

// settled compares three accounts of the same pushes: the client's, the
// record of the local APNs, and what the phones received.
func (t *trial) settled(pushes []push, phones []*phone, results []result) {
	taken := map[string]int{}
	seen := map[string]bool{}
	for _, p := range pushes {
		if seen[p.token] {
			continue
		}
		seen[p.token] = true
		list, err := t.gateway.notifications(p.token)
		t.must(err)
		for _, n := range list {
			if n.Status == 200 {
				taken[strings.ToLower(n.APNsID)]++
			}
		}
	}
	var failed, lost, doubled, wronged, again int
	example := ""
	for i, p := range pushes {
		count := taken[strings.ToLower(p.id)]
		if results[i].before != "" {
			again++
			example = results[i].before
		}
		if count > 1 {
			doubled++
		}
		switch accepted := results[i].status == 200; {
		case accepted && count == 0:
			lost++
		case !accepted && count > 0:
			wronged++
			example = results[i].String()
		case !accepted:
			failed++
			example = results[i].String()
		}
	}
	t.check(lost == 0, "%d reported as accepted are not recorded", lost)
	t.check(doubled == 0, "%d were accepted twice", doubled)
	t.check(wronged == 0, "%d reported as failed were accepted (%s)", wronged, example)
	t.check(failed == 0, "%d of %d were given up for good (%s)", failed, len(pushes), example)
	t.check(again == 0, "%d of %d failed at first and had to be sent again (%s)", again, len(pushes), example)

	arrived := 0
	for _, phone := range phones {
		phone.wait(10*time.Second, func() bool {
			for i, p := range pushes {
				if phones[i%len(phones)] == phone && taken[strings.ToLower(p.id)] > 0 && phone.received[strings.ToLower(p.id)] == 0 {
					return false
				}
			}
			return true
		})
		phone.mu.Lock()
		arrived += len(phone.received)
		phone.mu.Unlock()
	}
	t.check(arrived == len(taken), "%d were recorded as accepted, %d reached their phones", len(taken), arrived)
}
