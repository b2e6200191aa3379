package store_test

import (
	"database/sql"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
)

// whole is a persona without methods: go-cmp would leave the comparison to
// Persona.Equal.
type whole persona.Persona

// firstVersion makes a database as the first version left it, with the rows of
// statements. It is written in that version's own SQL: what the program does
// today is no witness of what it did then.
func firstVersion(t *testing.T, statements ...string) string {
	t.Helper()
	migration, err := os.ReadFile("migrations/sqlite/00001_library.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := dbPath(t)
	tables(t, path, append([]string{
		"pragma journal_mode = wal", gooseTable, "insert into goose_db_version (version_id, is_applied) values (0, 1), (1, 1)", string(migration),
		"insert into organizations values ('og_1', 'Acme', 'acme', null, 0)",
		"insert into workspaces values ('wa_1', 'og_1', 'Sales', null, 0), ('wa_2', 'og_1', 'Other', null, 1)",
		"insert into users values ('u_1', 'og_1', 'Ada', '', null, 'owner', 0), ('u_2', 'og_1', 'Grace', '', null, 'member', 1)",
	}, statements...)...)
	return path
}

const oldPersona = `insert into personas (workspace_o_id, o_id, user_o_id, name, internal_name, description, active, unrecognized, rejected,
	created_at, updated_at, archived_at, deleted_at, document) values `

func TestMigrateFromFirstVersion(t *testing.T) {
	t.Parallel()
	const document = `{"primaryResponsibilities":["responsibility"],"painPoints":["pain \u00e9\"\u2028"],"keyConcerns":["concern"],"keyObjectives":["objective"],
		"commonJobTitles":["title one","title two"],"whyTheyMatterToUs":["they"],"whyWeMatterToThem":["we"],
		"customFields":[{"title":"Fieldtitle","value":["fieldvalue","x"]},{"title":"Empty"}],"buyingRole":["decider"],
		"qualifyingQuestions":[{"question":"hidden one","rationale":"r","fitType":"GOOD","weight":"LOW"},{"question":"hidden two","fitType":"BAD","weight":"HIGH","archivedAt":3000}]}`
	path := firstVersion(t, oldPersona+`
		('wa_1', 'full', 'u_1', 'VP "of" Säles', 'Sally', 'Leads.', 0, 1, 1, 1000, 2000, 3000, 4000, '`+document+`'),
		('wa_1', 'bare', 'u_2', 'Bare', null, null, 1, 0, 0, -1000, -1000, null, null, '{}'),
		('wa_2', 'full', 'u_1', 'Theirs', '', '', 1, 0, 0, 1000, 1000, null, null, '{"painPoints":["sales"]}')`)
	s := open(t, path, store.Options{Create: true})
	at := func(us int64) time.Time { return time.UnixMicro(us).UTC() }
	user := func(p *persona.Persona, oID, name string, us int64) *persona.Persona {
		role := persona.RoleOwner
		if us > 0 {
			role = persona.RoleMember
		}
		p.Author = persona.User{OID: oID, OrganizationOID: "og_1", FirstName: name, Role: role, CreatedAt: at(us)}
		return p
	}
	want := map[string][]*persona.Persona{
		"wa_1": {
			user(&persona.Persona{WorkspaceOID: "wa_1", OID: "bare", Name: "Bare", Active: true, CreatedAt: at(-1000), UpdatedAt: at(-1000)}, "u_2", "Grace", 1),
			user(&persona.Persona{
				WorkspaceOID: "wa_1", OID: "full", Name: `VP "of" Säles`, InternalName: new("Sally"), Description: new("Leads."),
				Unrecognized: true, Rejected: true, CreatedAt: at(1000), UpdatedAt: at(2000), ArchivedAt: new(at(3000)), DeletedAt: new(at(4000)),
				PrimaryResponsibilities: []string{"responsibility"}, PainPoints: []string{"pain é\"\u2028"}, KeyConcerns: []string{"concern"},
				KeyObjectives: []string{"objective"}, CommonJobTitles: []string{"title one", "title two"}, WhyTheyMatterToUs: []string{"they"},
				WhyWeMatterToThem: []string{"we"}, BuyingRole: []string{"decider"},
				CustomFields: []persona.CustomField{{Title: "Fieldtitle", Value: []string{"fieldvalue", "x"}}, {Title: "Empty"}},
				QualifyingQuestions: []persona.QualifyingQuestion{
					{Question: "hidden one", Rationale: "r", FitType: "GOOD", Weight: "LOW"},
					{Question: "hidden two", FitType: "BAD", Weight: "HIGH", ArchivedAt: new(at(3000))},
				},
			}, "u_1", "Ada", 0),
		},
		"wa_2": {user(&persona.Persona{
			WorkspaceOID: "wa_2", OID: "full", Name: "Theirs", InternalName: new(""), Description: new(""), PainPoints: []string{"sales"},
			Active: true, CreatedAt: at(1000), UpdatedAt: at(1000),
		}, "u_1", "Ada", 0)},
	}
	seen := map[string]bool{} // ids that the migration made
	for workspace, personas := range want {
		i := 0
		for p, err := range s.Personas(t.Context(), workspace) {
			if err != nil || i == len(personas) {
				t.Fatalf("Personas(%s): %v", workspace, err)
			}
			// Questions had no ids, and have one now.
			for j, q := range p.QualifyingQuestions {
				if !strings.HasPrefix(q.OID, persona.QuestionPrefix) || len(q.OID) != len(persona.NewID(persona.QuestionPrefix)) || seen[q.OID] {
					t.Errorf("question %d has the id %q", j, q.OID)
				}
				seen[q.OID] = true
				personas[i].QualifyingQuestions[j].OID = q.OID
			}
			if diff := cmp.Diff((*whole)(personas[i]), (*whole)(p), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("persona (-want +got):\n%s", diff)
			}
			history, err := s.Revisions(t.Context(), workspace, p.OID, persona.RevisionQuery{Limit: 10})
			if err != nil || history.Total != 1 || len(history.Revisions) != 1 {
				t.Fatalf("Revisions(%s): %+v, %v", p.OID, history, err)
			}
			r := history.Revisions[0]
			if r.Number != 1 || r.Action != persona.ActionImported || !r.At.Equal(p.UpdatedAt) || r.User.OID != p.Author.OID || r.KeyOID != "" || r.Before != nil ||
				seen[r.OID] || !strings.HasPrefix(r.OID, persona.RevisionPrefix) || len(r.OID) != len(persona.NewID(persona.RevisionPrefix)) {
				t.Errorf("the revision is %+v", r)
			}
			seen[r.OID] = true
			snapshot := *p
			snapshot.Author = persona.User{}
			if diff := cmp.Diff((*whole)(&snapshot), (*whole)(r.Persona), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("snapshot (-want +got):\n%s", diff)
			}
			i++
		}
		if i != len(personas) {
			t.Errorf("%s has %d personas, want %d", workspace, i, len(personas))
		}
	}
	searchable := map[string]bool{
		"hidden": false, "nobody": false, "GOOD": false, "painPoints": false,
		"vp sales": true, "sally": true, "leads": true, "responsibility": true, "pain e": true, "concern": true, "objective": true, "title two": true,
		"they": true, "we": true, "fieldtitle": true, "fieldvalue": true, "empty": true, "decider": true, "sales sally title fieldvalue": true,
	}
	for text, found := range searchable {
		if got := finds(t, s, "wa_1", text); found != slices.Equal(got, []string{"full"}) || !found && got != nil {
			t.Errorf("search for %q finds %q", text, got)
		}
	}
	// As with what is written now, names stand above titles above the rest: a
	// second write of the same makes no difference to what is found.
	err := s.Write(t.Context(), func(tx persona.Tx) error {
		for _, personas := range want {
			for _, p := range personas {
				if err := tx.ReplacePersona(t.Context(), p); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("ReplacePersona: %v", err)
	}
	for text, found := range searchable {
		if got := finds(t, s, "wa_1", text); found != slices.Equal(got, []string{"full"}) || !found && got != nil {
			t.Errorf("written anew, search for %q finds %q", text, got)
		}
	}
}

// finds searches among all personas of a workspace.
func finds(t *testing.T, s *store.Store, workspaceOID, text string) (oIDs []string) {
	t.Helper()
	page, err := s.List(t.Context(), workspaceOID, persona.Query{
		Words: search.Words(text), Status: persona.StatusAll, Order: persona.ByRank, Limit: 10,
	})
	if err != nil {
		t.Fatalf("List(%q): %v", text, err)
	}
	for _, p := range page.Personas {
		oIDs = append(oIDs, p.OID)
	}
	return oIDs
}

// TestMigrateONet brings a library of real size up to date.
func TestMigrateONet(t *testing.T) {
	t.Parallel()
	lines, err := os.ReadFile("../../examples/onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	path := firstVersion(t)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	sqlTx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const count = 1016
	n := 0
	for line := range strings.Lines(string(lines)) {
		n++
		// A line has the document's fields under the same names.
		_, err := sqlTx.ExecContext(t.Context(), oldPersona+`('wa_1', $1 ->> 'oId', 'u_1', $1 ->> 'name', null, $1 ->> 'description', 1, 0, 0, $2, $2, null, null,
			json_remove($1, '$.oId', '$.name', '$.description', '$.createdAt', '$.updatedAt'))`, line, n)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := sqlTx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := open(t, path, store.Options{Create: true})
	took := time.Since(began)
	t.Logf("%d personas in %s", n, took)
	// It takes about a second on a slow machine; this is for what is quadratic.
	if took > time.Minute {
		t.Errorf("the migration took %s", took)
	}
	page, err := s.List(t.Context(), "wa_1", persona.Query{Words: []string{"nurse"}, Order: persona.ByRank, Limit: count})
	if err != nil || page.Total < 5 || !strings.Contains(strings.ToLower(page.Personas[0].Name), "nurse") {
		t.Errorf("List of nurses: %+v, %v", page, err)
	}
	revisions := 0
	for p, err := range s.Personas(t.Context(), "wa_1") {
		if err != nil {
			t.Fatalf("Personas: %v", err)
		}
		history, err := s.Revisions(t.Context(), "wa_1", p.OID, persona.RevisionQuery{Limit: 1})
		p.Author = persona.User{}
		if err != nil || history.Total != 1 || !history.Revisions[0].Persona.Equal(p) {
			t.Fatalf("Revisions(%s): %+v, %v", p.OID, history, err)
		}
		revisions++
	}
	if n != count || revisions != count {
		t.Errorf("%d lines, %d personas with a revision; want %d", n, revisions, count)
	}
}
