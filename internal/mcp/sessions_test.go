package mcp_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// step is a call of a skill, and what the skill reads of its answer.
type step struct {
	tool, arguments string
	// reads are paths in the answer that must have a value, such as
	// rows.0.oId; keeps names values for later arguments.
	reads []string
	keeps map[string]string
	// refused says that the answer is an error, with what to do next.
	refused bool
}

// TestSkills goes through sessions as agent skills for Octave have them. Each
// call must answer what the skill reads.
func TestSkills(t *testing.T) {
	t.Parallel()
	s := start(t)
	entity := []string{"oId", "name", "description", "createdAt", "updatedAt", "active", "data"}
	for name, steps := range map[string][]step{
		"check the connection": {
			{tool: "verify_connection", arguments: `{}`, reads: []string{"workspaceName", "workspaceOId", "organizationSlug", "organizationOId"}},
		},
		"browse the library": {
			{tool: "verify_connection", arguments: `{}`, reads: []string{"workspaceName"}},
			{
				tool: "list_entities", arguments: `{"entityType":"persona","all":true}`,
				reads: []string{"rows.11.oId", "rows.11.name", "rows.11.description", "rows.11.updatedAt"}, keeps: map[string]string{"ID": "rows.0.oId"},
			},
			{tool: "get_entity", arguments: `{"oId":"ID"}`, reads: append(entity, "qualifyingQuestions.0.weight", "data.painPoints.0")},
			{tool: "list_entities", arguments: `{"entityType":"playbook","all":true}`, reads: []string{"rows.0.oId"}, keeps: map[string]string{"PLAYBOOK": "rows.0.oId"}},
			{tool: "get_entity", arguments: `{"oId":"PLAYBOOK"}`, reads: append(entity, "product.oId", "links.to.0.name")},
		},
		"answer a question": {
			{
				tool: "search_knowledge_base", arguments: `{"query":"forecast","entityTypes":["persona","proof_point"],"limit":5,"includeResources":true,"originalQuery":"Who cares about forecasts?"}`,
				reads: []string{"rows.0.entityType", "rows.0.oId", "rows.0.name", "rows.0.snippet", "ignoredArguments"}, keeps: map[string]string{"ID": "rows.0.oId"},
			},
			{tool: "get_entity", arguments: `{"oId":"ID"}`, reads: entity},
		},
		"what belongs to an offering": {
			{tool: "list_entities", arguments: `{"entityType":"product"}`, reads: []string{"rows.0.oId"}, keeps: map[string]string{"OFFERING": "rows.0.oId"}},
			{tool: "list_entities", arguments: `{"entityType":"core_feature","offeringOId":"OFFERING","includeDetails":true}`, reads: []string{"rows.0.data"}},
			{tool: "list_entities", arguments: `{"entityType":"proof_point","offeringOId":"OFFERING","limit":50}`, reads: []string{"rows.0.oId"}},
			{tool: "list_entities", arguments: `{"entityType":"competitor","offeringOId":"OFFERING","search":"forecast"}`, reads: []string{"rows.0.oId"}},
		},
		"audit personas": {
			{
				tool: "list_entities", arguments: `{"entityType":"persona","includeDetails":true,"limit":20}`,
				reads: []string{"rows.0.description", "rows.0.data.painPoints.0", "rows.0.data.keyObjectives.0", "rows.0.qualifyingQuestions.0.rationale", "rows.0.updatedAt"},
			},
			{tool: "get_entity", arguments: `{"oId":"demo-vp-of-sales"}`, reads: []string{"links.to", "links.from"}},
		},
		"write a persona from notes": {
			{
				tool: "create_entity", arguments: `{"entityType":"persona","name":"Head of Support","instructions":"Write it","keyContext":"B2B","sources":[{"type":"text","content":"Runs the help desk"}]}`,
				refused: true, reads: []string{"code", "message", "next"},
			},
			{
				tool: "create_entity", arguments: `{"entityType":"persona","name":"Head of Support","fields":{"description":"Runs the help desk.","painPoints":["Tickets pile up"]},"linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["demo-larkfield"]}}`,
				reads: []string{"oId", "name"}, keeps: map[string]string{"ID": "oId"},
			},
			{tool: "get_entity", arguments: `{"oId":"ID"}`, reads: append(entity, "links.to.0.name")},
		},
		"refine a segment": {
			{tool: "update_entity", arguments: `{"entityType":"segment","oId":"demo-mid-market-saas","instructions":"Shorter"}`, refused: true, reads: []string{"next"}},
			{tool: "update_entity", arguments: `{"entityType":"segment","oId":"demo-mid-market-saas","changes":{"description":"Software companies that sell to companies."}}`, reads: []string{"done", "oId"}},
		},
		"tune qualifying questions": {
			{tool: "get_entity", arguments: `{"oId":"demo-vp-of-sales"}`, reads: []string{"qualifyingQuestions.1.question"}, keeps: map[string]string{"QUESTION": "qualifyingQuestions.1.oId"}},
			{
				tool: "update_entity", arguments: `{"oId":"demo-vp-of-sales","qualifyingQuestions":[{"oId":"QUESTION","weight":"HIGH"},{"question":"Is this person a consultant?","fitType":"BAD","weight":"HIGH","rationale":"Advises, and does not buy."}]}`,
				reads: []string{"done"},
			},
			{tool: "update_entity", arguments: `{"oId":"demo-vp-of-sales","qualifyingQuestions":[{"oId":"QUESTION","archived":true}]}`, reads: []string{"done"}},
			{tool: "get_entity", arguments: `{"oId":"demo-vp-of-sales"}`, reads: []string{"qualifyingQuestions.1.archivedAt"}},
		},
		"delete and bring back": {
			{tool: "get_entity", arguments: `{"oId":"demo-leadwell"}`, reads: []string{"name"}},
			{tool: "delete_entity", arguments: `{"oId":"demo-leadwell","entityType":"competitor"}`, reads: []string{"done", "revisionOId"}, keeps: map[string]string{"REVISION": "revisionOId"}},
			{tool: "update_entity", arguments: `{"oId":"demo-leadwell","changes":{"description":"x"}}`, refused: true, reads: []string{"next"}},
			{tool: "restore_revision", arguments: `{"revisionOId":"REVISION"}`, reads: []string{"done", "name"}},
			{tool: "update_entity", arguments: `{"oId":"demo-leadwell","changes":{"description":"Back"}}`, reads: []string{"done"}},
		},
		"what changed": {
			{tool: "update_entity", arguments: `{"oId":"demo-quarterdeck","changes":{"description":"New"}}`, reads: []string{"done"}},
			{
				tool: "list_revisions", arguments: `{"entityTypes":["competitor"],"entityOIds":["demo-quarterdeck"],"startDate":"2026-01-01T00:00:00Z","endDate":"2036-01-01T00:00:00Z","limit":50}`,
				reads: []string{"rows.0.revisionOId", "rows.0.summary", "rows.0.entityName", "rows.0.authorName", "rows.0.createdAt", "total"}, keeps: map[string]string{"REVISION": "rows.0.revisionOId"},
			},
			{tool: "get_revision", arguments: `{"revisionOId":"REVISION"}`, reads: []string{"summary", "newEntity.oId", "diff.changed.description.before"}},
		},
		"link what was written": {
			{tool: "list_entities", arguments: `{"entityType":"product","all":true}`, reads: []string{"rows.1.oId"}, keeps: map[string]string{"OFFERING": "rows.1.oId"}},
			{tool: "link_entities_to_offering", arguments: `{"entityOIds":["demo-sdr-manager"],"offeringOIds":["OFFERING"]}`, reads: []string{"done", "entities.0.name"}},
		},
		"the company": {
			{tool: "get_workspace_company", arguments: `{}`, reads: []string{"name", "url", "data.howWePositionOurselves"}},
			{tool: "update_workspace_company", arguments: `{"description":"Tells which deals will slip."}`, reads: []string{"done"}},
			{tool: "list_entities", arguments: `{"entityType":"brand_voice","all":true}`, reads: []string{"rows.0.oId"}, keeps: map[string]string{"VOICE": "rows.0.oId"}},
			{tool: "get_entity", arguments: `{"oId":"VOICE"}`, reads: []string{"data"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session := s.connect(t, s.write)
			kept := map[string]string{}
			for _, step := range steps {
				arguments := step.arguments
				for name, value := range kept {
					arguments = strings.ReplaceAll(arguments, strconv.Quote(name), strconv.Quote(value))
				}
				r := use(t, session, step.tool, arguments)
				if r.IsError != step.refused {
					t.Fatalf("%s %s answers %s", step.tool, arguments, r.Text)
				}
				answer := r.object()
				for _, path := range step.reads {
					if at(answer, path) == nil {
						t.Errorf("%s %s: the answer lacks %s: %s", step.tool, arguments, path, r.Text)
					}
				}
				for name, path := range step.keeps {
					kept[name] = fmt.Sprint(at(answer, path))
				}
			}
		})
	}
}

// at returns the value at a path, nil where there is none.
func at(value any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}
