package dbfile

import "io/fs"

func links(fs.FileInfo) uint64 { return 1 }

func identity(string) string { return "" }

func checkAccess(string) error { return nil }
