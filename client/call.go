package client

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"personae.dev/apitype"
)

const (
	// firstPause is the pause before the second attempt. It doubles each time.
	firstPause = 200 * time.Millisecond
	// maxDrained is how much of an unwanted answer is read, to keep its connection.
	maxDrained = 64 << 10
)

// call is one call of the API.
type call struct {
	method, path string // the path without apiPath
	query        url.Values
	header       http.Header
	body         []byte // JSON, nil for none
	// idempotent says that the call may be sent a second time when nobody knows
	// whether the first one was carried out.
	idempotent bool
	// timeout takes the place of Timeout; 0 leaves it.
	timeout time.Duration
	// clear names the fields that the body sets to null.
	clear []string
	// refused, if set, is why the call is not sent: an option that does not mean
	// what its caller wants.
	refused error
}

// do makes a call and reads the JSON of its answer into out. It returns the
// answer's header, or an error: an *Error where there was an answer,
// ErrNotModified, ErrAnswerTooLarge, or an error of the connection or the
// context.
func (c *Client) do(ctx context.Context, call call, out any) (http.Header, error) {
	if call.refused != nil {
		return nil, fmt.Errorf("client: %s %s: %w", call.method, call.path, call.refused)
	}
	for attempt := 1; ; attempt++ {
		header, err := c.attempt(ctx, call, out)
		if err == nil || attempt == MaxAttempts || ctx.Err() != nil || !call.worthAnother(err) {
			return header, err
		}
		wait := pause(attempt)
		if answer, ok := errors.AsType[*Error](err); ok && answer.RetryAfter > 0 {
			if answer.RetryAfter > MaxWait {
				return nil, err
			}
			// The pause is added, so that clients do not return all at once.
			wait += answer.RetryAfter
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return nil, err
		}
		if stopped := waitFor(ctx, wait); stopped != nil {
			return nil, fmt.Errorf("client: %w while waiting to try again after: %w", stopped, err)
		}
	}
}

// fetch makes a call and returns its answer.
func fetch[T any](ctx context.Context, c *Client, call call) (*T, error) {
	answer := new(T)
	if _, err := c.do(ctx, call, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// post returns a call that sends a body.
func post(path string, body any) call {
	encoded, err := json.Marshal(body)
	return call{method: http.MethodPost, path: path, body: encoded, refused: err}
}

// pause returns how long to wait after the attempt with this number, from 1.
func pause(attempt int) time.Duration {
	longest := firstPause << (attempt - 1)
	return longest/2 + rand.N(longest/2+1) //nolint:gosec // not a secret
}

// waitFor returns nil after d, or the context's error when that ends first.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// worthAnother tells whether a second attempt may succeed and does no harm.
func (call *call) worthAnother(err error) bool {
	if answer, ok := errors.AsType[*Error](err); ok {
		switch answer.StatusCode {
		case http.StatusTooManyRequests:
			return true
		case http.StatusServiceUnavailable:
			if strings.HasPrefix(answer.Code, "model_") { // the server has tried again itself
				return false
			}
			return call.idempotent || answer.Code == codeUnavailable
		case http.StatusConflict: // the first attempt is still at work
			return call.idempotent && answer.Code == codeInProgress
		}
		return false
	}
	if _, broken := errors.AsType[*connectionError](err); !broken || !call.idempotent {
		return false
	}
	// A second attempt would fail in the same way.
	if lookup, ok := errors.AsType[*net.DNSError](err); ok && lookup.IsNotFound {
		return false
	}
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	return !invalid && !unknown && !other && !errors.Is(err, http.ErrSchemeMismatch)
}

// attempt sends a call once.
func (c *Client) attempt(ctx context.Context, call call, out any) (http.Header, error) {
	address := c.base.JoinPath(apiPath, call.path)
	shown := address.String() // without the query, which may hold private words
	address.RawQuery = call.query.Encode()
	request, err := http.NewRequestWithContext(ctx, call.method, address.String(), bytes.NewReader(call.body))
	if err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", call.method, shown, err)
	}
	maps.Copy(request.Header, call.header)
	if call.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	c.prepare(request.Header)
	failed := func(err error) error { return &connectionError{call.method, shown, err} }
	h := *c.http
	if call.timeout > h.Timeout && h.Timeout > 0 {
		h.Timeout = call.timeout
	}
	response, err := h.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // the wrapper repeats the address with its query
		}
		return nil, failed(err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, maxDrained)
		_ = response.Body.Close()
	}()

	if response.StatusCode == http.StatusNotModified {
		return response.Header, ErrNotModified
	}
	text, wantsText := out.(*string)
	wantsText = wantsText && isMarkdown(response.Header)
	if !wantsText && !isJSON(response.Header) {
		return nil, foreign(response)
	}
	tooLarge := func() error {
		return fmt.Errorf("%w: %s %s, over %d bytes", ErrAnswerTooLarge, call.method, shown, MaxAnswerBytes)
	}
	if response.ContentLength > MaxAnswerBytes {
		return nil, tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswerBytes+1))
	if err != nil {
		return nil, failed(fmt.Errorf("read the answer: %w", err))
	}
	if len(body) > MaxAnswerBytes {
		return nil, tooLarge()
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, refusal(response, body)
	}
	if wantsText {
		*text = string(body)
		return response.Header, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return nil, answerError(response, fmt.Sprintf("The answer is not one of the API: %s.", err))
	}
	return response.Header, nil
}

// connectionError is the error of a request that got no complete answer.
type connectionError struct {
	method, address string
	err             error
}

// Error implements error.
func (e *connectionError) Error() string {
	return fmt.Sprintf("client: %s %s: %s", e.method, e.address, e.err)
}

// Unwrap returns the cause.
func (e *connectionError) Unwrap() error { return e.err }

func isJSON(h http.Header) bool { return isMediaType(h, "application/json") }

func isMarkdown(h http.Header) bool { return isMediaType(h, "text/markdown") }

func isMediaType(h http.Header, want string) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && mediaType == want
}

// answerError returns an Error with what the header of the answer says.
func answerError(response *http.Response, message string) *Error {
	e := &Error{StatusCode: response.StatusCode, Message: message, RequestID: response.Header.Get("X-Request-Id")}
	e.RetryAfter = retryAfter(response.Header, time.Now())
	return e
}

// refusal reads the API's error.
func refusal(response *http.Response, body []byte) *Error {
	var answer apitype.ErrorResponse
	if err := json.Unmarshal(body, &answer); err != nil || answer.Message == "" {
		return answerError(response, "The answer is JSON, but not an error of the API: check the base URL, and any proxy before the server.")
	}
	e := answerError(response, answer.Message)
	e.Code, e.Fields = answer.Error.Code, answer.Error.Fields
	if e.RequestID == "" {
		e.RequestID = answer.Metadata.RequestID
	}
	return e
}

// foreign returns the error for an answer of some other program. It leaves out
// the text of the answer, which may repeat the request with its key.
func foreign(response *http.Response) *Error {
	kind := response.Header.Get("Content-Type")
	if kind == "" {
		kind = "of no type"
	}
	message := fmt.Sprintf("The answer is %s, not the API's JSON: check the base URL, and any proxy before the server.", strconv.QuoteToASCII(kind))
	if to, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
		message = fmt.Sprintf("The server redirects to %s://%s, and redirects are not followed: check the base URL.", to.Scheme, to.Host)
	}
	return answerError(response, message)
}

// retryAfter reads Retry-After, in seconds or as a date. It returns 0 where
// there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
