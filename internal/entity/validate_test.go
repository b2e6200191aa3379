package entity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
)

func quote(t *testing.T, s string) jsontext.Value {
	t.Helper()
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLimitsOfTexts tests every text at its limits: that many characters are
// accepted, one more is refused, whatever the script.
func TestLimitsOfTexts(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	const question = `[{"question":%s,"rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}]`
	for _, test := range []struct {
		path, field, value string // value has %s for the text
		minimum, maximum   int
	}{
		{"name", "name", `%s`, 1, 255},
		{"internalName", "internalName", `%s`, 0, 255},
		{"description", "description", `%s`, 0, 10_000},
		{"url", "url", `%s`, 0, 100},
		{"summary", "summary", `%s`, 0, 10_000},
		{"labels[1]", "labels", `["a",%s]`, 1, 20},
		{"points[0]", "points", `[%s]`, 1, 10_000},
		{"insight[0]", "insight", `[%s]`, 1, 10_000},
		{"customFields[0].title", "customFields", `[{"title":%s,"value":[]}]`, 1, 255},
		{"customFields[0].value[0]", "customFields", `[{"title":"t","value":[%s]}]`, 1, 10_000},
		{"traits.guiding[0]", "traits", `{"core":[],"guiding":[%s]}`, 1, 10_000},
		{"facts", "facts", `{"industry":[],"size":[],%s:["a"]}`, 1, 255},
		{"qualifyingQuestions[0].question", "qualifyingQuestions", question, 1, 2_000},
		{"qualifyingQuestions[0].rationale", "qualifyingQuestions", `[{"question":"q","rationale":%s,"fitType":"GOOD","weight":"LOW","archivedAt":null}]`, 0, 10_000},
		{"qualifyingQuestions[0].oId", "qualifyingQuestions", `[{"oId":%s,"question":"q","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}]`, 1, 255},
		{"primaryOfferingOId", "primaryOfferingOId", `%s`, 1, 255},
		{"playbookOIds[0]", "playbookOIds", `[%s]`, 1, 255},
		{"linkingStrategy.offeringOIds[0]", "linkingStrategy", `{"mode":"SPECIFIC","offeringOIds":[%s]}`, 1, 255},
	} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			check := func(name, text, message string) {
				t.Helper()
				e := entityOf(t, k, `{"name":"x"}`)
				e.Fields[test.field] = fmt.Appendf(nil, test.value, quote(t, text))
				var want []string
				if message != "" {
					want = []string{test.path + ": " + message}
				}
				if diff := cmp.Diff(want, lines(k.Validate(e))); diff != "" {
					t.Errorf("%s (-want +got):\n%.300s", name, diff)
				}
			}
			for _, character := range []string{"x", "é", "中", "\U0001f600"} {
				check("the longest", strings.Repeat(character, test.maximum), "")
				check("one too many", strings.Repeat(character, test.maximum+1), fmt.Sprintf("has %d characters; the limit is %d", test.maximum+1, test.maximum))
			}
			if test.minimum > 0 && test.path != "qualifyingQuestions[0].oId" { // a question without an id gets one
				check("empty", "", "must not be empty")
			}
			check("tab and line ends", "a\t\r\nb", "")
			check("control character", "ab\x01", "has the control character U+0001 at byte 2: remove it")
			check("delete", "\x7f", "has the control character U+007F at byte 0: remove it")
		})
	}
}

