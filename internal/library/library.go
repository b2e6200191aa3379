// Package library holds the use cases of the product, once for all kinds: every
// rule of the library is here. It knows the port of package entity, and neither
// SQL nor HTTP.
package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
)

// DefaultCacheBytes is how much memory `personae serve` gives the caches where
// nothing else is said.
const DefaultCacheBytes = 64 << 20

// Config says what a Library works with.
type Config struct {
	Store    entity.Store
	Registry *entity.Registry
	// CacheBytes bounds the caches together; 0 turns them off.
	CacheBytes int64
	// ListBytes bounds what all lists together have in memory; 0 stands for
	// DefaultListBytes.
	ListBytes int64
	// IndexBytes bounds the indexes of matching together; 0 stands for
	// DefaultIndexBytes.
	IndexBytes int64
	// CountUnmatched notes job titles that belong to no persona.
	CountUnmatched bool
	// ObserveCache, if set, is told of every look into a cache: CacheDocuments or
	// CacheKeys. It must be safe for concurrent use.
	ObserveCache func(cache string, hit bool)
	// Now, if set, tells the time instead of the system.
	Now func() time.Time
	// NewID, if set, makes ids instead of account.NewID, which are the same for the
	// same calls in the same order. See entity.Registry.UseIDs, too.
	NewID func(prefix string) string
	// Log, if set, is told of what no caller is told.
	Log *slog.Logger
	// Model is asked where a use case needs a language model; nil for none.
	Model Model
}

// The names of the caches, for metrics.
const (
	CacheDocuments = "documents"
	CacheKeys      = "keys"
)

// Library is the use cases over one store. It is safe for concurrent use.
type Library struct {
	store     entity.Store
	registry  *entity.Registry
	now       func() time.Time
	newID     func(prefix string) string
	ordered   bool // what makes ids is done in order
	log       *slog.Logger
	documents *cache[entity.Ref, *Document]
	keys      *cache[string, *account.Principal]
	lists     *semaphore.Weighted
	listBytes int64
	uses      uses
	model     Model // nil for none
	signIns   signIns
	matching
}

// principalBytes is about what a principal takes.
const principalBytes = 700

// New returns a Library.
func New(cfg Config) (*Library, error) {
	if cfg.Now == nil {
		cfg.Now = account.Now
	}
	ordered := cfg.NewID != nil
	if !ordered {
		cfg.NewID = account.NewID
	}
	if cfg.ObserveCache == nil {
		cfg.ObserveCache = func(string, bool) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.ListBytes == 0 {
		cfg.ListBytes = DefaultListBytes
	}
	l := &Library{
		store: cfg.Store, registry: cfg.Registry, now: cfg.Now, newID: cfg.NewID, ordered: ordered, log: cfg.Log,
		lists: semaphore.NewWeighted(cfg.ListBytes), listBytes: cfg.ListBytes,
		model:   cfg.Model,
		signIns: newSignIns(),
	}
	observe := func(name string) func(bool) { return func(hit bool) { cfg.ObserveCache(name, hit) } }
	// A get needs its key first, which takes a tenth of a document's memory.
	keyBytes := cfg.CacheBytes / 4
	var err error
	l.documents, err = newCache(cfg.CacheBytes-keyBytes, func(ref entity.Ref, d *Document) int {
		return len(ref.Workspace) + len(ref.OID) + len(d.Body) + len(d.ETag)
	}, observe(CacheDocuments))
	if err != nil {
		return nil, fmt.Errorf("library: make the cache of documents: %w", err)
	}
	l.keys, err = newCache(keyBytes, func(keyOID string, _ *account.Principal) int {
		return len(keyOID) + principalBytes
	}, observe(CacheKeys))
	if err != nil {
		return nil, fmt.Errorf("library: make the cache of keys: %w", err)
	}
	if err := l.initMatching(cfg); err != nil {
		return nil, fmt.Errorf("library: make the cache of indexes: %w", err)
	}
	return l, nil
}

// changed forgets what was read of entities that were changed.
func (l *Library) changed(refs ...entity.Ref) {
	l.documents.drop(refs...)
	for _, ref := range refs {
		l.versions.drop(ref.Workspace)
	}
}

// Registry returns the kinds.
func (l *Library) Registry() *entity.Registry { return l.registry }

// Ping tells whether the database answers.
func (l *Library) Ping(ctx context.Context) error { return l.store.Ping(ctx) }

// PingWrite tells whether the database can be written.
func (l *Library) PingWrite(ctx context.Context) error { return l.store.PingWrite(ctx) }

const (
	// flushUsesEvery is how long the last use of a key may be known in memory only.
	flushUsesEvery = time.Minute
	// lastFlushTimeout is how long the end of the server waits for it.
	lastFlushTimeout = 5 * time.Second
	// purgeEvery is the pause between two purges.
	purgeEvery = time.Hour
)

// Background says what Run does and whom it tells.
type Background struct {
	// RetainDeleted is how long a deleted entity is kept; 0 keeps it for ever.
	RetainDeleted time.Duration
	// Purged is told of every entity that was removed for good.
	Purged func(entity.DeletedEntity)
	// Failed is told of errors; the work is tried again later.
	Failed func(error)
}

// Run does what is to be done from time to time: it writes down when keys were
// last used and which titles belong to no persona, purges deleted entities,
// idempotency records, sessions and links, and rewrites rows of a lower shape. It
// returns when ctx ends, after it has written what was left to write.
func (l *Library) Run(ctx context.Context, work Background) {
	failed := func(what string, err error) {
		if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			work.Failed(fmt.Errorf("library: %s: %w", what, err))
		}
	}
	tidy := func() {
		var before time.Time // when nothing was deleted: idempotency records go all the same
		if work.RetainDeleted > 0 {
			before = l.now().Add(-work.RetainDeleted)
		}
		failed("purge deleted entities", l.Purge(ctx, before, work.Purged))
		failed("remove sessions and links that have expired", l.purgeSignIns(ctx))
		failed("rewrite rows of a lower shape", l.reshape(ctx))
	}
	flushes, counts, purges := time.NewTicker(flushUsesEvery), time.NewTicker(flushUnmatchedEvery), time.NewTicker(purgeEvery)
	defer flushes.Stop()
	defer counts.Stop()
	defer purges.Stop()
	tidy()
	for {
		select {
		case <-flushes.C:
			failed("write when keys were last used", l.uses.flush(ctx, l.store))
		case <-counts.C:
			failed("count unmatched titles", l.FlushUnmatched(ctx))
		case <-purges.C:
			tidy()
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlushTimeout)
			defer cancel()
			if err := l.uses.flush(last, l.store); err != nil {
				work.Failed(fmt.Errorf("library: write when keys were last used: %w", err))
			}
			if err := l.FlushUnmatched(last); err != nil {
				work.Failed(fmt.Errorf("library: count unmatched titles: %w", err))
			}
			return
		}
	}
}

// singletonID returns the id of a singleton: it derives from the workspace's, so
// that two first updates make one entity.
func singletonID(k *entity.Kind, workspace string) string {
	return k.Prefix + strings.TrimPrefix(workspace, account.WorkspacePrefix)
}
