package library_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

func TestAgents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	create := func(kind, name string, config map[string]json.RawMessage) *entity.Agent {
		t.Helper()
		f.now = f.now.Add(time.Second)
		a, err := f.CreateAgent(ctx, f.caller, library.AgentPatch{Type: &kind, Name: &name, Config: config})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	qualify := create("QUALIFY_PERSON", "Qualify", map[string]json.RawMessage{"model": json.RawMessage(`"PULSE"`), "productOId": json.RawMessage(`null`), "n": json.RawMessage(`1e2`)})
	email := create("EMAIL", "Écrire", nil)
	if string(qualify.Config) != `{"model":"PULSE","n":1e2}` {
		t.Errorf("the configuration is %s", qualify.Config)
	}
	list := func(q library.AgentQuery) (names []string) {
		t.Helper()
		q.Limit = 10
		agents, total, err := f.Agents(ctx, f.caller, q)
		if err != nil || total != len(agents) {
			t.Fatal(total, err)
		}
		for _, a := range agents {
			names = append(names, a.Name)
		}
		return names
	}
	for _, test := range []struct {
		name  string
		query library.AgentQuery
		want  []string
	}{
		{"all", library.AgentQuery{Order: entity.OrderCreated}, []string{"Qualify", "Écrire"}},
		{"newest first", library.AgentQuery{Order: entity.OrderCreated, Descending: true}, []string{"Écrire", "Qualify"}},
		{"by name", library.AgentQuery{Order: entity.OrderName}, []string{"Écrire", "Qualify"}},
		{"of a type", library.AgentQuery{Type: "EMAIL"}, []string{"Écrire"}},
		{"with words", library.AgentQuery{Query: " ECRI"}, []string{"Écrire"}},
	} {
		if diff := cmp.Diff(test.want, list(test.query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	f.now = f.now.Add(time.Second)
	updated, err := f.UpdateAgent(ctx, f.caller, library.AgentPatch{OID: qualify.OID, Config: map[string]json.RawMessage{"model": json.RawMessage(`"NOTE"`), "n": json.RawMessage(`null`)}})
	if err != nil || string(updated.Config) != `{"model":"NOTE"}` || updated.Name != "Qualify" || !updated.UpdatedAt.Equal(f.now) {
		t.Errorf("%+v, %v", updated, err)
	}
	f.now = f.now.Add(time.Second)
	if same, err := f.UpdateAgent(ctx, f.caller, library.AgentPatch{OID: qualify.OID}); err != nil || !same.UpdatedAt.Equal(updated.UpdatedAt) {
		t.Errorf("an update that changes nothing: %+v, %v", same, err)
	}
	if got, err := f.Agent(ctx, f.caller, qualify.OID); err != nil || cmp.Diff(updated, got) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = f.CreateAgent(ctx, f.caller, library.AgentPatch{Type: new("POEM")})
	wantFields(t, "a create", err, "name", "type")
	_, err = f.UpdateAgent(ctx, f.caller, library.AgentPatch{OID: qualify.OID, Config: map[string]json.RawMessage{"long": json.RawMessage(`"` + strings.Repeat("x", library.MaxAgentConfig) + `"`)}})
	wantFields(t, "a long configuration", err, "body")
	_, err = f.UpdateAgent(ctx, f.caller, library.AgentPatch{})
	wantFields(t, "no id", err, "oId")
	_, err = f.Agent(ctx, f.callerOf(t, f.other, f.member), email.OID)
	wantCode(t, "of another workspace", err, errs.NotFound, errs.CodeAgentNotFound)
	_, err = f.DeleteAgent(ctx, f.callerOf(t, f.workspace, f.member, account.ScopeRead), email.OID)
	wantCode(t, "with a key that reads", err, errs.Forbidden, errs.CodeInsufficientScope)
	if gone, err := f.DeleteAgent(ctx, f.caller, email.OID); err != nil || gone.Name != "Écrire" {
		t.Errorf("%+v, %v", gone, err)
	}
	_, err = f.DeleteAgent(ctx, f.caller, email.OID)
	wantCode(t, "a second time", err, errs.NotFound, errs.CodeAgentNotFound)
}
