package server

import (
	"io"
	"log/slog"
)

// NewLog returns a log that writes to w from level on: lines of JSON, or of text.
func NewLog(w io.Writer, level slog.Level, json bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
