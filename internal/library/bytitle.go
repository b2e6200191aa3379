package library

import (
	"context"
	"slices"

	"personae.dev/internal/entity"
	"personae.dev/internal/match"
)

// bestByTitle returns the entity of a kind that a job title belongs to, nil for
// none; of some of them only where oIDs are given.
func (l *Library) bestByTitle(ctx context.Context, c Caller, k *entity.Kind, title string, oIDs []string) (*match.Match, error) {
	page, err := l.store.List(ctx, entity.Query{Workspace: c.Workspace.OID, Sets: []entity.Set{{Kind: k.Name}}, OIDs: oIDs, Order: entity.OrderCreated, Limit: MaxLimit})
	if err != nil {
		return nil, err
	}
	personas := make([]match.Persona, len(page.Rows))
	for i, row := range page.Rows {
		e, err := k.Load(row)
		if err != nil {
			return nil, err
		}
		personas[i] = match.Persona{OID: e.OID, Name: e.Text("name"), Titles: e.Texts("commonJobTitles"), Active: e.Bool("active")}
	}
	matches := match.NewIndex(personas).Match(title, MaxFound, match.Auto)
	if i := slices.IndexFunc(matches, func(m match.Match) bool { return !m.Inactive }); i >= 0 {
		return &matches[i], nil
	}
	return nil, nil
}
