package library

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"

	"github.com/maypok86/otter/v2"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/match"
)

// Limits of matching.
const (
	// MaxMatchTitles is how many titles a request may have, MaxMatchTitle how many
	// characters each, and MaxMatches how many matches of each are answered.
	MaxMatchTitles = 1000
	MaxMatchTitle  = 500
	DefaultMatches = 3
	MaxMatches     = 10
	// DefaultIndexBytes bounds the indexes of all workspaces together.
	DefaultIndexBytes = 64 << 20
)

// maxCount is how often a title occurs at most.
const maxCount = 1_000_000_000

// draftOID is the id of a draft persona that has none.
const draftOID = "draft"

// MatchRequest says what to match.
type MatchRequest struct {
	// Titles are job titles. One without a letter or digit belongs to nobody.
	Titles []string
	// Path returns the place of a title in the request, for errors; nil stands for
	// "titles[i]".
	Path func(i int) string
	// Counts has how often each title occurs, for Unmatched; nil stands for once
	// each.
	Counts []int
	// Limit is how many matches of each title are wanted.
	Limit int
	// MinScore is the least score of a match, 0 to 1, or match.Auto for the
	// documented thresholds.
	MinScore float64
	// OfferingOID leaves out personas that are not linked to this product, service
	// or solution; "" for none.
	OfferingOID string
	// Draft, if set, is a persona that is not saved. It changes the persona with
	// its id, or stands beside all others where it has none.
	Draft *entity.Patch
	// Errors are those of the request's form.
	Errors errs.List
}

// Matched is a title with the personas that it belongs to, the best first, and
// none where it belongs to nobody.
type Matched struct {
	Title   string
	Matches []match.Match
}

// Match finds the personas of the caller's workspace that job titles belong to,
// in the order of the titles. Archived and deleted personas do not match; those
// that are not active do, and say so. A change of a persona counts at once, and
// one that another server made within a second. The same titles and personas
// give the same answer.
//
// Where the request names no score, offering and draft, titles that belong to
// nobody are counted, as often as Counts says: see Unmatched.
func (l *Library) Match(ctx context.Context, c Caller, r MatchRequest) ([]Matched, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	workspace := c.Workspace.OID
	x, err := l.index(ctx, workspace)
	if err != nil {
		return nil, err
	}
	if r.Draft != nil {
		if x, err = l.withDraft(ctx, workspace, x, r); err != nil {
			return nil, err
		}
	}
	personas := x.Index
	if r.OfferingOID != "" {
		fits, err := l.linkedTo(ctx, workspace, x, r.OfferingOID)
		if err != nil {
			return nil, err
		}
		personas = x.Only(fits)
	}
	answer := make([]Matched, len(r.Titles))
	counts := map[string]int{}
	for i, title := range r.Titles {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		answer[i] = Matched{title, personas.Match(title, r.Limit, r.MinScore)}
		if len(answer[i].Matches) > 0 {
			continue
		}
		if r.Counts == nil {
			counts[title]++
		} else {
			counts[title] += r.Counts[i]
		}
	}
	if l.countUnmatched && r.MinScore == match.Auto && r.OfferingOID == "" && r.Draft == nil {
		l.noteUnmatched(workspace, counts)
	}
	return answer, nil
}

// check returns the errors of a request.
func (r *MatchRequest) check() error {
	list := r.Errors
	if r.Limit < 1 || r.Limit > MaxMatches {
		list.Add("limit", "is %d: use 1 to %d", r.Limit, MaxMatches)
	}
	if r.MinScore != match.Auto && !(r.MinScore >= 0 && r.MinScore <= 1) {
		list.Add("minScore", "is %g: use 0 to 1", r.MinScore)
	}
	if n := len(r.Titles); n > MaxMatchTitles {
		list.Add("", "%d titles are too many: send at most %d in a request", n, MaxMatchTitles)
		return list.Err()
	}
	if r.Counts != nil && len(r.Counts) != len(r.Titles) {
		list.Add("counts", "has %d items, and there are %d titles: send one for each, or none", len(r.Counts), len(r.Titles))
	}
	if slices.ContainsFunc(r.Counts, func(n int) bool { return n < 0 || n > maxCount }) {
		list.Add("counts", "must be 0 to %d", maxCount)
	}
	if r.Path == nil {
		r.Path = func(i int) string { return fmt.Sprintf("titles[%d]", i) }
	}
	for i, title := range r.Titles {
		list.AddAll(errs.CheckText(r.Path(i), title, 0, MaxMatchTitle))
	}
	if r.OfferingOID != "" && !account.ValidID(r.OfferingOID) {
		list.Add("offeringOId", "is no id")
	}
	return list.Err()
}

