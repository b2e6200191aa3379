// Package rawconn reads and writes TCP connections by system calls of which Go's scheduler
// is not told, on Linux; elsewhere by those of the net package.
//
// The scheduler wants to know of each call that may take long. Where the server rests between
// requests that wakes, for a read that takes a microsecond, a thread that watches whether
// it does. A socket that does not block needs no watching (docs/adr/0034).
package rawconn
