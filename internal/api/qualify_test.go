package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"personae.dev/examples"
	"personae.dev/internal/library"
	"personae.dev/internal/llm"
)

const qualifyPath = "/api/v2/persona/qualify"

// demo puts the demo library into the first workspace.
func (s *server) demo(t testing.TB) {
	t.Helper()
	_, err := s.library.Import(context.Background(), library.ImportOptions{Workspace: s.workspace, Author: s.owner}, library.ReadLines(strings.NewReader(examples.Demo())))
	must(t, err)
}

const (
	targetQuestion = "Does this person carry a bookings number for the whole company or a whole region?"
	leadQuestions  = `[{"question":"does this person carry a bookings number  for the whole company or a whole region","answer":"yes","evidence":"She said so."},{"question":"Is it raining?","answer":"NO"}]`
)

func TestQualifyPerson(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.demo(t)
	e := s.edit(t)
	reader := &editor{e.caller, s.token}
	body := `{"person":{"jobTitle":"Regional VP of Sales","firstName":"Ada","companyName":"Fernhill","hobby":"chess"},"answers":` + leadQuestions + `,"explain":true}`
	got := reader.post(t, qualifyPath, body)
	section := "data.persona.qualification."
	for path, want := range map[string]any{
		"found": true, "data.score": 10.0, "data.persona.oId": "demo-vp-of-sales", section + "score": 10.0, section + "band": "STRONG",
		section + "answers.0.answer": "Yes", section + "answers.0.rationale": "She said so.", section + "answers.0.weight": "HIGH",
		section + "answers.1.answer": "Unknown", "data.person.company.name": "Fernhill", "data.model.name": "", "data.product": nil,
	} {
		if value := got.value(t, path); value != want {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	for _, want := range []string{"1 of 7 questions are answered", "No model is set", "belong to no question here", "Is it raining?", "person.hobby"} {
		if message, _ := got.value(t, "message").(string); !strings.Contains(message, want) {
			t.Errorf("the message lacks %q: %s", want, message)
		}
	}
	steps := got.value(t, section+"steps").([]any)
	if last := steps[len(steps)-1].(map[string]any); len(steps) != 8 || last["text"] != "1 + 9 × 3 / 3 = 10." || last["question"] != "" {
		t.Errorf("steps %v", steps)
	}
	// A second answer to a question of a weight of 3 points halves the score.
	draft := `{"persona":{"name":"Draft","qualifyingQuestions":[{"question":"A?","fitType":"GOOD","weight":"HIGH"},{"question":"B?","fitType":"BAD","weight":"HIGH","rationale":"","archivedAt":null}]},"answers":[{"question":"a","answer":"YES"},{"question":"B","answer":"YES"}]}`
	if got := reader.post(t, qualifyPath, draft); got.value(t, "data.score") != 5.5 || got.value(t, "data.persona.oId") != nil || got.value(t, section+"steps") != nil {
		t.Errorf("a draft: %s", got.body)
	}
	// With an id, a draft is what it changes of that persona.
	of := `{"persona":{"oId":"demo-vp-of-sales","internalName":"Draft"},"answers":` + leadQuestions + `}`
	if got := reader.post(t, qualifyPath, of); got.value(t, "data.score") != 10.0 || got.value(t, "data.persona.oId") != "demo-vp-of-sales" {
		t.Errorf("a draft of a persona: %s", got.body)
	}
	for body, words := range map[string]string{
		`{}`: "Nothing is known", `{"person":null}`: "Nothing is known", `{"personaOId":"demo-vp-of-sales"}`: "Nothing is known",
		`{"person":{"jobTitle":"Astronaut"}}`: "No persona matches", `{"person":{"email":"ada@fernhill.example"}}`: "no jobTitle",
	} {
		got := reader.post(t, qualifyPath, body)
		if message, _ := got.value(t, "message").(string); got.value(t, "found") != false || got.value(t, "data.score") != nil || !strings.Contains(message, words) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	for body, field := range map[string]string{
		`[]`: "body", `{"person":"Ada"}`: "person", `{"person":{"jobTitle":7}}`: "person.jobTitle", `{"answers":[{"question":"x","answer":"perhaps"}]}`: "answers[0].answer",
		`{"answers":[{"question":"","answer":"YES"}]}`: "answers[0].question", `{"persona":{"name":""}}`: "persona.name", `{"persona":[]}`: "persona",
		`{"persona":{"name":"x","qualifyingQuestions":[{"question":"A?"}]}}`: "persona.qualifyingQuestions[0].fitType",
		`{"persona":{"name":"x"},"personaOId":"demo-vp-of-sales"}`:           "persona", `{"persona":{"oId":"demo-vp-of-sales","name":null}}`: "persona.name",
		`{"personaOId":"demo-vp-of-sales","answers":[{"question":"` + targetQuestion + `","answer":"YES"},{"question":"` + targetQuestion + `","answer":"NO"}]}`: "answers[1]",
		`{"person":{"jobTitle":"` + strings.Repeat("x", 1001) + `"}}`:                                                                                            "jobTitle",
	} {
		got := reader.post(t, qualifyPath, body)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || len(fields) == 0 || fields[0] != field {
			t.Errorf("%.60s: %d %s", body, got.status, got.body)
		}
	}
	if got := (&editor{e.caller, s.otherToken}).post(t, qualifyPath, `{"personaOId":"demo-vp-of-sales"}`); got.status != http.StatusNotFound {
		t.Errorf("another workspace: %d %s", got.status, got.body)
	}
	e.send(t, http.MethodDelete, "/api/v2/persona/delete?oId=demo-sdr-manager", "")
	if got := reader.post(t, qualifyPath, `{"personaOId":"demo-sdr-manager"}`); got.status != http.StatusConflict {
		t.Errorf("a deleted persona: %d %s", got.status, got.body)
	}
}

func TestRunAgents(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.demo(t)
	e := s.edit(t)
	reader := &editor{e.caller, s.token}
	agent := func(body string) string {
		t.Helper()
		oID, _ := e.post(t, "/api/v2/agents/create", body).value(t, "data.oId").(string)
		return oID
	}
	run := func(what, body string) answer {
		t.Helper()
		return reader.post(t, "/api/v2/agents/qualify-"+what+"/run", body)
	}
	const known = `,"jobTitle":"VP of Sales","answers":` + leadQuestions
	for config, want := range map[string]map[string]any{
		`{}`: {
			"found": true, "data.score": 10.0, "data.product.oId": "demo-larkfield", "data.persona.oId": "demo-vp-of-sales", "data.segment.oId": nil,
			"data.playbook.oId": "demo-playbook-slipped-quarter", "data.person.title": "VP of Sales", "data.company": nil, "data.motion": nil,
		},
		`{"commonContext":{"entities":{"product":{"strategy":"NONE"},"motion":{"strategy":"BEST_MATCH"},"persona":{"strategy":"BEST_MATCH","x":1},"segment":7}},"productOId":7,"tools":{"x":[1]}}`: {
			"data.product": nil, "data.persona.name": "VP of Sales", "data.playbook": nil, "data.motion.name": "After a slipped quarter", "data.score": 10.0,
		},
		`{"scoringContext":{"persona":{"skipContributingToOverallScore":true}}}`: {"data.score": nil, "data.persona.qualification.score": 10.0},
		`{"personaOIds":["demo-founder-ceo"]}`:                                   {"data.persona.oId": "demo-founder-ceo", "data.product.oId": "demo-larkfield-starter", "data.score": nil},
		`{"personaOIds":["demo-founder-ceo","demo-sdr-manager"]}`:                {"found": false, "data.persona.oId": nil},
		`{"personaOIds":["pe_gone"]}`:                                            {"found": false, "data.persona.message": "The library has no persona that the agent names."},
		`{"productOId":"demo-larkfield-starter"}`:                                {"data.product.oId": "demo-larkfield-starter"},
	} {
		var b strings.Builder
		fmt.Fprintf(&b, `{"name":"Q","type":"QUALIFY_PERSON","data":%s}`, config)
		got := run("person", `{"agentOId":"`+agent(b.String())+`"`+known+`}`)
		for path, want := range want {
			if value := got.value(t, path); value != want {
				t.Errorf("%s: %s is %v, want %v: %s", config, path, value, want, got.body)
			}
		}
	}
	company := run("company", `{"agentOId":"default","companyDomain":"fernhill.example","companyName":"Fernhill","includeFullAnnotation":true,"answers":[{"question":"`+s.question(t, "segment", "demo-founder-led")+`","answer":"YES"}]}`)
	if company.value(t, "data.segment.oId") != "demo-founder-led" || company.value(t, "data.company.domain") != "fernhill.example" || company.value(t, "data.persona") != nil || company.value(t, "data.segment.qualification.steps") == nil {
		t.Errorf("%s", company.body)
	}
	if got := run("person", `{"agentOId":"default","email":"","firstName":"","jobTitle":""}`); got.value(t, "found") != false || got.value(t, "data.score") != nil {
		t.Errorf("%s", got.body)
	}
	for body, status := range map[string]int{
		`{}`: http.StatusBadRequest, `{"agentOId":"ca_nobody"}`: http.StatusNotFound, `{"agentOId":7}`: http.StatusBadRequest,
		`{"agentOId":"` + agent(`{"name":"E","type":"EMAIL"}`) + `"}`: http.StatusBadRequest,
	} {
		if got := run("person", body); got.status != status {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}

// question returns the first question of an entity.
func (s *server) question(t *testing.T, kind, oID string) string {
	t.Helper()
	found, err := s.library.Entity(t.Context(), s.caller(t), s.kind(t, kind), oID)
	must(t, err)
	return found.Questions()[0].Question
}

func (s *server) caller(t *testing.T) library.Caller {
	t.Helper()
	p, err := s.library.Authenticate(t.Context(), s.token)
	must(t, err)
	return library.Caller{Principal: p}
}

// TestNothingOfALeadIsStored looks for the words of requests in the files of the
// database, and in the log.
func TestNothingOfALeadIsStored(t *testing.T) {
	t.Parallel()
	const marker = "Zyxwvut"
	s := setup(t, withScript(t, `{"purpose":"qualify","answer":{"answers":[{"question":1,"answer":"YES","evidence":"`+marker+`","confidence":"HIGH"}]}}`),
		func(c *config) { c.library.CountUnmatched, c.models.Cache = true, time.Hour })
	s.demo(t)
	e := s.edit(t)
	reader := &editor{e.caller, s.token}
	lead := map[string]any{"agentOId": "default", "runtimeContext": map[string]any{"note": marker}, "answers": []any{map[string]any{"question": targetQuestion, "answer": "YES", "evidence": marker}}}
	for _, field := range []string{"firstName", "lastName", "email", "linkedInProfile", "companyName", "companyDomain"} {
		lead[field] = marker
	}
	lead["jobTitle"] = "VP of Sales " + marker
	body, err := json.Marshal(lead)
	must(t, err)
	for _, call := range []string{"person", "company"} {
		if got := reader.post(t, "/api/v2/agents/qualify-"+call+"/run", string(body)); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	delete(lead, "agentOId")
	body, err = json.Marshal(map[string]any{"person": lead, "answers": lead["answers"], "runtimeContext": marker})
	must(t, err)
	if got := reader.post(t, qualifyPath, string(body)); got.value(t, "found") != true {
		t.Fatalf("%d %s", got.status, got.body)
	}
	e.post(t, createPath, `{"name":"Qwertyuiop"}`) // what is stored is found
	must(t, s.library.FlushUnmatched(t.Context()))
	files, err := filepath.Glob(s.path + "*")
	must(t, err)
	stored := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		stored = stored || strings.Contains(string(content), "Qwertyuiop")
		if strings.Contains(strings.ToLower(string(content)), strings.ToLower(marker)) {
			t.Errorf("%s has words of a lead", file)
		}
	}
	if !stored || strings.Contains(s.log.String(), marker) {
		t.Errorf("in the files: %t; the log: %t", stored, strings.Contains(s.log.String(), marker))
	}
}

// TestNothingOfALeadIsLogged shows that the log has the code of what went wrong with a
// model, and nothing that the model or its server says.
func TestNothingOfALeadIsLogged(t *testing.T) {
	t.Parallel()
	const marker = "Zyxwvut"
	said := make(chan string, 10)
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := <-said
		if strings.Contains(answer, `"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(model.Close)
	client, err := llm.New(llm.Config{Provider: llm.OpenAI, URL: model.URL, Model: "m"})
	must(t, err)
	s := setup(t, withModel(client))
	reader := &editor{s.start(t), s.token}
	const wrong, rejected = `{"choices":[{"message":{"content":"{\"answers\":\"` + marker + `\"}"}}]}`, `{"error":{"message":"` + marker + `"}}`
	for code, answers := range map[string][]string{
		llm.CodeRefused: {`{"choices":[{"message":{"refusal":"` + marker + `"}}]}`}, llm.CodeBadAnswer: {wrong, wrong},
		llm.CodeRejected: {rejected, rejected, rejected}, llm.CodeUnreachable: {marker},
	} {
		for _, answer := range answers {
			said <- answer
		}
		got := reader.post(t, qualifyPath, `{"person":{"companyName":"`+marker+`"},"persona":{"name":"P","qualifyingQuestions":[{"question":"Many reps?","fitType":"GOOD","weight":"HIGH"}]}}`)
		if found, _ := failure(t, got); found != code || !strings.Contains(s.log.String(), code) {
			t.Errorf("%d %s, want %s", got.status, got.body, code)
		}
	}
	if log := s.log.String(); strings.Contains(log, marker) || !strings.Contains(log, "status 400") {
		t.Errorf("the log is %s", log)
	}
}

// TestQualifyWithModel shows that a model answers what the caller did not, with
// evidence, and that it cannot give a score.
func TestQualifyWithModel(t *testing.T) {
	t.Parallel()
	const answers = `{"question":1,"answer":"YES","evidence":"Twelve reps, says $1","confidence":"MEDIUM"},{"question":2,"answer":"UNKNOWN","evidence":"","confidence":"LOW"}`
	s := setup(t, withScript(t,
		`{"purpose":"qualify","contains":["Scores"],"turn":1,"answer":{"score":9,"answers":[`+answers+`]}}`,
		`{"purpose":"qualify","contains":["NoEvidence"],"answer":{"answers":[{"question":1,"answer":"NO","evidence":" ","confidence":"HIGH"}]}}`,
		`{"purpose":"qualify","match":"\"companyName\":\"(\\w+)\"","answer":{"answers":[`+answers+`]}}`,
	))
	reader := &editor{s.start(t), s.token}
	ask := func(company, more string) answer {
		t.Helper()
		return reader.post(t, qualifyPath, `{"person":{"companyName":"`+company+`"},"persona":{"name":"P","qualifyingQuestions":[
			{"question":"Many reps?","fitType":"GOOD","weight":"HIGH"},{"question":"Known?","fitType":"GOOD","weight":"LOW"},{"question":"Open?","fitType":"BAD","weight":"HIGH"}]},
			"answers":[{"question":"known","answer":"NO"}]`+more+`}`)
	}
	const section = "data.persona.qualification."
	for _, company := range []string{"Fernhill", "Scores"} { // the second answer is repaired
		got := ask(company, "")
		for path, want := range map[string]any{
			"data.score": 7.75, section + "answers[0].answer": "Yes", section + "answers[0].rationale": "Twelve reps, says " + company,
			section + "answers[0].confidence": "MEDIUM", section + "answers[1].confidence": "HIGH", section + "answers[1].answer": "No",
			section + "answers[2].answer": "Unknown", section + "coverage": 0.57, "data.model.asked": true, "data.model.questions": 2.0,
		} {
			if value := got.value(t, path); value != want {
				t.Errorf("%s: %s is %v, want %v: %s", company, path, value, want, got.body)
			}
		}
	}
	if got := ask("Fernhill", `,"withoutModel":true`); got.value(t, "data.score") != 1.0 || got.value(t, "data.model.asked") != false || got.value(t, "data.model.tokens").(float64) < 100 {
		t.Errorf("without the model: %s", got.body)
	}
	if got := ask("", ""); got.value(t, "data.model.asked") != false {
		t.Errorf("nothing to read: %s", got.body)
	}
	unknown := reader.post(t, qualifyPath, `{"person":{"companyName":"Fernhill"},"persona":{"name":"P","qualifyingQuestions":[
		{"question":"Many reps?","fitType":"GOOD","weight":"HIGH"},{"question":"Known?","fitType":"GOOD","weight":"LOW"},{"question":"Open?","fitType":"BAD","weight":"HIGH"}]},
		"answers":[{"question":"Many reps?","answer":"UNKNOWN"}]}`)
	if unknown.value(t, section+"answers[0].rationale") != "The caller does not know." || unknown.value(t, section+"answers[1].answer") != "Yes" || unknown.value(t, "data.model.questions") != 2.0 {
		t.Errorf("an answer that is not known: %s", unknown.body)
	}
	got := ask("NoEvidence", "")
	if code, _ := failure(t, got); got.status != http.StatusServiceUnavailable || code != "model_bad_answer" {
		t.Errorf("no evidence: %d %s", got.status, got.body)
	}
}
