//go:build !linux

package dbfile

func isMount(string) bool { return false }
