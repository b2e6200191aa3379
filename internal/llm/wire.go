package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The limits of an exchange.
const (
	maxAnswer     = 8 << 20 // bytes of an HTTP answer
	maxHeader     = 256 << 10
	maxRetryAfter = 60 * time.Second
	firstPause    = 500 * time.Millisecond
	maxTries      = 3 // HTTP requests of a turn
	bytesOfToken  = 4 // about
)

// wire sends requests to one server.
type wire struct {
	config Config
	base   string
	client *http.Client
	sleep  func(ctx context.Context, d time.Duration) error
}

// send posts body as JSON and decodes the answer into out. It tries again where
// the server asks for it, or before it has answered: never after a 200.
func (w *wire) send(ctx context.Context, path string, header http.Header, body, out any, call *Call) error {
	payload, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("llm: %w", err)
	}
	for try := 1; ; try++ {
		call.Tries++
		err := w.try(ctx, path, header, payload, out)
		if _, lost := errors.AsType[*lostError](err); lost {
			call.Usage.InputTokens += len(payload) / bytesOfToken
		}
		again, ok := errors.AsType[*retryError](err)
		if !ok {
			return err
		}
		pause := again.after
		if pause == 0 {
			pause = firstPause<<(try-1) + rand.N(firstPause) //nolint:gosec // only to spread requests
		}
		deadline, limited := ctx.Deadline()
		if try == maxTries || pause > maxRetryAfter || limited && time.Until(deadline) < pause {
			return again.err
		}
		if w.sleep(ctx, pause) != nil {
			return interrupted(ctx)
		}
	}
}

// retryError is an error after which another try does no harm.
type retryError struct {
	err   error
	after time.Duration // 0 leaves the pause to us
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// lostError is an error after which the answer may have been paid for, and nobody
// knows what it took.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// try sends one HTTP request.
func (w *wire) try(ctx context.Context, path string, header http.Header, payload []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+path, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("llm: %w", err)
	}
	request.Header = header.Clone()
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Personae")
	response, err := w.client.Do(request)
	switch {
	case err != nil && ctx.Err() != nil:
		return &lostError{interrupted(ctx)}
	case err != nil:
		return &retryError{err: fail(CodeUnreachable, w.scrub(err), "The model's server cannot be reached. Check its address, and that it runs.")}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return &lostError{interrupted(ctx)}
	case len(text) > maxAnswer:
		return fail(CodeUnreachable, nil, "The model's server sends more than %d MiB, and not an answer. Check its address.", maxAnswer>>20)
	case response.StatusCode != http.StatusOK:
		return w.rejected(response, text)
	case err != nil:
		return &lostError{fail(CodeUnreachable, w.scrub(err), "The model's answer broke off. It is not asked again, as it may have been paid for.")}
	}
	if err := json.Unmarshal(text, out); err != nil {
		kind := response.Header.Get("Content-Type")
		return fail(CodeUnreachable, errors.New("not an answer of the API"), "The model's server answers with something that is not its API (%s). Check its address.", w.clean(kind))
	}
	return nil
}

// rejected explains an answer that is not 200.
func (w *wire) rejected(response *http.Response, body []byte) error {
	code := response.StatusCode
	status := fmt.Sprintf("status %d", code)
	cause := errors.New(status) // without what the server says, which may quote the prompt
	if said := w.clean(reason(body)); said != "" {
		status += ": " + said
	}
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fail(CodeRejected, cause, "The model's server does not accept the key (status %d). Set PERSONAE_LLM_KEY.", code)
	case code == http.StatusTooManyRequests:
		after := retryAfter(response.Header)
		err := fail(CodeUnreachable, cause, "The model's server has too many requests, or the account has no credit left. Try again later.")
		err.RetryAfter = int((after + time.Second - 1) / time.Second)
		return &retryError{err, after}
	case code == http.StatusRequestTimeout || code == http.StatusConflict || code >= 500:
		err := fail(CodeUnreachable, cause, "The model's server is overloaded or broken (status %d). Try again later.", code)
		after := retryAfter(response.Header)
		err.RetryAfter = int((after + time.Second - 1) / time.Second)
		return &retryError{err, after}
	case code >= 300 && code < 400:
		return fail(CodeRejected, cause, "The model's server redirects (status %d), which is not followed, as the key would go elsewhere. Set its final address.", code)
	case code < 300:
		return fail(CodeUnreachable, cause, "The model's server answers with status %d, and not an answer. Check its address.", code)
	case code == http.StatusRequestEntityTooLarge:
		return fail(CodeRejected, cause, "The request is too large for the model's server. Send shorter sources.")
	}
	err := fail(CodeRejected, cause, "The model's server does not accept the request (%s). Check its address and the name of the model.", status)
	if code == http.StatusBadRequest || code == http.StatusUnprocessableEntity {
		return &modeError{err}
	}
	return err
}

// reason finds what a server says about an error.
func reason(body []byte) string {
	var shape struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &shape) != nil {
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	var plain string
	switch {
	case json.Unmarshal(shape.Error, &inner) == nil && inner.Message != "":
		return inner.Message
	case json.Unmarshal(shape.Error, &plain) == nil && plain != "":
		return plain
	case shape.Message != "":
		return shape.Message
	case json.Unmarshal(shape.Detail, &plain) == nil:
		return plain
	}
	return ""
}

// retryAfter reads how long a server asks to wait, 0 if absent.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<20) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// clean makes what a server says fit to be shown: short, and without the key.
func (w *wire) clean(s string) string {
	if key := string(w.config.Key); len(key) > 3 {
		s = strings.ReplaceAll(s, key, "[key]")
	}
	return shorten(s)
}

// scrub takes the key out of an error.
func (w *wire) scrub(err error) error { return errors.New(w.clean(err.Error())) }
