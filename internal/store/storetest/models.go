package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

func (s suite) testModels(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	call := func(workspace string, at time.Time, tokens int) entity.ModelCall {
		return entity.ModelCall{
			Workspace: workspace, At: at, Purpose: "generate persona", Model: "\U0001f600", InputTokens: tokens, OutputTokens: 1,
			Took: 1234 * time.Millisecond, Tries: 2, Repaired: true, Outcome: "ok",
		}
	}
	later := Day.Add(time.Hour)
	first, second, theirs := call("wa_1", Day, 10), call("wa_1", later, 20), call("wa_2", later, 40)
	second.Repaired, second.Outcome = false, "model_refused"
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		for _, c := range []entity.ModelCall{first, theirs, second} {
			if err := tx.AddModelCall(ctx, &c); err != nil {
				return err
			}
		}
		if err := tx.PutModelAnswer(ctx, "wa_1", "d", []byte(`{"a":1}`), Day.Add(1e6)); err != nil {
			return err
		}
		return tx.PutModelAnswer(ctx, "wa_1", "d", []byte(`{"a":2}`), later)
	})
	list := func(limit, offset, total int, want ...entity.ModelCall) {
		t.Helper()
		got, n, err := l.ModelCalls(ctx, "wa_1", limit, offset)
		if diff := cmp.Diff(want, got); err != nil || n != total || diff != "" {
			t.Errorf("ModelCalls: %v, %d (-want +got):\n%s", err, n, diff)
		}
	}
	list(5, 0, 2, second, first)
	list(1, 1, 2, first)
	for since, want := range map[time.Time]entity.ModelUsage{Day: {Calls: 2, Tokens: 32}, later: {Calls: 1, Tokens: 21}, later.Add(1e6): {}} {
		if got, err := l.ModelUsage(ctx, "wa_1", since); err != nil || got != want {
			t.Errorf("ModelUsage since %s = %+v, %v", since, got, err)
		}
	}
	if got, err := l.ModelAnswer(ctx, "wa_1", "d", Day); err != nil || string(got) != `{"a":2}` {
		t.Errorf("ModelAnswer = %s, %v", got, err)
	}
	for _, absent := range []func() ([]byte, error){
		func() ([]byte, error) { return l.ModelAnswer(ctx, "wa_2", "d", Day) },
		func() ([]byte, error) { return l.ModelAnswer(ctx, "wa_1", "e", Day) },
		func() ([]byte, error) { return l.ModelAnswer(ctx, "wa_1", "d", later) },
	} {
		if got, err := absent(); errs.KindOf(err) != errs.NotFound {
			t.Errorf("an answer that is not kept: %s, %v", got, err)
		}
	}
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		n, err := tx.PurgeModels(ctx, later, later)
		if n != 1 {
			t.Errorf("PurgeModels = %d", n)
		}
		return err
	})
	list(5, 0, 1, second)
	if got, err := l.ModelAnswer(ctx, "wa_1", "d", Day); errs.KindOf(err) != errs.NotFound {
		t.Errorf("an answer that was purged: %s, %v", got, err)
	}
}
