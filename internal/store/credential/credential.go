// Package credential is how a key is kept in a database: its columns, how it is
// read from a row with those for whom it acts, and the texts that touch many. It
// runs no SQL.
package credential

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"personae.dev/internal/persona"
)

// AtOnce is how many of so many keys one statement touches: 200, 20 or one, each of
// which is a text that stays prepared.
func AtOnce(keys int) int {
	switch {
	case keys >= 200:
		return 200
	case keys >= 20:
		return 20
	}
	return 1
}

// Touch is the text that sets when so many keys were last used, each a parameter
// before its time in microseconds.
func Touch(count int) string {
	return fmt.Sprintf(`
		update api_keys
		set last_used_at = v.column2
		from (values %s) as v
		where api_keys.o_id = v.column1 and coalesce(api_keys.last_used_at, 0) < v.column2`, rows(count))
}

// Touched is the text that names, in order, the keys that Touch is about, with
// the same parameters. The table is k.
func Touched(count int) string {
	return fmt.Sprintf(`select k.o_id from (values %s) as v join api_keys k on k.o_id = v.column1 where v.column2 > 0 order by k.o_id`, rows(count))
}

// rows is so many rows of a text and a number, as parameters.
func rows(count int) string {
	rows := make([]string, count)
	for i := range rows {
		rows[i] = fmt.Sprintf("(cast($%d as text), cast($%d as bigint))", 2*i+1, 2*i+2)
	}
	return strings.Join(rows, ", ")
}

// Row is a row that can be read.
type Row = interface{ Scan(dest ...any) error }

// Scan reads the columns of a key, and of its user, workspace and organization.
func Scan(r Row) (*persona.Credential, error) {
	var (
		c                                         persona.Credential
		userCreated, workspaceCreated, orgCreated int64
	)
	err := ScanKey(r, &c.Key,
		&c.User.OID, &c.User.OrganizationOID, &c.User.FirstName, &c.User.LastName, &c.User.Email, &c.User.Role, &userCreated,
		&c.Workspace.OID, &c.Workspace.OrganizationOID, &c.Workspace.Name, &c.Workspace.Domain, &workspaceCreated,
		&c.Organization.OID, &c.Organization.Name, &c.Organization.Slug, &c.Organization.Domain, &orgCreated)
	c.User.CreatedAt, c.Workspace.CreatedAt, c.Organization.CreatedAt = at(userCreated), at(workspaceCreated), at(orgCreated)
	return &c, err
}

// ScanKey reads the columns of a key, and then those of more.
func ScanKey(r Row, k *persona.APIKey, more ...any) error {
	var (
		scopes                     string
		digest                     []byte
		created                    int64
		expires, revoked, lastUsed sql.Null[int64]
	)
	columns := []any{&k.OID, &k.WorkspaceOID, &k.UserOID, &k.Name, &scopes, &digest, &created, &expires, &revoked, &lastUsed}
	if err := r.Scan(append(columns, more...)...); err != nil {
		return err
	}
	// A scope of a later version allows nothing here, and breaks no key.
	for scope := range strings.SplitSeq(scopes, ",") {
		k.Scopes = append(k.Scopes, persona.Scope(scope))
	}
	if copy(k.Digest[:], digest) != len(k.Digest) {
		return fmt.Errorf("credential: digest of %s has %d bytes", k.OID, len(digest))
	}
	k.CreatedAt = at(created)
	k.ExpiresAt, k.RevokedAt, k.LastUsedAt = optional(expires), optional(revoked), optional(lastUsed)
	return nil
}

func at(us int64) time.Time { return time.UnixMicro(us).UTC() }

func optional(us sql.Null[int64]) *time.Time {
	if !us.Valid {
		return nil
	}
	t := at(us.V)
	return &t
}
