package compact_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
		User:         persona.User{OID: "u_1", OrganizationOID: "og_1", FirstName: "Ada", LastName: "L", Email: new("ada@example.com"), Role: persona.RoleOwner, CreatedAt: day},
		Organization: persona.Organization{OID: "og_1", Name: "Example", Slug: "example", Domain: new("example.com"), CreatedAt: day},
	}
}

// TestOf: what is told is what was given, with every text that may be missing there and
// not, and with texts whose length takes one byte and more.
func TestOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 200)
	for name, change := range map[string]func(*persona.Credential){
		"Whole": func(*persona.Credential) {},
		"Bare":  func(c *persona.Credential) { c.Workspace.Domain, c.Organization.Domain, c.User.Email = nil, nil, nil },
		"Empty": func(c *persona.Credential) { c.User.FirstName, c.Workspace.Domain, c.User.Email = "", new(""), new("") },
		"Long": func(c *persona.Credential) {
			c.Workspace.Name, c.Organization.Name, c.User.Email = long, long[:126], new(long[:128])
		},
		"Revoked": func(c *persona.Credential) { c.Key.RevokedAt = &c.Workspace.CreatedAt },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := credential("ak_1")
			change(want)
			got := compact.Of(want)
			user := got.User()
			if diff := cmp.Diff(want.User, user); diff != "" || got.UserOID() != want.User.OID {
				t.Errorf("the user has changed (-want +got):\n%s", diff)
			}
			type texts struct {
				Key, Workspace, WorkspaceName, Organization, OrganizationName, Slug string
				Domain, OrganizationDomain                                          *string
			}
			if diff := cmp.Diff(texts{
				want.Key.OID, want.Workspace.OID, want.Workspace.Name, want.Organization.OID, want.Organization.Name, want.Organization.Slug,
				want.Workspace.Domain, want.Organization.Domain,
			}, texts{
				got.KeyOID(), got.WorkspaceOID(), got.WorkspaceName(), got.OrganizationOID(), got.OrganizationName(), got.OrganizationSlug(),
				got.WorkspaceDomain(), got.OrganizationDomain(),
			}); diff != "" {
				t.Errorf("texts have changed (-want +got):\n%s", diff)
			}
			if got.Revoked() != (want.Key.RevokedAt != nil) {
				t.Errorf("Revoked() = %t", got.Revoked())
			}
		})
	}
}

func TestExpiresAt(t *testing.T) {
	t.Parallel()
	c := credential("ak_1")
	if at, ok := compact.Of(c).ExpiresAt(); !ok || at != *c.Key.ExpiresAt {
		t.Errorf("it expires at %s, %t, want %s", at, ok, c.Key.ExpiresAt)
	}
	c.Key.ExpiresAt = nil
	if at, ok := compact.Of(c).ExpiresAt(); ok {
		t.Errorf("what does not expire does at %s", at)
	}
}

// TestAllows: the rule is that of persona.Scopes.
func TestAllows(t *testing.T) {
	t.Parallel()
	all := []persona.Scope{persona.ScopeRead, persona.ScopeWrite, persona.ScopeAdmin}
	for n := range 1 << len(all) {
		c := credential("ak_1")
		c.Key.Scopes = nil
		for i, scope := range all {
			if n>>i&1 == 1 {
				c.Key.Scopes = append(c.Key.Scopes, scope)
			}
		}
		for _, wanted := range append(all, "other") {
			if got, want := compact.Of(c).Allows(wanted), wanted != "other" && c.Key.Scopes.Allow(wanted); got != want {
				t.Errorf("%s allow %s: %t, want %t", c.Key.Scopes, wanted, got, want)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	token, digest := persona.NewToken()
	c := credential("ak_1")
	c.Key.Digest = digest
	if other, _ := persona.NewToken(); !compact.Of(c).Matches(token.Secret) || compact.Of(c).Matches(other.Secret) {
		t.Error("its secret does not match, or another does")
	}
}

// TestString: what is logged of a key by mistake is its id.
func TestString(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprintf("%v %s", compact.Of(credential("ak_1")), compact.Credential("")); got != "ak_1 " {
		t.Errorf("it is shown as %q", got)
	}
}

// TestReadsWithoutGarbage: what each request asks for takes no memory.
func TestReadsWithoutGarbage(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	whole := credential("ak_1")
	c := compact.Of(whole)
	if got := testing.AllocsPerRun(100, func() {
		if at, ok := c.ExpiresAt(); !ok || at != *whole.Key.ExpiresAt {
			t.Error("it expires at another time")
		}
		if c.KeyOID() == "" || c.WorkspaceOID() == "" || c.Revoked() || !c.Allows(persona.ScopeRead) || c.Matches("") {
			t.Error("it has changed")
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}
