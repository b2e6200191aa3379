package library

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/match"
)

// Limits of unmatched titles.
const (
	// MaxUnmatched is how many titles a workspace keeps; the rarest ones go first.
	MaxUnmatched = 10_000
	// MaxUnmatchedAtOnce is how many Unmatched returns at most.
	MaxUnmatchedAtOnce = 1000
	// UnmatchedLasts is how long a title is kept that is not matched any more.
	UnmatchedLasts = 180 * 24 * time.Hour

	// flushUnmatchedEvery is how long counts may be known in memory only.
	flushUnmatchedEvery = 10 * time.Second
	// maxUnmatchedNoted is how many titles are noted in between; others are not
	// counted then.
	maxUnmatchedNoted = 50_000
	// unmatchedPerWrite is how many are written in one transaction.
	unmatchedPerWrite = 500
	// longestUnmatched is how many characters a title has that is counted.
	longestUnmatched = 100
)

// unmatchedTitles notes titles that belong to no persona, without a write for
// each request.
type unmatchedTitles struct {
	mu    sync.Mutex
	noted int
	by    map[string]map[string]*entity.UnmatchedTitle // by workspace and title
}

// noteUnmatched notes how often titles occur, for FlushUnmatched.
func (l *Library) noteUnmatched(workspace string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	now := l.now()
	u := &l.unmatched
	u.mu.Lock()
	defer u.mu.Unlock()
	for title, n := range counts {
		if n > 0 && isCounted(title) {
			u.add(workspace, entity.UnmatchedTitle{Title: match.Fold(title), Count: n, LastAt: now})
		}
	}
}

// isCounted leaves out what is no title, or could tell more than one: addresses,
// telephone numbers, whole sentences.
func isCounted(title string) bool {
	digits := 0
	for _, r := range title {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return digits < 5 && !strings.ContainsRune(title, '@') && !strings.Contains(title, "://") &&
		utf8.RuneCountInString(title) <= longestUnmatched && match.Fold(title) != ""
}

func (u *unmatchedTitles) add(workspace string, title entity.UnmatchedTitle) {
	if u.by == nil {
		u.by = map[string]map[string]*entity.UnmatchedTitle{}
	}
	titles := u.by[workspace]
	if titles == nil {
		titles = map[string]*entity.UnmatchedTitle{}
		u.by[workspace] = titles
	}
	noted := titles[title.Title]
	if noted == nil {
		if u.noted >= maxUnmatchedNoted {
			return
		}
		u.noted++
		titles[title.Title] = &title
		return
	}
	noted.Count += title.Count
	if title.LastAt.After(noted.LastAt) {
		noted.LastAt = title.LastAt
	}
}

// FlushUnmatched writes down what was counted. What could not be written is noted
// again. Run calls it from time to time.
func (l *Library) FlushUnmatched(ctx context.Context) error {
	u := &l.unmatched
	u.mu.Lock()
	by := u.by
	u.by, u.noted = nil, 0
	u.mu.Unlock()
	for _, workspace := range slices.Sorted(maps.Keys(by)) {
		if err := l.writeUnmatched(ctx, workspace, by[workspace]); err != nil {
			u.mu.Lock()
			defer u.mu.Unlock()
			for workspace, titles := range by {
				for _, title := range titles {
					u.add(workspace, *title)
				}
			}
			return err
		}
	}
	return nil
}

// writeUnmatched writes down the counts of a workspace, and takes out of titles
// what is written. It removes the rarest titles where there are too many.
func (l *Library) writeUnmatched(ctx context.Context, workspace string, titles map[string]*entity.UnmatchedTitle) error {
	for names := range slices.Chunk(slices.Sorted(maps.Keys(titles)), unmatchedPerWrite) {
		some := make([]entity.UnmatchedTitle, len(names))
		for i, name := range names {
			some[i] = *titles[name]
		}
		if err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.AddUnmatched(ctx, workspace, some) }); err != nil {
			return err
		}
		for _, name := range names {
			delete(titles, name)
		}
	}
	n, err := l.store.CountUnmatched(ctx, workspace)
	if err != nil || n <= MaxUnmatched {
		return err
	}
	return l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.KeepUnmatched(ctx, workspace, MaxUnmatched) })
}

// UnmatchedPage is a part of the unmatched titles of a workspace.
type UnmatchedPage struct {
	Titles  []UnmatchedTitle
	Total   int
	HasNext bool
	// Counted tells whether titles are counted on this server.
	Counted bool
}

// UnmatchedTitle is a job title that belongs to no persona.
type UnmatchedTitle struct {
	entity.UnmatchedTitle
	// Nearest is the persona that it is closest to, nil where none has anything in
	// common with it.
	Nearest *match.Match
}

// Unmatched returns the titles that Match found no persona for, the most frequent
// first: titles alone, folded, and nothing of the people who have them. A title
// that belongs to a persona by now is forgotten. To close a gap, add the title to
// the job titles of a persona.
func (l *Library) Unmatched(ctx context.Context, c Caller, limit, offset int, form ...errs.Field) (*UnmatchedPage, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	var list errs.List
	list.AddAll(form)
	if limit < 1 || limit > MaxUnmatchedAtOnce {
		list.Add("limit", "is %d: use 1 to %d", limit, MaxUnmatchedAtOnce)
	}
	if offset < 0 {
		list.Add("offset", "is %d: use 0 or more", offset)
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	if err := l.FlushUnmatched(ctx); err != nil {
		l.log.WarnContext(ctx, "Unmatched titles could not be counted.", "error", err)
	}
	workspace := c.Workspace.OID
	x, err := l.index(ctx, workspace)
	if err != nil {
		return nil, err
	}
	for {
		rows, err := l.store.Unmatched(ctx, workspace, limit+1, min(offset, math.MaxInt32))
		if err != nil {
			return nil, err
		}
		page := &UnmatchedPage{Counted: l.countUnmatched}
		var closed []string
		for _, row := range rows {
			found := x.Match(row.Title, 1, 0)
			if len(match.Likely(found)) > 0 {
				closed = append(closed, row.Title)
				continue
			}
			title := UnmatchedTitle{UnmatchedTitle: row}
			if len(found) > 0 {
				title.Nearest = &found[0]
			}
			page.Titles = append(page.Titles, title)
		}
		if len(closed) > 0 {
			err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.DropUnmatched(ctx, workspace, closed) })
			if err == nil {
				continue // others take their places
			}
			l.log.WarnContext(ctx, "Titles that are matched by now could not be removed.", "error", err)
		}
		page.HasNext = len(rows) > limit
		page.Titles = page.Titles[:min(limit, len(page.Titles))]
		page.Total, err = l.store.CountUnmatched(ctx, workspace)
		return page, err
	}
}
