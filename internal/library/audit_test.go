package library_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// audited returns the findings as lines, and the whole.
func (f *fixture) audited(t *testing.T) (string, *library.Audited) {
	t.Helper()
	a, err := f.Audit(t.Context(), f.caller, library.MaxFindings, 0)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	var b strings.Builder
	for _, finding := range a.Findings {
		fmt.Fprintf(&b, "%s %s %s", finding.Severity, finding.Rule, finding.Entity.OID)
		if finding.Field != "" {
			b.WriteString(" " + finding.Field)
		}
		for _, other := range finding.Others {
			b.WriteString(" ~" + other.OID)
		}
		b.WriteByte('\n')
		if finding.Message == "" || finding.Fix == "" || finding.Entity.Name == "" {
			t.Errorf("a finding that says too little: %+v", finding)
		}
	}
	return b.String(), a
}

// good is a persona without findings.
const good = `"description":"Keeps all of the bees, and says of each of them where it is now.","primaryResponsibilities":["Count the bees"],` +
	`"painPoints":["Some are lost"],"keyObjectives":["Lose none"],"linkingStrategy":{"mode":"ALL"},"qualifyingQuestions":[` +
	`{"question":"Do they keep bees?","rationale":"Others have none.","fitType":"GOOD","weight":"HIGH"},` +
	`{"question":"Are they a bee?","rationale":"Bees buy nothing.","fitType":"BAD","weight":"LOW"}]`

