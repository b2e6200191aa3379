// Package torture hurts the binary, and shows the promises of docs/guarantees.md
// and the numbers of docs/limits.md. One file a kind of fault; each prints a line
// for a figure.
//
//	make torture
//	go test -count=1 -v ./torture -torture -run TestDisk -for 10s
//
// Without -torture each is short, or left out where its short form stands with
// the code that it tests.
package torture
