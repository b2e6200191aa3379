package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPlainJSON shows that not a byte of a log differs from slog's, whoever
// writes a line.
func TestPlainJSON(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`))
	attr := func(t *rapid.T) slog.Attr {
		key := text.Draw(t, "key")
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0, 1, 2:
			return slog.String(key, text.Draw(t, "text"))
		case 3, 4:
			return slog.Int64(key, rapid.Int64().Draw(t, "number"))
		case 5:
			return slog.Any(key, errors.New(text.Draw(t, "error")))
		case 6:
			return slog.Duration(key, time.Duration(rapid.Int64().Draw(t, "duration")))
		case 7:
			return slog.Bool(key, rapid.Bool().Draw(t, "bool"))
		default:
			return slog.Attr{}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-1e11, 1e12).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		if rapid.Bool().Draw(t, "elsewhere") {
			at = at.In(time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "offset")))
		}
		if rapid.IntRange(0, 9).Draw(t, "timeless") == 0 {
			at = time.Time{}
		}
		record := slog.NewRecord(at, slog.Level(rapid.IntRange(-10, 10).Draw(t, "level")), text.Draw(t, "message"), 0)
		attrs := rapid.Custom(attr)
		record.AddAttrs(rapid.SliceOfN(attrs, 0, 4).Draw(t, "attrs")...)
		record.AddAttrs(slog.Attr{Key: rapid.SampledFrom([]string{"", "", "group"}).Draw(t, "group"), Value: slog.GroupValue(rapid.SliceOfN(attrs, 0, 12).Draw(t, "members")...)})
		var want, got bytes.Buffer
		ctx := context.Background()
		if err := slog.NewJSONHandler(&want, nil).Handle(ctx, record); err != nil {
			t.Fatal(err)
		}
		if err := (plainJSON{slog.NewJSONHandler(&got, nil), &got}).Handle(ctx, record); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("got  %swant %s", got.String(), want.String())
		}
	})
}

// TestAccessLineIsPlain shows that a line of the access log takes the short way.
func TestAccessLineIsPlain(t *testing.T) {
	t.Parallel()
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
	record.AddAttrs(slog.Attr{Value: slog.GroupValue(slog.String("path", "/api/v2/persona/get"), slog.Int("status", 200))})
	if line, plain := appendPlain(nil, record); !plain {
		t.Errorf("got %s", line)
	}
}
