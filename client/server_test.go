package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/app"
	"personae.dev/internal/library"
	"personae.dev/internal/wire"
)

// The client and the server of this project understand each other.
func TestAgainstTheServer(t *testing.T) {
	t.Parallel()
	server, err := app.New(t.Context(), app.Config{
		Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "personae.db"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	setup, err := server.Library.SetUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const line = `{"oId":"pe_1","name":"VP of Sales","painPoints":["Ramp","ü\"\\<"],"customFields":[{"title":"Region","value":["EMEA"]}],` +
		`"qualifyingQuestions":[{"question":"Owns a quota?","rationale":"Pays","fitType":"GOOD","weight":"HIGH"}],"createdAt":"2021-01-01T00:00:00.000Z"}`
	_, err = server.Library.Import(t.Context(), library.ImportOptions{Workspace: setup.Workspace, Author: setup.Owner},
		func(yield func(library.ImportLine, error) bool) {
			for line, err := range wire.DecodeLines(strings.NewReader(line)) {
				if !yield(library.ImportLine{Number: line.Number, Persona: line.Persona, Faults: line.Faults}, err) {
					return
				}
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	connect := func(t *testing.T, key string) *client.Client {
		t.Helper()
		c, err := client.New(client.Config{BaseURL: server.URL(), APIKey: key, HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := connect(t, setup.Token)

	valid, err := c.ValidateKey(t.Context())
	if err != nil || !valid.Valid || valid.WorkspaceOID != setup.Workspace.OID {
		t.Errorf("ValidateKey: %+v, %v", valid, err)
	}

	p, etag, err := c.GetPersonaIfChanged(t.Context(), "pe_1", "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Metadata.RequestID == "" || p.Metadata.Timestamp.IsZero() {
		t.Errorf("the metadata are %+v", p.Metadata)
	}
	at, err := apitype.ParseTime("2021-01-01T00:00:00.000Z")
	if err != nil {
		t.Fatal(err)
	}
	want := apitype.Persona{
		OID: "pe_1", Name: new("VP of Sales"), CreatedAt: &at, UpdatedAt: &at,
		Unrecognized: new(false), Rejected: new(false), Active: true,
		Data: apitype.PersonaData{
			PainPoints:   []string{"Ramp", `ü"\<`},
			CustomFields: []apitype.CustomField{{Title: "Region", Value: []string{"EMEA"}}},

			PrimaryResponsibilities: []string{}, KeyConcerns: []string{}, KeyObjectives: []string{}, CommonJobTitles: []string{},
			WhyTheyMatterToUs: []string{}, WhyWeMatterToThem: []string{},
		},
		QualifyingQuestions: []apitype.QualifyingQuestion{{Question: "Owns a quota?", Rationale: "Pays", FitType: "GOOD", Weight: "HIGH"}},
		User:                apitype.User{OID: setup.Owner.OID, FirstName: setup.Owner.FirstName, LastName: setup.Owner.LastName},
		Workspace:           apitype.WorkspaceRef{OID: setup.Workspace.OID},
	}
	if diff := cmp.Diff(want, p.Persona); diff != "" {
		t.Errorf("persona (-want +got):\n%s", diff)
	}
	if _, _, err := c.GetPersonaIfChanged(t.Context(), "pe_1", etag); !errors.Is(err, client.ErrNotModified) {
		t.Errorf("unchanged: the error is %v", err)
	}

	if _, err := c.GetPersona(t.Context(), "pe_2"); !client.IsNotFound(err) {
		t.Errorf("unknown id: the error is %v", err)
	}
	_, err = c.GetPersona(t.Context(), "")
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.StatusCode != http.StatusBadRequest ||
		len(refused.Fields) != 1 || refused.Fields[0].Field != "oId" || !strings.HasPrefix(refused.RequestID, "req_") {
		t.Errorf("empty id: the error is %v", err)
	}
	_, err = connect(t, "psk_wrong").ValidateKey(t.Context())
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.StatusCode != http.StatusUnauthorized || refused.Code != "unauthorized" {
		t.Errorf("wrong key: the error is %v", err)
	}
}
