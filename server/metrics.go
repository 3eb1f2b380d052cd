package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/channel"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/store"
)

// metrics counts what the server does, in Prometheus' form. No label holds what
// a caller can choose, so their number is bounded.
type metrics struct {
	registry *prometheus.Registry
	accepted *prometheus.CounterVec
	settled  *prometheus.CounterVec
	requests *prometheus.HistogramVec
	commits  *prometheus.HistogramVec
	parts    prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "aurora_pushes_accepted_total", Help: "Pushes accepted, by where they came from."}, []string{"source"}),
		settled:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "aurora_outcomes_total", Help: "Devices with a settled outcome: accepted by the vendor, or failed with a reason."}, []string{"outcome", "reason"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "aurora_http_request_seconds", Help: "REST requests by route and status, and how long they took.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}}, []string{"method", "route", "status"}),
		commits:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "aurora_commit_seconds", Help: "Commits of the database, their writes included, and how long they took.", Buckets: []float64{.0005, .001, .002, .004, .008, .016, .032, .064, .128, .256, .512, 1, 4}}, []string{"result"}),
		parts:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "aurora_commit_parts", Help: "Callers whose writes shared one commit.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}}),
	}
	m.registry.MustRegister(m.accepted, m.settled, m.requests, m.commits, m.parts, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

func (m *metrics) countAccepted(source string) { m.accepted.WithLabelValues(source).Inc() }

func (m *metrics) countSettled(outcome aurora.Mark, devices uint64) {
	name, reason := string(outcome), ""
	if r, failed := outcome.FailedReason(); failed {
		name, reason = "failed", r
	}
	m.settled.WithLabelValues(name, reason).Add(float64(devices))
}

func (m *metrics) countRequest(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) countCommit(c store.Commit) {
	result := "ok"
	if c.Err != nil {
		result = "failed"
	}
	m.commits.WithLabelValues(result).Observe(c.Took.Seconds())
	m.parts.Observe(float64(c.Parts))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second, MaxRequestsInFlight: 2})
}

// gauges is what is looked up when somebody asks.
type gauges struct {
	store   *store.Store
	channel *channel.IOS
}

var (
	jobsDesc        = prometheus.NewDesc("aurora_jobs", "Unfinished parts of messages, by lane.", []string{"lane"}, nil)
	queueAgeDesc    = prometheus.NewDesc("aurora_queue_age_seconds", "How long the part has been due that has waited longest for a worker, by lane; 0 if none waits.", []string{"lane"}, nil)
	unfoldedDesc    = prometheus.NewDesc("aurora_index_unfolded", "About how many index changes are not yet in the bitmaps.", nil, nil)
	databaseDesc    = prometheus.NewDesc("aurora_database_bytes", "What the database takes on the disk, its log included.", nil, nil)
	connectionsDesc = prometheus.NewDesc("aurora_apns_connections", "Connections to APNs, by environment and state.", []string{"environment", "state"}, nil)
	inFlightDesc    = prometheus.NewDesc("aurora_apns_in_flight", "Notifications sent to APNs and not yet answered.", []string{"environment"}, nil)
	queuedDesc      = prometheus.NewDesc("aurora_apns_queued", "Notifications that wait for a connection to APNs.", []string{"environment"}, nil)
	rttDesc         = prometheus.NewDesc("aurora_apns_round_trip_seconds", "The longest smoothed round trip of a connection to APNs.", []string{"environment"}, nil)
	downDesc        = prometheus.NewDesc("aurora_apns_unreachable", "Apps whose gateway cannot be reached at the moment.", []string{"environment"}, nil)
	refusedDesc     = prometheus.NewDesc("aurora_apns_refused", "Apps whose credential APNs refuses at the moment.", []string{"environment"}, nil)
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{jobsDesc, queueAgeDesc, unfoldedDesc, databaseDesc, connectionsDesc, inFlightDesc, queuedDesc, rttDesc, downDesc, refusedDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out: the
// other figures are wanted most when the database does not answer.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	if queues, err := g.store.Queues(ctx); err == nil {
		jobs, ages := map[dispatch.Lane]int{}, map[dispatch.Lane]float64{}
		for _, q := range queues {
			if jobs[q.Lane] = q.Jobs; !q.Oldest.IsZero() {
				ages[q.Lane] = time.Since(q.Oldest).Seconds()
			}
		}
		for _, lane := range []dispatch.Lane{dispatch.Direct, dispatch.Broadcast} {
			gauge(jobsDesc, float64(jobs[lane]), lane.String())
			gauge(queueAgeDesc, max(ages[lane], 0), lane.String())
		}
	}
	if n, err := g.store.Unfolded(ctx); err == nil {
		gauge(unfoldedDesc, float64(n))
	}
	gauge(databaseDesc, float64(g.store.Size()))
	for env, l := range g.channel.Load() {
		name := env.String()
		gauge(connectionsDesc, float64(l.Live), name, "live")
		gauge(connectionsDesc, float64(l.Leaving), name, "leaving")
		gauge(inFlightDesc, float64(l.InFlight), name)
		gauge(queuedDesc, float64(l.Queued), name)
		gauge(rttDesc, l.RTT.Seconds(), name)
		gauge(downDesc, float64(l.Down), name)
		gauge(refusedDesc, float64(l.Refused), name)
	}
}
