package server

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// Refusals that package httpx does not know.
const (
	refusedKeyLookup httpx.Refusal = "key_lookups" // too many keys are looked up in the database
	closedConnection httpx.Refusal = "closed"      // a connection that was closed at once
)

// metrics is what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	store    *prometheus.HistogramVec
	hits     map[string]prometheus.Counter // of caches, by name
	misses   map[string]prometheus.Counter
	purged   prometheus.Counter
	refused  *prometheus.CounterVec
}

func newMetrics() *metrics {
	// From 50 µs, a cached answer, to 10 s, in steps of about 2.5.
	buckets := []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "personae_cache_lookups_total",
		Help: "Lookups in a cache, by cache (documents, keys) and result (hit, miss).",
	}, []string{"cache", "result"})
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "personae_http_requests_total",
			Help: "Requests answered, by route (empty where none matched) and status.",
		}, []string{"route", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "personae_http_request_duration_seconds", Buckets: buckets,
			Help: "Time to answer a request, by route.",
		}, []string{"route"}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "personae_store_operation_duration_seconds", Buckets: buckets,
			Help: "Time of an operation on the database, by operation.",
		}, []string{"operation"}),
		hits: map[string]prometheus.Counter{}, misses: map[string]prometheus.Counter{},
		purged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "personae_purged_total",
			Help: "Deleted entities that were removed for good.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "personae_refused_total",
			Help: "What was more than the server can do, by reason: requests that got 503 (in_flight, bodies, answers, connections, key_lookups), and connections that were closed at once (closed).",
		}, []string{"reason"}),
	}
	for _, name := range []string{library.CacheDocuments, library.CacheKeys} {
		m.hits[name], m.misses[name] = lookups.WithLabelValues(name, "hit"), lookups.WithLabelValues(name, "miss")
	}
	for _, reason := range []httpx.Refusal{
		httpx.RefusedWork, httpx.RefusedBody, httpx.RefusedAnswer, httpx.RefusedConnection, refusedKeyLookup, closedConnection,
	} {
		m.refused.WithLabelValues(string(reason)) // shown as 0
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "personae_build_info",
		Help: "Always 1; the labels tell which build this is.",
	}, []string{"version", "revision", "goversion"})
	version := Version()
	build.WithLabelValues(version.Version, version.Revision, version.Go).Set(1)
	m.registry.MustRegister(m.requests, m.latency, m.store, lookups, m.purged, m.refused, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	})
}

// observer returns the observer of a route. Its labels are looked up once: to do
// so for every request costs as much as the rest of a cached answer.
func (m *metrics) observer(route string) httpx.Observer {
	const usual = http.StatusOK
	resolve := sync.OnceValues(func() (prometheus.Observer, prometheus.Counter) {
		return m.latency.WithLabelValues(route), m.requests.WithLabelValues(route, strconv.Itoa(usual))
	})
	return func(status int, took time.Duration) {
		latency, requests := resolve()
		latency.Observe(took.Seconds())
		if status != usual {
			requests = m.requests.WithLabelValues(route, strconv.Itoa(status))
		}
		requests.Inc()
	}
}

func (m *metrics) observeRefusal(reason httpx.Refusal) {
	m.refused.WithLabelValues(string(reason)).Inc()
}

func (m *metrics) countConnections(open func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "personae_connections",
		Help: "Connections that are open.",
	}, func() float64 { return float64(open()) }))
}

func (m *metrics) observeStore(operation string, took time.Duration) {
	m.store.WithLabelValues(operation).Observe(took.Seconds())
}

func (m *metrics) observeCache(cache string, hit bool) {
	if hit {
		m.hits[cache].Inc()
	} else {
		m.misses[cache].Inc()
	}
}
