// Package remote is the commands that work over the API of a server, as
// everybody else does: `personae persona …`. They need an address and a key, and
// no database.
//
// What a persona may be, the server judges; here is only how it is shown and
// written.
package remote

import (
	"context"
	"os"
	"strconv"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/persona"
)

// Persona is the commands on personas.
type Persona struct {
	List    listCmd    `cmd:"" help:"List and search personas."`
	Get     getCmd     `cmd:"" help:"Show one persona."`
	Create  createCmd  `cmd:"" help:"Create a persona from YAML or JSON, and write its id."`
	Edit    editCmd    `cmd:"" help:"Change a persona in an editor."`
	Delete  deleteCmd  `cmd:"" help:"Mark a persona as deleted."`
	Archive archiveCmd `cmd:"" help:"Leave a persona out of lists, and keep it."`
	Restore restoreCmd `cmd:"" help:"Undo archive and delete, or bring back a revision."`
	History historyCmd `cmd:"" help:"Show who changed a persona, when, and what."`
}

// Help implements kong.HelpProvider.
func (Persona) Help() string {
	return `These commands talk to a server, and need its address and a key. Beside the database of a server on
this machine, a key is made with:

  export PERSONAE_API_KEY=$(personae key create --scope read,write)

For a server elsewhere, its operator makes the key; --server or PERSONAE_SERVER is the address.`
}

// keyVariable is where the key is read from. It is no flag, so that no key comes
// to stand in a process list or in a shell's history.
const keyVariable = "PERSONAE_API_KEY"

// server is the flags of every command that talks to one.
type server struct {
	Server  string `default:"http://127.0.0.1:7070" placeholder:"URL" env:"PERSONAE_SERVER" help:"The address of the server. Default: ${default}."`
	KeyFile string `name:"api-key-file" placeholder:"FILE" env:"PERSONAE_API_KEY_FILE" help:"A file that holds the API key. Without it, the key is read from the variable PERSONAE_API_KEY."`
}

// connect returns a client of the server.
func (s server) connect() (*client.Client, error) {
	key := os.Getenv(keyVariable)
	if s.KeyFile != "" {
		text, err := os.ReadFile(s.KeyFile)
		if err != nil {
			return nil, persona.BadSettingf("The API key cannot be read: %s.", err)
		}
		key = string(text)
	}
	key = strings.TrimSpace(key) // the end of a line
	if key == "" {
		return nil, persona.BadSettingf("An API key is needed: make one with `personae key create --scope read,write` beside the server's database, and put it into the variable %s, or into a file that --api-key-file names.", keyVariable)
	}
	c, err := client.New(client.Config{BaseURL: s.Server, APIKey: key, Source: "personae-cli", UserAgent: "personae-cli"})
	if err != nil {
		fault, where := strings.TrimPrefix(err.Error(), "client: "), "--server"
		if strings.HasPrefix(fault, "the API key") {
			where = keyVariable + " or --api-key-file"
		}
		return nil, persona.BadSettingf("%s: %s.", where, fault)
	}
	return c, nil
}

// onePersona is the flags of every command on one persona.
type onePersona struct {
	server
	format.Output
	OID string `arg:"" name:"id" help:"The persona's id (pe_…), as persona list shows it."`
}

// status says in a word how a persona stands.
func status(p *apitype.Persona) string {
	switch {
	case p.DeletedAt != nil:
		return "deleted"
	case p.ArchivedAt != nil:
		return "archived"
	case !p.Active:
		return "inactive"
	}
	return "active"
}

// text is "" for no text.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// showTime is "" for no time.
func showTime(t *apitype.Time) string {
	if t == nil {
		return ""
	}
	return format.Time(&t.Time)
}

// findRevision returns the id of a revision of a persona, which may be named by
// its number.
func findRevision(ctx context.Context, c *client.Client, oID, named string) (string, error) {
	number, err := strconv.Atoi(named)
	if err != nil { // then it is an id
		return named, nil //nolint:nilerr // it is judged by the server
	}
	// The numbers have no gap, so that the newest tells where the others stand; one
	// at a time, as each comes with all that it changed.
	for page := (client.PageOptions{Limit: 1}); ; {
		answer, err := c.ListRevisions(ctx, oID, page)
		switch {
		case err != nil:
			return "", err
		case len(answer.Data) == 0, answer.Data[0].Number < number:
			return "", noSuchRevision(oID, named)
		case answer.Data[0].Number == number:
			return answer.Data[0].OID, nil
		}
		page.Offset += answer.Data[0].Number - number // once more if somebody writes in between
	}
}

func noSuchRevision(oID, named string) error {
	return persona.NotFoundf(persona.CodeRevisionNotFound, "The persona %s has no revision %s: `personae persona history %s` shows which it has.", oID, named, oID)
}
