// Package ci shows how to test a program against a Personae server of its own. Copy
// this file, and replace titles with what you want to test.
package ci

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"personae.dev/apitype"
	"personae.dev/client"
)

// personaeKey is the admin key of servers for tests. It opens nothing else.
const personaeKey = "psk_0000000000000000000keyforTestsWithNoSecret003Hwyko"

// startPersonae returns the address of a server with the demo library, which ends
// with the test: $PERSONAE_SERVER if that is set, else one that only this test has.
func startPersonae(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("PERSONAE_SERVER"); url != "" {
		return url
	}
	server := exec.CommandContext(t.Context(), "personae", "serve", "--ephemeral", "--demo",
		"--listen", "127.0.0.1:0", "--key", personaeKey, "--clock", "2027-01-01T00:00:00Z", "--log-level", "error")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatalf("%v: is personae in your PATH?", err)
	}
	t.Cleanup(func() { // there is nothing to save
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "Serving "); found {
			url, _, _ := strings.Cut(rest, ",")
			return url
		}
	}
	t.Fatal("personae did not start: see its messages above")
	return ""
}

// titles is the code under test: the job titles that mean a persona.
func titles(ctx context.Context, c *client.Client, oID string) ([]string, error) {
	persona, err := c.Personas.Get(ctx, oID)
	if err != nil {
		return nil, err
	}
	return persona.Entity.Data.CommonJobTitles, nil
}

func TestTitles(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{BaseURL: startPersonae(t), APIKey: personaeKey})
	if err != nil {
		t.Fatal(err)
	}

	t.Run("of the demo library", func(t *testing.T) {
		t.Parallel()
		got, err := titles(t.Context(), c, "demo-vp-of-sales")
		if err != nil || !slices.Contains(got, "Head of Sales") {
			t.Errorf("titles = %q, %v", got, err)
		}
	})
	t.Run("of a persona that the test makes", func(t *testing.T) {
		t.Parallel()
		made, err := c.Personas.Create(t.Context(), apitype.PersonaInput{
			Name:            "Head of Support",
			CommonJobTitles: []string{"Support Lead"},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := titles(t.Context(), c, made.Entity.OID)
		if err != nil || !slices.Equal(got, []string{"Support Lead"}) {
			t.Errorf("titles = %q, %v", got, err)
		}
	})
	t.Run("of nobody", func(t *testing.T) {
		t.Parallel()
		if got, err := titles(t.Context(), c, "nobody"); !client.IsNotFound(err) {
			t.Errorf("titles = %q, %v", got, err)
		}
	})
}
