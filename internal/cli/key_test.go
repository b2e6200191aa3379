package cli

import (
	"testing"
	"time"
)

// A span is what it says, up to a hundred years in days.
func TestParseSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0d": 0, "1d": 24 * time.Hour, "12h": 12 * time.Hour, "1ms": time.Millisecond,
		"36500d": maxDays * 24 * time.Hour,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1", "1.5d", "-1d", "-1h", "36501d", "999999999d", "99999999999999999999d", "9999999h", "soon"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// A key that was to end shall not be one that ended before it was made.
func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"90d", "36500d", "12h", "2999-01-31", "2999-01-31T12:00:00+01:00"} {
		var e expiry
		if err := e.UnmarshalText([]byte(text)); err != nil || e.at == nil || e.at.Location() != time.UTC {
			t.Errorf("%q: %v, %v", text, e.at, err)
		}
	}
	for _, text := range []string{"", "0", "-12h", "36501d", "2020-01-31", "2999-02-30", "tomorrow"} {
		var e expiry
		if err := e.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, e.at)
		}
	}
}
