package wire_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/wire"
)

// decoded tells of every line its number, and the persona's name or its faults.
func decoded(t *testing.T, r io.Reader) []string {
	t.Helper()
	var got []string
	for line, err := range wire.DecodeLines(r) {
		switch {
		case err != nil:
			got = append(got, fmt.Sprintf("%d error: %v", line.Number, err))
		case len(line.Faults) > 0:
			got = append(got, fmt.Sprintf("%d %s", line.Number, line.Faults[0]))
		default:
			got = append(got, fmt.Sprintf("%d %s %s", line.Number, line.Persona.Name, strings.Join(line.Unknown, ",")))
		}
		if line.Persona == nil && err == nil {
			t.Errorf("line %d has no persona", line.Number)
		}
	}
	return got
}

func TestDecodeLines(t *testing.T) {
	t.Parallel()
	tooLong := "is longer than 8388608 bytes: divide the persona"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"Empty", "", nil},
		{"OnlyBlank", "\n \n\t\r\n", nil},
		{"OnlyBOM", "\ufeff", nil},
		{"One", `{"name":"a"}` + "\n", []string{"1 a "}},
		{"NoLineEnd", `{"name":"a"}` + "\n" + `{"name":"b","x":1}`, []string{"1 a ", "2 b x"}},
		{"CRLF", `{"name":"a"}` + "\r\n" + `{"name":"b"}` + "\r\n", []string{"1 a ", "2 b "}},
		{"BlankLinesCount", "\n\n" + `{"name":"a"}` + "\n  \n" + `{"name":"b"}` + "\n\n", []string{"3 a ", "5 b "}},
		{"BOM", "\ufeff" + `{"name":"a"}` + "\n" + `{"name":"b"}`, []string{"1 a ", "2 b "}},
		{"BOMInTheMiddle", `{"name":"a"}` + "\n\ufeff" + `{"name":"b"}`, []string{
			"1 a ", "2 body: is not JSON: invalid character 'ï' looking for beginning of value at byte 1",
		}},
		{"FaultsDoNotEndIt", "{\n" + `{"name":1}` + "\nnull\n" + `{"name":"a"}`, []string{
			"1 body: is JSON that is cut off at its end, byte 1", "2 name: must be a text, and is a number",
			"3 body: must be an object, and is null", "4 a ",
		}},
		{"NothingOfTheLineBefore", `{"name":"long and valid"}` + "\n" + `{"name":` + "\n{}", []string{
			"1 long and valid ", "2 body: is JSON that is cut off at its end, byte 8", "3  ",
		}},
		{"TwoOnOneLine", `{"name":"a"}{"name":"b"}` + "\n" + `{"name":"c"}`, []string{
			"1 body: is not JSON: invalid character '{' after top-level value at byte 13", "2 c ",
		}},
		{"Pretty", "{\n\"name\": \"a\"\n}\n", []string{
			"1 body: is JSON that is cut off at its end, byte 1",
			"2 body: is not JSON: invalid character ':' after top-level value at byte 7",
			"3 body: is not JSON: invalid character '}' looking for beginning of value at byte 1",
		}},
		{"NUL", `{"name":"a"}` + "\n\x00\n" + `{"name":"b"}`, []string{
			"1 a ", `2 body: is not JSON: invalid character '\x00' looking for beginning of value at byte 1`, "3 b ",
		}},
		{"LongerThanTheBuffer", `{"name":"` + strings.Repeat("a", 100_000) + `"}` + "\n" + `{"name":"b"}`, []string{
			"1 " + strings.Repeat("a", 100_000) + " ", "2 b ",
		}},
		{"TooLong", `{"name":"a"}` + "\n" + strings.Repeat("x", wire.MaxLineBytes+1) + "\n" + `{"name":"b"}` + "\n", []string{
			"1 a ", "2 body: " + tooLong, "3 b ",
		}},
		{"TooLongBlank", strings.Repeat(" ", wire.MaxLineBytes+1) + "\n" + `{"name":"b"}` + "\n", []string{"1 body: " + tooLong, "2 b "}},
		{"TooLongAtTheEnd", `{"name":"a"}` + "\n" + strings.Repeat("x", 2*wire.MaxLineBytes), []string{"1 a ", "2 body: " + tooLong}},
		{"AlmostTooLong", `{"name":"a"}` + strings.Repeat(" ", wire.MaxLineBytes-len(`{"name":"a"}`)-1) + "\n" + `{"name":"b"}` + "\n", []string{"1 a ", "2 b "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, decoded(t, strings.NewReader(test.text))); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if len(test.text) < 1000 { // however the text arrives
				if diff := cmp.Diff(test.want, decoded(t, iotest.OneByteReader(strings.NewReader(test.text)))); diff != "" {
					t.Errorf("lines, byte by byte (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestDecodeLinesError(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	text := `{"name":"a"}` + "\n" + `{"name":"b`
	got := decoded(t, io.MultiReader(strings.NewReader(text), iotest.ErrReader(errDisk)))
	// What was read of the second line is no persona.
	if diff := cmp.Diff([]string{"1 a ", "2 error: wire: read line 2: disk on fire"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	for _, err := range wire.DecodeLines(iotest.ErrReader(errDisk)) {
		if !errors.Is(err, errDisk) {
			t.Errorf("error = %v, want %v in it", err, errDisk)
		}
	}
}

func TestDecodeLinesStops(t *testing.T) {
	t.Parallel()
	n := 0
	for _, err := range wire.DecodeLines(strings.NewReader("{}\n{}\n{}\n")) {
		if n++; n == 2 || err != nil {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d lines were read", n)
	}
}
