package jsontext_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"personae.dev/internal/jsontext"
)

// TestAppendString: what is written is what encoding/json writes, and is read
// back as it reads it.
func TestAppendString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x7f<>&\x{2028}\x{2029}\\"]*`), rapid.Custom(func(t *rapid.T) string {
			return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		})).Draw(t, "text")
		html, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsontext.AppendHTMLString(nil, s); !bytes.Equal(got, html) {
			t.Fatalf("AppendHTMLString = %s, want %s", got, html)
		}
		var plain bytes.Buffer
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got, want := string(jsontext.AppendString(nil, s)), strings.TrimSuffix(plain.String(), "\n"); got != want {
			t.Fatalf("AppendString = %s, want %s", got, want)
		}
		r := jsontext.NewReader(string(html))
		if got, err := r.Text(), r.End(); got != strings.ToValidUTF8(s, "\ufffd") && got != string([]rune(s)) || err != nil {
			t.Fatalf("%s is read as %q, %v", html, got, err)
		}
	})
}

// TestReaderEnds: after a fault nothing more is read, and nothing goes on for
// ever.
func TestReaderEnds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[", `["a"`, `["a",]`, `["a" "b"]`, "nul", "null null", `{"a"}`, `{"a":}`, `[01]`, `"\u12"`, `"\`, strings.Repeat("[", 20_000)} {
		r := jsontext.NewReader(text)
		r.Skip()
		if err := r.End(); err == nil {
			t.Errorf("%.20q is no JSON, and was read", text)
		}
	}
}