// matching is what a Library needs to match titles.
type matching struct {
	// titled and titlesField are as of entity.Registry.Titled.
	titled      *entity.Kind
	titlesField string
	// versions has the version of the personas of a workspace, and indexes the
	// index of a version.
	versions       *cache[string, indexKey]
	indexes        *otter.Cache[indexKey, *index]
	countUnmatched bool
	unmatched      unmatchedTitles
}

// indexKey names the personas of a workspace as they were at one moment.
type indexKey struct {
	workspace string
	version   [sha256.Size]byte
}

// index is the index of a workspace, with what it was made of.
type index struct {
	*match.Index
	key      indexKey
	personas []match.Persona
	links    map[string][]entity.Link // of a persona, by its id
}

// bytes is about what the index takes in memory.
func (x *index) bytes() int {
	const itself, link = 1000, 100
	size := itself + x.Size()
	for _, links := range x.links {
		size += link * (1 + len(links))
	}
	return size
}

// PersonaKind returns the kind that job titles are matched to; nil where no kind
// has job titles.
func (l *Library) PersonaKind() *entity.Kind { return l.titled }

func (l *Library) initMatching(cfg Config) (err error) {
	l.titled, l.titlesField = l.registry.Titled()
	l.countUnmatched = cfg.CountUnmatched
	const workspaces = 1 << 20 // bytes
	if l.versions, err = newCache(min(cfg.CacheBytes, workspaces), func(workspace string, _ indexKey) int { return 2 * len(workspace) }, func(bool) {}); err != nil {
		return err
	}
	if cfg.IndexBytes == 0 {
		cfg.IndexBytes = DefaultIndexBytes
	}
	l.indexes, err = otter.New(&otter.Options[indexKey, *index]{
		MaximumWeight: uint64(cfg.IndexBytes),
		// An index that is larger than all may be is kept alone.
		Weigher: func(_ indexKey, x *index) uint32 {
			return uint32(min(int64(x.bytes()), cfg.IndexBytes, math.MaxUint32))
		},
	})
	return err
}

// index returns the index of a workspace, which requests that need it at the same
// time build once.
func (l *Library) index(ctx context.Context, workspace string) (*index, error) {
	if l.titled == nil {
		return &index{Index: match.NewIndex(nil)}, nil
	}
	key, err := l.versions.get(ctx, workspace, func(ctx context.Context) (indexKey, error) {
		versions, err := l.store.Versions(ctx, workspace, l.titled.Name)
		return indexKeyOf(workspace, versions), err
	})
	if err != nil {
		return nil, err
	}
	x, err := l.indexes.Get(ctx, key, otter.LoaderFunc[indexKey, *index](func(ctx context.Context, key indexKey) (*index, error) {
		return l.buildIndex(context.WithoutCancel(ctx), key.workspace) // others wait for it
	}))
	if err == nil && x.key != key { // a persona was changed in between
		l.indexes.Invalidate(key)
	}
	return x, err
}

func indexKeyOf(workspace string, versions []entity.Version) indexKey {
	h := sha256.New()
	for i := range versions {
		fmt.Fprintf(h, "%q %x\n", versions[i].OID, versions[i].Tag)
	}
	return indexKey{workspace, [sha256.Size]byte(h.Sum(nil))}
}

