package archtest

// module is the path of our own module.
const module = "personae.dev"

// A room is one row of the table of rooms: a folder, with the folders below it
// that are not rooms themselves.
type room struct {
	dir string
	// may lists the other rooms that its non-test files may import.
	may []string
	// stdOnly: of what is not ours, only the standard library.
	stdOnly bool
}

// rooms is the house. Imports run one way:
//
//	cmd → cli → app → { api, … transports } → library → persona
//	                  transfer                        → persona
//	                  { store, … adapters }           → persona
//	            cli → client → apitype ← api
//
// Tests may import any room: a rule about what the product stands on is not one
// about how it is shown to work.
var rooms = []room{
	{dir: "cmd/personae", may: []string{"internal/cli"}},

	{dir: "internal/cli", may: []string{
		"internal/cli/remote", "internal/cli/format",
		"internal/app", "internal/wire", "internal/library", "internal/transfer", "internal/persona",
		"client", "apitype", "examples",
	}},
	// Commands over the API know no database.
	{dir: "internal/cli/remote", may: []string{"internal/cli/format", "internal/wire", "internal/persona", "client", "apitype"}},
	{dir: "internal/cli/format", may: []string{"apitype"}},
	{dir: "internal/app", may: []string{
		"internal/api", "internal/fastpath", "internal/httpx", "internal/overload", "internal/rawconn", "internal/wire",
		"internal/store", "internal/store/sqlite/backup", "internal/library", "internal/transfer", "internal/cache", "internal/persona",
	}},

	// Transports. They never import an adapter, or one another.
	{dir: "internal/api", may: []string{
		"internal/api/docs", "internal/httpx", "internal/overload", "internal/ratelimit", "internal/wire",
		"internal/library", "internal/persona", "apitype",
	}},
	{dir: "internal/api/docs", may: []string{"internal/httpx", "contract"}},
	{dir: "internal/wire", may: []string{"apitype", "internal/jsontext", "internal/parallel", "internal/persona"}},
	{dir: "internal/httpx", may: []string{"internal/overload", "apitype", "internal/persona"}},
	{dir: "internal/ratelimit"},
	{dir: "internal/fastpath"},
	{dir: "internal/overload"},
	{dir: "internal/rawconn", stdOnly: true},

	// Adapters. They never import library, a transport or one another.
	{dir: "internal/store", may: []string{
		"internal/store/sqlite", "internal/store/postgres", "internal/store/engine", "internal/store/migrations",
		"internal/store/listing", "internal/store/segments", "internal/store/fts", "internal/store/document", "internal/store/tables",
		"internal/store/counts", "internal/store/credential", "internal/store/dialect", "internal/store/history", "internal/store/measure", "internal/store/personarow", "internal/search", "internal/persona",
	}},
	// The engines. They know no table, and not each other.
	{dir: "internal/store/sqlite", may: []string{
		"internal/store/engine", "internal/store/migrations", "internal/store/segments", "internal/store/sqlite/lookup", "internal/store/sqlite/rawfile", "internal/store/dbfile", "internal/persona",
	}},
	{dir: "internal/store/sqlite/lookup"},
	{dir: "internal/store/sqlite/rawfile"},
	{dir: "internal/store/sqlite/backup", may: []string{"internal/store/sqlite", "internal/store/dbfile", "internal/persona"}},
	{dir: "internal/store/postgres", may: []string{"internal/store/engine", "internal/store/migrations", "internal/persona"}},
	{dir: "internal/store/engine", may: []string{"internal/persona"}},
	{dir: "internal/store/migrations", may: []string{"internal/persona"}},
	{dir: "internal/store/listing", may: []string{"internal/store/fts", "internal/persona"}},
	{dir: "internal/store/segments", may: []string{
		"internal/store/engine", "internal/store/inverted", "internal/store/document", "internal/search", "internal/persona",
	}},
	{dir: "internal/store/inverted", may: []string{"internal/search", "internal/persona"}},
	{dir: "internal/store/fts", may: []string{"internal/store/engine", "internal/search", "internal/persona"}},
	{dir: "internal/store/dialect", may: []string{
		"internal/store/engine", "internal/store/fts", "internal/store/personarow", "internal/store/segments", "internal/persona",
	}},
	{dir: "internal/store/history", may: []string{
		"internal/store/document", "internal/store/measure", "internal/store/personarow", "internal/persona",
	}},
	{dir: "internal/store/credential", may: []string{"internal/persona"}},
	{dir: "internal/store/personarow", may: []string{
		"internal/store/engine", "internal/store/document", "internal/store/measure", "internal/parallel", "internal/persona",
	}},
	{dir: "internal/store/tables", may: []string{"internal/store/document", "internal/persona"}},
	{dir: "internal/store/document", may: []string{"internal/jsontext", "internal/persona"}},
	{dir: "internal/store/counts", may: []string{"internal/store/engine", "internal/store/measure", "internal/persona"}},
	{dir: "internal/store/measure", may: []string{"internal/store/document", "internal/persona"}},
	{dir: "internal/store/dbfile", may: []string{"internal/persona"}},
	{dir: "internal/store/storetest", may: []string{"internal/search", "internal/persona"}},
	{dir: "internal/store/postgrestest", may: []string{"internal/machinetest"}},

	{dir: "internal/library", may: []string{
		"internal/cache", "internal/compact", "internal/etag", "internal/search", "internal/usage", "internal/library/importing", "internal/persona",
	}},
	{dir: "internal/library/importing", may: []string{"internal/parallel", "internal/persona"}},
	{dir: "internal/usage", may: []string{"internal/persona"}},
	{dir: "internal/compact", may: []string{"internal/persona"}},
	{dir: "internal/etag", may: []string{"internal/persona"}},
	{dir: "internal/search", may: []string{"internal/persona"}},
	{dir: "internal/transfer", may: []string{"internal/persona"}},
	{dir: "internal/cache"},
	{dir: "internal/jsontext", stdOnly: true},
	{dir: "internal/parallel"},
	{dir: "internal/persona"},

	// What others may build on.
	{dir: "apitype", stdOnly: true},
	{dir: "client", may: []string{"apitype"}, stdOnly: true},
	{dir: "contract", stdOnly: true},
	{dir: "contract/contracttest", may: []string{"contract", "apitype"}},
	{dir: "examples", stdOnly: true},

	// What is built for us alone.
	{dir: "internal/machinetest", stdOnly: true},
	{dir: "e2e"},
	{dir: "torture"},
	{dir: "internal/archtest", stdOnly: true},
}

