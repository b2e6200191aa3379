package format

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := Table(&out, [][]string{{"ID", "NAME"}, {"pe_1", "VP\nof  Sales"}, {"pe_2", ""}})
	const want = "ID    NAME\npe_1  VP of Sales\npe_2  -\n"
	if diff := cmp.Diff(want, out.String()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestFit shows that the widest cells are cut on a narrow terminal, and ids are
// not.
func TestFit(t *testing.T) {
	t.Parallel()
	rows := func() [][]string {
		return [][]string{
			{"ID", "NAME", "INTERNAL NAME", "STATUS"},
			{"pe_06DFGNZRiDHBWpqvR0XvAb", "A name that is rather long", "Zoë the one with a name that is long as well", "active"},
		}
	}
	for width, want := range map[int]string{
		0:   "pe_06DFGNZRiDHBWpqvR0XvAb|A name that is rather long|Zoë the one with a name that is long as well|active",
		200: "pe_06DFGNZRiDHBWpqvR0XvAb|A name that is rather long|Zoë the one with a name that is long as well|active",
		90:  "pe_06DFGNZRiDHBWpqvR0XvAb|A name that is rather long|Zoë the one with a name th…|active",
		70:  "pe_06DFGNZRiDHBWpqvR0XvAb|A name that is …|Zoë the one with…|active",
		20:  "pe_06DFGNZRiDHBWpqvR0XvAb|A name that…|Zoë the one…|active",
	} {
		if diff := cmp.Diff(want, strings.Join(fit(rows(), width)[1], "|")); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"FIELD", "VALUE"}, {"pain points", "Ramp takes too long for everybody here"}, {" ", "Quotas move"}, {"x", strings.Repeat("y", 40)}}
	want := [][]string{
		{"FIELD", "VALUE"},
		{"pain points", "Ramp takes too"},
		{" ", "  long for"},
		{" ", "  everybody here"},
		{" ", "Quotas move"},
		{"x", strings.Repeat("y", 40)},
	}
	if diff := cmp.Diff(want, wrap(rows, 30)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rows, wrap(rows, 0)); diff != "" {
		t.Errorf("not a terminal (-want +got):\n%s", diff)
	}
}
