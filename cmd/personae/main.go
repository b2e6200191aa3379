// Command personae keeps a company's personas and serves them over the v2
// persona API. `personae --help` lists what it can do.
package main

import (
	"context"
	"os"

	"personae.dev/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
