// Package torture has stress and fault-injection tests of the binary. They show
// the promises of docs/guarantees.md and the numbers of docs/limits.md, and print
// a line for each figure.
//
//	make torture
//	go test -count=1 -v ./torture -torture -run TestDisk -for 10s
//
// Without -torture each is short, or left out where a short form stands with the
// code that it tests.
package torture
