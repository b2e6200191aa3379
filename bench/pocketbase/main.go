// Command pocketbase serves the same documents from a collection of PocketBase,
// which is what a Go user would build who has no Personae. A rule wants a key of
// the document's workspace: keys are an auth collection, and a key is a token of
// one, as PocketBase's documentation has it for API keys. A rule that looks a
// header up in a collection instead would be slower by far. All else is as
// PocketBase ships it.
//
//	pocketbase serve --http 127.0.0.1:0 --dir DIR
//
// The variable BENCH_LINES, a file of JSON lines, fills an empty database. The
// key is printed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// workspace is where all documents are.
const workspace = "wa_bench"

// rule lets who has a key of a workspace have its documents.
const rule = "workspace = @request.auth.workspace"

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{HideStartBanner: true})
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		e.InstallerFunc = nil // there is no browser to open
		if _, err := e.App.FindCollectionByNameOrId("personas"); err != nil {
			if err := fill(e.App, os.Getenv("BENCH_LINES")); err != nil {
				return err
			}
		}
		key, err := e.App.FindFirstRecordByData("keys", "workspace", workspace)
		if err != nil {
			return err
		}
		token, err := key.NewStaticAuthToken(24 * time.Hour)
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", e.Server.Addr) //nolint:noctx // as PocketBase does it
		if err != nil {
			return err
		}
		e.Listener = listener
		fmt.Printf("Key %s\n", token)
		fmt.Printf("Serving http://%s\n", listener.Addr())
		return e.Next()
	})
	if err := app.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "pocketbase:", err)
		os.Exit(1)
	}
}

// fill makes the collections, and the documents of a file of lines.
func fill(app core.App, path string) error {
	keys := core.NewAuthCollection("keys")
	keys.Fields.Add(&core.TextField{Name: "workspace", Required: true})
	if err := app.Save(keys); err != nil {
		return err
	}
	key := core.NewRecord(keys)
	key.SetEmail("bench@example.com")
	key.SetRandomPassword()
	key.Set("workspace", workspace)
	if err := app.Save(key); err != nil {
		return err
	}

	personas := core.NewBaseCollection("personas")
	id := personas.Fields.GetByName("id").(*core.TextField)
	id.Min, id.Max, id.Pattern = 1, 64, `^[A-Za-z0-9._-]+$`
	personas.Fields.Add(
		&core.TextField{Name: "workspace", Required: true},
		&core.TextField{Name: "name", Required: true},
		&core.TextField{Name: "internalName"},
		&core.TextField{Name: "description"},
		&core.JSONField{Name: "data"},
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	personas.AddIndex("personas_by_age", false, "workspace, created, id", "")
	personas.ViewRule, personas.ListRule = types.Pointer(rule), types.Pointer(rule)
	personas.CreateRule = types.Pointer(rule)
	if err := app.Save(personas); err != nil {
		return err
	}

	lines, err := os.Open(path)
	if err != nil {
		return err
	}
	defer lines.Close()
	return app.RunInTransaction(func(tx core.App) error {
		scanner := bufio.NewScanner(lines)
		scanner.Buffer(nil, 8<<20)
		for scanner.Scan() {
			record, err := document(personas, scanner.Bytes())
			if err != nil {
				return err
			}
			if err := tx.SaveNoValidate(record); err != nil {
				return err
			}
		}
		return scanner.Err()
	})
}

// document makes a record of a line: what is searched and shown in columns of
// its own, the lists as one JSON field.
func document(personas *core.Collection, line []byte) (*core.Record, error) {
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, err
	}
	record := core.NewRecord(personas)
	record.Set("id", fields["oId"])
	record.Set("workspace", workspace)
	for _, name := range []string{"name", "internalName", "description"} {
		record.Set(name, fields[name])
		delete(fields, name)
	}
	delete(fields, "oId")
	record.Set("data", fields)
	return record, nil
}
