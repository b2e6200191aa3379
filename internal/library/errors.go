package library

import (
	"context"
	"fmt"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// require refuses a caller whose key does not allow what is wanted.
func require(c Caller, wanted account.Scope) error {
	if c.Principal != nil && c.Key.Scopes.Allow(wanted) {
		return nil
	}
	message := fmt.Sprintf("The API key lacks the scope %q: use a key that has it.", wanted)
	if c.Source == entity.SourceConsole && c.Key.OID == "" {
		message = "Your role in this workspace does not allow this. Ask an admin of it for another role."
	}
	return &errs.Error{Kind: errs.Forbidden, Code: errs.CodeInsufficientScope, Message: message}
}

// notFound answers for an id that the workspace does not have, whether another
// one has it or not.
func notFound(k *entity.Kind) *errs.Error {
	return errs.NotFoundf(errs.NotFoundCode(k.Name),
		"There is no %s with this oId in the workspace of the API key. Check the oId, and that the key is of the right workspace.", k.Title)
}

// explain returns err, and where the entity is not there, as notFound with the
// kind that the id names instead.
func (l *Library) explain(ctx context.Context, k *entity.Kind, ref entity.Ref, err error) error {
	if errs.KindOf(err) != errs.NotFound {
		return err
	}
	missing := notFound(k)
	if !account.ValidID(ref.OID) {
		return missing
	}
	found, err := l.store.Find(ctx, ref.Workspace, []string{ref.OID})
	if err != nil || len(found) == 0 {
		return missing // what is known is said
	}
	var titles, paths []string
	for _, named := range found {
		if other, err := l.registry.Kind(named.Kind); err == nil && other != k {
			titles, paths = append(titles, other.Title), append(paths, other.Name+"/get")
		}
	}
	if len(titles) > 0 {
		missing.Message = fmt.Sprintf("There is no %s with this oId: it is the oId of another kind, %s. Use %s.",
			k.Title, strings.Join(titles, " and "), strings.Join(paths, " or "))
	}
	return missing
}

// refuseDeleted refuses a change of what is deleted.
func refuseDeleted(k *entity.Kind, e *entity.Entity) error {
	if e.DeletedAt == nil {
		return nil
	}
	return errs.Conflictf(errs.DeletedCode(k.Name),
		"The %s is deleted, and cannot be changed: restore it first, with %s/restore.", k.Title, k.Name)
}

// within puts a path before the paths of errors.
func within(path string, fields []errs.Field) []errs.Field {
	moved := make([]errs.Field, len(fields))
	for i, f := range fields {
		f.Path = path + f.Path
		moved[i] = f
	}
	return moved
}
