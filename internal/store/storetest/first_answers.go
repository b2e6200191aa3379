package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

func (s suite) testFirstAnswers(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	answer := func(workspace persona.Workspace, key, body string, at time.Duration) *persona.FirstAnswer {
		a := &persona.FirstAnswer{WorkspaceOID: workspace.OID, Key: key, PersonaOID: "pe_" + key, Answer: []byte(body), At: day.Add(at)}
		for i := range a.BodyDigest {
			a.BodyDigest[i] = byte(i*7) ^ byte(len(body))
		}
		return a
	}
	put := func(a *persona.FirstAnswer) error {
		return f.Write(t.Context(), func(tx persona.Tx) error { return tx.PutFirstAnswer(t.Context(), a) })
	}
	given := []*persona.FirstAnswer{
		answer(f.workspace, "k", `{"name":"\u0000 é \U0001f600"}`, 0), answer(f.workspace, "K ", "2", time.Millisecond),
		answer(f.other, "k", "theirs", 2*time.Millisecond),
	}
	for _, a := range given {
		if err := put(a); err != nil {
			t.Fatalf("PutFirstAnswer: %v", err)
		}
		same(t, "FirstAnswer", a, must[*persona.FirstAnswer](t)(f.FirstAnswer(t.Context(), a.WorkspaceOID, a.Key)))
	}
	other := answer(f.workspace, "k", "another body", time.Hour)
	other.PersonaOID, other.ETag = "pe_other", `"other"`
	for _, a := range []*persona.FirstAnswer{other, given[0]} {
		if err := put(a); err != nil {
			t.Errorf("a key that has an answer: %v", err)
		}
		same(t, "the answer in its place", a, must[*persona.FirstAnswer](t)(f.FirstAnswer(t.Context(), f.workspace.OID, "k")))
	}
	for _, unknown := range [][2]string{{f.workspace.OID, "K"}, {f.other.OID, "K "}, {"wa_unknown", "k"}, {f.workspace.OID, ""}} {
		_, err := f.FirstAnswer(t.Context(), unknown[0], unknown[1])
		wantKind(t, fmt.Sprintf("FirstAnswer(%q)", unknown), err, persona.NotFound)
	}
	for _, step := range []struct {
		before time.Duration
		want   int
	}{{0, 0}, {2 * time.Millisecond, 2}, {2 * time.Millisecond, 0}} {
		f.write(t, func(ctx context.Context, tx persona.Tx) error {
			n, err := tx.PurgeFirstAnswers(ctx, day.Add(step.before))
			same(t, fmt.Sprintf("PurgeFirstAnswers before %s", step.before), step.want, n)
			return err
		})
	}
	_, err := f.FirstAnswer(t.Context(), f.workspace.OID, "k")
	wantKind(t, "FirstAnswer that was purged", err, persona.NotFound)
	same(t, "the one that is younger", given[2], must[*persona.FirstAnswer](t)(f.FirstAnswer(t.Context(), f.other.OID, "k")))
	if err := put(given[0]); err != nil {
		t.Errorf("a key that was purged: %v", err)
	}
}
