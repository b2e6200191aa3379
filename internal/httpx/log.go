package httpx

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/limit"
)

// Names of headers, in their canonical form.
const (
	headerRequestID         = "X-Request-Id"
	headerExternalRequestID = "X-External-Request-Id"
	headerSource            = "X-Request-Source"
)

// MaxExternalRequestID is how many bytes a caller's own request id may have.
// One that is longer, or has other than visible ASCII characters, is dropped.
const MaxExternalRequestID = 256

// begin gives a request its exchange and its id, and answers with the id and
// with the caller's own.
func (t *transport) begin(next http.Handler) http.Handler {
	unmatched := t.Observe("")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{
			ResponseWriter: w, transport: t,
			id: t.NewID(account.RequestPrefix), began: time.Now(), observe: unmatched,
		}
		w.Header().Set(headerRequestID, e.id)
		if id := externalRequestID(r); id != "" {
			w.Header().Set(headerExternalRequestID, id)
		}
		if limit.OverLimit(r.Context()) || t.Draining() {
			w.Header().Set("Connection", "close")
		}
		defer e.ended.Store(true)
		next.ServeHTTP(e, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e)))
	})
}

func externalRequestID(r *http.Request) string {
	values := r.Header[headerExternalRequestID]
	if len(values) == 0 || len(values[0]) > MaxExternalRequestID {
		return ""
	}
	for _, c := range []byte(values[0]) {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return values[0]
}

// observe tells metrics of every request that has ended.
func (t *transport) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := exchangeIn(r.Context())
		defer func() { e.observe(e.loggedStatus(), time.Since(e.began)) }()
		next.ServeHTTP(w, r)
	})
}

// accessLog writes a line for every request that has ended. Query, headers and
// bodies are never logged: they may hold keys and what people wrote. A key that
// was put where none belongs is masked.
func (t *transport) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer t.logRequest(exchangeIn(r.Context()), r)
		next.ServeHTTP(w, r)
	})
}

func (t *transport) logRequest(e *exchange, r *http.Request) {
	level := slog.LevelInfo
	if failedHere(e) {
		level = slog.LevelError
	}
	if !t.Log.Enabled(r.Context(), level) {
		return
	}
	took := time.Since(e.began)
	attrs := append(make([]slog.Attr, 0, 14),
		slog.String("requestId", e.id),
		slog.String("method", loggedMethod(r.Method)),
		slog.String("path", account.MaskTokens(r.URL.Path)),
		slog.Int("status", e.loggedStatus()),
		slog.Int64("bytes", e.written),
		slog.Int64("tookUs", took.Microseconds()),
		slog.String("remote", t.Proxies.client(r)),
	)
	if e.principal != nil {
		attrs = append(attrs, slog.String("key", e.principal.Key.OID), slog.String("workspace", e.principal.Workspace.OID))
	}
	if id := externalRequestID(r); id != "" {
		attrs = append(attrs, slog.String("externalRequestId", account.MaskTokens(id)))
	}
	if trace := traceOf(r.Header); trace != "" {
		attrs = append(attrs, slog.String("traceId", trace))
	}
	if source := r.Header.Get(headerSource); source != "" && len(source) <= MaxExternalRequestID {
		attrs = append(attrs, slog.String("source", account.MaskTokens(source)))
	}
	// Logger.LogAttrs would also look up its caller, which is always this one.
	record := slog.NewRecord(e.began.Add(took), level, "request", 0)
	record.AddAttrs(appendError(attrs, e.err)...)
	_ = t.Log.Handler().Handle(r.Context(), record) // as Logger does
}

// failedHere reports whether the server is to blame for how the request ended. Of
// refusals there may be many, and they are no errors of the server.
func failedHere(e *exchange) bool {
	status := e.loggedStatus()
	known, ok := errors.AsType[*errs.Error](e.err)
	switch {
	case e.err != nil && status < http.StatusBadRequest:
		return true // the answer was cut off
	case ok && status != http.StatusInternalServerError:
		return status == http.StatusServiceUnavailable && forOperators(known)
	}
	return status >= http.StatusInternalServerError
}

// loggedMethod returns method if it is a known one: in its place a client that is
// out of step may send anything, a key for one.
func loggedMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}

// appendError adds why a request failed. Of a known error it takes the code and
// the cause: its message and fields may quote what the caller sent, or what a model
// or a page says, unless the message is for operators.
func appendError(attrs []slog.Attr, err error) []slog.Attr {
	if known, ok := errors.AsType[*errs.Error](err); ok {
		attrs = append(attrs, slog.String("code", known.Code))
		if !forOperators(known) || known.Code == errs.CodeSourceUnreachable || strings.HasPrefix(known.Code, "model_") {
			err = known.Err
		}
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	return attrs
}
