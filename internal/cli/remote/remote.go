package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

// keyVariable is where the key is read from. There is no flag for the key, so that
// it never appears in the process list or in the history of a shell.
const keyVariable = "PERSONAE_API_KEY"

// server is the flags of every command that calls one.
type server struct {
	Server  string `default:"http://127.0.0.1:7070" placeholder:"URL" env:"PERSONAE_SERVER" help:"The address of the server. Default: ${default}."`
	KeyFile string `name:"api-key-file" placeholder:"FILE" env:"PERSONAE_API_KEY_FILE" help:"A file that contains the API key. Without it, the key is read from the variable PERSONAE_API_KEY."`
}

// entities are the calls of a kind, and an answer one of its entities.
type (
	entities = client.Collection[object, object]
	answer   = client.Answer[object]
)

// connection is a server and a kind.
type connection struct {
	*entities
	client  *client.Client
	kind    Kind
	address string
}

// Server is the flags of commands that call a server, for other packages.
type Server = server

// Credentials returns the address of the server and the key to send.
func (s server) Credentials() (address, key string, err error) {
	key = os.Getenv(keyVariable)
	if s.KeyFile != "" {
		text, err := os.ReadFile(s.KeyFile)
		if err != nil {
			return "", "", errs.BadSettingf("The API key cannot be read: %s.", err)
		}
		key = string(text)
	}
	key = strings.TrimSpace(key) // the end of a line
	if key == "" {
		return "", "", errs.BadSettingf("An API key is needed. On the machine with the server's database, run: export %s=$(personae key create --scope read,write). Or name a file that has the key with --api-key-file.", keyVariable)
	}
	address = s.Server
	if !strings.Contains(address, ":/") {
		address = "http://" + address
	}
	// The client says what is wrong with them.
	if _, err := client.New(client.Config{BaseURL: address, APIKey: key}); err != nil {
		message, where := strings.TrimPrefix(err.Error(), "client: "), "--server"
		if strings.HasPrefix(message, "the API key") {
			where = keyVariable + " or --api-key-file"
		}
		return "", "", errs.BadSettingf("%s: %s.", where, message)
	}
	return address, key, nil
}

// dial returns a client. It makes no request.
func (s server) dial() (*client.Client, error) {
	address, key, err := s.Credentials()
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{BaseURL: address, APIKey: key, Source: "cli", UserAgent: "personae-cli"})
}

// connect returns a connection for a kind. It makes no request.
func (s server) connect(kind Kind) (*connection, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	return &connection{client.Of[object, object](c, kind.Name), c, kind, s.Server}, nil
}

// one is the flags of every command on one entity.
type one struct {
	server
	format.Output
	Ref string `arg:"" name:"id" help:"The id of the {title} ({prefix}…), or its name if no other has the same."`
}

// on connects and calls with the id that is meant: Ref, or the id of the entity
// that has this name.
func (o one) on(ctx context.Context, kind Kind, call func(c *connection, oID string) (*answer, error)) (*answer, error) {
	c, err := o.connect(kind)
	if err != nil {
		return nil, err
	}
	a, err := call(c, o.Ref)
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != errs.NotFoundCode(kind.Name) || kind.Singleton {
		return a, err
	}
	oID, err := c.named(ctx, o.Ref)
	if err != nil {
		return nil, err
	}
	return call(c, oID)
}

// named returns the id of the entity with a name. Archived and deleted ones count
// where no other has it.
func (c *connection) named(ctx context.Context, name string) (string, error) {
	for _, status := range []string{"active", "all"} {
		found, err := c.List(ctx, client.ListOptions{Name: name, Status: status, Limit: maxNamesakes})
		if err != nil {
			return "", err
		}
		switch {
		case found.Total == 1 && len(found.Data) == 1:
			return found.Data[0].oID(), nil
		case found.Total > 1:
			var ids []string
			for _, e := range found.Data {
				ids = append(ids, e.oID())
			}
			return "", errs.Invalidf("%d %s have the name %q: use the id of one of them: %s.", found.Total, c.kind.titles(), name, strings.Join(ids, ", "))
		}
	}
	return "", errs.NotFoundf(errs.NotFoundCode(c.kind.Name),
		"There is no %s with the id or name %q in the workspace of the API key. `personae %s list` shows all, `personae %[3]s list --text WORDS` searches.", c.kind.Title, name, c.kind.Name)
}

// maxNamesakes is how many entities of the same name are listed.
const maxNamesakes = 10

// get returns an entity with all that can be written of it. A singleton that does
// not exist yet is empty.
func (c *connection) get(ctx context.Context, oID string, options ...client.Option) (*answer, error) {
	if !c.kind.Singleton {
		return c.Get(ctx, oID, options...)
	}
	return c.getSingleton(ctx, options...)
}

// getSingleton reads the one entity of the kind.
func (c *connection) getSingleton(ctx context.Context, options ...client.Option) (*answer, error) {
	a, err := client.SingletonOf[object, object](c.client, c.kind.Name).Get(ctx, options...)
	if err != nil {
		return nil, err
	}
	found := &answer{Metadata: a.Metadata, ETag: a.ETag}
	if a.Entity != nil {
		found.Entity = *a.Entity
	}
	return found, nil
}

// update changes fields of an entity.
func (c *connection) update(ctx context.Context, oID string, body object, options ...client.Option) (*answer, error) {
	options = append(options, client.StrictLinks())
	if c.kind.Singleton {
		return client.SingletonOf[object, object](c.client, c.kind.Name).Update(ctx, body, options...)
	}
	return c.Update(ctx, oID, body, options...)
}

// showChanged says what was done, and shows the entity where JSON or YAML is
// wanted.
func (o one) showChanged(stdio format.Stdio, kind Kind, done string, a *answer) error {
	fmt.Fprintf(stdio.Err, "%s %s.\n", label(kind, a.Entity), done)
	for _, link := range a.LinkedFrom {
		fmt.Fprintf(stdio.Err, "Still linked from the %s %q (%s).\n", strings.ReplaceAll(link.Kind, "-", " "), link.Name, link.OID)
	}
	return o.show(stdio, a.Entity)
}

// show writes an entity as JSON or YAML, and nothing where a table is wanted.
func (o one) show(stdio format.Stdio, e object) error {
	if o.IsTable() {
		return nil
	}
	return o.Show(stdio.Out, e, nil)
}

// label names an entity in a message.
func label(kind Kind, e object) string {
	if kind.Singleton {
		return "The " + kind.Title
	}
	return fmt.Sprintf("%s %q (%s)", upperFirst(kind.Title), e.name(), e.oID())
}

func joinWords(words ...string) string {
	return strings.TrimSpace(strings.Join(words, " "))
}

// showTime returns a date of an answer without its milliseconds, "" for none.
func showTime(text string) string {
	t, err := apitype.ParseTime(text)
	if err != nil {
		return text
	}
	return format.Time(&t.Time)
}
