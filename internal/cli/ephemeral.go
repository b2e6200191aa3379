package cli

import (
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/server"
)

const (
	// defaultDrain is how long a server drains that has no terminal.
	defaultDrain = 5 * time.Second
	// exampleKey is the key that the documentation uses for servers of tests.
	exampleKey = "psk_0000000000000000000keyforTestsWithNoSecret003Hwyko"
	// memoryDatabase is forgotten at the end.
	memoryDatabase = "sqlite::memory:"
)

// drain is how long the server goes on after a signal. On a terminal, and in a
// test, there is somebody who waits, and no load balancer.
func (c serveCmd) drain(terminal bool) (time.Duration, error) {
	switch {
	case c.Drain == nil && (terminal || c.Ephemeral):
		return 0, nil
	case c.Drain == nil:
		return defaultDrain, nil
	case *c.Drain < 0:
		return 0, errs.BadSettingf("--drain is %s: use 0s or more.", *c.Drain)
	}
	return *c.Drain, nil
}

// forTests changes the settings for --ephemeral: nothing is kept, and nothing is
// left to chance.
func (c serveCmd) forTests(cfg *server.Config) error {
	if !c.Ephemeral {
		if c.Key != "" || !c.Clock.IsZero() {
			return errs.BadSettingf("--key and --clock are for tests: use them with --ephemeral.")
		}
		return nil
	}
	if c.Key != "" {
		if _, err := account.ParseToken(c.Key); err != nil {
			return errs.BadSettingf("--key is not an API key, which ends in a checksum. For a test, take %s, or a key of `personae key create`.", exampleKey)
		}
	}
	cfg.Database, cfg.NewID = memoryDatabase, account.Sequence()
	if !c.Clock.IsZero() {
		at := c.Clock.UTC().Truncate(time.Millisecond)
		cfg.Now = func() time.Time { return at }
	}
	return nil
}