func TestLimitsOfCounts(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	repeat := func(n int, item string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	ids := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"x_%d"`, i))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	lists := func(n int) string {
		b := `{"industry":[],"size":[]`
		for i := range n - 2 {
			b += fmt.Sprintf(`,"k%d":["a"]`, i)
		}
		return b + "}"
	}
	for _, test := range []struct {
		path, field string
		maximum     int
		value       func(n int) string
		noun        string
	}{
		{"labels", "labels", 10, func(n int) string { return repeat(n, `"x"`) }, "items"},
		{"points", "points", 5_000, func(n int) string { return repeat(n, `"x"`) }, "items"},
		{"insight", "insight", 5_000, func(n int) string { return repeat(n, `"x"`) }, "items"},
		{"customFields", "customFields", 100, func(n int) string { return repeat(n, `{"title":"t","value":[]}`) }, "items"},
		{"customFields[0].value", "customFields", 5_000, func(n int) string { return `[{"title":"t","value":` + repeat(n, `"x"`) + `}]` }, "items"},
		{"traits.core", "traits", 5_000, func(n int) string { return `{"core":` + repeat(n, `"x"`) + `,"guiding":[]}` }, "items"},
		{"facts", "facts", 100, lists, "lists"},
		{"qualifyingQuestions", "qualifyingQuestions", 100, func(n int) string {
			return repeat(n, `{"question":"q","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}`)
		}, "items"},
		{"playbookOIds", "playbookOIds", 1_000, ids, "items"},
		{"relatedOIds", "relatedOIds", 1_000, ids, "items"},
		{"linkingStrategy.offeringOIds", "linkingStrategy", 1_000, func(n int) string { return `{"mode":"SPECIFIC","offeringOIds":` + ids(n) + `}` }, "items"},
	} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			e := entityOf(t, k, `{"name":"x"}`)
			e.Fields[test.field] = jsontext.Value(test.value(test.maximum))
			if errors := k.Validate(e); len(errors) > 0 {
				t.Errorf("at the limit: %v", errors)
			}
			e.Fields[test.field] = jsontext.Value(test.value(test.maximum + 1))
			want := []string{fmt.Sprintf("%s: has %d %s; the limit is %d", test.path, test.maximum+1, test.noun, test.maximum)}
			if diff := cmp.Diff(want, lines(k.Validate(e))); diff != "" {
				t.Errorf("one too many (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitOfAllTexts(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	for _, character := range []string{"x", "é", "\U0001f600"} {
		e := entityOf(t, k, sample)
		longest := string(quote(t, strings.Repeat(character, 10_000/len(character))))
		e.Fields["points"] = jsontext.Value("[" + strings.TrimSuffix(strings.Repeat(longest+",", 200), ",") + "]")
		// The rest goes into any JSON value: nothing else limits a text in it.
		e.Fields["method"] = jsontext.Value(`""`)
		used := 0
		for size := entity.MaxTextBytes; ; {
			e.Fields["method"] = quote(t, strings.Repeat("x", size))
			errors := k.Validate(e)
			if len(errors) == 0 {
				break
			}
			if _, err := fmt.Sscanf(errors[0].Message, "the test sample has %d bytes", &used); err != nil || errors[0].Path != "name" {
				t.Fatalf("errors %v", errors)
			}
			if size -= used - entity.MaxTextBytes; used == 0 {
				t.Fatal("no size")
			}
		}
		if used <= entity.MaxTextBytes {
			t.Fatalf("the limit was not reached: %d", used)
		}
		e.Fields["name"] = jsontext.Value(`"Name!"`)
		errors := k.Validate(e)
		if len(errors) != 1 || !strings.Contains(errors[0].Message, "2097153 bytes") || !strings.Contains(errors[0].Message, "the limit is 2097152") {
			t.Errorf("beyond the limit, of %s: %v", character, errors)
		}
	}
}

func TestValidateValues(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	for _, test := range []struct{ field, value, want string }{
		{"mood", `"ugly"`, `mood: is "ugly": use good or bad`},
		{"stage", `"open"`, `stage: is "open": use OPEN, WON or LOST`},
		{"playbookOIds", `["a","b","a"]`, "playbookOIds[2]: occurs twice: keep one"},
		{"linkingStrategy", `{"mode":"all"}`, `linkingStrategy.mode: is "all": use ALL or SPECIFIC`},
		{"linkingStrategy", `{"mode":"ALL","offeringOIds":["a"]}`, "linkingStrategy.offeringOIds: must be left out, or null, where mode is ALL"},
		{"linkingStrategy", `{"mode":"SPECIFIC"}`, "linkingStrategy.offeringOIds: must name an offering where mode is SPECIFIC"},
		{"method", `{"a":["\u0000"]}`, "method: has the control character U+0000 at byte 0: remove it"},
		{"summary", `"cut`, "summary: is damaged: is JSON that is cut off at its end, byte 4"},
		{"qualifyingQuestions", `[{"question":"q","rationale":"","fitType":"good","weight":"LOW","archivedAt":null}]`, `qualifyingQuestions[0].fitType: is "good": use GOOD or BAD`},
		{"qualifyingQuestions", `[{"question":"q","rationale":"","fitType":"BAD","weight":"","archivedAt":null}]`, `qualifyingQuestions[0].weight: is "": use LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER`},
		{"qualifyingQuestions", `[{"question":"q","rationale":"","fitType":"BAD","weight":"LOW","archivedAt":"0000-12-31T00:00:00Z"}]`, "qualifyingQuestions[0].archivedAt: is outside the years 1 to 9999"},
	} {
		e := entityOf(t, k, `{"name":"x"}`)
		e.Fields[test.field] = jsontext.Value(test.value)
		if diff := cmp.Diff([]string{test.want}, lines(k.Validate(e))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.value, diff)
		}
	}
	for _, fit := range []string{entity.FitGood, entity.FitBad} {
		for _, weight := range []string{entity.WeightLow, entity.WeightMedium, entity.WeightHigh, entity.WeightInstantDisqualifier} {
			q := entity.Question{Question: "q", FitType: fit, Weight: weight}
			if errors := q.Validate(); len(errors) > 0 {
				t.Errorf("%s and %s: %v", fit, weight, errors)
			}
		}
	}
	if diff := cmp.Diff([]string{"question", "fitType", "weight"}, paths((&entity.Question{}).Validate())); diff != "" {
		t.Errorf("an empty question (-want +got):\n%s", diff)
	}
}

