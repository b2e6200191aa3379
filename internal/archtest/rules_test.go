package archtest

const module = "personae.dev"

// row says what the non-test files of a package may import of the project. It
// also covers the packages below it that have no row. Tests may import anything.
type row struct {
	dir string
	may []string
}

// domain is what use cases are about.
var domain = []string{"internal/entity", "internal/account", "internal/search", "internal/errs"}

// useCases is what transports call.
var useCases = append([]string{
	"internal/library", "internal/match", "internal/qualify", "internal/models", "internal/generate", "internal/contextpack",
	"internal/httpx", "internal/limit", "apitype",
}, domain...)

// rows is the table of packages. Imports run one way:
//
//	cmd → cli → server → transports → use cases → domain → errs
//	            server → adapters → domain
//	      cli → client → apitype
var rows = []row{
	{dir: "cmd/personae", may: []string{"internal/cli"}},
	{dir: "internal/cli", may: append([]string{
		"internal/server", "internal/generate", "internal/fetch", "internal/library", "internal/kind", "internal/match", "internal/mcp", "internal/cli/format", "internal/files", "client", "apitype", "examples",
	}, domain...)},
	{dir: "internal/cli/gen", may: []string{"internal/cli"}},
	{dir: "internal/cli/format", may: []string{"internal/files", "internal/errs", "apitype"}},
	{dir: "internal/server", may: append([]string{
		"internal/api", "internal/mcp", "internal/console", "internal/store", "internal/llm", "internal/fetch", "internal/kind",
	}, useCases...)},

	// Transports never import an adapter, or one another.
	{dir: "internal/api", may: append([]string{"internal/api/docs", "contract"}, useCases...)},
	{dir: "internal/api/docs", may: []string{"internal/httpx", "contract"}},
	{dir: "internal/mcp", may: useCases},
	{dir: "internal/console", may: append([]string{"internal/files"}, useCases...)},
	{dir: "internal/httpx", may: []string{"internal/limit", "internal/account", "internal/errs", "apitype"}},
	{dir: "internal/limit"},

	// Use cases. They know no adapter, and no kind by its name.
	{dir: "internal/library", may: append([]string{"internal/match", "internal/qualify", "internal/limit"}, domain...)},
	{dir: "internal/match", may: domain},
	{dir: "internal/qualify", may: domain},
	{dir: "internal/contextpack", may: domain},
	{dir: "internal/files", may: []string{"internal/library", "internal/errs"}},
	{dir: "internal/models", may: append([]string{"internal/library", "internal/llm"}, domain...)},
	{dir: "internal/generate", may: append([]string{"internal/library", "internal/contextpack"}, domain...)},

	// Adapters implement the ports of the domain and of use cases.
	{dir: "internal/store", may: domain},
	{dir: "internal/llm", may: []string{"internal/errs"}},
	{dir: "internal/fetch", may: []string{"internal/errs"}},

	// The domain.
	{dir: "internal/kind", may: []string{"internal/entity"}},
	{dir: "internal/kind/gen", may: append([]string{"internal/kind"}, domain...)},
	{dir: "internal/entity", may: domain},
	{dir: "internal/account", may: []string{"internal/errs"}},
	{dir: "internal/search"},
	{dir: "internal/errs"},

	// What others may build on.
	{dir: "apitype"},
	{dir: "client", may: []string{"apitype"}},
	{dir: "contract"},
	{dir: "contract/gen", may: append([]string{"contract", "internal/kind"}, domain...)},
	{dir: "examples"},

	// Tests alone. So are the packages whose name ends in "test", which need no row.
	{dir: "e2e"},
	{dir: "torture"},
}

// stdOnly lists the packages that import nothing but the standard library and
// what their row allows.
var stdOnly = []string{"apitype", "client", "contract", "examples", "internal/errs"}

// drivers lists what only internal/store imports.
var drivers = []string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly/goose"}

// testOnly lists the modules that never become part of the binary.
var testOnly = []string{
	"github.com/anishathalye/porcupine", "github.com/chromedp", "github.com/getkin/kin-openapi", "github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal", "go.uber.org/goleak", "pgregory.net/rapid",
}

// forbidden lists the imports that are used nowhere, tests included, with the
// reason.
var forbidden = map[string]string{
	"C":                "the binary is built without cgo",
	"unsafe":           "no figure is worth it",
	"modernc.org/libc": "functions of the driver are not replaced",
}
