package library

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// MaxLinkChanges is how many links UpdateLinks changes at most.
const MaxLinkChanges = 1000

// LinkChange is a link to make or to take away.
type LinkChange struct {
	// OID is the entity that links, and Kind its kind, "" where the id tells.
	OID, Kind string
	// Field is the link field; "" stands for the first list that takes the target,
	// else the linking strategy, else the first single link; and, for what is taken
	// away, for every field that has the target.
	Field string
	// Target is the id of the other entity.
	Target string
}

// LinkUpdate is many changes of links at once.
type LinkUpdate struct {
	Link, Unlink []LinkChange
	// Errors are those of the request's form.
	Errors []errs.Field
}

// Relinked is an entity after its links were changed.
type Relinked struct {
	Kind   *entity.Kind
	Entity *entity.Entity
	// Changed tells whether anything differs from before.
	Changed bool
}

// linking is a change of links that was understood.
type linking struct {
	path   string // in the request: "link[3]"
	remove bool
	fields []*entity.Field
	target string
}

// UpdateLinks takes links away, and then makes links: all of them in one
// transaction, or none. What is there already, or not there, is no error.
func (l *Library) UpdateLinks(ctx context.Context, c Caller, u LinkUpdate) ([]Relinked, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	var list errs.List
	list.AddAll(u.Errors)
	switch n := len(u.Link) + len(u.Unlink); {
	case n == 0 && len(u.Errors) == 0:
		list.Add("link", "must have a link to make, or unlink one to take away")
	case n > MaxLinkChanges:
		list.Add("link", "has %d links together with unlink; the limit is %d", n, MaxLinkChanges)
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	named, err := l.namedIn(ctx, c.Workspace.OID, u)
	if err != nil {
		return nil, err
	}
	var edits []edit
	at := map[entity.Ref]int{}
	changes := map[entity.Ref][]linking{}
	for _, part := range []struct {
		name    string
		remove  bool
		changes []LinkChange
	}{{"unlink", true, u.Unlink}, {"link", false, u.Link}} {
		for i, change := range part.changes {
			k, one := l.understand(&list, named, change, fmt.Sprintf("%s[%d]", part.name, i), part.remove)
			if k == nil {
				continue
			}
			ref := entity.Ref{Workspace: c.Workspace.OID, Kind: k.Name, OID: change.OID}
			if _, ok := at[ref]; !ok {
				at[ref] = len(edits)
				edits = append(edits, edit{kind: k, target: Target{OID: change.OID}, action: entity.ActionUpdated})
			}
			changes[ref] = append(changes[ref], one)
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	for ref, i := range at {
		edits[i].apply = func(_ context.Context, _ entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error) {
			if err := refuseDeleted(edits[i].kind, before); err != nil {
				return nil, nil, err
			}
			return relink(edits[i].kind, before, changes[ref])
		}
	}
	var drafts []*draft
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		var err error
		drafts, err = l.changeAll(ctx, tx, c, edits)
		return err
	})
	for ref := range at {
		l.changed(ref)
	}
	if err != nil {
		return nil, err
	}
	relinked := make([]Relinked, len(drafts))
	for i, d := range drafts {
		relinked[i] = Relinked{edits[i].kind, d.result.Entity, d.stored != nil}
	}
	return relinked, nil
}

// namedIn returns all entities that the changes name.
func (l *Library) namedIn(ctx context.Context, workspace string, u LinkUpdate) (targets, error) {
	var links []entity.Link
	for _, change := range slices.Concat(u.Link, u.Unlink) {
		links = append(links, entity.Link{Target: change.OID}, entity.Link{Target: change.Target})
	}
	return l.targets(ctx, l.store, workspace, links)
}

// understand finds the kind and the fields that a change is about; k is nil where
// the change has errors.
func (l *Library) understand(list *errs.List, named targets, change LinkChange, path string, remove bool) (k *entity.Kind, _ linking) {
	one := linking{path: path, remove: remove, target: change.Target}
	before := len(list.Fields())
	var wanted *entity.Kind
	if change.Kind != "" {
		var err error
		if wanted, err = l.registry.Kind(change.Kind); err != nil {
			list.Add(path+".kind", "is unknown. %s", err.Error())
			return nil, one
		}
	}
	k = l.kindOf(list, named, change.OID, wanted, path)
	switch {
	case change.Target == "":
		list.Add(path+".target", "must be the oId of an entity")
	case !remove && len(named[change.Target]) == 0:
		list.Add(path+".target", "names no entity of this workspace")
	case k != nil:
		one.fields = l.fieldsOf(list, k, named[change.Target], change, path, remove)
	}
	if len(list.Fields()) > before {
		return nil, one
	}
	return k, one
}

// kindOf returns the kind of the entity that a change names.
func (l *Library) kindOf(list *errs.List, named targets, oID string, wanted *entity.Kind, path string) *entity.Kind {
	found := slices.DeleteFunc(slices.Clone(named[oID]), func(n entity.Named) bool { return wanted != nil && n.Kind != wanted.Name })
	switch {
	case oID == "":
		list.Add(path+".oId", "must name the entity that links")
	case len(found) == 0 && wanted != nil:
		list.Add(path+".oId", "names no %s of this workspace", wanted.Title)
	case len(found) == 0:
		list.Add(path+".oId", "names no entity of this workspace")
	case len(found) > 1:
		list.Add(path+".kind", "must be given: the oId is that of %s", strings.Join(l.articles(kindsOf(found)), " and of "))
	case found[0].DeletedAt != nil:
		list.Add(path+".oId", "is deleted: restore it first")
	default:
		if k, err := l.registry.Kind(found[0].Kind); err == nil {
			return k
		}
		list.Add(path+".oId", "is of the kind %s, which this server does not know", found[0].Kind)
	}
	return nil
}

// fieldsOf returns the fields of k that a change is about: one for a new link.
func (l *Library) fieldsOf(list *errs.List, k *entity.Kind, target []entity.Named, change LinkChange, path string, remove bool) []*entity.Field {
	var takes, all []*entity.Field
	for _, ofType := range []entity.Type{entity.TypeLinks, entity.TypeStrategy, entity.TypeLink} {
		for i := range k.Fields {
			f := &k.Fields[i]
			if f.Type != ofType || f.ReadOnly {
				continue
			}
			all = append(all, f)
			if slices.ContainsFunc(target, func(n entity.Named) bool { return slices.Contains(f.Targets, n.Kind) }) {
				takes = append(takes, f)
			}
		}
	}
	if change.Field != "" {
		i := slices.IndexFunc(all, func(f *entity.Field) bool { return f.Name == change.Field })
		switch {
		case i < 0:
			names := make([]string, len(all))
			for i, f := range all {
				names[i] = f.Name
			}
			list.Add(path+".field", "is no link field of %s: use one of %s", k.WithArticle(), strings.Join(names, ", "))
		case !remove && !slices.Contains(takes, all[i]):
			list.Add(path+".target", "is %s, and %s takes %s", strings.Join(l.articles(kindsOf(target)), " and "), change.Field, strings.Join(l.articles(all[i].Targets), " or "))
		default:
			return all[i : i+1]
		}
		return nil
	}
	if remove {
		return all
	}
	if len(takes) == 0 {
		list.Add(path+".target", "is %s, to which %s does not link: link from the other one", strings.Join(l.articles(kindsOf(target)), " and "), k.WithArticle())
		return nil
	}
	return takes[:1]
}

func kindsOf(named []entity.Named) []string {
	kinds := make([]string, len(named))
	for i, n := range named {
		kinds[i] = n.Kind
	}
	return kinds
}

// relink returns what before becomes by changes of its links.
func relink(k *entity.Kind, before *entity.Entity, changes []linking) (*entity.Entity, []errs.Field, error) {
	targets, changedBy := map[string][]string{}, map[string]string{} // by field
	for _, link := range k.Links(before) {
		targets[link.Field] = append(targets[link.Field], link.Target)
	}
	for _, change := range changes {
		for _, f := range change.fields {
			next, differs, problem := relinked(f, targets[f.Name], change)
			if problem != "" {
				return nil, []errs.Field{{Path: change.path + ".target", Message: problem}}, nil
			}
			if differs {
				targets[f.Name], changedBy[f.Name] = next, change.path
			}
		}
	}
	values := map[string]any{}
	for name := range changedBy {
		values[name] = linkValue(k.Field(name), targets[name])
	}
	body, err := json.Marshal(values)
	if err != nil {
		return nil, nil, err
	}
	patch, fields := k.Decode(body, entity.Mode{})
	next, more := k.Apply(before, patch)
	fields = errs.JoinAll(fields, more)
	for i, f := range fields {
		name := f.Path[:len(f.Path)-len(strings.TrimLeftFunc(f.Path, unicode.IsLetter))]
		fields[i].Path = strings.TrimPrefix(changedBy[name]+"."+f.Path, ".")
	}
	return next, fields, nil
}

// linkValue returns the value of a link field that has the targets.
func linkValue(f *entity.Field, targets []string) any {
	switch {
	case len(targets) == 0:
		return nil
	case f.Type == entity.TypeLink:
		return targets[0]
	case f.Type == entity.TypeStrategy:
		return map[string]any{"mode": entity.ModeSpecific, "offeringOIds": targets}
	}
	return targets
}

// relinked returns the targets of a link field after one change.
func relinked(f *entity.Field, targets []string, change linking) (next []string, differs bool, problem string) {
	has := slices.Contains(targets, change.target)
	toAll := slices.Contains(targets, entity.LinkAll)
	switch {
	case change.remove && toAll && len(change.fields) == 1:
		return nil, false, "is linked as every offering is: change linkingStrategy to those that shall stay"
	case has != change.remove || toAll:
		return nil, false, ""
	case change.remove && f.Required && len(targets) == 1:
		return nil, false, "is the only link of " + f.Name + ", which is required: link it to another one instead"
	case change.remove:
		return slices.DeleteFunc(targets, func(target string) bool { return target == change.target }), true, ""
	case f.Type == entity.TypeLink:
		return []string{change.target}, true, ""
	default:
		return append(targets, change.target), true, ""
	}
}
