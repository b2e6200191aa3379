// Package rawfile lets SQLite, in a process that imports it, read and lock files by system
// calls of which Go's scheduler is not told, on Linux with 64 bits; elsewhere it does nothing.
//
// A read of what the system has in its cache takes a microsecond, and to tell the scheduler of it
// may wake a thread that takes as long as twenty of them (docs/adr/0034). What is not in the
// cache is read as before: then others have the processor while the disk is waited for.
//
// It initialises SQLite, so that nothing can be set any more that must be set before that: a
// page cache of one's own (the driver's RegisterPageCache), for one.
package rawfile
