package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// aurora is a server that keeps the device part of the contract, and misbehaves on demand.
type aurora struct {
	mu       sync.Mutex
	devices  map[string]*auroraDevice // by registration id
	receipts []Receipt                // counted ones, each once
	requests []string                 // method and path, in order
	times    []time.Time              // of the requests
	batches  []int                    // sizes of receipt requests
	faults   []fault                  // the first one is used up by the next request
	inbox    []InAppMessage           // for every device, until it acknowledges
}

type auroraDevice struct {
	ID, InstallID, Secret string
	Registered            registration
	Values                map[string]any
	Tags                  []string
}

// fault spoils one request.
type fault struct {
	status  int    // answered instead of doing anything
	body    string // with status
	header  http.Header
	cut     bool // done, but the answer is lost
	offline bool // never arrives
}

func newAurora() *aurora { return &aurora{devices: map[string]*auroraDevice{}} }

func (a *aurora) fail(faults ...fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, faults...)
}

// RoundTrip lets the server be used without a network, which testing/synctest needs.
func (a *aurora) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	var f fault
	if len(a.faults) > 0 {
		f, a.faults = a.faults[0], a.faults[1:]
	}
	a.times = append(a.times, time.Now())
	a.requests = append(a.requests, r.Method+" "+r.URL.Path)
	a.mu.Unlock()
	if f.offline {
		return nil, errors.New("network is unreachable")
	}
	recorder := httptest.NewRecorder()
	if f.status != 0 {
		maps.Copy(recorder.Header(), f.header)
		recorder.WriteHeader(f.status)
		io.WriteString(recorder, f.body)
		return recorder.Result(), nil
	}
	if strings.HasSuffix(r.URL.Path, "/messages") && !a.holdOpen(r) {
		return nil, r.Context().Err()
	}
	a.ServeHTTP(recorder, r)
	response := recorder.Result()
	if f.cut {
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"regi`), cutReader{}))
	}
	return response, nil
}

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func refuse(w http.ResponseWriter, status, code int, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"doc":"/docs/errors"}}`, code, message)
}

func (a *aurora) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.Method == http.MethodPost && len(path) == 2 {
		a.register(w, r)
		return
	}
	d := a.devices[path[2]]
	if d == nil {
		refuse(w, 404, 7002, "no such registration id")
		return
	}
	if id, secret, _ := r.BasicAuth(); id != d.ID || secret != d.Secret {
		refuse(w, 401, 7004, "wrong secret")
		return
	}
	switch {
	case r.Method == http.MethodPatch:
		a.patch(w, r, d)
	case r.Method == http.MethodPost:
		a.receive(w, r)
	case len(path) == 4:
		json.NewEncoder(w).Encode(map[string]any{"messages": a.waiting()})
	default:
		json.NewEncoder(w).Encode(map[string]any{"registration_id": d.ID, "alias": d.Values["alias"], "tags": d.Tags, "token": d.Values["token"]})
	}
}

// holdOpen waits for a message as the question says; false when the device hung up.
func (a *aurora) holdOpen(r *http.Request) bool {
	wait, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	for end := time.Now().Add(time.Duration(wait) * time.Second); time.Now().Before(end); {
		a.mu.Lock()
		n := len(a.waiting())
		a.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return false
		}
	}
	return true
}

// waiting lists what is not acknowledged. The caller holds mu.
func (a *aurora) waiting() []InAppMessage {
	return slices.DeleteFunc(slices.Clone(a.inbox), func(m InAppMessage) bool {
		return slices.ContainsFunc(a.receipts, Receipt{MessageID: m.MessageID, Event: Received, Part: partMessage}.same)
	})
}

func (a *aurora) say(id, content string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbox = append(a.inbox, InAppMessage{MessageID: id, Content: content})
}

func (a *aurora) register(w http.ResponseWriter, r *http.Request) {
	var body registration
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Secret) != 43 || len(body.InstallID) != 36 {
		refuse(w, 400, 7001, "malformed")
		return
	}
	if body.AppKey != testConfig.AppKey {
		refuse(w, 400, 1008, "no app has this AppKey")
		return
	}
	for _, d := range a.devices {
		if d.InstallID != body.InstallID {
			continue
		}
		if d.Secret != body.Secret {
			refuse(w, 403, 7004, "another secret")
			return
		}
		fmt.Fprintf(w, `{"registration_id":%q}`, d.ID)
		return
	}
	d := &auroraDevice{ID: fmt.Sprintf("%019x", 0xabc+len(a.devices)), InstallID: body.InstallID, Secret: body.Secret, Registered: body, Values: map[string]any{}}
	a.devices[d.ID] = d
	fmt.Fprintf(w, `{"registration_id":%q}`, d.ID)
}

func (a *aurora) patch(w http.ResponseWriter, r *http.Request, d *auroraDevice) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, 400, 7001, "malformed")
		return
	}
	if body["alias"] == "taken" {
		refuse(w, 400, 7015, "this alias has ten devices already")
		return
	}
	if body["token"] != nil && body["environment"] == nil {
		refuse(w, 400, 7001, "token without environment")
		return
	}
	for key, value := range body {
		if key != "tags" {
			d.Values[key] = value
			continue
		}
		operation := value.(map[string]any)
		if set, ok := operation["set"]; ok {
			d.Tags = nil
			operation["add"] = set
		}
		for _, tag := range list(operation["remove"]) {
			d.Tags = slices.DeleteFunc(d.Tags, func(s string) bool { return s == tag })
		}
		for _, tag := range list(operation["add"]) {
			if !slices.Contains(d.Tags, tag) {
				d.Tags = append(d.Tags, tag)
			}
		}
		slices.Sort(d.Tags)
	}
	io.WriteString(w, "{}")
}

func list(value any) (out []string) {
	values, _ := value.([]any)
	for _, v := range values {
		out = append(out, v.(string))
	}
	return out
}

func (a *aurora) receive(w http.ResponseWriter, r *http.Request) {
	var body struct{ Receipts []Receipt }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Receipts) == 0 || len(body.Receipts) > 100 {
		refuse(w, 400, 7001, "malformed")
		return
	}
	a.batches = append(a.batches, len(body.Receipts))
	for _, receipt := range body.Receipts {
		if receipt.MessageID == "666666" {
			refuse(w, 400, 7020, "no such message")
			return
		}
	}
	for _, receipt := range body.Receipts {
		known := slices.ContainsFunc(a.receipts, func(r Receipt) bool {
			return r.same(receipt)
		})
		if !known {
			a.receipts = append(a.receipts, receipt)
		}
	}
	io.WriteString(w, "{}")
}

// events lists the counted receipts as "id event".
func (a *aurora) events() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var events []string
	for _, r := range a.receipts {
		events = append(events, r.MessageID+" "+string(r.Event))
	}
	return events
}

// only returns the single registered device.
func (a *aurora) only() *auroraDevice {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.devices) != 1 {
		panic(fmt.Sprintf("%d devices are registered, want 1", len(a.devices)))
	}
	for _, d := range a.devices {
		return d
	}
	return nil
}

func (a *aurora) count(prefix string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, request := range a.requests {
		if strings.HasPrefix(request, prefix) {
			n++
		}
	}
	return n
}
