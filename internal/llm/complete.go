package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"personae.dev/internal/errs"
)

// maxRepair is how much of a wrong answer the model is shown again.
const maxRepair = 64 << 10

// Complete asks the model, checks its answer, and gives it one turn to repair a
// wrong one.
func (c *Client) Complete(ctx context.Context, r Request) (*Response, error) {
	start := time.Now()
	call := Call{Purpose: r.Purpose, Model: c.Name(), Outcome: "ok"}
	response, err := c.complete(ctx, &r, &call)
	if err != nil {
		call.Outcome = errs.CodeOf(err)
	}
	call.Took = time.Since(start)
	if r.Observe != nil {
		r.Observe(call)
	}
	return response, err
}

func (c *Client) complete(ctx context.Context, r *Request, call *Call) (*Response, error) {
	schema, err := resolve(r.Schema)
	if err != nil {
		return nil, fmt.Errorf("llm: the schema of %s: %w", r.Purpose, err)
	}
	select {
	case c.free <- struct{}{}:
		defer func() { <-c.free }()
	case <-ctx.Done():
		return nil, interrupted(ctx)
	}
	messages := []message{{Role: "user", Content: r.Prompt}}
	a, err := c.ask(ctx, r, messages, call)
	if err != nil {
		return nil, err
	}
	found, wrong := check(a.text, schema, r.Check)
	if wrong == "" {
		return &Response{JSON: found, Usage: call.Usage}, nil
	}
	call.Repaired = true
	shown := a.text
	if len(shown) > maxRepair {
		shown = strings.ToValidUTF8(shown[:maxRepair], "") + " …"
	}
	if shown == "" {
		shown = "(no answer)" // an empty message is refused
	}
	messages = append(
		messages,
		message{Role: "assistant", Content: shown},
		message{Role: "user", Content: "Your answer cannot be used: " + wrong + "\n\nAnswer again with the whole corrected JSON object, and nothing else." + schemaInWords(r)},
	)
	if a, err = c.ask(ctx, r, messages, call); err != nil {
		return nil, err
	}
	if found, wrong = check(a.text, schema, r.Check); wrong != "" {
		return nil, fail(CodeBadAnswer, nil, "The model's answer cannot be used, and was not repaired: %s", shorten(wrong))
	}
	return &Response{JSON: found, Usage: call.Usage}, nil
}

// ask makes one turn, in the first mode that the server accepts.
func (c *Client) ask(ctx context.Context, r *Request, messages []message, call *Call) (*answer, error) {
	modes := c.provider.modes()
	for at := c.mode.Load(); ; at++ {
		mode := modes[at]
		t := turn{system: r.System, messages: messages, mode: mode, request: r, call: call}
		if mode != ModeSchema {
			t.system = strings.TrimSpace(t.system + schemaInWords(r))
		}
		a, err := c.provider.turn(ctx, t)
		if a != nil {
			if a.usage == (Usage{}) && c.config.Provider != Scripted { // the server does not say
				a.usage = estimate(&t, a)
			}
			call.Usage.add(a.usage)
		}
		if notUnderstood, ok := errors.AsType[*modeError](err); ok {
			if int(at) == len(modes)-1 {
				return nil, notUnderstood.err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		c.mode.Store(at) // the modes before are not tried again
		return a, nil
	}
}

// estimate is about what a turn took.
func estimate(t *turn, a *answer) Usage {
	asked := len(t.system) + len(t.request.Schema)
	for _, m := range t.messages {
		asked += len(m.Content)
	}
	return Usage{InputTokens: asked / bytesOfToken, OutputTokens: len(a.text) / bytesOfToken}
}

// schemaInWords asks for JSON that follows the schema.
func schemaInWords(r *Request) string {
	var b bytes.Buffer
	if json.Compact(&b, r.Schema) != nil {
		b.Reset()
		b.Write(r.Schema)
	}
	return "\n\nThe answer is one JSON object, without any text around it, that follows this JSON schema:\n" + b.String()
}

// modeError says that the server does not accept a request as it is, which may
// be the mode's fault.
type modeError struct{ err error }

func (e *modeError) Error() string { return e.err.Error() }
func (e *modeError) Unwrap() error { return e.err }

// resolve reads a JSON schema.
func resolve(schema json.RawMessage) (*jsonschema.Resolved, error) {
	var s jsonschema.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, err
	}
	return s.Resolve(nil)
}

// check finds the JSON object in a text. wrong says in words why it cannot be
// used; it is empty where it can.
func check(text string, schema *jsonschema.Resolved, rules func(json.RawMessage) []string) (found json.RawMessage, wrong string) {
	found, value, err := findObject(text)
	if err != nil {
		return nil, "it is not one JSON object: " + err.Error() + "."
	}
	if err := schema.Validate(value); err != nil {
		return nil, "it does not follow the JSON schema: " + shorten(err.Error()) + "."
	}
	if rules == nil {
		return found, ""
	}
	if errors := rules(found); len(errors) > 0 {
		return nil, strings.Join(errors, "; ") + "."
	}
	return found, ""
}

// findObject returns the JSON object of a text: the whole, or what stands
// between the first and the last brace, as models put words and fences around
// it.
func findObject(text string) (json.RawMessage, map[string]any, error) {
	if _, after, ok := strings.Cut(text, "</think>"); ok {
		text = after // what a model says to itself
	}
	text = strings.TrimSpace(text)
	if begin, end := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}'); begin >= 0 && end > begin {
		text = text[begin : end+1]
	}
	if text == "" {
		return nil, nil, errors.New("it is empty")
	}
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil, nil, err
	}
	if value == nil {
		return nil, nil, errors.New("it is null")
	}
	return json.RawMessage(text), value, nil
}

// shorten makes one line of what others wrote, of at most 400 characters.
func shorten(s string) string {
	const most = 400
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "�")), " ")
	if n := 0; len(s) > most {
		for i := range s {
			if n++; n > most {
				return s[:i] + "…"
			}
		}
	}
	return s
}
