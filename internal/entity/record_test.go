package entity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
)

func TestRecordOfAKind(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 2, 3, 4, 5, 6e6, time.UTC)
	sample := func(k *entity.Kind, body string) *entity.Entity {
		e := entityOf(t, k, body)
		e.CreatedAt, e.UpdatedAt = at, at
		return e
	}
	archived := sample(persona(), `{"name":"VP","internalName":"","active":false,"linkingStrategy":{"mode":"ALL"}}`)
	archived.ArchivedAt, archived.DeletedAt = &at, &at
	single := entitytest.Singleton()
	for _, test := range []struct {
		kind   *entity.Kind
		entity *entity.Entity
		want   string
	}{
		{persona(), sample(persona(), `{"name":"VP"}`), `{"oId":"pe_1","name":"VP","createdAt":"2024-01-02T03:04:05.006Z","updatedAt":"2024-01-02T03:04:05.006Z"}`},
		{persona(), archived, `{"oId":"pe_1","name":"VP","internalName":"","linkingStrategy":{"mode":"ALL"},"active":false,"createdAt":"2024-01-02T03:04:05.006Z","updatedAt":"2024-01-02T03:04:05.006Z","archivedAt":"2024-01-02T03:04:05.006Z","deletedAt":"2024-01-02T03:04:05.006Z"}`},
		{single, sample(single, `{"name":"Company"}`), `{"kind":"test-single","oId":"tg_1","name":"Company","createdAt":"2024-01-02T03:04:05.006Z","updatedAt":"2024-01-02T03:04:05.006Z"}`},
		{persona(), &entity.Entity{}, `{}`},
	} {
		if got := string(test.kind.AppendRecord([]byte{}, test.entity)); got != test.want {
			t.Errorf("record\n%s\nwant\n%s", got, test.want)
		}
	}
}