// A room larger than this wants dividing. Both count files that are not tests;
// a suite of tests, in a room whose name ends in "test", has as many as it needs.
const (
	maxLines = 1500
	maxFiles = 12
)

// reserved lists what non-test files import in one room, and in the rooms below
// it that hold no tests, only. A path stands for itself and for all below it.
var reserved = []struct{ path, room, why string }{
	{"database/sql", "internal/store", "SQL stands in the store"},
	{"modernc.org/sqlite", "internal/store/sqlite", "only one room knows the engine"},
	{"modernc.org/libc", "internal/store/sqlite", "only one room knows the engine"},
	{"github.com/jackc/pgx", "internal/store/postgres", "only one room knows the engine"},
	{"github.com/pressly/goose", "internal/store", "migrations belong to the store"},
}

// testOnly lists what is imported only by _test.go files and by packages whose
// name ends in "test": none of it may come to be part of the binary.
var testOnly = []string{
	"personae.dev/contract/contracttest",
	"personae.dev/internal/machinetest",
	"personae.dev/internal/store/postgrestest",
	"personae.dev/internal/store/storetest",
	"github.com/anishathalye/porcupine",
	"github.com/chromedp/cdproto",
	"github.com/chromedp/chromedp",
	"github.com/getkin/kin-openapi",
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"go.uber.org/goleak",
	"pgregory.net/rapid",
}

// vague lists the names that say nothing about what a room is for.
var vague = []string{
	"common", "helper", "helpers", "misc", "model", "models", "type", "types", "util", "utils",
}

// modules is every module that go.mod may require directly, with its version. A
// row that go.mod does not use yet is a dependency already decided on.
var modules = map[string]string{
	"github.com/alecthomas/kong":          "v1.17.0",  // command line and settings
	"github.com/anishathalye/porcupine":   "v1.3.1",   // tests: is a history linearizable?
	"github.com/chromedp/cdproto":         "v0.159.0", // with chromedp
	"github.com/chromedp/chromedp":        "v0.23.0",  // tests: /docs in a browser
	"github.com/getkin/kin-openapi":       "v0.152.0", // tests: the contract
	"github.com/gofrs/flock":              "v0.13.2",  // one server for a database file
	"github.com/google/go-cmp":            "v0.7.0",   // tests
	"github.com/google/uuid":              "v1.6.0",   // ids
	"github.com/jackc/pgx/v5":             "v5.12.0",  // PostgreSQL
	"github.com/maypok86/otter/v2":        "v2.4.0",   // cache
	"github.com/pressly/goose/v3":         "v3.29.0",  // migrations
	"github.com/prometheus/client_golang": "v1.25.0",  // metrics
	"github.com/rogpeppe/go-internal":     "v1.16.0",  // tests: testscript
	"github.com/schollz/progressbar/v3":   "v3.19.1",  // progress of an import
	"go.uber.org/goleak":                  "v1.3.0",   // tests
	"go.yaml.in/yaml/v3":                  "v3.0.6",   // personas in an editor
	"golang.org/x/sync":                   "v0.24.0",  // shutdown
	"golang.org/x/sys":                    "v0.49.0",  // system calls that package syscall lacks
	"golang.org/x/term":                   "v0.47.0",  // is this a terminal?
	"golang.org/x/text":                   "v0.43.0",  // folding of words for search
	"golang.org/x/time":                   "v0.16.0",  // rate limits
	"modernc.org/libc":                    "v1.79.0",  // must be the one that sqlite was made with
	"modernc.org/sqlite":                  "v1.61.1",  // SQLite without cgo
	"pgregory.net/rapid":                  "v1.3.0",   // tests
}

// nested is every module below ours, with what its go.mod may require directly
// beside the modules above.
var nested = map[string]map[string]string{
	"bench": {
		"gonum.org/v1/plot": "v0.17.0", // plots
		module:              "v0.0.0",  // the store, to fill it
	},
	"bench/pocketbase": {
		"github.com/pocketbase/pocketbase": "v0.36.8", // the newest for our Go
	},
}
