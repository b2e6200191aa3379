package server

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/internal/errs"
)

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ wanted, files, taken, reserve int }{
		{4096, 0, 4096, 64}, // not known
		{4096, 1 << 20, 4096, 64},
		{4096, 4096, 4096 - 128, 64},
		{4096, 1024, 1024 - 128, 64},
		{4096, 256, 256 - 32 - 64, 32},
		{4096, 120, 120 - 15 - 60, 15}, // was without a limit
		{10, 120, 10, 15},
		{4096, 8, 3, 1},
		{4096, 1, 1, 0},
	} {
		taken, reserve := connectionLimits(test.wanted, test.files)
		if taken != test.taken || reserve != test.reserve {
			t.Errorf("%d with %d files: %d and %d, want %d and %d", test.wanted, test.files, taken, reserve, test.taken, test.reserve)
		}
	}
	t.Run("TooFewAreLogged", func(t *testing.T) {
		t.Parallel()
		if openFiles() == 0 {
			t.Skip("the system does not say how many files may be open")
		}
		log := &logBuffer{}
		limitConnections(nil, 1<<40, NewLog(log, slog.LevelInfo, true), nil)
		if !strings.Contains(log.String(), "ulimit -n") {
			t.Errorf("the log: %s", log)
		}
	})
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "memory.max")
	for content, want := range map[string]int64{
		"max\n":        96<<20 + besideCache,
		"8589934592\n": 96<<20 + besideCache,
		"268435456\n":  192 << 20,
		"":             96<<20 + besideCache,
	} {
		must(t, os.WriteFile(file, []byte(content), 0o600))
		if got := memoryLimit(64<<20, file); got != want {
			t.Errorf("of %q: %d, want %d", content, got, want)
		}
	}
	if got := memoryLimit(0, file+".missing"); got != besideCache {
		t.Errorf("without a container: %d", got)
	}
}

func TestLoadCertificate(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	cert, key := newCertificate(t, "x")
	if config, err := loadCertificate("", "", log); config != nil || err != nil {
		t.Errorf("none: %v, %v", config, err)
	}
	for name, files := range map[string][2]string{
		"CertAlone": {cert, ""}, "KeyAlone": {"", key}, "Missing": {cert, key + ".missing"}, "Swapped": {key, cert},
	} {
		_, err := loadCertificate(files[0], files[1], log)
		if errs.CodeOf(err) != errs.CodeBadSetting || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCertificateIsTriedAgain corrects a key without a change that its time or its
// size tells of.
func TestCertificateIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cert, key := newCertificate(t, "first")
		good, err := os.ReadFile(key)
		must(t, err)
		past := time.Now().Add(-time.Hour)
		write := func(text []byte) {
			must(t, os.WriteFile(key, text, 0o600))
			must(t, os.Chtimes(key, past, past))
		}
		c := &certificate{certFile: cert, keyFile: key, log: slog.New(slog.DiscardHandler)}
		must(t, c.load())
		write(make([]byte, len(good)))
		first := c.pair
		for _, want := range []bool{true, false} { // whether it is still the first, at once and after a minute
			pair, err := c.get(nil)
			if err != nil || (pair == first) != want {
				t.Errorf("the pair before is used: %t, %v; want %t", pair == first, err, want)
			}
			write(good)
			time.Sleep(retryAfter) //nolint:forbidigo // the bubble's time
		}
	})
}

func TestLog(t *testing.T) {
	t.Parallel()
	for json, want := range map[bool]string{true: `"msg":"shown","a":1}`, false: `msg=shown a=1`} {
		log := &logBuffer{}
		l := NewLog(log, slog.LevelInfo, json)
		l.Debug("not shown")
		l.Info("shown", "a", 1)
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("%q", got)
		}
	}
}

// TestLimitMemory changes the environment, and a limit of the whole process.
func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "1GiB")
	LimitMemory(64 << 20)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("beside GOMEMLIMIT: %d", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	LimitMemory(64 << 20)
	if got := debug.SetMemoryLimit(-1); got == before || got > 96<<20+besideCache {
		t.Errorf("without GOMEMLIMIT: %d", got)
	}
}
