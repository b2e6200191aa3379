package sqlite

import (
	"strings"

	"personae.dev/internal/persona"
)

// Path returns the file that a URL names: sqlite:PATH.
func Path(url string) (path string, err error) {
	path, found := strings.CutPrefix(url, "sqlite:")
	switch {
	case !found:
		// Not the whole of an address: it may hold a password.
		if scheme, _, isAddress := strings.Cut(url, "://"); isAddress {
			url = scheme + "://…"
		}
		return "", persona.BadSettingf("The database %q is not one that this version can open: write sqlite: and a file name, such as sqlite:personae.db, or postgres:// and the address of a PostgreSQL database.", url)
	case path == "":
		return "", persona.BadSettingf("The database %q names no file: write sqlite: and a file name, such as sqlite:personae.db.", url)
	case strings.Contains(path, ":memory:"):
		return "", persona.BadSettingf("The database %q would be forgotten at the end: write sqlite: and a file name, such as sqlite:personae.db.", url)
	}
	return path, nil
}
