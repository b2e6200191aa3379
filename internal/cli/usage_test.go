package cli

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUsageErrors shows what is said of mistakes on the command line.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"exprt":                          `personae: unexpected argument exprt, did you mean "export"? (see personae --help)`,
		"list":                           `personae: unexpected argument list, did you mean "persona list"? (see personae --help)`,
		"persona updat x":                `personae: unexpected argument updat, did you mean "update"? (see personae persona --help)`,
		"persona list --order title":     `personae: --order must be one of createdAt, updatedAt, name, not "title" (see personae persona list --help)`,
		"persona list --limit abc":       `personae: --limit: must be a number, not "abc" (see personae persona list --help)`,
		"serve --lisen 127.0.0.1:0":      `personae: unknown flag --lisen, did you mean "--listen"? (see personae serve --help)`,
		"key":                            `personae: expected one of "create", "list", "revoke" (see personae key --help)`,
		"frobnicate":                     `personae: unexpected argument frobnicate (see personae --help)`,
		"persona list --order updated":   `personae: --order must be one of createdAt, updatedAt, name, not "updated", did you mean "updatedAt"? (see personae persona list --help)`,
		"persona update x":               `personae: Nothing to change is given: use --set FIELD=VALUE, --unset FIELD or -f FILE.`,
		"persona get x --max-tokens 500": `personae: --max-tokens is for --output markdown: leave it out.`,
		"persona diff x --exit-code":     `personae: Nothing to change is given: use --set FIELD=VALUE, --unset FIELD or -f FILE.`,
		"revert --key ak_1 --since=-2h":  `personae: --since: "-2h" is not a time in the past: write 2h, 3d, 2027-01-31 or 2027-01-31T12:00:00Z (see personae revert --help)`,
		"persona get":                    `personae: expected "<id>" (see personae persona get --help)`,
		"revert --key ak_1 --since soon": `personae: --since: "soon" is not a time in the past: write 2h, 3d, 2027-01-31 or 2027-01-31T12:00:00Z (see personae revert --help)`,
	} {
		var out, errOut strings.Builder
		code := Main(t.Context(), strings.Fields(line), Stdio{In: strings.NewReader(""), Out: &out, Err: &errOut})
		wantCode := exitUsage
		if strings.HasPrefix(line, "serve ") {
			wantCode = exitConfig
		}
		if code != wantCode || out.Len() > 0 || strings.TrimSpace(errOut.String()) != want {
			t.Errorf("%s: code %d, %q%q; want\n%s", line, code, out.String(), errOut.String(), want)
		}
	}
}

// TestUntrustedCertificate shows what is said of a server whose certificate nobody
// signed.
func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
		t.Fatal("the certificate is trusted")
	}
	if text := describe(err); !strings.HasPrefix(text, "The certificate of the server is not trusted: ") || !strings.HasSuffix(text, "in SSL_CERT_FILE.") {
		t.Error(text)
	}
}

// TestHelp shows that help and version are there in the ways that people try.
func TestHelp(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                  "personae serve --demo",
		"--help":            "The library, through a server:",
		"help":              "The library, through a server:",
		"help persona":      "personae persona get",
		"help persona list": "--text",
		"version":           "personae ",
		"--version":         "personae ",
	} {
		var out, errOut strings.Builder
		code := Main(t.Context(), strings.Fields(line), Stdio{In: strings.NewReader(""), Out: &out, Err: &errOut})
		if code != exitOK || errOut.Len() > 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%q: code %d, %q, %q; want %q", line, code, out.String(), errOut.String(), want)
		}
	}
}
