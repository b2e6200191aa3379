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
	"personae.dev/internal/library"
	"personae.dev/internal/server"
)

// TestAgainstTheServer shows that the client and the server understand each other.
func TestAgainstTheServer(t *testing.T) {
	t.Parallel()
	running, err := server.New(t.Context(), server.Config{
		Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "personae.db"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- running.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	setup, err := running.Library.SetUp(t.Context(), library.SetUpOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const line = `{"oId":"pe_1","name":"VP of Sales","painPoints":["Ramp","ü\"\\<"],"customFields":[{"title":"Region","value":["EMEA"]}],` +
		`"qualifyingQuestions":[{"question":"Owns a quota?","rationale":"Pays","fitType":"GOOD","weight":"HIGH"}],"createdAt":"2021-01-01T00:00:00.000Z"}`
	_, err = running.Library.Import(t.Context(), library.ImportOptions{Workspace: setup.Workspace, Author: setup.Owner},
		library.ReadLines(strings.NewReader(line)))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	connect := func(t *testing.T, key string) *client.Client {
		t.Helper()
		c, err := client.New(client.Config{BaseURL: running.URL(), APIKey: key, HTTPClient: &http.Client{Transport: transport}})
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

	p, err := c.Personas.Get(t.Context(), "pe_1")
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
		OID: "pe_1", Name: "VP of Sales", CreatedAt: &at, UpdatedAt: &at,
		Active: true,
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
	if diff := cmp.Diff(want, p.Entity); diff != "" {
		t.Errorf("persona (-want +got):\n%s", diff)
	}
	if _, err := c.Personas.Get(t.Context(), "pe_1", client.IfChanged(p.ETag)); !errors.Is(err, client.ErrNotModified) {
		t.Errorf("unchanged: the error is %v", err)
	}

	if _, err := c.Personas.Get(t.Context(), "pe_2"); !client.IsNotFound(err) {
		t.Errorf("unknown id: the error is %v", err)
	}
	_, err = c.Personas.Get(t.Context(), "")
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.StatusCode != http.StatusBadRequest ||
		len(refused.Fields) != 1 || refused.Fields[0].Field != "oId" || !strings.HasPrefix(refused.RequestID, "req_") {
		t.Errorf("empty id: the error is %v", err)
	}
	_, err = connect(t, "psk_wrong").ValidateKey(t.Context())
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.StatusCode != http.StatusUnauthorized || refused.Code != "unauthorized" {
		t.Errorf("wrong key: the error is %v", err)
	}

	allCalls(t, c)
}

// allCalls leads a persona through its life.
func allCalls(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := t.Context()
	must := func(written *client.Answer[apitype.Persona], err error) *client.Answer[apitype.Persona] {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	draft := apitype.PersonaInput{
		Name: "CFO", InternalName: new("Carl"), Description: new("Signs"), PainPoints: []string{"Late reports"}, KeyConcerns: []string{"Cost"},
		QualifyingQuestions: []apitype.QualifyingQuestion{{Question: "Signs?", FitType: "GOOD", Weight: "HIGH"}},
		LinkingStrategy:     &apitype.LinkingStrategy{Mode: "SPECIFIC", OfferingOIDs: []string{"of_1"}}, PlaybookOIDs: []string{"pb_1"},
	}
	created := must(c.Personas.Create(ctx, draft, client.IdempotencyKey("first"), client.QuestionIDs()))
	oID := created.Entity.OID
	again := must(c.Personas.Create(ctx, draft, client.IdempotencyKey("first")))
	if again.Entity.OID != oID || !again.Replayed || created.Replayed {
		t.Errorf("the same key made %s and %s, replayed %t", oID, again.Entity.OID, again.Replayed)
	}
	_, err := c.Personas.Create(ctx, apitype.PersonaInput{Name: "Other"}, client.IdempotencyKey("first"))
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.StatusCode != http.StatusConflict {
		t.Errorf("the same key for another persona: %v", err)
	}

	updated := must(c.Personas.Update(ctx, oID, apitype.PersonaInput{
		InternalName: new(""), KeyConcerns: []string{},
	}, client.Clear("description"), client.IfMatch(created.ETag)))
	p := updated.Entity
	if *p.InternalName != "" || p.Description != nil || len(p.Data.KeyConcerns) != 0 || p.Name != "CFO" || len(p.Data.PainPoints) != 1 {
		t.Errorf("after the update: %+v", p)
	}
	if _, err := c.Personas.Update(ctx, oID, apitype.PersonaInput{Name: "X"}, client.IfMatch(created.ETag)); !client.IsPreconditionFailed(err) {
		t.Errorf("an old etag: %v", err)
	}

	question := created.Entity.QualifyingQuestions[0].OID
	must(c.Personas.UpdateQuestion(ctx, oID, question, apitype.QuestionInput{Weight: "LOW"}))
	archived := must(c.Personas.ArchiveQuestion(ctx, oID, question, client.QuestionIDs())).Entity.QualifyingQuestions[0]
	if archived.OID != question || archived.Weight != "LOW" || archived.ArchivedAt == nil {
		t.Errorf("the question is %+v", archived)
	}
	if q := must(c.Personas.RestoreQuestion(ctx, oID, question)).Entity.QualifyingQuestions[0]; q.ArchivedAt != nil {
		t.Errorf("the restored question is %+v", q)
	}

	list := func(o client.ListOptions) (found []string) {
		t.Helper()
		for p, err := range c.Personas.All(ctx, o) {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, p.OID)
		}
		return found
	}
	for name, o := range map[string]client.ListOptions{
		"ByText": {Text: "late rep", Limit: 1}, "ByProduct": {OfferingOID: "of_1"}, "ByPlaybook": {PlaybookOID: "pb_1", QueryType: "MINE"},
	} {
		if found := list(o); len(found) != 1 || found[0] != oID {
			t.Errorf("%s: found %v, want %s", name, found, oID)
		}
	}
	if found := list(client.ListOptions{Limit: 1, OrderField: "name"}); len(found) != 2 || found[0] != oID {
		t.Errorf("all by name: %v", found)
	}
	page, err := c.Personas.List(ctx, client.ListOptions{Limit: 1})
	if err != nil || page.Total != 2 || !page.HasNext || page.NextCursor != nil || len(page.Data) != 1 {
		t.Errorf("a page: %+v, %v", page, err)
	}

	must(c.Personas.Archive(ctx, oID))
	if found := list(client.ListOptions{Status: "archived"}); len(found) != 1 {
		t.Errorf("archived: %v", found)
	}
	if deleted := must(c.Personas.Delete(ctx, oID)); deleted.Entity.DeletedAt == nil || deleted.ETag == "" {
		t.Errorf("deleted: %+v", deleted)
	}
	if found := list(client.ListOptions{}); len(found) != 1 {
		t.Errorf("what is left: %v", found)
	}
	_, err = c.Personas.Update(ctx, oID, apitype.PersonaInput{Name: "X"})
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != "persona_deleted" {
		t.Errorf("an update of a deleted persona: %v", err)
	}
	must(c.Personas.Restore(ctx, oID))

	var actions []string
	first := apitype.Revision{}
	for r, err := range c.Personas.Revisions(ctx, oID) {
		if err != nil {
			t.Fatal(err)
		}
		actions, first = append(actions, r.Action), r
	}
	if want := "restored deleted archived updated updated updated updated created"; strings.Join(actions, " ") != want {
		t.Errorf("the history is %v, want %s", actions, want)
	}
	must(c.Personas.Revert(ctx, oID, first.RevisionOID))
	reverted, err := c.Personas.Get(ctx, oID, client.QuestionIDs())
	if err != nil {
		t.Fatal(err)
	}
	reverted.Entity.UpdatedAt = created.Entity.UpdatedAt
	if diff := cmp.Diff(created.Entity, reverted.Entity); diff != "" {
		t.Errorf("reverted (-created +now):\n%s", diff)
	}
	revision, err := c.GetRevision(ctx, first.RevisionOID)
	if err != nil || !strings.Contains(string(revision.NewEntity), `"of_1"`) || string(revision.OldEntity) != "null" || revision.EntityOID != oID {
		t.Errorf("the first revision: %+v, %v", revision, err)
	}
	if _, err := c.GetRevision(ctx, "rv_0"); !client.IsNotFound(err) {
		t.Errorf("no revision: %v", err)
	}

	keys, err := c.ListAPIKeys(ctx)
	if err != nil || len(keys.Data) != 1 || !strings.HasPrefix(keys.Data[0].OID, "ak_") {
		t.Errorf("keys: %+v, %v", keys, err)
	}
}
