// Command personae keeps a company's personas and serves them over the v2
// persona API. `personae --help` lists what it can do.
package main

import (
	"context"
	"os"

	"github.com/google/uuid"

	"personae.dev/internal/cli"
)

func main() {
	// Ids are made for every request, and no secret depends on them: their
	// randomness may be fetched for several at once, and lie in memory.
	uuid.EnableRandPool()
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
