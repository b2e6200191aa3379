package httpx

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"personae.dev/internal/persona"
)

// Names of headers, in their canonical form.
const (
	headerRequestID         = "X-Request-Id"
	headerExternalRequestID = "X-External-Request-Id"
)

// MaxExternalRequestID is how many bytes a caller's own request id may have.
// One that is longer, or has other than visible ASCII characters, is dropped.
const MaxExternalRequestID = 256

// RequestIDs answers with the request's id, and with the caller's own.
func RequestIDs(next Handler) Handler {
	return func(w *ResponseWriter, r *http.Request) error {
		w.Set(headerRequestID, w.RequestID)
		if id := externalRequestID(r); id != "" {
			w.Set(headerExternalRequestID, id)
		}
		return next(w, r)
	}
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

// AccessLog writes a line for every request when it has ended. Query, headers
// and bodies are never logged: they may hold keys and what people wrote. A key
// that was put where none belongs is masked.
func AccessLog(log *slog.Logger) Middleware {
	return func(next Handler) Handler {
		return func(w *ResponseWriter, r *http.Request) error {
			err := next(w, r)
			level := slog.LevelInfo
			if w.Status() >= http.StatusInternalServerError && !errors.Is(w.Err, ErrBusy) { // of which there may be many
				level = slog.LevelError
			}
			if !log.Enabled(r.Context(), level) {
				return err
			}
			took := time.Since(w.Began)
			// Not by log.LogAttrs, which would look up who called it.
			record := slog.NewRecord(w.Began.Add(took), level, "request", 0)
			attrs := append(w.attrs[:0],
				slog.String("requestId", w.RequestID),
				slog.String("method", r.Method),
				slog.String("path", persona.MaskTokens(r.URL.Path)),
				slog.Int("status", w.Status()),
				slog.Int64("bytes", w.written),
				slog.Int64("tookUs", took.Microseconds()),
				slog.String("remote", r.RemoteAddr),
			)
			if w.KeyOID != "" {
				attrs = append(attrs, slog.String("key", w.KeyOID), slog.String("workspace", w.WorkspaceOID))
			}
			if id := externalRequestID(r); id != "" {
				attrs = append(attrs, slog.String("externalRequestId", persona.MaskTokens(id)))
			}
			if source := r.Header.Get("X-Request-Source"); source != "" && len(source) <= MaxExternalRequestID {
				attrs = append(attrs, slog.String("source", persona.MaskTokens(source)))
			}
			attrs = appendError(attrs, w.Err)
			// A record has room for five; those of a group without a name stand
			// where the group does.
			record.AddAttrs(slog.Attr{Value: slog.GroupValue(attrs...)})
			_ = log.Handler().Handle(r.Context(), record) // as the logger itself does
			return err
		}
	}
}

// appendError adds why a request failed. Of a domain error it takes the code
// and the cause: its message and faults may quote what the caller sent.
func appendError(attrs []slog.Attr, err error) []slog.Attr {
	if known, ok := errors.AsType[*persona.Error](err); ok {
		attrs = append(attrs, slog.String("code", known.Code))
		err = known.Err
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	return attrs
}

// Observe tells metrics of every request when it has ended.
func Observe(observe func(route string, status int, took time.Duration)) Middleware {
	return func(next Handler) Handler {
		return func(w *ResponseWriter, r *http.Request) error {
			err := next(w, r)
			observe(w.Route, w.Status(), time.Since(w.Began))
			return err
		}
	}
}

// Errors answers what handlers return as error, by write.
func Errors(write func(w *ResponseWriter, r *http.Request, err error)) Middleware {
	return func(next Handler) Handler {
		return func(w *ResponseWriter, r *http.Request) error {
			err := next(w, r)
			if err == nil {
				return nil
			}
			w.Err = err
			if !w.Wrote() {
				write(w, r, err)
			}
			return err
		}
	}
}

// Recover makes an error of a panic.
func Recover(next Handler) Handler {
	return func(w *ResponseWriter, r *http.Request) (err error) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(w, r)
	}
}

// LimitBody refuses a body of more than limit bytes, and one that does not come
// to its end.
func LimitBody(limit int64) Middleware {
	return func(next Handler) Handler {
		return func(w *ResponseWriter, r *http.Request) error {
			if r.ContentLength > limit {
				return bodyTooLarge(limit)
			}
			if r.Body == http.NoBody {
				return next(w, r)
			}
			r.Body = limitedBody{http.MaxBytesReader(w, r.Body, limit)}
			if r.ContentLength < 0 && !mayHaveBody(r.Method) {
				// Nobody will read it, and so nobody would find its end.
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return err
				}
			}
			return next(w, r)
		}
	}
}

// limitedBody makes domain errors of those of http.MaxBytesReader.
type limitedBody struct{ io.ReadCloser }

// Read implements io.Reader.
func (b limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return n, bodyTooLarge(tooLarge.Limit)
	}
	return n, &persona.Error{
		Kind: persona.Invalid, Code: persona.CodeInvalidRequest, Err: err,
		Message: "The body cannot be read to its end: send it whole, with its Content-Length or in chunks.",
		Fields:  []persona.Fault{{Field: "body", Message: "cannot be read to its end"}},
	}
}

// mayHaveBody tells whether a handler of the method reads a body.
func mayHaveBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// bodyTooLarge is the error for a body over the limit.
func bodyTooLarge(limit int64) error {
	return &persona.Error{
		Kind: persona.TooLarge, Code: "body_too_large",
		Message: fmt.Sprintf("The body is larger than %d bytes: send less at a time.", limit),
	}
}