func TestValidateDates(t *testing.T) {
	t.Parallel()
	first := time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC) // before it is the zero time, which is no date
	last := time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	for path, set := range map[string]func(*entity.Entity, time.Time){
		"createdAt":  func(e *entity.Entity, at time.Time) { e.CreatedAt = at },
		"updatedAt":  func(e *entity.Entity, at time.Time) { e.UpdatedAt = at },
		"archivedAt": func(e *entity.Entity, at time.Time) { e.ArchivedAt = &at },
		"deletedAt":  func(e *entity.Entity, at time.Time) { e.DeletedAt = &at },
	} {
		for _, at := range []time.Time{first, last, last.In(time.FixedZone("", 3600))} {
			e := entityOf(t, persona(), `{"name":"x"}`)
			set(e, at)
			if errors := persona().Validate(e); len(errors) > 0 {
				t.Errorf("%s is %s: %v", path, at, errors)
			}
		}
		for _, at := range []time.Time{first.Add(-time.Millisecond), last.Add(time.Millisecond)} {
			e := entityOf(t, persona(), `{"name":"x"}`)
			set(e, at)
			if diff := cmp.Diff([]string{path + ": is outside the years 1 to 9999"}, lines(persona().Validate(e))); diff != "" {
				t.Errorf("%s is %s (-want +got):\n%s", path, at, diff)
			}
		}
	}
}

func TestAllErrorsInTableOrder(t *testing.T) {
	t.Parallel()
	k := persona()
	e := &entity.Entity{Fields: map[string]jsontext.Value{}}
	tooLong := quote(t, strings.Repeat("x", 10_001))
	late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	e.ArchivedAt, e.DeletedAt = &late, &late
	want := []string{"oId", "name"}
	for i := range k.Fields {
		f := &k.Fields[i]
		switch f.Type {
		case entity.TypeText:
			if f.Name != "name" {
				e.Fields[f.Name] = tooLong
				want = append(want, f.Name)
			}
		case entity.TypeTexts:
			e.Fields[f.Name] = jsontext.Value(`["fine",""]`)
			want = append(want, f.Name+"[1]")
		case entity.TypeCustom:
			e.Fields[f.Name] = jsontext.Value(`[{"title":"","value":[""]}]`)
			want = append(want, f.Name+"[0].title", f.Name+"[0].value[0]")
		case entity.TypeQuestions:
			e.Fields[f.Name] = jsontext.Value(`[{"question":"","rationale":"","fitType":"","weight":"","archivedAt":null}]`)
			want = append(want, f.Name+"[0].question", f.Name+"[0].fitType", f.Name+"[0].weight")
		}
	}
	want = append(want, "createdAt", "updatedAt", "archivedAt", "deletedAt")
	if diff := cmp.Diff(want, paths(k.Validate(e))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// However many there are, a hundred are listed, and the rest is counted.
	e = entityOf(t, k, `{"name":"x"}`)
	e.Fields["painPoints"] = jsontext.Value("[" + strings.TrimSuffix(strings.Repeat(`"",`, 4_000), ",") + "]")
	errors := k.Validate(e)
	if last := errors[len(errors)-1]; len(errors) != errs.MaxFields+1 || last.More != 3_900 {
		t.Errorf("%d errors, the last %+v", len(errors), last)
	}
}
