package server

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"personae.dev/internal/library"
)

// besideCache is what the Go runtime may use beside the caches before it collects
// garbage more often: about what the budgets of lists, bodies and large answers
// allow together, and the indexes of matching.
const besideCache = 256<<20 + library.DefaultIndexBytes

// cgroupMemory is where a container's memory limit is read from, on Linux.
const cgroupMemory = "/sys/fs/cgroup/memory.max"

// LimitMemory sets the soft memory limit of the Go runtime, unless the
// environment has GOMEMLIMIT. Garbage then stays small while much is asked for,
// and nothing changes while little is.
func LimitMemory(cacheBytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(cacheBytes, cgroupMemory))
	}
}

// memoryLimit is what the caches and besideCache need, and at most three quarters
// of what the container has.
func memoryLimit(cacheBytes int64, cgroupFile string) int64 {
	wanted := cacheBytes + cacheBytes/2 + besideCache // a cache entry has some bytes beside its document
	content, err := os.ReadFile(cgroupFile)
	if err != nil {
		return wanted
	}
	available, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil { // "max"
		return wanted
	}
	return min(wanted, available/4*3)
}
