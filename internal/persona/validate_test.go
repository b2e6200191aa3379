package persona_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
)

// valid returns the smallest persona that can be kept.
func valid() *persona.Persona {
	return &persona.Persona{
		WorkspaceOID: "wa_1", OID: "pe_1", Author: persona.User{OID: "u_1"}, Name: "x", Active: true,
		CreatedAt: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func question() persona.QualifyingQuestion {
	return persona.QualifyingQuestion{Question: "q", FitType: persona.FitGood, Weight: persona.WeightLow}
}

// textFields lists every text of a persona: its path, its limits, and how it is
// set.
func textFields() []textField {
	fields := []textField{
		{"oId", 1, 255, func(p *persona.Persona, s string) { p.OID = s }},
		{"name", 1, 255, func(p *persona.Persona, s string) { p.Name = s }},
		{"internalName", 0, 255, func(p *persona.Persona, s string) { p.InternalName = &s }},
		{"description", 0, 10_000, func(p *persona.Persona, s string) { p.Description = &s }},
		{"customFields[1].title", 1, 255, func(p *persona.Persona, s string) {
			p.CustomFields = []persona.CustomField{{Title: "t"}, {Title: s}}
		}},
		{"customFields[1].value[2]", 1, 10_000, func(p *persona.Persona, s string) {
			p.CustomFields = []persona.CustomField{{Title: "t"}, {Title: "t", Value: []string{"v", "v", s}}}
		}},
		{"qualifyingQuestions[1].question", 1, 2_000, func(p *persona.Persona, s string) {
			p.QualifyingQuestions = []persona.QualifyingQuestion{question(), question()}
			p.QualifyingQuestions[1].Question = s
		}},
		{"qualifyingQuestions[1].rationale", 0, 10_000, func(p *persona.Persona, s string) {
			p.QualifyingQuestions = []persona.QualifyingQuestion{question(), question()}
			p.QualifyingQuestions[1].Rationale = s
		}},
	}
	for i, list := range valid().Lists() {
		fields = append(fields, textField{list.Name + "[1]", 1, 10_000, func(p *persona.Persona, s string) {
			*p.Lists()[i].Items = []string{"first", s}
		}})
	}
	return fields
}

type textField struct {
	path             string
	minimum, maximum int
	set              func(*persona.Persona, string)
}

func TestValidateText(t *testing.T) {
	t.Parallel()
	for _, field := range textFields() {
		t.Run(field.path, func(t *testing.T) {
			t.Parallel()
			fault := func(message string, args ...any) []persona.Fault {
				return []persona.Fault{{Field: field.path, Message: fmt.Sprintf(message, args...)}}
			}
			check := func(what, s string, want []persona.Fault) {
				p := valid()
				field.set(p, s)
				if diff := cmp.Diff(want, p.Validate()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			if field.minimum == 0 {
				check("empty", "", nil)
			} else {
				check("empty", "", fault("must not be empty"))
			}
			// Characters count, not bytes.
			for _, character := range []string{"x", "é", "\u2028", "\U0001f600", "\U0010ffff"} {
				check("shortest of "+character, character, nil)
				check("longest of "+character, strings.Repeat(character, field.maximum), nil)
				check("too long of "+character, strings.Repeat(character, field.maximum+1),
					fault("has %d characters, and %d are allowed", field.maximum+1, field.maximum))
			}
			for r := range rune(0x100) {
				s := "a" + string(r)
				switch {
				case r == '\t', r == '\n', r == '\r', r >= ' ' && r != 0x7f:
					check("allowed", s, nil)
				default:
					check("control character", s, fault("has the control character U+%04X at byte 1: remove it", r))
				}
			}
			for _, s := range []string{"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"} {
				check("damaged", s, fault("is not valid UTF-8: send the text as UTF-8"))
			}
			check("all at once", "\x00\xff"+strings.Repeat("x", field.maximum), append(append(
				fault("has %d characters, and %d are allowed", field.maximum+2, field.maximum),
				fault("has the control character U+0000 at byte 0: remove it")...),
				fault("is not valid UTF-8: send the text as UTF-8")...))
		})
	}
}

func TestValidateCounts(t *testing.T) {
	t.Parallel()
	type counted struct {
		path    string
		maximum int
		set     func(p *persona.Persona, n int)
	}
	repeat := func(n int) []string { return strings.Split(strings.Repeat("x", n), "") }
	tests := []counted{
		{"customFields", 100, func(p *persona.Persona, n int) {
			for range n {
				p.CustomFields = append(p.CustomFields, persona.CustomField{Title: "t"})
			}
		}},
		{"customFields[0].value", 5_000, func(p *persona.Persona, n int) {
			p.CustomFields = []persona.CustomField{{Title: "t", Value: repeat(n)}}
		}},
		{"qualifyingQuestions", 100, func(p *persona.Persona, n int) {
			for range n {
				p.QualifyingQuestions = append(p.QualifyingQuestions, question())
			}
		}},
	}
	for i, list := range valid().Lists() {
		tests = append(tests, counted{list.Name, 5_000, func(p *persona.Persona, n int) { *p.Lists()[i].Items = repeat(n) }})
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{0, 1, test.maximum} {
				p := valid()
				test.set(p, n)
				if faults := p.Validate(); len(faults) > 0 {
					t.Errorf("%d items: %v", n, faults)
				}
			}
			p := valid()
			test.set(p, test.maximum+1)
			want := []persona.Fault{{Field: test.path, Message: fmt.Sprintf("has %d items, and %d are allowed", test.maximum+1, test.maximum)}}
			if diff := cmp.Diff(want, p.Validate()); diff != "" {
				t.Errorf("one too many (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateTextBytes(t *testing.T) {
	t.Parallel()
	// The bytes of all texts count together, whichever fields they stand in.
	size := func(p *persona.Persona) int {
		n := len(p.OID) + len(p.Name) + len(*p.InternalName) + len(*p.Description)
		for _, list := range p.Lists() {
			for _, s := range *list.Items {
				n += len(s)
			}
		}
		for _, f := range p.CustomFields {
			n += len(f.Title)
			for _, s := range f.Value {
				n += len(s)
			}
		}
		for _, q := range p.QualifyingQuestions {
			n += len(q.Question) + len(q.Rationale)
		}
		return n
	}
	for _, character := range []string{"x", "é", "\U0001f600"} {
		p := valid()
		p.InternalName, p.Description = new("iñ"), new("descriptión")
		p.CustomFields = []persona.CustomField{{Title: "tïtle", Value: []string{"välue", "plain"}}}
		p.QualifyingQuestions = []persona.QualifyingQuestion{question()}
		p.QualifyingQuestions[0].Rationale = "rätionale"
		for i := 0; size(p)+10_000 <= persona.MaxTextBytes; i++ {
			list := p.Lists()[i%8].Items
			*list = append(*list, strings.Repeat(character, 10_000/len(character)))
		}
		p.PainPoints = append(p.PainPoints, strings.Repeat("x", persona.MaxTextBytes-size(p)))
		if size(p) != persona.MaxTextBytes {
			t.Fatalf("the test made %d bytes", size(p))
		}
		if faults := p.Validate(); len(faults) > 0 {
			t.Errorf("at the limit, of %s: %v", character, faults)
		}
		p.Name += "x"
		faults := p.Validate()
		if len(faults) != 1 || faults[0].Field != "name" || !strings.Contains(faults[0].Message, "2097153 bytes") {
			t.Errorf("beyond the limit, of %s: %v", character, faults)
		}
	}
}

func TestValidateDates(t *testing.T) {
	t.Parallel()
	fields := map[string]func(*persona.Persona, time.Time){
		"createdAt":  func(p *persona.Persona, at time.Time) { p.CreatedAt = at },
		"updatedAt":  func(p *persona.Persona, at time.Time) { p.UpdatedAt = at },
		"archivedAt": func(p *persona.Persona, at time.Time) { p.ArchivedAt = &at },
		"deletedAt":  func(p *persona.Persona, at time.Time) { p.DeletedAt = &at },
		"qualifyingQuestions[0].archivedAt": func(p *persona.Persona, at time.Time) {
			p.QualifyingQuestions = []persona.QualifyingQuestion{question()}
			p.QualifyingQuestions[0].ArchivedAt = &at
		},
	}
	first := time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC) // before it is the zero time, which is no date
	last := time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	for path, set := range fields {
		for _, at := range []time.Time{first, first.Add(time.Millisecond), last, last.In(time.FixedZone("", 3600))} {
			p := valid()
			set(p, at)
			if faults := p.Validate(); len(faults) > 0 {
				t.Errorf("%s is %s: %v", path, at, faults)
			}
		}
		for _, at := range []time.Time{first.Add(-time.Millisecond), last.Add(time.Millisecond)} {
			p := valid()
			set(p, at)
			want := []persona.Fault{{Field: path, Message: "is outside the years 1 to 9999"}}
			if diff := cmp.Diff(want, p.Validate()); diff != "" {
				t.Errorf("%s is %s (-want +got):\n%s", path, at, diff)
			}
		}
	}
}

func TestValidateQuestion(t *testing.T) {
	t.Parallel()
	for _, fit := range []persona.FitType{"GOOD", "BAD"} {
		for _, weight := range []persona.Weight{"LOW", "MEDIUM", "HIGH", "INSTANT_DISQUALIFIER"} {
			p := valid()
			p.QualifyingQuestions = []persona.QualifyingQuestion{{Question: "q", FitType: fit, Weight: weight}}
			if faults := p.Validate(); len(faults) > 0 {
				t.Errorf("%s and %s: %v", fit, weight, faults)
			}
		}
	}
	for _, wrong := range []string{"", "good", "LOW ", "GOOD\x00", "NONE"} {
		p := valid()
		p.QualifyingQuestions = []persona.QualifyingQuestion{{Question: "q", FitType: persona.FitType(wrong), Weight: persona.Weight(wrong)}}
		want := []persona.Fault{
			{Field: "qualifyingQuestions[0].fitType", Message: fmt.Sprintf("is %q: use GOOD or BAD", wrong)},
			{Field: "qualifyingQuestions[0].weight", Message: fmt.Sprintf("is %q: use LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER", wrong)},
		}
		if diff := cmp.Diff(want, p.Validate()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", wrong, diff)
		}
	}
}

func TestValidateAllFaultsInOrder(t *testing.T) {
	t.Parallel()
	p := &persona.Persona{}
	tooLong := strings.Repeat("x", 10_001)
	p.InternalName, p.Description = &tooLong, &tooLong
	for _, list := range p.Lists() {
		*list.Items = []string{"fine", ""}
	}
	p.CustomFields = []persona.CustomField{{Value: []string{""}}}
	p.QualifyingQuestions = []persona.QualifyingQuestion{{}}
	p.ArchivedAt = new(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))
	p.DeletedAt = p.ArchivedAt
	var got []string
	for _, fault := range p.Validate() {
		got = append(got, fault.Field)
	}
	want := []string{
		"oId", "name", "internalName", "description",
		"primaryResponsibilities[1]", "painPoints[1]", "keyConcerns[1]", "keyObjectives[1]", "commonJobTitles[1]",
		"whyTheyMatterToUs[1]", "whyWeMatterToThem[1]", "buyingRole[1]",
		"customFields[0].title", "customFields[0].value[0]",
		"qualifyingQuestions[0].question", "qualifyingQuestions[0].fitType", "qualifyingQuestions[0].weight",
		"createdAt", "updatedAt", "archivedAt", "deletedAt",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields at fault (-want +got):\n%s", diff)
	}
}

func TestValidateManyFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ faults, listed int }{{99, 99}, {100, 100}, {101, 101}, {5000, 101}} {
		p := valid()
		p.PainPoints = make([]string, test.faults)
		faults := p.Validate()
		if len(faults) != test.listed {
			t.Fatalf("%d faults: %d are listed, want %d", test.faults, len(faults), test.listed)
		}
		last := faults[len(faults)-1].Message
		want := "must not be empty"
		if test.faults > persona.MaxFaults {
			want = fmt.Sprintf("and %d more faults, which are not listed", test.faults-persona.MaxFaults)
		}
		if last != want {
			t.Errorf("%d faults: the last is %q, want %q", test.faults, last, want)
		}
	}
}

// TestJoinManyFaults: however many lists faults come in, 100 are listed, and the
// rest is counted.
func TestJoinManyFaults(t *testing.T) {
	t.Parallel()
	list := func(field string, n int) []persona.Fault {
		var faults persona.Faults
		for range n {
			faults.Add(field, "is wrong")
		}
		return faults.List()
	}
	for name, joined := range map[string][]persona.Fault{
		"Join":    persona.Join(list("form", 150), list("content", 1)),
		"JoinAll": persona.JoinAll(list("a", 60), list("b", 60), list("c", 31)),
		"Two":     persona.JoinAll(list("a", 101), list("b", 50)),
	} {
		if len(joined) != persona.MaxFaults+1 || joined[persona.MaxFaults].Message != "and 51 more faults, which are not listed" {
			t.Errorf("%s: %d, the last %s", name, len(joined), joined[len(joined)-1])
		}
	}
}

func TestValidateWith(t *testing.T) {
	t.Parallel()
	faulty := func() *persona.Persona {
		p := valid()
		p.Name = ""
		p.PainPoints = []string{""}
		p.KeyConcerns = []string{"", ""}
		p.CustomFields = []persona.CustomField{{Title: "", Value: []string{""}}}
		return p
	}
	own := []string{"name", "painPoints[0]", "keyConcerns[0]", "keyConcerns[1]", "customFields[0].title", "customFields[0].value[0]"}
	tests := []struct {
		name string
		form []string
		want []string
	}{
		{"None", nil, own},
		{"SameField", []string{"name"}, append([]string{"name"}, own[1:]...)},
		{"WholeBody", []string{"body"}, []string{"body"}},
		{"ListForItsItems", []string{"keyConcerns"}, append([]string{"keyConcerns"}, own[0], own[1], own[4], own[5])},
		{"ItemForItself", []string{"keyConcerns[1]"}, append([]string{"keyConcerns[1]"}, own[0], own[1], own[2], own[4], own[5])},
		{"ObjectForItsFields", []string{"customFields[0]"}, append([]string{"customFields[0]"}, own[:4]...)},
		{"FieldBesideAnother", []string{"customFields[0].title"}, append([]string{"customFields[0].title"}, own[0], own[1], own[2], own[3], own[5])},
		{"NameThatOnlyBeginsAlike", []string{"nam", "pain", "keyConcerns[10]"}, append([]string{"nam", "pain", "keyConcerns[10]"}, own...)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var form []persona.Fault
			for _, field := range test.form {
				form = append(form, persona.Fault{Field: field, Message: "form"})
			}
			var got []string
			for _, fault := range faulty().ValidateWith(form) {
				got = append(got, fault.Field)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("fields at fault (-want +got):\n%s", diff)
			}
		})
	}
	if faults := valid().ValidateWith(nil); len(faults) > 0 {
		t.Errorf("a valid persona has %v", faults)
	}
}

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"p_1234": true, "x": true, " ": true, "1": true, "é": true, strings.Repeat("\U0001f600", 255): true,
		"": false, strings.Repeat("x", 256): false, "a\x00": false, "a\x7f": false, "\xff": false,
	} {
		if got := persona.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %t, want %t", id, got, want)
		}
	}
}
