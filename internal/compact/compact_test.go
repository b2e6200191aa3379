package compact_test

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/compact"
	"personae.dev/internal/persona"
)

func credential(keyOID string) *persona.Credential {
	day := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	return &persona.Credential{
		Key: persona.APIKey{
			OID: keyOID, WorkspaceOID: "wa_1", UserOID: "u_1", Name: "script", Scopes: persona.Scopes{persona.ScopeRead, persona.ScopeWrite},
			CreatedAt: day, ExpiresAt: &day,
		},
		Workspace:    persona.Workspace{OID: "wa_1", OrganizationOID: "og_1", Name: "Sales", Domain: new("sales.example"), CreatedAt: day},
		User:         &persona.User{OID: "u_1", OrganizationOID: "og_1", FirstName: "Ada", LastName: "L", Email: new("ada@example.com"), Role: persona.RoleOwner, CreatedAt: day},
		Organization: &persona.Organization{OID: "og_1", Name: "Example", Slug: "example", Domain: new("example.com"), CreatedAt: day},
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	var shared compact.Shared
	first, second := shared.Compact(credential("ak_1")), shared.Compact(credential("ak_22"))
	if more, less := first.Bytes(), second.Bytes(); less >= more {
		t.Errorf("the first takes %d bytes, and the second, which shares, %d", more, less)
	}
	one, two := first.Expand(), second.Expand()
	for keyOID, got := range map[string]*persona.Credential{"ak_1": &one, "ak_22": &two} {
		if diff := cmp.Diff(credential(keyOID), got); diff != "" {
			t.Errorf("%s has changed (-want +got):\n%s", keyOID, diff)
		}
	}
	if first.KeyOID() != "ak_1" || second.KeyOID() != "ak_22" {
		t.Errorf("the ids are %q and %q", first.KeyOID(), second.KeyOID())
	}
	if one.User != two.User || one.Organization != two.Organization || &one.Key.Scopes[0] != &two.Key.Scopes[0] {
		t.Error("what is the same is in memory twice")
	}
}

// TestCompactLeavesLastUseOut: it is not true for long.
func TestCompactLeavesLastUseOut(t *testing.T) {
	t.Parallel()
	var shared compact.Shared
	used := credential("ak_1")
	used.Key.LastUsedAt = used.Key.ExpiresAt
	c := shared.Compact(used)
	if got := c.Expand(); got.Key.LastUsedAt != nil {
		t.Errorf("it was last used at %s", got.Key.LastUsedAt)
	}
}

// TestCompactHidesNothing: who has changed since another key was read is shown
// as changed.
func TestCompactHidesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*persona.Credential){
		"User":         func(c *persona.Credential) { c.User.LastName = "King" },
		"Email":        func(c *persona.Credential) { c.User.Email = nil },
		"Organization": func(c *persona.Credential) { c.Organization.Name = "Other" },
		"Domain":       func(c *persona.Credential) { c.Organization.Domain = new("other.example") },
		"Scopes":       func(c *persona.Credential) { c.Key.Scopes = persona.Scopes{persona.ScopeRead} },
	} {
		var shared compact.Shared
		shared.Compact(credential("ak_1"))
		want := credential("ak_2")
		change(want)
		c := shared.Compact(want)
		if diff := cmp.Diff(*want, c.Expand()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestCompactKeepsNoRow: the texts of a row are parts of one, which would stay in
// memory for the sake of any of them.
func TestCompactKeepsNoRow(t *testing.T) {
	t.Parallel()
	var shared compact.Shared
	// read returns a credential whose texts are all parts of the row.
	read := func() (*persona.Credential, weak.Pointer[[1024]byte]) {
		row, used := new([1024]byte), 0
		part := func(texts ...*string) {
			for _, text := range texts {
				n := copy(row[used:], *text)
				*text = unsafe.String(&row[used], n)
				used += n
			}
		}
		c := credential("ak_1")
		c.Key.Scopes = c.Key.Scopes[:1] // whose name is that of the set
		k, w, u, o := &c.Key, &c.Workspace, c.User, c.Organization
		part(&k.OID, &k.WorkspaceOID, &k.UserOID, &k.Name, (*string)(&k.Scopes[0]))
		part(&w.OID, &w.OrganizationOID, &w.Name, w.Domain)
		part(&u.OID, &u.OrganizationOID, &u.FirstName, &u.LastName, u.Email, (*string)(&u.Role))
		part(&o.OID, &o.Name, &o.Slug, o.Domain)
		return c, weak.Make(row)
	}
	read1, row := read()
	first := shared.Compact(read1)
	read2, another := read()
	second := shared.Compact(read2)
	runtime.GC()
	if row.Value() != nil || another.Value() != nil {
		t.Error("a row is kept")
	}
	runtime.KeepAlive([]any{&first, &second, &shared})
}

// TestCompactCountsTimes: each that is set is in memory of its own.
func TestCompactCountsTimes(t *testing.T) {
	t.Parallel()
	var shared compact.Shared
	shared.Compact(credential("ak_0"))
	one, two := credential("ak_1"), credential("ak_2")
	two.Key.RevokedAt = two.Key.ExpiresAt
	with1, with2 := shared.Compact(one), shared.Compact(two)
	if less, more := with1.Bytes(), with2.Bytes(); more != less+int(unsafe.Sizeof(time.Time{})) {
		t.Errorf("with one time %d bytes, with two %d", less, more)
	}
}
