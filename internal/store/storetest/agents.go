package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

func (s suite) testAgents(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	agent := func(workspace, oID, name string, at time.Time) entity.Agent {
		return entity.Agent{
			Workspace: workspace, OID: oID, Type: "EMAIL", Name: name, Description: "\U0001f600 ä", Config: []byte(`{"a":1}`), CreatedAt: at, UpdatedAt: at,
		}
	}
	first, second := agent("wa_1", "ca_1", "b", Day.Add(time.Second)), agent("wa_1", "ca_2", "a", Day)
	theirs := agent("wa_2", "ca_1", "theirs", Day)
	put := func(agents ...entity.Agent) {
		t.Helper()
		l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
			for i := range agents {
				if err := tx.PutAgent(ctx, &agents[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	list := func(want ...entity.Agent) {
		t.Helper()
		got, err := l.Agents(ctx, "wa_1")
		for i := range want {
			want[i].Config = nil
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Agents: %v (-want +got):\n%s", err, diff)
		}
	}
	get := func(want entity.Agent) {
		t.Helper()
		got, err := l.Agent(ctx, want.Workspace, want.OID)
		if diff := cmp.Diff(&want, got); err != nil || diff != "" {
			t.Errorf("Agent: %v (-want +got):\n%s", err, diff)
		}
	}
	put(first, second, theirs)
	list(second, first)
	get(first)
	get(theirs)

	changed := first
	changed.Type, changed.Name, changed.Description, changed.Config, changed.UpdatedAt = "CONTENT", "c", "", []byte(`{}`), Day.Add(time.Hour)
	put(changed)
	get(changed)
	get(theirs)

	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.DeleteAgent(ctx, "wa_1", "ca_1") })
	list(second)
	get(theirs)
	if _, err := l.Agent(ctx, "wa_1", "ca_1"); errs.KindOf(err) != errs.NotFound || errs.CodeOf(err) != errs.CodeAgentNotFound {
		t.Errorf("a deleted agent: %v", err)
	}
}