// buildIndex reads the personas of a workspace.
func (l *Library) buildIndex(ctx context.Context, workspace string) (*index, error) {
	x := &index{links: map[string][]entity.Link{}}
	var versions []entity.Version
	for row, err := range l.store.All(ctx, workspace, l.titled.Name) {
		if err != nil {
			return nil, err
		}
		if row.ArchivedAt != nil || row.DeletedAt != nil {
			continue
		}
		e, err := l.titled.Load(row)
		if err != nil {
			return nil, err
		}
		versions = append(versions, entity.Version{OID: row.OID, Tag: row.Tag})
		x.add(l, e)
	}
	x.key = indexKeyOf(workspace, versions)
	x.Index = match.NewIndex(x.personas)
	return x, nil
}

// add adds a persona to what the index is made of.
func (x *index) add(l *Library, e *entity.Entity) {
	x.personas = append(x.personas, match.Persona{OID: e.OID, Name: e.Text("name"), Titles: e.Texts(l.titlesField), Active: e.Bool("active")})
	if links := l.titled.Links(e); len(links) > 0 {
		x.links[e.OID] = links
	}
}

// withDraft returns an index in which a draft takes the place of a persona.
func (l *Library) withDraft(ctx context.Context, workspace string, x *index, r MatchRequest) (*index, error) {
	k := l.titled
	if k == nil {
		return x, nil
	}
	draft, err := l.unsaved(ctx, workspace, k, r.Draft)
	if err != nil {
		return nil, err
	}
	if draft.OID == "" {
		draft.OID = draftOID
	}
	y := &index{links: map[string][]entity.Link{}}
	for _, p := range x.personas {
		if p.OID != draft.OID {
			y.personas, y.links[p.OID] = append(y.personas, p), x.links[p.OID]
		}
	}
	y.add(l, draft)
	y.Index = match.NewIndex(y.personas)
	return y, nil
}

// unsaved returns what a draft makes of the persona that it names, or a new one.
func (l *Library) unsaved(ctx context.Context, workspace string, k *entity.Kind, draft *entity.Patch) (*entity.Entity, error) {
	var before *entity.Entity
	if draft.OID != "" {
		ref := entity.Ref{Workspace: workspace, Kind: k.Name, OID: draft.OID}
		if !account.ValidID(draft.OID) {
			return nil, notFound(k)
		}
		row, err := l.row(ctx, l.store, k, ref)
		if err != nil {
			return nil, l.explain(ctx, k, ref, err)
		}
		if before, err = k.Load(row); err != nil {
			return nil, err
		}
	}
	e, fields := k.Apply(before, draft)
	return e, errs.InvalidFields(within("persona.", fields))
}

// linkedTo tells of a persona whether a list of those of an offering has it.
func (l *Library) linkedTo(ctx context.Context, workspace string, x *index, offering string) (func(oID string) bool, error) {
	found, err := l.store.Find(ctx, workspace, []string{offering})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(n entity.Named) bool { return !l.isOffering(n.Kind) })
	if len(found) == 0 {
		return nil, errs.InvalidFields([]errs.Field{{Path: "offeringOId", Message: "is the oId of no product, service or solution in this workspace"}})
	}
	f, _ := l.registry.LinkFilter(l.titled, entity.FilterOffering, offering)
	back := map[string]bool{}
	for _, n := range found {
		links, err := l.store.Links(ctx, entity.Ref{Workspace: workspace, Kind: n.Kind, OID: n.OID})
		if err != nil {
			return nil, err
		}
		for _, link := range links {
			if slices.Contains(f.Back, link.Field) {
				back[link.Target] = true
			}
		}
	}
	return func(oID string) bool {
		return back[oID] || slices.ContainsFunc(x.links[oID], func(link entity.Link) bool {
			return slices.Contains(f.Fields, link.Field) && (link.Target == offering || link.Target == entity.LinkAll)
		})
	}, nil
}

// isOffering tells whether the filter by offering names entities of a kind.
func (l *Library) isOffering(kind string) bool {
	if l.titled == nil {
		return false
	}
	for _, f := range l.titled.LinkFields() {
		if f.Filter == entity.FilterOffering && slices.Contains(f.Targets, kind) {
			return true
		}
	}
	return false
}