func TestDecodeRecords(t *testing.T) {
	t.Parallel()
	all := registry()
	type record struct {
		Kind, Record string
		Unknown      []string
	}
	for name, test := range map[string]struct {
		text          string
		ignoreUnknown bool
		want          []record
		errors        []string
	}{
		"Line":      {`{"name":"x"}`, false, []record{{"persona", `{"name":"x"}`, nil}}, nil},
		"Kind":      {`{"kind":"test-sample","name":"x"}`, false, []record{{"test-sample", `{"kind":"test-sample","name":"x"}`, nil}}, nil},
		"KindTitle": {`{"kind":"Test Single","name":"x"}`, false, []record{{"test-single", `{"kind":"test-single","name":"x"}`, nil}}, nil},
		"ReadOnlyAndDates": {
			`{"name":"x","rejected":true,"createdAt":"2021-01-01T01:00:00.1239+01:00","archivedAt":null,"deletedAt":"2022-01-01T00:00:00Z"}`, false,
			[]record{{"persona", `{"name":"x","rejected":true,"createdAt":"2021-01-01T00:00:00.123Z","deletedAt":"2022-01-01T00:00:00.000Z"}`, nil}},
			nil,
		},
		"NullIsAbsent": {
			`{"oId":null,"name":"x","internalName":null,"painPoints":null,"active":null,"linkingStrategy":null,"qualifyingQuestions":null,"kind":null}`, false,
			[]record{{"persona", `{"name":"x"}`, nil}},
			nil,
		},
		"GetAnswer": {
			`{"_metadata":{"usage":0},"oId":"p","name":"x","internalName":null,"description":null,"createdAt":null,"data":{"internalName":"","painPoints":["p"],"customFields":[]},"qualifyingQuestions":null,"user":{"oId":"u"},"workspace":{"oId":"w"}}`, false,
			[]record{{"persona", `{"oId":"p","name":"x","painPoints":["p"]}`, nil}},
			nil,
		},
		"WrappedAnswer": {
			`{"_metadata":{},"data":{"oId":"p","name":"x","createdAt":"2021-01-01T00:00:00Z","data":{"painPoints":["p"]},"user":{},"workspace":{}}}`, false,
			[]record{{"persona", `{"oId":"p","name":"x","painPoints":["p"],"createdAt":"2021-01-01T00:00:00.000Z"}`, nil}},
			nil,
		},
		"ListAnswer": {
			`{"_metadata":{},"hasNext":false,"total":2,"data":[{"name":"a"},{"kind":"test-single","name":"b"}],"nextCursor":null}`, false,
			[]record{{"persona", `{"name":"a"}`, nil}, {"test-single", `{"kind":"test-single","name":"b"}`, nil}},
			nil,
		},
		"EmptyListAnswer": {`{"data":[]}`, false, nil, nil},
		"ListOfAKind":     {`{"kind":"test-single","data":[{"name":"b"}]}`, false, []record{{"test-single", `{"kind":"test-single","name":"b"}`, nil}}, nil},
		"Array":           {`[{"name":"a"},{"name":"b"}]`, false, []record{{"persona", `{"name":"a"}`, nil}, {"persona", `{"name":"b"}`, nil}}, nil},
		"JoinedLink": {
			`{"kind":"test-sample","name":"x","friend":{"oId":"ts_9","name":"y"}}`, false, []record{{"test-sample", `{"kind":"test-sample","name":"x","friendOId":"ts_9"}`, nil}}, nil,
		},
		"JoinedNothing":  {`{"kind":"test-sample","name":"x","friend":null}`, false, []record{{"test-sample", `{"kind":"test-sample","name":"x"}`, nil}}, nil},
		"LinkBeforeJoin": {`{"kind":"test-sample","name":"x","friend":{"oId":"ts_9"},"friendOId":"ts_1"}`, false, []record{{"test-sample", `{"kind":"test-sample","name":"x","friendOId":"ts_1"}`, nil}}, nil},
		"DataSaysMore": {
			`{"name":"x","internalName":null,"data":{"internalName":"Sally"}}`, false, []record{{"persona", `{"name":"x","internalName":"Sally"}`, nil}}, nil,
		},
		"UnknownWithoutContent": {
			`{"name":"x","a":null,"b":"","c":[],"d":{"e":[{}]},"data":{"f":""},"customFields":[{"title":"t","kind":""}]}`, false,
			[]record{{"persona", `{"name":"x","customFields":[{"title":"t","value":[]}]}`, nil}},
			nil,
		},
		"IgnoreUnknown": {
			`{"name":"x","painPoint":["a"],"b":"","data":{"y":false},"customFields":[{"title":"t","z":1}]}`, true,
			[]record{{"persona", `{"name":"x","customFields":[{"title":"t","value":[]}]}`, []string{"painPoint", "data.y", "customFields[0].z"}}},
			nil,
		},
		"IgnoreDifference": {
			`{"name":"x","internalName":"A","data":{"internalName":"B"}}`, true, []record{{"persona", `{"name":"x","internalName":"A"}`, []string{"data.internalName"}}}, nil,
		},

		"Unknown": {`{"name":"x","painPoint":["a"],"job_titles":["b"],"zzz":0,"data":{"whyTheyMatter":true},"customFields":[{"title":"t","z":1}]}`, false, nil, []string{
			"painPoint: unknown field; did you mean painPoints?", "job_titles: unknown field; did you mean commonJobTitles?", "zzz: unknown field of a persona: remove it",
			"data.whyTheyMatter: unknown field; did you mean whyTheyMatterToUs?", "customFields[0].z: unknown field: remove it",
		}},
		"UnknownInList": {`{"total":1,"totals":2,"data":[{"name":"x","painPoint":["a"],"data":{"keyConcern":["b"]}}]}`, false, nil, []string{
			"data[0].painPoint: unknown field; did you mean painPoints?", "data[0].data.keyConcern: unknown field; did you mean keyConcerns?", "totals: unknown field of a persona: remove it",
		}},
		"Difference": {`{"name":"x","internalName":"A","data":{"internalName":"B"}}`, false, nil, []string{
			"data.internalName: differs from internalName: make them equal, or remove one",
		}},
		"AllErrors": {`{"oId":"","painPoints":["",1],"createdAt":"x","data":{"keyConcerns":[""],"data":1}}`, false, nil, []string{
			"painPoints[1]: must be a text, not a number", "createdAt: is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z",
			"data.data: must be an object, not a number", "name: must not be empty", "painPoints[0]: must not be empty", "data.keyConcerns[0]: must not be empty",
		}},
		"ErrorsInList": {`{"data":[{"name":"a"},{"painPoints":[""],"deletedAt":5},7]}`, false, nil, []string{
			"data[1].deletedAt: must be a date such as 2021-01-01T00:00:00.000Z, or null, not a number", "data[1].name: must not be empty",
			"data[1].painPoints[0]: must not be empty", "data[2]: must be an object, not a number",
		}},
		"ErrorsInArray": {`[{"name":"","oId":"\u0001"},[]]`, false, nil, []string{"[0].oId: has the control character U+0001 at byte 0: remove it", "[0].name: must not be empty", "[1]: must be an object, not a list"}},
		"DatesInList":   {`{"data":[{"name":"x"},{"name":"x","createdAt":"0000-01-01T00:00:00Z"}]}`, false, nil, []string{"data[1].createdAt: is outside the years 1 to 9999"}},
		"UnknownKind": {`{"kind":"persna","name":"x"}`, false, nil, []string{
			`kind: There is no kind "persna"; did you mean persona? The kinds are ` + kindNames(all) + ".",
		}},
		"KindOfWrongType": {`{"kind":5,"name":"x"}`, false, nil, []string{"kind: must be a text, not a number"}},
		"NoJSON":          {`{"name":`, false, nil, []string{"body: is JSON that is cut off at its end, byte 8"}},
		"NoObject":        {`"x"`, false, nil, []string{"body: must be an object, not a text"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, errors := all.DecodeRecords([]byte(test.text), all.Kinds()[0], test.ignoreUnknown)
			if diff := cmp.Diff(test.errors, lines(errors)); diff != "" {
				t.Fatalf("errors (-want +got):\n%s", diff)
			}
			if len(errors) > 0 {
				return
			}
			var got []record
			for _, r := range records {
				got = append(got, record{r.Kind.Name, string(r.Kind.AppendRecord(nil, r.Entity)), r.Unknown})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func kindNames(r *entity.Registry) string {
	names := ""
	for i, k := range r.Kinds() {
		if i > 0 {
			names += ", "
		}
		names += k.Name
	}
	return names
}

func TestRecordOfAnotherKind(t *testing.T) {
	t.Parallel()
	all := registry()
	// A line that names no kind is read as the kind that it is imported as.
	records, errors := all.DecodeRecords([]byte(`{"name":"x","customers":["c"]}`), entitytest.Singleton(), false)
	if len(errors) > 0 || len(records) != 1 || !slices.Equal(records[0].Entity.Texts("customers"), []string{"c"}) {
		t.Errorf("records %v, errors %v", records, errors)
	}
	_, errors = all.DecodeRecords([]byte(`{"name":"x","customers":["c"]}`), all.Kinds()[0], false)
	if diff := cmp.Diff([]string{"customers: unknown field of a persona: remove it"}, lines(errors)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
