// Package tables tells where the rows of each kind are kept, for a copy of
// everything. It runs no SQL.
package tables

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
)

// Table is where the rows of a kind are.
type Table struct {
	Name    string
	Columns []string
	Keys    int // how many of the columns are the key, which has an index
}

// Of returns the table of a kind. Links and words have no rows: they are
// made of the personas.
func Of(kind persona.RowKind) Table {
	name, columns, keys := "", "", 1
	switch kind {
	case persona.OrganizationRows:
		name, columns = "organizations", "o_id name slug domain created_at"
	case persona.WorkspaceRows:
		name, columns = "workspaces", "o_id organization_o_id name domain created_at number"
	case persona.UserRows:
		name, columns = "users", "o_id organization_o_id first_name last_name email role created_at"
	case persona.APIKeyRows:
		name, columns = "api_keys", "o_id workspace_o_id user_o_id name scopes secret_digest created_at expires_at revoked_at last_used_at"
	case persona.PersonaRows:
		name, keys = "personas", 2
		columns = "workspace_o_id o_id id user_o_id name internal_name description document created_at updated_at archived_at deleted_at " +
			"primary_offering_o_id offering_mode active unrecognized rejected"
	case persona.RevisionRows:
		name, columns = "revisions", "o_id persona_id number action user_o_id key_o_id created_at snapshot"
	case persona.FirstAnswerRows:
		name, keys = "idempotent_answers", 2
		columns = "workspace_o_id key persona_o_id body_digest answer etag created_at"
	}
	return Table{name, strings.Fields(columns), keys}
}

// Page is the text that reads the rows beyond a key. It is put together of
// constant parts.
func (t Table) Page() string {
	key, parameters := strings.Join(t.Columns[:t.Keys], ", "), []string{"$1", "$2"}[:t.Keys]
	return fmt.Sprintf("select %s from %s where (%s) > (%s) order by %s limit $%d",
		strings.Join(t.Columns, ", "), t.Name, key, strings.Join(parameters, ", "), key, t.Keys+1)
}

// Scan reads the values of a row.
func (t Table) Scan(r interface{ Scan(dest ...any) error }) ([]any, error) {
	values, dest := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range values {
		dest[i] = &values[i]
	}
	err := r.Scan(dest...)
	for i, column := range t.Columns {
		if n, isNumber := values[i].(int64); isNumber && slices.Contains([]string{"active", "unrecognized", "rejected"}, column) {
			values[i] = n != 0 // SQLite has no bool
		}
	}
	return values, err
}

// Persona returns what lists and search need of a persona.
func Persona(value func(column string) any) (*persona.Persona, error) {
	text := func(column string) *string {
		if text, ok := value(column).(string); ok {
			return &text
		}
		return nil
	}
	at := func(column string) *time.Time {
		us, ok := value(column).(int64)
		if !ok {
			return nil
		}
		return new(time.UnixMicro(us).UTC())
	}
	p := &persona.Persona{
		OID: value("o_id").(string), Author: persona.User{OID: value("user_o_id").(string)},
		Name: value("name").(string), InternalName: text("internal_name"), Description: text("description"),
		CreatedAt: *at("created_at"), UpdatedAt: *at("updated_at"), ArchivedAt: at("archived_at"), DeletedAt: at("deleted_at"),
		Links: persona.Links{PrimaryOfferingOID: text("primary_offering_o_id")},
	}
	if mode := text("offering_mode"); mode != nil {
		p.Links.Offerings = persona.OfferingMode(*mode)
	}
	return p, document.Decode([]byte(value("document").(string)), p)
}
