package mcp_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"personae.dev/internal/library"
)

// scripted is a model that always says the same, where the rules accept it.
type scripted struct{}

func (scripted) Name() string { return "scripted" }

func (scripted) Ask(_ context.Context, _ library.Caller, p library.Prompt) (json.RawMessage, error) {
	answer := json.RawMessage(`{"name":"Head of RevOps","internalName":"","description":"` + p.Purpose + `","primaryResponsibilities":["Runs the forecast"]}`)
	if wrong := p.Check(answer); len(wrong) > 0 {
		panic(strings.Join(wrong, "; "))
	}
	return answer, nil
}

// TestGenerate shows what tools answer where the server has a model.
func TestGenerate(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server) { s.model = scripted{} })
	session := s.connect(t, s.write)
	for _, c := range []struct{ name, tool, arguments string }{
		{"generate_entities", "generate_entities", `{"entityType":"persona","items":[{"name":"New","sources":[{"type":"text","content":"Notes"}]},{"sources":[{"type":"resource","content":"VP of Sales"}]}],"primaryOfferingOId":"demo-larkfield","linkingStrategy":{"mode":"ALL"}}`},
		{"generate_entities_draft", "generate_entities", `{"entityType":"objection","items":[{"sources":[{"type":"TEXT","value":"Notes"}]}],"draft":true}`},
		{"generate_entities_wrong", "generate_entities", `{"entityType":"persona","items":[{"sources":[{"type":"pdf","content":"x"}]},{}]}`},
		{"create_entity_from_notes", "create_entity", `{"entityType":"persona","name":"From notes","instructions":"Somebody who runs the forecast"}`},
	} {
		golden(t, c.name, use(t, session, c.tool, c.arguments))
	}
}
