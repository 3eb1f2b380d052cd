package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clusterLoad is everybody who uses the servers while they fail. A call that
// got no answer, or "not now", is made again at another server with its cid or
// install id, as clients do.
type clusterLoad struct {
	site     *site
	judge    *clusterJudge
	http     *http.Client
	ids      []string     // registration ids of the devices 0, 1, …
	devices  atomic.Int64 // registered and answered for
	stopping chan struct{}
	working  sync.WaitGroup
	ended    chan struct{} // nothing reads the journal any more
	reading  sync.WaitGroup
}

func startClusterLoad(ctx context.Context, s *site, j *clusterJudge, devices int) *clusterLoad {
	l := &clusterLoad{site: s, judge: j, http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}, stopping: make(chan struct{}), ended: make(chan struct{})}
	l.devices.Store(int64(devices))
	l.reading.Go(func() {
		for read := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-l.ended:
				read.Stop()
				return
			case <-read.C:
				j.read()
			}
		}
	})
	for i, work := range []func(context.Context, int) bool{l.broadcast, l.single, l.single, l.single, l.register, l.schedule} {
		l.working.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				select {
				case <-l.stopping:
					return
				default:
				}
				if !work(ctx, n*8+i) {
					return
				}
			}
		})
	}
	return l
}

// end stops new work; what was begun is insisted on.
func (l *clusterLoad) end() {
	close(l.stopping)
	l.working.Wait()
	close(l.ended)
	l.reading.Wait()
}

func (l *clusterLoad) rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-l.stopping:
	case <-time.After(d):
	}
}

// insist makes a call through one server after the other until it is answered:
// 200, or 400 with false, which only a time that has passed meanwhile may get.
func (l *clusterLoad) insist(ctx context.Context, first int, method, path string, signed bool, body map[string]any) (answer map[string]any, ok bool) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is ours
	}
	for try := 0; ctx.Err() == nil; try++ {
		status, got := l.once(ctx, method, l.site.nodes[(first+try)%len(l.site.nodes)].url+path, signed, text)
		switch {
		case status == http.StatusOK:
			if err := json.Unmarshal(got, &answer); err != nil {
				l.judge.wrong(fmt.Sprintf("%s %s was answered %.100q", method, path, got))
			}
			return answer, true
		case status == http.StatusBadRequest:
			return nil, false
		case status == 0 || status == http.StatusServiceUnavailable:
		default:
			l.judge.wrong(fmt.Sprintf("%s %s was answered %d: %.200s", method, path, status, got))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, false
}

func (l *clusterLoad) once(ctx context.Context, method, url string, signed bool, body []byte) (status int, answer []byte) {
	q, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		panic(err) // it is ours
	}
	if signed {
		q.SetBasicAuth(l.site.app.Key, l.site.app.MasterSecret.Reveal())
	}
	resp, err := l.http.Do(q)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

func (l *clusterLoad) cid() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", l.site.app.Key, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func pushBody(to any, cid string) map[string]any {
	return map[string]any{"platform": []string{"ios"}, "audience": to, "notification": map[string]any{"alert": "survive"}, "options": map[string]any{"apns_production": true}, "cid": cid}
}

// broadcast sends to all, at least to those that are registered now, and waits
// until nearly all have it, so that there is always one on its way.
func (l *clusterLoad) broadcast(ctx context.Context, n int) bool {
	devices := int(l.devices.Load())
	answer, ok := l.insist(ctx, n, http.MethodPost, "/v3/push", true, pushBody("all", l.cid()))
	if !ok {
		l.judge.wrong("a push to all was refused")
		return false
	}
	id := fmt.Sprint(answer["msg_id"])
	l.judge.accepted(id, 0, devices)
	for begin := time.Now(); time.Since(begin) < 3*time.Minute && l.judge.reached(id) < devices*95/100; {
		select {
		case <-l.stopping:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true
}

// single sends to one device by its registration id.
func (l *clusterLoad) single(ctx context.Context, n int) bool {
	device := l.judge.some()
	if answer, ok := l.insist(ctx, n, http.MethodPost, "/v3/push", true, pushBody(map[string]any{"registration_id": []string{device.id}}, l.cid())); ok {
		l.judge.accepted(fmt.Sprint(answer["msg_id"]), device.index, device.index+1)
	}
	l.rest(ctx, 20*time.Millisecond)
	return true
}

// register makes one more device.
func (l *clusterLoad) register(ctx context.Context, n int) bool {
	i := int(l.devices.Load())
	answer, ok := l.insist(ctx, n, http.MethodPost, "/v1/devices", false, map[string]any{
		"app_key": l.site.app.Key, "install_id": fmt.Sprintf("install-%09d", i), "secret": strings.Repeat("s", 43), "platform": "ios", "token": tokenOf(i), "environment": "production"})
	if !ok {
		l.judge.wrong("a registration was refused")
		return false
	}
	l.devices.Add(1)
	l.judge.registered(fmt.Sprint(answer["registration_id"]), i)
	l.rest(ctx, 10*time.Millisecond)
	return true
}

// schedule makes a schedule that fires once, to one device, soon.
func (l *clusterLoad) schedule(ctx context.Context, n int) bool {
	device := l.judge.some()
	at := time.Now().Add(2*time.Second + mathrand.N(10*time.Second)).In(time.FixedZone("", 8*3600))
	body := pushBody(map[string]any{"registration_id": []string{device.id}}, "")
	delete(body, "cid")
	answer, ok := l.insist(ctx, n, http.MethodPost, "/v3/schedules", true, map[string]any{"cid": l.cid(), "name": "survive", "enabled": true,
		"trigger": map[string]any{"single": map[string]any{"time": at.Format(time.DateTime)}}, "push": body})
	if ok { // else its time had passed before a server took it
		l.judge.scheduled(fmt.Sprint(answer["schedule_id"]), device.index)
	}
	l.rest(ctx, 500*time.Millisecond)
	return true
}
