package library

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// MaxLinking is how many entities that link to another one are answered with it.
const MaxLinking = 1000

// linked is one link in an answer. A target that is not there has an oId alone.
type linked struct {
	Field     string  `json:"field"`
	OID       string  `json:"oId"` // LinkAll for every offering of the workspace
	Kind      *string `json:"kind"`
	Name      *string `json:"name"`
	DeletedAt *string `json:"deletedAt"`
}

func (n *linked) name(e *entity.Named) {
	n.Kind, n.Name = &e.Kind, &e.Name
	if e.DeletedAt != nil {
		at := e.DeletedAt.UTC().Format("2006-01-02T15:04:05.000Z")
		n.DeletedAt = &at
	}
}

// links returns the member "links" of an answer. What links to all offerings is
// not listed for each of them.
func (l *Library) links(ctx context.Context, k *entity.Kind, row *entity.Row) ([]byte, error) {
	e, err := k.Load(row)
	if err != nil {
		return nil, err
	}
	from, total, err := l.store.Linking(ctx, row.Workspace, row.OID, MaxLinking)
	if err != nil {
		return nil, err
	}
	to := k.Links(e)
	targets, err := l.targets(ctx, l.store, row.Workspace, to)
	if err != nil {
		return nil, err
	}
	answer := struct {
		To   []linked `json:"to"`
		From []linked `json:"from"`
		// FromTotal is set where From has not all.
		FromTotal int `json:"fromTotal,omitempty"`
	}{To: []linked{}, From: []linked{}}
	if total > len(from) {
		answer.FromTotal = total
	}
	for _, link := range to {
		n := linked{Field: link.Field, OID: link.Target}
		if e := targets.of(k, link); e != nil {
			n.name(e)
		}
		answer.To = append(answer.To, n)
	}
	for i := range from {
		n := linked{Field: from[i].Field, OID: from[i].OID}
		n.name(&from[i])
		answer.From = append(answer.From, n)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return nil, err
	}
	return append([]byte(`,"links":`), bytes.TrimSpace(b.Bytes())...), nil
}

// targets are entities by id; an id may name several, of different kinds.
type targets map[string][]entity.Named

// targets returns what links lead to.
func (l *Library) targets(ctx context.Context, r entity.Reader, workspace string, links []entity.Link) (targets, error) {
	var oIDs []string
	for _, link := range links {
		if link.Target != entity.LinkAll && account.ValidID(link.Target) {
			oIDs = append(oIDs, link.Target)
		}
	}
	if len(oIDs) == 0 {
		return targets{}, nil
	}
	slices.Sort(oIDs)
	found, err := r.Find(ctx, workspace, slices.Compact(oIDs))
	if err != nil {
		return nil, err
	}
	all := targets{}
	for _, e := range found {
		all[e.OID] = append(all[e.OID], e)
	}
	return all, nil
}

// of returns the entity that a link of a kind leads to: the first by the order of
// the field's kinds. It is nil where there is none of these kinds.
func (t targets) of(k *entity.Kind, link entity.Link) *entity.Named {
	for _, kind := range k.Field(link.Field).Targets {
		if i := slices.IndexFunc(t[link.Target], func(e entity.Named) bool { return e.Kind == kind }); i >= 0 {
			return &t[link.Target][i]
		}
	}
	return nil
}

// CheckLinks refuses links of a new entity to what is not in the workspace.
func (l *Library) CheckLinks(ctx context.Context, c Caller, k *entity.Kind, patch *entity.Patch) error {
	e, _ := k.Apply(nil, patch)
	_, refused, err := l.missing(ctx, l.store, k, c.Workspace.OID, nil, e)
	if err != nil {
		return err
	}
	return errs.InvalidFields(refused)
}

// missing returns the targets of links that are not in the workspace, or not of
// a kind that the field takes, once as "field: id", and once as errors. Only
// fields that differ from before count; before is nil for a new entity.
func (l *Library) missing(ctx context.Context, r entity.Reader, k *entity.Kind, workspace string, before, next *entity.Entity) (missing []string, refused []errs.Field, _ error) {
	links := slices.DeleteFunc(k.Links(next), func(link entity.Link) bool {
		return link.Target == entity.LinkAll || before != nil && bytes.Equal(before.Fields[link.Field], next.Fields[link.Field])
	})
	if len(links) == 0 {
		return nil, nil, nil
	}
	targets, err := l.targets(ctx, r, workspace, links)
	if err != nil {
		return nil, nil, err
	}
	var list errs.List
	for _, link := range links {
		if targets.of(k, link) != nil {
			continue
		}
		missing = append(missing, link.Field+": "+link.Target)
		wanted := strings.Join(l.articles(k.Field(link.Field).Targets), " or ")
		if others := targets[link.Target]; len(others) > 0 {
			list.Add(path(k, link), "is the oId of %s, and must be that of %s", l.articles(kindsOf(others))[0], wanted)
		} else {
			list.Add(path(k, link), "names no entity of this workspace, and must be the oId of %s", wanted)
		}
	}
	return missing, list.Fields(), nil
}

// articles returns the titles of kinds, with their articles, by their names.
func (l *Library) articles(kinds []string) []string {
	titles := make([]string, len(kinds))
	for i, name := range kinds {
		titles[i] = name
		if k, err := l.registry.Kind(name); err == nil {
			titles[i] = k.WithArticle()
		}
	}
	return titles
}

// path is the place of a link in a request.
func path(k *entity.Kind, link entity.Link) string {
	switch k.Field(link.Field).Type {
	case entity.TypeLink:
		return link.Field
	case entity.TypeStrategy:
		return fmt.Sprintf("%s.offeringOIds[%d]", link.Field, link.Position)
	default:
		return fmt.Sprintf("%s[%d]", link.Field, link.Position)
	}
}
