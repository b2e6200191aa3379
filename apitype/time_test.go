package apitype_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"personae.dev/apitype"
)

// TestAppendTime holds the fast way against package time's.
func TestAppendTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-1e11, 1e12).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		if got, want := string(apitype.AppendTime(nil, at)), at.UTC().Format(apitype.TimeLayout); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
