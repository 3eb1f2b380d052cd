package server_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/aurora-push/aurora/server"
)

// A push leaves its figures with the operators, and one trace from the caller
// to the last outcome.
func TestPushIsMeteredAndTraced(t *testing.T) {
	r := newCrashRig(t)
	otlp := newOTLP(t)
	s := serve(t, server.Config{Data: r.dir, APNs: r.apns.ProductionURL(), APNsSandbox: r.apns.SandboxURL(), APNsCA: r.ca, AdminListen: "127.0.0.1:0", OTLP: otlp.URL, TraceRatio: 0})
	r.registerDevices(s.URL(), 3)

	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	request, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/v3/push", strings.NewReader(`{"platform":"all","audience":"all","notification":{"alert":"hello"},"options":{"apns_production":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(r.app.Key, r.app.MasterSecret.Reveal())
	request.Header.Set("traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}

	admin := "http://" + s.AdminAddr().String()
	want := map[string]float64{
		`aurora_pushes_accepted_total{source="api"}`:                                              1,
		`aurora_outcomes_total{outcome="accepted",reason=""}`:                                     3,
		`aurora_http_request_seconds_count{method="POST",route="/v3/push",status="200"}`:          1,
		`aurora_http_request_seconds_count{method="POST",route="/v1/devices",status="200"}`:       3,
		`aurora_http_request_seconds_count{method="PATCH",route="/v1/devices/{id}",status="200"}`: 3,
		`aurora_jobs{lane="direct"}`:                                                              0,
		`aurora_queue_age_seconds{lane="broadcast"}`:                                              0,
		`aurora_apns_connections{environment="development",state="live"}`:                         1,
		`aurora_apns_in_flight{environment="development"}`:                                        0,
		`aurora_apns_refused{environment="development"}`:                                          0,
	}
	var got map[string]float64
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) { // for the outcomes
		if got = metricsAt(t, admin); got[`aurora_outcomes_total{outcome="accepted",reason=""}`] == 3 && got[`aurora_jobs{lane="direct"}`] == 0 {
			break
		}
	}
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, value)
		}
	}
	for _, name := range []string{`aurora_commit_seconds_count{result="ok"}`, `aurora_commit_parts_count`, `aurora_database_bytes`, `process_resident_memory_bytes`, `go_goroutines`} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	if resp, err := http.Get(s.URL() + "/metrics"); err != nil || resp.StatusCode == http.StatusOK {
		t.Errorf("metrics are open to everyone: %v, %v", resp.Status, err)
	}

	if err := s.Shutdown(t.Context()); err != nil { // delivers the last spans
		t.Fatal(err)
	}
	names := otlp.inTrace(traceID)
	if want := []string{"POST /v3/push", "accept push", "send to vendor", "store push", "work on job"}; !slices.Equal(slices.Sorted(maps.Keys(names)), want) {
		t.Errorf("the trace has %v, want %v", names, want)
	}
	if others := otlp.count() - len(names); others != 0 {
		t.Errorf("%d spans of requests that brought no trace, with a ratio of 0", others)
	}
}

// metricsAt reads the figures of an admin listener by name and labels.
func metricsAt(t *testing.T, admin string) map[string]float64 {
	t.Helper()
	resp, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	figures := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "} "); ok {
			figures[name+"}"], _ = strconv.ParseFloat(value, 64) // comments have none
		} else if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			figures[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return figures
}

// otlpCollector takes spans as an OpenTelemetry collector does.
type otlpCollector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*spans.Span
}

func newOTLP(t *testing.T) *otlpCollector {
	c := &otlpCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range in.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *otlpCollector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.spans)
}

// inTrace returns the names of the spans of a trace.
func (c *otlpCollector) inTrace(id string) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := map[string]bool{}
	for _, s := range c.spans {
		if fmt.Sprintf("%x", s.TraceId) == id {
			names[s.Name] = true
		}
	}
	return names
}

// A server that is told to stop says first that it is not ready, and goes on
// serving for the drain delay.
func TestDrain(t *testing.T) {
	s := serve(t, server.Config{Data: t.TempDir(), DrainDelay: time.Hour})
	if status, body := get(t, s.URL()+"/readyz"); status != http.StatusOK || !strings.Contains(body, `"ready":true`) {
		t.Fatalf("readyz before: %d %s", status, body)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(ctx) }()
	deadline := time.After(10 * time.Second)
	for {
		status, body := get(t, s.URL()+"/readyz")
		if status == http.StatusServiceUnavailable && strings.Contains(body, `"draining":true`) {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("readyz while draining: %d %s", status, body)
		default:
		}
	}
	if status, _ := get(t, s.URL()+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz while draining: %d", status)
	}
	stop()
	<-stopped // with the context's end as its error, or none
}

// A database that cannot be written makes the server not ready, with the
// reason, and ready again once it can.
func TestReadyFollowsTheDatabase(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, server.Config{Data: dir})
	defer s.Shutdown(t.Context())
	release := lockDatabase(t, dir)
	waitForReady(t, s, http.StatusServiceUnavailable)
	release()
	waitForReady(t, s, http.StatusOK)
}

func waitForReady(t *testing.T, s *server.Server, want int) {
	t.Helper()
	var status int
	var body string
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(50 * time.Millisecond) {
		if status, body = get(t, s.URL()+"/readyz"); status == want {
			return
		}
	}
	t.Fatalf("readyz answers %d %s, want %d", status, body, want)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// lockDatabase keeps every other writer of a folder's database waiting.
func lockDatabase(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "aurora.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		conn.Close()
	}
}

// A damaged part of a push does not make the server unready, and is seen by
// whoever asks: on /readyz and on the page System.
func TestDamagedJobIsSeen(t *testing.T) {
	r := newCrashRig(t)
	s := serve(t, server.Config{Data: r.dir, APNs: r.apns.ProductionURL(), APNsSandbox: r.apns.SandboxURL(), APNsCA: r.ca})
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, "aurora.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO message (id, app_id, sendno, source, platforms, audience, content, options, accepted_at) VALUES (7, 1, 1, 'api', '', 'all', '{}', '{}', ?)", time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO job (id, message_id, app_id, lane, block, attempt, due_at, holder, fence, targets, part) VALUES (7, 7, 1, 0, -1, 0, 0, '', 0, X'00', '')"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, body := get(t, s.URL()+"/readyz")
		if status == http.StatusOK && strings.Contains(body, `"damaged":"1 parts`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz: %d %s", status, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
	sys, err := s.System(t.Context())
	if err != nil || len(sys.Damaged) != 1 || sys.Damaged[0].MessageID != 7 || sys.Damaged[0].Problem == "" || time.Until(sys.Damaged[0].Until) < time.Hour {
		t.Errorf("the page System has %+v, %v", sys.Damaged, err)
	}
}
