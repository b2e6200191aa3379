//go:build linux

package main

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"personae.dev/bench/report"
)

func TestShape(t *testing.T) {
	t.Parallel()
	s := shape{many: "data", created: "data", id: "oId"}
	is := s.is(func(uint64) []byte { return []byte("p_1") })
	for name, c := range map[string]struct {
		right  func(uint64, []byte) error
		body   string
		reason string
	}{
		"Get":        {is, `{"oId":"p_1","data":{}}`, ""},
		"GetOther":   {is, `{"oId":"p_2"}`, `persona "p_2", want "p_1"`},
		"GetNoID":    {is, `{"data":{"oId":"p_1"}}`, `no "oId"`},
		"GetNoJSON":  {is, `not found`, "invalid character"},
		"Create":     {s.made, `{"data":{"oId":"p_3"}}`, ""},
		"CreateNone": {s.made, `{"data":{"oId":""}}`, "an empty id"},
		"List":       {s.has(1, 2), `{"data":[{},{}]}`, ""},
		"ListShort":  {s.has(1, 2), `{"data":[]}`, "0 personas, want 1 to 2"},
		"ListLong":   {s.has(1, 2), `{"data":[{},{},{}]}`, "3 personas"},
		"ListItself": {shape{}.has(1, 1), `[{}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.right(0, []byte(c.body))
			if c.reason == "" && err != nil || c.reason != "" && (err == nil || !strings.Contains(err.Error(), c.reason)) {
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	b := &bench{missing: map[string]string{pocketName: "it was not built"}}
	m := &report.Measure{Series: []report.Series{{Name: "ours", PerSecond: []float64{8}}, {Name: "bare", PerSecond: []float64{10}}}}
	b.ratio(m, "to bare", "ours", "bare", 0.9)
	b.ratio(m, "to PocketBase", "ours", pocketName+", 304", 9)
	if r := m.Rows[0]; len(r.Values) != 1 || r.Values[0] != 0.8 || r.Missing != "" {
		t.Errorf("got %+v", r)
	}
	if r := m.Rows[1]; r.Values != nil || r.AtLeast != 9 || r.Missing != "it was not built" {
		t.Errorf("got %+v, want the aim and why", r)
	}
}

// TestQuantiles shows that rounds of different lengths are told apart, and the
// classes in them.
func TestQuantiles(t *testing.T) {
	t.Parallel()
	took := make([]float64, 21)
	for n := range took {
		took[n] = float64(n)
	}
	p50, p99 := quantiles([]uint64{7, 10, 21}, took, func(int) bool { return true })
	if !slices.Equal(p50, []float64{8, 15}) || !slices.Equal(p99, []float64{9, 20}) {
		t.Errorf("got %v and %v", p50, p99)
	}
	p50, _ = quantiles([]uint64{7, 10, 21}, took, func(class int) bool { return class == 3 })
	if !math.IsNaN(p50[0]) || p50[1] != 17 {
		t.Errorf("got %v, want no number and 17", p50)
	}
}

// TestMixIsDocumented shows that the documentation has the searches that are asked.
func TestMixIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range searches {
		if row := "| " + s.class + " | " + strings.Join(s.texts[:], ", ") + " |\n"; !strings.Contains(string(text), row) {
			t.Errorf("docs/benchmarks.md has no row %q", row)
		}
	}
}

func TestJSONDatabase(t *testing.T) {
	t.Parallel()
	got := string(jsonDatabase([]byte("{\"oId\":\"a\",\"name\":\"A\"}\n{\"oId\":\"b\"}\n")))
	if !strings.HasPrefix(got, `{"personas":[{"createdAt":"`) || !strings.HasSuffix(got, "\"id\":\"b\"}]}") || !strings.Contains(got, "\"id\":\"a\",\"name\":\"A\"},\n{") {
		t.Errorf("got %s", got)
	}
}