func TestAuditRules(t *testing.T) {
	t.Parallel()
	persona := func(oID, more string) string {
		return `{"oId":"` + oID + `","name":"Name of ` + oID + `","commonJobTitles":["Title of ` + oID + `"],` + more + `}`
	}
	without := func(part, instead string) string {
		if !strings.Contains(good, part) {
			t.Fatalf("%q is not in the persona", part)
		}
		return strings.Replace(good, part, instead, 1)
	}
	for name, test := range map[string]struct {
		lines []string
		want  string
		score int
	}{
		"nothing":  {nil, "", 100},
		"good":     {[]string{persona("pe_1", good)}, "", 100},
		"empty":    {[]string{persona("pe_1", without(`["Some are lost"]`, "[]"))}, "critical empty_field pe_1 painPoints\n", 85},
		"archived": {[]string{persona("pe_1", without(`["Some are lost"]`, "[]")+`,"archivedAt":"2024-05-01T00:00:00Z"`)}, "", 100},
		"short":    {[]string{persona("pe_1", without(", and says of each of them where it is now.", "."))}, "warning short_description pe_1 description\n", 95},
		"old":      {[]string{persona("pe_1", good+`,"createdAt":"2024-01-01T00:00:00Z","updatedAt":"2024-01-01T00:00:00Z"`)}, "info old pe_1\n", 99},
		"titles":   {[]string{`{"oId":"pe_1","name":"Beekeeper",` + good + `}`}, "warning no_titles pe_1 commonJobTitles\n", 95},
		"offering": {
			[]string{persona("pe_1", without(`"mode":"ALL"`, `"mode":"SPECIFIC","offeringOIds":["px_1"]`)), `{"kind":"product","oId":"px_1","name":"Hive"}`, `{"kind":"product","oId":"px_2","name":"Honey"}`},
			"warning offering_without_persona px_2\n", 95,
		},
		"solution": {
			[]string{persona("pe_1", without(`"linkingStrategy":{"mode":"ALL"},`, "")), persona("pe_2", without(`"linkingStrategy":{"mode":"ALL"},`, `"internalName":"Something else",`)), `{"kind":"solution","oId":"sv_1","name":"All","personaOIds":["pe_1"]}`},
			"warning near_duplicate pe_2 ~pe_1\nwarning no_offering pe_2\n", 90,
		},
		"dead link": {[]string{persona("pe_1", good+`,"playbookOIds":["pb_9"]`)}, "warning dead_link pe_1 playbookOIds\n", 95},
		"weights":   {[]string{persona("pe_1", without(`"LOW"`, `"HIGH"`))}, "question same_weights pe_1 qualifyingQuestions\n", 97},
		"no bad":    {[]string{persona("pe_1", without(`"BAD"`, `"GOOD"`))}, "question no_bad_question pe_1 qualifyingQuestions\n", 97},
		"rationale": {[]string{persona("pe_1", without(`"Bees buy nothing."`, `""`))}, "question no_rationale pe_1 qualifyingQuestions\n", 97},
		"language": {
			[]string{persona("pe_1", without(`["Lose none"]`, `["Lose none","lose NONE!","TODO: more"]`))},
			"language placeholder pe_1 keyObjectives\nlanguage said_twice pe_1 keyObjectives\n", 94,
		},
		"claimed": {
			[]string{`{"oId":"pe_1","name":"Beekeeper","commonJobTitles":["Queen of Bees"],` + good + `}`, `{"oId":"pe_2","name":"Queen","commonJobTitles":["queen of BEES"],"internalName":"Q",` + without(`["Count the bees"]`, `["`+strings.Repeat("Rule ", 2)+`a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee"]`) + `}`},
			"warning claimed_twice pe_1 commonJobTitles ~pe_2\n", 95,
		},
		"same name": {[]string{`{"kind":"objection","oId":"oj_1","name":"Too dear"}`, `{"kind":"objection","oId":"oj_2","name":"TOO DEAR"}`}, "warning near_duplicate oj_2 ~oj_1\n", 95},
		"worst": {
			[]string{`{"oId":"pe_1","name":"A"}`, `{"oId":"pe_2","name":"B"}`},
			"critical empty_field pe_1 keyObjectives\ncritical empty_field pe_1 painPoints\ncritical empty_field pe_1 primaryResponsibilities\n" +
				"critical empty_field pe_2 keyObjectives\ncritical empty_field pe_2 painPoints\ncritical empty_field pe_2 primaryResponsibilities\n" +
				"warning no_offering pe_1\nwarning no_offering pe_2\nwarning no_titles pe_1 commonJobTitles\nwarning no_titles pe_2 commonJobTitles\n" +
				"warning short_description pe_1 description\nwarning short_description pe_2 description\n" +
				"question no_questions pe_1 qualifyingQuestions\nquestion no_questions pe_2 qualifyingQuestions\n", 100 - 45 - 30 - 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			if _, told, err := f.importText(t, library.ImportOptions{}, test.lines...); err != nil || len(told) > 0 {
				t.Fatal(told, err)
			}
			got, a := f.audited(t)
			if diff := cmp.Diff(test.want, got); diff != "" || a.Score != test.score {
				t.Errorf("score %d, want %d (-want +got):\n%s", a.Score, test.score, diff)
			}
			again, _ := f.audited(t)
			if again != got {
				t.Errorf("a second audit: %s", again)
			}
		})
	}
}

// TestAuditPages shows that a page of findings has the score of all.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.demo(t)
	f.now = f.now.Add(10_000 * 24 * time.Hour)
	all, whole := f.audited(t)
	if whole.Total != len(whole.Findings) || whole.Counts[library.SeverityInfo] == 0 {
		t.Fatalf("%d findings, %v:\n%s", whole.Total, whole.Counts, all)
	}
	page, err := f.Audit(t.Context(), f.caller, 2, 1)
	if err != nil || page.Score != whole.Score || page.Total != whole.Total || !page.HasNext || cmp.Diff(whole.Findings[1:3], page.Findings) != "" {
		t.Errorf("a page: %+v, %v", page, err)
	}
	if _, err := f.Audit(t.Context(), f.caller, 0, -1); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "limit") || !strings.Contains(err.Error(), "offset") {
		t.Errorf("limit 0, offset -1: %v", err)
	}
	if _, err := f.Audit(t.Context(), library.Caller{}, 1, 0); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("without a key: %v", err)
	}
}
