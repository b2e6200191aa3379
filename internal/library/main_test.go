package library_test

import (
	"flag"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// checksWithRaceDetector is how often a property is checked where the race
// detector runs: without it, and with -rapid.checks, as often as wanted.
const checksWithRaceDetector = "15"

func TestMain(m *testing.M) {
	flag.Parse()
	checks := flag.Lookup("rapid.checks")
	if raceDetector && checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set(checksWithRaceDetector); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// elapse lets time pass in a synctest bubble.
func elapse(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // the time is that of a bubble
