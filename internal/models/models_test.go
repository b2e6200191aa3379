package models_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"personae.dev/internal/errs"
	"personae.dev/internal/llm"
	"personae.dev/internal/models"
	"personae.dev/internal/store/storetest"
)

// counter is a model that answers with the number of the call.
type counter struct {
	calls         atomic.Int64
	wait, started chan struct{} // nil for none
	err           error
}

func (*counter) Name() string { return "counter" }

func (c *counter) Complete(ctx context.Context, r llm.Request) (*llm.Response, error) {
	n := c.calls.Add(1)
	if c.wait != nil {
		c.started <- struct{}{}
		<-c.wait
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	call := llm.Call{Purpose: r.Purpose, Model: c.Name(), Usage: llm.Usage{InputTokens: 60, OutputTokens: 40}, Took: time.Second, Tries: 1, Outcome: "ok"}
	if c.err != nil {
		call.Outcome = errs.CodeOf(c.err)
	}
	r.Observe(call)
	return &llm.Response{JSON: fmt.Appendf(nil, `{"n":%d}`, n), Usage: call.Usage}, c.err
}

func setup(t *testing.T, c *counter, cfg models.Config) *models.Models {
	t.Helper()
	cfg.Model, cfg.Store = c, storetest.Fill(t, storetest.Open(t))
	return models.New(cfg)
}

func ask(t *testing.T, m *models.Models, workspace, prompt string, change ...func(*llm.Request)) string {
	t.Helper()
	r := llm.Request{Purpose: "test", Prompt: prompt}
	for _, f := range change {
		f(&r)
	}
	response, err := m.Complete(t.Context(), workspace, r)
	if err != nil {
		t.Fatal(err)
	}
	return string(response.JSON)
}

func TestCache(t *testing.T) {
	t.Parallel()
	now := storetest.Day
	c := &counter{}
	m := setup(t, c, models.Config{Cache: time.Hour, Now: func() time.Time { return now }})
	want := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	want(ask(t, m, "wa_1", "a"), `{"n":1}`)
	want(ask(t, m, "wa_1", "a"), `{"n":1}`)
	want(ask(t, m, "wa_1", "b"), `{"n":2}`)
	want(ask(t, m, "wa_2", "a"), `{"n":3}`) // nobody is told what another workspace was
	ephemeral := func(r *llm.Request) { r.Ephemeral = true }
	want(ask(t, m, "wa_1", "of somebody", ephemeral), `{"n":4}`)
	want(ask(t, m, "wa_1", "of somebody", ephemeral), `{"n":5}`)
	want(ask(t, m, "wa_1", "a", func(r *llm.Request) { r.Check = func(json.RawMessage) []string { return []string{"wrong now"} } }), `{"n":6}`)
	now = now.Add(time.Hour)
	want(ask(t, m, "wa_1", "a"), `{"n":7}`)
	calls, total, err := m.Store.ModelCalls(t.Context(), "wa_1", 10, 0)
	if err != nil || total != 6 || calls[0].InputTokens != 60 || calls[0].Took != time.Second || calls[0].Purpose != "test" || !calls[0].At.Equal(now) {
		t.Errorf("calls %+v, %v", calls, err)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
	m := setup(t, &counter{}, models.Config{Budget: 150, Now: func() time.Time { return now }})
	ask(t, m, "wa_1", "a")
	ask(t, m, "wa_1", "b")
	_, err := m.Complete(t.Context(), "wa_1", llm.Request{Prompt: "c"})
	refused, ok := errors.AsType[*errs.Error](err)
	if !ok || refused.Kind != errs.RateLimited || refused.Code != errs.CodeModelBudget || refused.RetryAfter != 61 ||
		!strings.Contains(refused.Message, "200 tokens") || !strings.Contains(refused.Message, "1 February") {
		t.Errorf("over the budget: %v", err)
	}
	ask(t, m, "wa_2", "c")
	now = now.Add(2 * time.Minute)
	ask(t, m, "wa_1", "c")
}

// TestFailures shows that calls that fail are counted, and not kept.
func TestFailures(t *testing.T) {
	t.Parallel()
	c := &counter{err: &errs.Error{Kind: errs.Unavailable, Code: llm.CodeRefused, Message: "No."}}
	m := setup(t, c, models.Config{Cache: time.Hour})
	for range 2 {
		if _, err := m.Complete(t.Context(), "wa_1", llm.Request{Prompt: "a"}); errs.CodeOf(err) != llm.CodeRefused {
			t.Error(err)
		}
	}
	calls, _, err := m.Store.ModelCalls(t.Context(), "wa_1", 10, 0)
	if err != nil || len(calls) != 2 || calls[0].Outcome != llm.CodeRefused || calls[0].InputTokens != 60 {
		t.Errorf("calls %+v, %v", calls, err)
	}
}

// TestConcurrency shows that calls of one workspace wait for one another and for
// no other, and that one that is asked for many times at once is made once.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	c := &counter{wait: make(chan struct{}), started: make(chan struct{}, 10)}
	m := setup(t, c, models.Config{Cache: time.Hour, Concurrency: 1})
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() { ask(t, m, "wa_1", "a") })
	}
	<-c.started
	group.Go(func() { ask(t, m, "wa_2", "a") })
	<-c.started
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := m.Complete(ctx, "wa_1", llm.Request{Prompt: "b"}); errs.CodeOf(err) != llm.CodeUnreachable {
		t.Errorf("a call that waits for too long: %v", err)
	}
	close(c.wait)
	group.Wait()
	if n := c.calls.Load(); n != 2 {
		t.Errorf("%d calls were made", n)
	}
}

// TestEqualRequests shows that equal requests at the same time are paid for once,
// and that a call is finished, recorded and kept though its caller leaves.
func TestEqualRequests(t *testing.T) {
	t.Parallel()
	c := &counter{wait: make(chan struct{}), started: make(chan struct{}, 10)}
	m := setup(t, c, models.Config{Cache: time.Hour})
	ctx, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if response, err := m.Complete(ctx, "wa_1", llm.Request{Prompt: "a"}); err != nil || string(response.JSON) != `{"n":1}` {
			t.Errorf("%+v, %v", response, err)
		}
	})
	<-c.started
	for range 5 {
		group.Go(func() { ask(t, m, "wa_1", "a") })
	}
	leave()
	close(c.wait)
	group.Wait()
	ask(t, m, "wa_1", "a")
	if calls, _, err := m.Store.ModelCalls(t.Context(), "wa_1", 10, 0); err != nil || len(calls) != 1 || calls[0].InputTokens != 60 || c.calls.Load() != 1 {
		t.Errorf("%d calls, of which %+v are recorded; %v", c.calls.Load(), calls, err)
	}
}
