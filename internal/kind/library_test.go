package kind_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
)

// kinds returns the registry and a look-up that ends the test for an unknown
// name.
func kinds(t *testing.T) (*entity.Registry, func(string) *entity.Kind) {
	t.Helper()
	r := kind.Registry()
	return r, func(name string) *entity.Kind {
		t.Helper()
		k, err := r.Kind(name)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

func create(t *testing.T, k *entity.Kind, body string, mode entity.Mode) (*entity.Entity, []errs.Field) {
	t.Helper()
	mode.Create = true
	p, form := k.Decode([]byte(body), mode)
	if len(p.Unknown) > 0 {
		t.Errorf("%s: unknown %v", k.Name, p.Unknown)
	}
	e, invalid := k.Apply(nil, p)
	e.OID, e.CreatedAt, e.UpdatedAt = k.Prefix+"1", account.Now(), account.Now()
	return e, errs.Join(form, invalid)
}

func created(t *testing.T, k *entity.Kind, body string) *entity.Entity {
	t.Helper()
	e, errors := create(t, k, body, entity.Mode{})
	if len(errors) > 0 {
		t.Fatalf("%s: %v", k.Name, errors)
	}
	return e
}

func document(k *entity.Kind, e *entity.Entity) string { return string(k.Store("wa_1", e).Document) }

func TestOrderOfKinds(t *testing.T) {
	t.Parallel()
	var names []string
	r, _ := kinds(t)
	for _, k := range r.Kinds() {
		names = append(names, k.Name+" "+k.PathPlural()+" "+k.Revision+" "+k.Tool+" "+k.Prefix)
	}
	want := []string{
		"persona personas Persona persona pe_", "product products Product product px_", "service services Service service sc_",
		"solution solutions Solution solution sv_", "segment segments Segment segment sg_", "use-case use-cases UseCase use_case uu_",
		"competitor competitors Competitor competitor cp_", "alternative alternatives Alternative alternative ao_",
		"buying-trigger buying-triggers BuyingTrigger buying_trigger bq_", "objection objections Objection objection oj_",
		"proof-point proof-points ProofPoint proof_point pp_", "reference references Reference reference re_",
		"core-feature core-features CoreFeature core_feature cf_", "playbook playbooks Playbook playbook pb_",
		"brand-voice brand-voices BrandVoice brand_voice bv_", "workspace-company workspace-companies WorkspaceCompany workspace_company wc_",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGenerations shows that fields of an older generation are taken and answered
// under their names, and that the newest are always there.
func TestGenerations(t *testing.T) {
	t.Parallel()
	_, of := kinds(t)
	for _, test := range []struct{ kind, body, always, old string }{
		{"product", `{"name":"x","capabilities":["c"]}`, `"distinctCapabilities":[],"keyFeatures":[],`, `"capabilities":["c"]}`},
		{
			"segment", `{"name":"x","fitExplanation":"f","keyPriorities":["k"],"businessDrivers":["b"],"firmographics":{"Company Size":["big"]}}`,
			`"firmographics":{"industry":[],"businessModel":[],"geography":[],"revenue":[],"employees":[],"Company Size":["big"]}`, `"businessDrivers":["b"],"fitExplanation":"f","keyPriorities":["k"]}`,
		},
		{"segment", `{"name":"x"}`, `"firmographics":{"industry":[],"businessModel":[],"geography":[],"revenue":[],"employees":[]},"customFields":[]}`, `"rejected":false`},
		{"use-case", `{"name":"x","businessImpact":["b"]}`, `"strategicImpact":[]`, `"businessImpact":["b"]}`},
		{"competitor", `{"name":"x","shared":true,"reasonsWeWin":["r"],"customersWeWon":["c"]}`, `"reasonsWeWin":["r"],"reasonsWeLose":[]`, `"customersWeWon":["c"]}`},
		{"buying-trigger", `{"name":"x","costOfInaction":["c"]}`, `"whatsTheCostOfInaction":[]`, `"costOfInaction":["c"]}`},
		{"proof-point", `{"name":"x","type":"stat","whyThisMatters":["w"]}`, `"theProof":[]`, `"whyThisMatters":["w"]}`},
		{"reference", `{"name":"x","data":{"howTheyMakeMoney":"m","keyStats":["k"],"customFields":[]}}`, `"businessModel":""`, `"howTheyMakeMoney":"m","keyStats":["k"]}`},
		{"workspace-company", `{"name":"x","customersWeServe":["c"],"customMarketFields":[{"title":"t","value":[]}]}`, `"customMarketFields":[{"title":"t","value":[]}]`, `"customersWeServe":["c"]}`},
	} {
		k := of(test.kind)
		got := document(k, created(t, k, test.body))
		if !strings.Contains(got, test.always) || !strings.Contains(got, test.old) {
			t.Errorf("%s: %s", test.kind, got)
		}
		bare := document(k, created(t, k, minimal(test.kind)))
		for i := range k.Fields {
			if f := &k.Fields[i]; f.Old && strings.Contains(bare, `"`+f.Name+`":`) {
				t.Errorf("%s: %s is there without a value: %s", test.kind, f.Name, bare)
			}
		}
	}
}

// minimal is the body of the smallest create of a kind.
func minimal(kind string) string {
	switch kind {
	case "proof-point":
		return `{"name":"x","type":"fact"}`
	case "core-feature":
		return `{"name":"x","primaryOfferingOId":"px_1"}`
	case "playbook":
		return `{"description":"d","keyInsight":"k","productOId":"px_1"}`
	case "brand-voice":
		return `{"title":"x","description":"d"}`
	default:
		return `{"name":"x"}`
	}
}

func TestRequiredFields(t *testing.T) {
	t.Parallel()
	r, _ := kinds(t)
	required := map[string][]string{
		"proof-point": {"name", "type"}, "core-feature": {"name", "primaryOfferingOId"}, "playbook": {"description", "keyInsight", "productOId"}, "brand-voice": {"name", "description"},
	}
	for _, k := range r.Kinds() {
		_, errors := create(t, k, `{}`, entity.Mode{})
		var got []string
		for _, e := range errors {
			got = append(got, e.Path)
		}
		want, special := required[k.Name]
		if !special {
			want = []string{"name"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", k.Name, diff)
		}
		if _, errors := create(t, k, minimal(k.Name), entity.Mode{}); len(errors) > 0 {
			t.Errorf("%s: %v", k.Name, errors)
		}
	}
}

func TestSolutionIsNested(t *testing.T) {
	t.Parallel()
	_, of := kinds(t)
	k := of("solution")
	e := created(t, k, `{"solution":{"name":"x","summary":"s","customFields":[{"title":"t","value":["v"]}]},"sources":[{"type":"URL","value":"u"}],"active":true,"enableRagEnrichment":false,
		"offeringOIds":["px_1"],"personaOIds":["pe_1","pe_2"],"collateralOIds":["co_1"],"genericTextEntityOIds":[]}`)
	if e.Text("name") != "x" || e.Text("summary") != "s" || !slices.Equal(e.Texts("collateralOIds"), []string{"co_1"}) {
		t.Errorf("fields %v", e.Fields)
	}
	if links := k.Links(e); len(links) != 3 {
		t.Errorf("links %v", links)
	}
	p, form := k.Decode([]byte(`{"oId":"sv_1","data":{"name":"y","internalName":"i","qualifyingQuestions":[],"data":{"summary":"new","keyComponents":["k"]}}}`), entity.Mode{})
	after, invalid := k.Apply(e, p)
	if diff := cmp.Diff([]string{"name", "internalName", "summary", "keyComponents"}, k.Changed(e, after)); diff != "" || len(form)+len(invalid)+len(p.Unknown) > 0 {
		t.Errorf("%v %v %v (-want +got):\n%s", form, invalid, p.Unknown, diff)
	}
}

func TestUseCaseRepeatsFieldsAtTheTop(t *testing.T) {
	t.Parallel()
	_, of := kinds(t)
	k := of("use-case")
	e := created(t, k, `{"name":"x","scenarios":["s"],"data":{"desiredOutcomes":["o"]}}`)
	got := document(k, e)
	if strings.Count(got, `"scenarios":["s"],"desiredOutcomes":["o"]`) != 2 {
		t.Errorf("document %s", got)
	}
	// An edit of either place counts.
	for _, body := range []string{`{"scenarios":["s"],"data":{"scenarios":["new"]}}`, `{"scenarios":["new"],"data":{"scenarios":["s"]}}`} {
		p, form := k.Decode([]byte(body), entity.Mode{})
		after, invalid := k.Apply(e, p)
		if len(form)+len(invalid) > 0 || !slices.Equal(after.Texts("scenarios"), []string{"new"}) {
			t.Errorf("%s: %v", body, after.Texts("scenarios"))
		}
	}
}

func TestBrandVoice(t *testing.T) {
	t.Parallel()
	_, of := kinds(t)
	k := of("brand-voice")
	e := created(t, k, `{"title":"Plain","description":"d","personality":{"coreTraits":["c"],"guidingPrinciples":[]},"default":true}`)
	got := document(k, e)
	if !strings.HasPrefix(got, `{"oId":"bv_1","name":"Plain","createdAt":`) || !strings.Contains(got, `"default":false,"data":{"title":"Plain","description":"d","essence":"","personality":{"coreTraits":["c"],"guidingPrinciples":[]},"tonality":{"soundLike":[],"neverSoundLike":[]}`) {
		t.Errorf("document %s", got)
	}
	// Where n8n leaves an object's lists empty, nothing is lost.
	p, _ := k.Decode([]byte(`{"oId":"bv_1","title":"","personality":{"coreTraits":[],"guidingPrinciples":[]},"tonality":{"soundLike":["warm"],"neverSoundLike":[]}}`), entity.Mode{N8n: true})
	after, invalid := k.Apply(e, p)
	if diff := cmp.Diff([]string{"tonality"}, k.Changed(e, after)); diff != "" || len(invalid) > 0 {
		t.Errorf("%v (-want +got):\n%s", invalid, diff)
	}
}

func TestPlaybook(t *testing.T) {
	t.Parallel()
	r, of := kinds(t)
	k := of("playbook")
	e := created(t, k, `{"description":"d","keyInsight":"one","productOId":"px_1","personaOIds":["pe_1"],"useCaseOIds":[],"createTemplates":true,"model":"ECHO","status":"draft","additionalContextSources":[{"type":"URL","value":"u"}]}`)
	got := document(k, e)
	for _, want := range []string{`"name":null`, `"keyInsight":["one"]`, `"type":"LEGACY","status":"draft","referenceMode":"specific","proofPointMode":"none","shared":false,"active":true,"data":{`, `"methodology":null`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	product := of("product")
	joined := [][]byte{[]byte(document(product, created(t, product, `{"name":"P"}`)))}
	answer := k.AppendAnswer(nil, []byte(got), joined, account.Author{OID: "u"}, "w")
	// The link is not lost when the answer is imported.
	records, errors := r.DecodeRecords(answer, k, false)
	if len(errors) > 0 || records[0].Entity.Text("productOId") != "px_1" {
		t.Errorf("imported: %v", errors)
	}
	p, _ := k.Decode(answer, entity.Mode{})
	after, invalid := k.Apply(e, p)
	if !k.Equal(e, after) || len(invalid)+len(p.Unknown) > 0 {
		t.Errorf("sent back: %v, %v, %v", k.Changed(e, after), invalid, p.Unknown)
	}
}

func TestN8nAlwaysSendsTheType(t *testing.T) {
	t.Parallel()
	_, of := kinds(t)
	for kind, types := range map[string][2]string{"product": {"SERVICE", "PRODUCT"}, "proof-point": {"quote", "stat"}} {
		k := of(kind)
		e := created(t, k, `{"name":"x","type":"`+types[0]+`"}`)
		body := `{"name":"y","type":"` + types[1] + `"}`
		p, _ := k.Decode([]byte(body), entity.Mode{N8n: true})
		after, _ := k.Apply(e, p)
		if diff := cmp.Diff([]string{"name"}, k.Changed(e, after)); diff != "" {
			t.Errorf("%s from n8n (-want +got):\n%s", kind, diff)
		}
		p, _ = k.Decode([]byte(body), entity.Mode{})
		after, _ = k.Apply(e, p)
		if after.Text("type") != types[1] {
			t.Errorf("%s from another client: the type is %s", kind, after.Text("type"))
		}
		fresh, errors := create(t, k, body, entity.Mode{N8n: true})
		if len(errors) > 0 || fresh.Text("type") != types[1] {
			t.Errorf("%s created by n8n: the type is %s, %v", kind, fresh.Text("type"), errors)
		}
	}
}

// TestFiltersOfKinds shows which links answer offeringOId and playbookOId on
// each kind, in both directions.
func TestFiltersOfKinds(t *testing.T) {
	t.Parallel()
	r, of := kinds(t)
	common := []string{"primaryOfferingOId", "linkingStrategy"}
	for kind, want := range map[string]struct{ offering, backOffering, playbook, backPlaybook []string }{
		"persona":      {common, []string{"personaOIds"}, []string{"playbookOIds"}, []string{"personaOIds"}},
		"product":      {nil, []string{"offeringOIds"}, nil, []string{"productOId"}},
		"solution":     {[]string{"offeringOIds"}, []string{"offeringOIds"}, nil, []string{"productOId"}},
		"segment":      {common, []string{"segmentOIds"}, nil, []string{"segmentOId"}},
		"use-case":     {common, []string{"useCaseOIds"}, nil, []string{"useCaseOIds"}},
		"reference":    {append(slices.Clone(common), "productOId"), []string{"referenceOIds"}, nil, []string{"referenceOIds"}},
		"core-feature": {[]string{"primaryOfferingOId"}, nil, nil, nil},
		"playbook":     {[]string{"productOId"}, nil, nil, nil},
		"brand-voice":  {nil, nil, nil, []string{"brandVoiceOId"}},
		"objection":    {common, nil, nil, nil},
	} {
		for filter, fields := range map[string][2][]string{entity.FilterOffering: {want.offering, want.backOffering}, entity.FilterPlaybook: {want.playbook, want.backPlaybook}} {
			got, ok := r.LinkFilter(of(kind), filter, "x")
			if diff := cmp.Diff(fields[0], got.Fields) + cmp.Diff(fields[1], got.Back); diff != "" || ok != (len(fields[0])+len(fields[1]) > 0) {
				t.Errorf("%s by %s (-want +got):\n%s", kind, filter, diff)
			}
		}
	}
}
