// Package models lets the workspaces of a server ask its language model: each
// within its budget, some calls at a time, and not twice for the same answer. It
// keeps a record of each call.
package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/llm"
)

const (
	// DefaultConcurrency is how many calls of a workspace run at once where nothing
	// else is said; all workspaces together have PerServer times as many.
	DefaultConcurrency = 4
	PerServer          = 4

	// callTimeout is how long a call may take with all its tries.
	callTimeout   = 9 * time.Minute
	recordTimeout = 5 * time.Second
)

// Config says what Models work with.
type Config struct {
	Model llm.Model
	Store entity.Store
	// Budget is how many tokens a workspace may use in a month of UTC; 0 is no
	// limit. Calls that run when it is used up are finished.
	Budget int64
	// Cache is how long an answer is used again; 0 is not at all.
	Cache time.Duration
	// Concurrency is how many calls of a workspace run at once; more wait. 0 is
	// DefaultConcurrency.
	Concurrency int
	// Now, if set, tells the time instead of the system.
	Now func() time.Time
}

// Models ask one model for many workspaces. It is safe for concurrent use.
type Models struct {
	Config
	mu      sync.Mutex
	running map[string]*turns
	// calls are those that may answer equal requests, by workspace and digest.
	calls singleflight.Group
}

// turns are the calls of a workspace that run or wait.
type turns struct {
	free  chan struct{}
	users int
}

// New returns Models.
func New(cfg Config) *Models {
	if cfg.Now == nil {
		cfg.Now = account.Now
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	return &Models{Config: cfg, running: map[string]*turns{}}
}

// Month returns the beginning of the month of a time, from which budgets count.
func Month(at time.Time) time.Time {
	at = at.UTC()
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Name implements library.Model.
func (m *Models) Name() string { return m.Model.Name() }

// Ask implements library.Model.
func (m *Models) Ask(ctx context.Context, c library.Caller, p library.Prompt) (json.RawMessage, error) {
	response, err := m.Complete(ctx, c.Workspace.OID, llm.Request{
		Purpose: p.Purpose, System: p.System, Prompt: p.Text, SchemaName: p.SchemaName, Schema: p.Schema, Check: p.Check, Ephemeral: p.Ephemeral,
	})
	if err != nil {
		return nil, err
	}
	return response.JSON, nil
}

// Complete asks the model for a workspace. An answer that was kept takes no tokens,
// and equal requests at the same time take one call.
func (m *Models) Complete(ctx context.Context, workspace string, r llm.Request) (*llm.Response, error) {
	digest := r.Digest(m.Name())
	if kept, err := m.kept(ctx, workspace, &r, digest); kept != nil || err != nil {
		return kept, err
	}
	end, err := m.begin(ctx, workspace)
	if err != nil {
		return nil, err
	}
	defer end()
	if m.Cache <= 0 || r.Ephemeral {
		return m.call(ctx, workspace, &r, digest)
	}
	response, err, _ := m.calls.Do(workspace+" "+digest, func() (any, error) {
		// It may have waited for a call with the same answer.
		if kept, err := m.kept(ctx, workspace, &r, digest); kept != nil || err != nil {
			return kept, err
		}
		return m.call(ctx, workspace, &r, digest)
	})
	if err != nil {
		return nil, err
	}
	return response.(*llm.Response), nil
}

// call makes a call within the budget, and records it. One that has begun may have
// to be paid for: it is finished even if its caller leaves.
func (m *Models) call(ctx context.Context, workspace string, r *llm.Request, digest string) (*llm.Response, error) {
	if err := m.checkBudget(ctx, workspace); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	call := entity.ModelCall{Workspace: workspace, At: m.Now(), Purpose: r.Purpose, Model: m.Name()}
	observed := *r
	observed.Observe = func(c llm.Call) {
		call.InputTokens, call.OutputTokens = c.Usage.InputTokens, c.Usage.OutputTokens
		call.Took, call.Tries, call.Repaired, call.Outcome = c.Took, c.Tries, c.Repaired, c.Outcome
	}
	response, err := m.Model.Complete(ctx, observed)
	if err != nil {
		response = nil
	}
	if recorded := m.record(ctx, r, &call, digest, response); recorded != nil {
		// A call that is not counted would go past the budget.
		return nil, errors.Join(err, recorded)
	}
	return response, err
}

// kept returns the answer to an earlier request with the digest, nil for none.
func (m *Models) kept(ctx context.Context, workspace string, r *llm.Request, digest string) (*llm.Response, error) {
	if m.Cache <= 0 || r.Ephemeral {
		return nil, nil
	}
	answer, err := m.Store.ModelAnswer(ctx, workspace, digest, m.Now())
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	if err != nil && ctx.Err() != nil {
		return nil, m.ended(ctx)
	}
	if err != nil {
		return nil, err
	}
	if r.Check != nil && len(r.Check(answer)) > 0 {
		return nil, nil // the rules were others then
	}
	return &llm.Response{JSON: answer}, nil
}

// begin waits until the workspace may make a call. What it returns ends the call.
func (m *Models) begin(ctx context.Context, workspace string) (end func(), err error) {
	m.mu.Lock()
	t := m.running[workspace]
	if t == nil {
		t = &turns{free: make(chan struct{}, m.Concurrency)}
		m.running[workspace] = t
	}
	t.users++
	m.mu.Unlock()
	leave := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(m.running, workspace)
		}
	}
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, m.ended(ctx)
	}
}

// ended answers a request that ended before its call began.
func (m *Models) ended(ctx context.Context) error {
	return &errs.Error{
		Kind: errs.Unavailable, Code: llm.CodeUnreachable, Err: ctx.Err(),
		Message: fmt.Sprintf("The request ended while it waited for the model: a workspace has %d calls at once. Try again later.", m.Concurrency),
	}
}

func (m *Models) checkBudget(ctx context.Context, workspace string) error {
	if m.Budget <= 0 {
		return nil
	}
	now := m.Now()
	used, err := m.Store.ModelUsage(ctx, workspace, Month(now))
	if err != nil || used.Tokens < m.Budget {
		return err
	}
	next := Month(now).AddDate(0, 1, 0)
	return &errs.Error{
		Kind: errs.RateLimited, Code: errs.CodeModelBudget, RetryAfter: int(next.Sub(now).Seconds()) + 1,
		Message: fmt.Sprintf("The workspace has used %d tokens of the language model this month, and its budget is %d. The next month begins on %s (UTC); the operator can raise --llm-budget.",
			used.Tokens, m.Budget, next.Format("2 January")),
	}
}

// record writes down what a call took, and keeps its answer, even if the caller
// is gone by now.
func (m *Models) record(ctx context.Context, r *llm.Request, call *entity.ModelCall, digest string, response *llm.Response) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return m.Store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if err := tx.AddModelCall(ctx, call); err != nil {
			return err
		}
		if response == nil || m.Cache <= 0 || r.Ephemeral {
			return nil
		}
		return tx.PutModelAnswer(ctx, call.Workspace, digest, response.JSON, m.Now().Add(m.Cache))
	})
}
