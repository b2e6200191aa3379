package console

import (
	"net/http"
	"slices"

	"personae.dev/internal/contextpack"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// briefPage is an entity as a page of paper.
type briefPage struct {
	Kind     *entity.Kind
	Entity   *entity.Entity
	OID      string // of its address
	Lead     string
	Sections []value
	// Facts are short values, and Titles what people search by: for the rail.
	Facts, Titles []value
	Questions     []questionGroup
	Asked         int
	Links         []linkGroup
	LinkCount     int
	Changes       []change
	ChangeCount   int
	MayWrite      bool
}

// Name and InternalName head the page.
func (p briefPage) Name() string { return p.Entity.Text("name") }

// InternalName is what the team calls it.
func (p briefPage) InternalName() string { return p.Entity.Text("internalName") }

// linkGroup is what an entity is linked with, of one kind.
type linkGroup struct {
	Kind  *entity.Kind
	Links []entity.Neighbour
}

// questionGroup is questions of one fit.
type questionGroup struct {
	Fit       string
	Questions []entity.Question
}

// oID is the id that a path names; "" for the only one of a kind.
func (r *request) oID(k *entity.Kind) string {
	if k.Singleton {
		return ""
	}
	return r.PathValue("oid")
}

// read returns the entity that a path names. One that is not written yet is empty.
func (r *request) read() (*entity.Kind, *entity.Entity, error) {
	k, err := r.kind()
	if err != nil {
		return nil, nil, err
	}
	e, err := r.Library.Entity(r.Context(), r.caller(), k, r.oID(k))
	if k.Singleton && errs.KindOf(err) == errs.NotFound {
		return k, &entity.Entity{}, nil
	}
	return k, e, err
}

// brief answers an entity.
func (r *request) brief() error {
	k, e, err := r.read()
	if err != nil {
		return err
	}
	p := briefPage{Kind: k, Entity: e, OID: r.PathValue("oid"), MayWrite: r.mayWrite()}
	for _, v := range values(k, e) {
		switch {
		case v.Empty() || v.Name == "name" || v.Name == "internalName" || v.Name == "active":
		case v.Name == "description":
			p.Lead = v.Text
		case v.Type == entity.TypeQuestions:
			p.Questions, p.Asked = grouped(v.Questions), len(v.Questions)
		case v.Type == entity.TypeBool && v.Text == "false" && v.ReadOnly:
		case v.Type == entity.TypeBool || v.Type == entity.TypeEnum || v.Type == entity.TypeText && v.Max > 0 && v.Max <= 255:
			if v.Type == entity.TypeBool {
				v.Text = yesNo(v.Text)
			} else if v.Type == entity.TypeEnum {
				v.Text = humane(v.Text)
			}
			p.Facts = append(p.Facts, v)
		case v.Tier == entity.TierTitle || v.Old:
			p.Titles = append(p.Titles, v)
		default:
			p.Sections = append(p.Sections, v)
		}
	}
	if e.OID != "" {
		around, err := r.Library.Neighbours(r.Context(), r.caller(), k, e.OID)
		if err != nil {
			return err
		}
		p.Links, p.LinkCount = r.linkGroups(around[e.OID]), len(around[e.OID])
		if p.Changes, p.ChangeCount, err = r.changes(entity.RevisionQuery{Kinds: []string{k.Name}, OIDs: []string{e.OID}, Restored: true, Limit: 3}); err != nil {
			return err
		}
	}
	return r.render(http.StatusOK, "brief", page{Title: p.title(), Crumbs: r.above(k), Here: k.Name, Data: p})
}

func (p briefPage) title() string {
	if name := p.Name(); name != "" {
		return name
	}
	return sentence(p.Kind.Title)
}

// above is where an entity stands below.
func (r *request) above(k *entity.Kind, more ...crumb) []crumb {
	if k.Singleton {
		return more
	}
	return append([]crumb{{sentence(plural(k)), listURL(k.Name)}}, more...)
}

func (r *request) linkGroups(links []entity.Neighbour) []linkGroup {
	var groups []linkGroup
	for _, k := range r.Library.Registry().Kinds() {
		g := linkGroup{Kind: k}
		for _, n := range links {
			if n.Kind == k.Name {
				g.Links = append(g.Links, n)
			}
		}
		if len(g.Links) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// grouped puts questions that end it first, then those that speak for a fit, then
// those against; archived ones stand last.
func grouped(questions []entity.Question) []questionGroup {
	groups := []questionGroup{{Fit: "ends"}, {Fit: "good"}, {Fit: "bad"}, {Fit: "archived"}}
	for _, q := range questions {
		i := 1
		switch {
		case q.ArchivedAt != nil:
			i = 3
		case q.Weight == entity.WeightInstantDisqualifier:
			i = 0
		case q.FitType == entity.FitBad:
			i = 2
		}
		groups[i].Questions = append(groups[i].Questions, q)
	}
	return slices.DeleteFunc(groups, func(g questionGroup) bool { return len(g.Questions) == 0 })
}

// pack answers the context pack of an entity, as agents get it.
func (r *request) pack() error {
	k, err := r.kind()
	if err != nil {
		return err
	}
	around, err := r.Library.Around(r.Context(), r.caller(), k, r.oID(k), true)
	if err != nil {
		return err
	}
	defer around.Close()
	if around.Entity == nil {
		return notFound()
	}
	linked := make([]contextpack.Item, len(around.Linked))
	for i, l := range around.Linked {
		linked[i] = contextpack.Item{Kind: l.Kind, Entity: l.Entity, As: l.Field.Label}
	}
	text := contextpack.Markdown(contextpack.Item{Kind: k, Entity: around.Entity}, linked, contextpack.DefaultTokens)
	return r.render(http.StatusOK, "pack", page{
		Title: "Context pack", Here: k.Name, Crumbs: r.above(k, crumb{around.Entity.Text("name"), entityURL(k.Name, r.PathValue("oid"))}),
		Data: struct{ Text, Command string }{text, "curl -H \"api_key: $PERSONAE_KEY\" '" + r.publicURL() + "/api/v2/" + k.Name + "/get?oId=" + around.Entity.OID + "&format=markdown&with=links'"},
	})
}

// publicURL is where others reach the server.
func (r *request) publicURL() string {
	switch {
	case r.PublicURL != "":
		return r.PublicURL
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// kinds answers all kinds, with what each is for.
func (r *request) kinds() error {
	tallies, err := r.Library.Tallies(r.Context(), r.caller(), r.Now())
	if err != nil {
		return err
	}
	var all []homeCount
	for _, k := range r.Library.Registry().Kinds() {
		all = append(all, homeCount{k, tallies[k.Name]})
	}
	return r.render(http.StatusOK, "kinds", page{Title: "All kinds", Here: "kinds", Data: struct {
		Kinds    []homeCount
		MayWrite bool
	}{all, r.mayWrite()}})
}

// find answers what has some words, over all kinds: the page of the palette.
func (r *request) find() error {
	q := r.URL.Query().Get("q")
	var hits library.Hits
	if q != "" {
		found, err := r.Library.Search(r.Context(), r.caller(), library.SearchRequest{Text: q, Limit: 20})
		if err != nil {
			return err
		}
		hits = *found
	}
	return r.render(http.StatusOK, "find", page{Title: "Search", Here: "find", Data: struct {
		Query    string
		Hits     library.Hits
		Kinds    []*entity.Kind
		MayWrite bool
	}{q, hits, r.Library.Registry().Kinds(), r.mayWrite()}})
}
