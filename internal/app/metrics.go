package app

import (
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"personae.dev/internal/cache"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/overload"
)

// metrics is what /metrics tells.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	store    *prometheus.HistogramVec
	cache    *prometheus.CounterVec
	purged   prometheus.Counter
	refused  *prometheus.CounterVec

	// What labels lead to is kept: to look it up costs as much as the rest of
	// a cached answer. The first map is replaced when a new pair of labels
	// occurs, under mu, and the second is complete from the beginning.
	mu        sync.Mutex
	byRequest atomic.Pointer[map[requestLabels]requestMetrics]
	byCache   map[cacheLabels]prometheus.Counter
}

func newMetrics() *metrics {
	// From 50 µs, a cached answer, to 10 s, in steps of about 2.5.
	buckets := []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
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
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "personae_cache_lookups_total",
			Help: "Looks into a cache, by cache (personas, keys) and result (hit, miss, bypass).",
		}, []string{"cache", "result"}),
		purged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "personae_purged_personas_total",
			Help: "Deleted personas that were removed for good.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "personae_refused_total",
			Help: "What was more than the server can do, by reason: requests that got 503 (in_flight, bodies, answers, connections), and connections that were closed at once (closed), or in the head of a request (heads).",
		}, []string{"reason"}),
	}
	m.byRequest.Store(&map[requestLabels]requestMetrics{})
	m.byCache = map[cacheLabels]prometheus.Counter{}
	for _, name := range []library.CacheName{library.CachePersonas, library.CacheKeys} {
		for _, result := range []cache.Result{cache.Hit, cache.Miss, cache.Bypass} {
			m.byCache[cacheLabels{name, result}] = m.cache.WithLabelValues(string(name), string(result))
		}
	}
	for _, reason := range []httpx.Refusal{httpx.RefusedWork, httpx.RefusedBody, httpx.RefusedAnswer, httpx.RefusedConnection, httpx.Refusal(overload.ClosedConnections), httpx.Refusal(overload.ClosedHeads)} {
		m.refused.WithLabelValues(string(reason)) // shown as 0
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "personae_build_info",
		Help: "Always 1; the labels tell which build this is.",
	}, []string{"version", "revision", "goversion"})
	version := Version()
	build.WithLabelValues(version.Version, version.Revision, version.Go).Set(1)
	m.registry.MustRegister(m.requests, m.latency, m.store, m.cache, m.purged, m.refused, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	})
}

func (m *metrics) observeRefusal(reason httpx.Refusal) {
	m.refused.WithLabelValues(string(reason)).Inc()
}

func (m *metrics) observeClosed(reason overload.Closed) {
	m.refused.WithLabelValues(string(reason)).Inc()
}

func (m *metrics) countConnections(open func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "personae_connections",
		Help: "Connections that are open.",
	}, func() float64 { return float64(open()) }))
}

type requestLabels struct {
	route  string
	status int
}

type requestMetrics struct {
	count prometheus.Counter
	took  prometheus.Observer
}

func (m *metrics) observeRequest(route string, status int, took time.Duration) {
	labels := requestLabels{route, status}
	r, ok := (*m.byRequest.Load())[labels]
	if !ok {
		r = requestMetrics{m.requests.WithLabelValues(route, strconv.Itoa(status)), m.latency.WithLabelValues(route)}
		m.mu.Lock()
		more := maps.Clone(*m.byRequest.Load())
		more[labels] = r
		m.byRequest.Store(&more)
		m.mu.Unlock()
	}
	r.count.Inc()
	r.took.Observe(took.Seconds())
}

func (m *metrics) observeStore(operation string, took time.Duration) {
	m.store.WithLabelValues(operation).Observe(took.Seconds())
}

type cacheLabels struct {
	name   library.CacheName
	result cache.Result
}

func (m *metrics) observeCache(name library.CacheName, result cache.Result) {
	m.byCache[cacheLabels{name, result}].Inc()
}
