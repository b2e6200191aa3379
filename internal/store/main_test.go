package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
)

// childRole, set in the environment, makes this binary do the work of another process: some faults need
// one that can be killed, or that is not root.
const (
	childRole = "STORE_TEST_CHILD"
	childPath = "STORE_TEST_PATH"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(childRole); role {
	case "":
		goleak.VerifyTestMain(m)
	case "write":
		writeUntilKilled(os.Getenv(childPath))
	default:
		tellOpen(os.Getenv(childPath), role)
	}
}

// opened is what a child tells of its attempt to open a database.
type opened struct {
	Kind    errs.Kind
	Message string
}

// tellOpen opens a database, and prints what came of it. The role holds the
// options that are set.
func tellOpen(path, role string) {
	var told opened
	s, err := store.Open(context.Background(), "sqlite:"+path, store.Options{
		Create: strings.Contains(role, "create"), Exclusive: strings.Contains(role, "exclusive"),
	})
	if err != nil {
		told = opened{errs.KindOf(err), err.Error()}
	} else {
		_ = s.Close()
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		panic(err)
	}
}

// writeUntilKilled inserts personas in one transaction, says how far it is, and
// waits at the end.
func writeUntilKilled(path string) {
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite:"+path, store.Options{})
	if err != nil {
		panic(err)
	}
	err = s.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		for n := range killedRows {
			if err := add(ctx, tx, bulky(n)); err != nil {
				return err
			}
			if (n+1)%100 == 0 {
				fmt.Fprintf(os.Stdout, "%d\n", n+1)
			}
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, "committed")
	_, _ = os.Stdin.Read(make([]byte, 1))
}
