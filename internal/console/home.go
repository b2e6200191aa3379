package console

import (
	"net/http"
	"slices"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/library"
)

const (
	// recently is since when a change counts as new at home.
	recently = 14 * 24 * time.Hour
	// homeChanges is how many changes home shows, coverRows how many entities the
	// coverage shows, and covered how many of them, by name, it looks at.
	homeChanges = 6
	coverRows   = 40
	covered     = 500
)

// homePage is what there is, what is thin, and what changed.
type homePage struct {
	Counts  []homeCount
	Cover   coverage
	Changes []change
}

type homeCount struct {
	Kind *entity.Kind
	entity.Tally
}

// home answers the first page.
func (r *request) home() error {
	ctx, c := r.Context(), r.caller()
	tallies, err := r.Library.Tallies(ctx, c, r.Now().Add(-recently))
	if err != nil {
		return err
	}
	var data homePage
	for _, k := range r.Library.Registry().Kinds() {
		if t := tallies[k.Name]; t.Active > 0 && !k.Singleton {
			data.Counts = append(data.Counts, homeCount{k, t})
		}
	}
	if data.Cover, err = r.coverage(); err != nil {
		return err
	}
	if data.Changes, _, err = r.changes(entity.RevisionQuery{Limit: homeChanges, Restored: true}); err != nil {
		return err
	}
	return r.render(http.StatusOK, "home", page{Title: "Home", Here: "home", Data: data})
}

// coverage is how many neighbours the entities of the first kind have.
type coverage struct {
	Of      *entity.Kind
	Columns []column
	Rows    []coverRow // the first coverRows of Looked
	Gaps    []gap
	// Looked is how many entities are looked at, of Total.
	Looked, Total int
}

// column is a kind, or the kinds that a link takes alike.
type column struct {
	Name  string
	Kinds []string
}

type coverRow struct {
	OID, Name string
	Cells     []coverCell
}

type coverCell struct {
	Kind  string
	Count int
}

// Level is how dark a cell is: 0 to 4.
func (c coverCell) Level() int { return min(c.Count, 4) }

// gap is a column in which some entities have nothing.
type gap struct {
	column
	Of []coverRow
}

// columns returns what may be linked. Offerings stand together: one of them is
// enough.
func columns(kinds []*entity.Kind) []column {
	list := []column{{Name: wordOfferings}}
	for _, k := range kinds {
		for i := range k.Fields {
			if f := &k.Fields[i]; f.Filter == entity.FilterOffering {
				list[0].Kinds = f.Targets
			}
		}
	}
	for _, k := range kinds {
		if !slices.Contains(list[0].Kinds, k.Name) {
			list = append(list, column{sentence(plural(k)), []string{k.Name}})
		}
	}
	return list
}

// coverage counts what is linked to each entity of the first kind, and what comes
// with what links to it: a playbook brings its proof points along. A column
// without anything is left out: nobody uses it.
func (r *request) coverage() (coverage, error) {
	ctx, c := r.Context(), r.caller()
	kinds := r.Library.Registry().Kinds()
	cover := coverage{Of: kinds[0]}
	listed, err := r.Library.List(ctx, c, cover.Of, library.ListRequest{Order: entity.OrderName, Limit: covered, Slim: true})
	if err != nil {
		return cover, err
	}
	defer listed.Close()
	cover.Looked, cover.Total = len(listed.Rows), listed.Total
	oIDs := make([]string, len(listed.Rows))
	for i, row := range listed.Rows {
		oIDs[i] = row.OID
	}
	around, err := r.Library.Neighbours(ctx, c, cover.Of, oIDs...)
	if err != nil {
		return cover, err
	}
	beyond := map[string]map[string][]entity.Neighbour{} // by kind and id
	for _, k := range kinds[1:] {
		var linking []string
		for _, neighbours := range around {
			for _, n := range neighbours {
				if n.Back && n.Kind == k.Name && !slices.Contains(linking, n.OID) {
					linking = append(linking, n.OID)
				}
			}
		}
		if beyond[k.Name], err = r.Library.Neighbours(ctx, c, k, linking...); err != nil {
			return cover, err
		}
	}
	used := map[string]bool{}
	counts := make([]map[string]int, len(listed.Rows)) // by kind
	for i, row := range listed.Rows {
		counts[i] = map[string]int{}
		seen := map[[2]string]bool{}
		note := func(n entity.Neighbour) {
			if at := [2]string{n.Kind, n.OID}; n.Status == entity.StatusActive && n.Kind != cover.Of.Name && !seen[at] {
				seen[at], used[n.Kind] = true, true
				counts[i][n.Kind]++
			}
		}
		for _, n := range around[row.OID] {
			note(n)
			if n.Back {
				for _, further := range beyond[n.Kind][n.OID] {
					if !further.Back {
						note(further)
					}
				}
			}
		}
	}
	for _, col := range columns(kinds) {
		if slices.ContainsFunc(col.Kinds, func(kind string) bool { return used[kind] }) {
			cover.Columns = append(cover.Columns, col)
		}
	}
	missing := make([][]coverRow, len(cover.Columns))
	for i, row := range listed.Rows {
		line := coverRow{OID: row.OID, Name: row.Name}
		for j, col := range cover.Columns {
			cell := coverCell{Kind: col.Kinds[0]}
			for _, kind := range col.Kinds {
				cell.Count += counts[i][kind]
			}
			line.Cells = append(line.Cells, cell)
			if cell.Count == 0 {
				missing[j] = append(missing[j], line)
			}
		}
		if i < coverRows {
			cover.Rows = append(cover.Rows, line)
		}
	}
	for j, rows := range missing {
		if len(rows) > 0 {
			cover.Gaps = append(cover.Gaps, gap{cover.Columns[j], rows})
		}
	}
	return cover, nil
}

// change is a revision in a feed.
type change struct {
	*entity.Revision
	Kind   *entity.Kind
	Fields []string // their labels
}

// changes returns a page of history for people.
func (r *request) changes(q entity.RevisionQuery) ([]change, int, error) {
	found, err := r.Library.Revisions(r.Context(), r.caller(), q)
	if err != nil {
		return nil, 0, err
	}
	var list []change
	for _, rev := range found.Revisions {
		if k, err := r.Library.Registry().Kind(rev.Kind); err == nil {
			list = append(list, change{rev, k, labels(k, rev.Fields)})
		}
	}
	return list, found.Total, nil
}

// labels returns the labels of fields; dates have none.
func labels(k *entity.Kind, names []string) []string {
	var list []string
	for _, name := range names {
		if f := k.Field(name); f != nil {
			list = append(list, f.Label)
		}
	}
	return list
}
