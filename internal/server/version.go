package server

import (
	"runtime/debug"
)

// version is set by the linker, see the Makefile.
var version = "dev"

// VersionInfo tells which build this is.
type VersionInfo struct {
	Version  string
	Revision string // of the source, "unknown" where the build does not say
	Go       string
}

// Version returns which build this is.
func Version() VersionInfo {
	v := VersionInfo{Version: version, Revision: "unknown", Go: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	if version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version // built by `go install`
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	return v
}
