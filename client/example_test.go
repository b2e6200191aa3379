package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"personae.dev/apitype"
	"personae.dev/client"
)

func ExampleCollection_Get() {
	// This server is for the example. Yours has an address such as
	// http://127.0.0.1:7070, and `personae key create` makes a key for it.
	server := httptest.NewServer(answer(http.StatusOK, "application/json", sample))
	defer server.Close()

	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := c.Personas.Get(context.Background(), "p_1234")
	if client.IsNotFound(err) {
		fmt.Println("There is no such persona.")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Entity.Name)
	fmt.Println(p.Entity.Data.PainPoints)
	// Output:
	// VP of Sales
	// [Ramp takes too long]
}

func ExampleIfChanged() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		answer(http.StatusOK, "application/json", sample)(w, r)
	}))
	defer server.Close()
	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}

	etag := "" // stored with the persona
	for range 2 {
		p, err := c.Personas.Get(context.Background(), "p_1234", client.IfChanged(etag))
		switch {
		case errors.Is(err, client.ErrNotModified):
			fmt.Println("Our version is current.")
		case err != nil:
			fmt.Println(err)
			return
		default:
			fmt.Println("New:", p.Entity.Name)
			etag = p.ETag
		}
	}
	// Output:
	// New: VP of Sales
	// Our version is current.
}

func ExampleError() {
	server := httptest.NewServer(answer(http.StatusForbidden, "application/json",
		refusal("insufficient_scope", `The API key lacks the scope "read".`)))
	defer server.Close()
	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = c.Personas.Get(context.Background(), "p_1234")
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Code == "insufficient_scope" {
		fmt.Println("Make a key with another scope:", refused.Message)
	}
	// Output:
	// Make a key with another scope: The API key lacks the scope "read".
}

// connect returns a client of a server that runs for one example.
func connect(h http.HandlerFunc) (c *client.Client, done func()) {
	server := httptest.NewServer(h)
	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		panic(err)
	}
	return c, server.Close
}

func ExampleCollection_All() {
	c, done := connect(answer(http.StatusOK, "application/json", `{"hasNext":false,"total":1,"nextCursor":null,"data":[`+sample+`]}`))
	defer done()

	// Every persona that has "sales" in it, however many pages that are.
	for p, err := range c.Personas.All(context.Background(), client.ListOptions{Text: "sales", OrderField: "name"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.OID, p.Name)
	}
	// Output:
	// p_1234 VP of Sales
}

func ExampleCollection_Create() {
	c, done := connect(answer(http.StatusOK, "application/json", `{"data":`+sample+`}`))
	defer done()

	// With a key of its own the create can be repeated tomorrow: there will be one
	// persona.
	written, err := c.Personas.Create(context.Background(), apitype.PersonaInput{
		Name:       "VP of Sales",
		PainPoints: []string{"Ramp takes too long"},
	}, client.IdempotencyKey("import-2026-11-23-row-17"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(written.Entity.OID)
	// Output:
	// p_1234
}

func ExampleCollection_Update() {
	// Somebody else writes between our reading and our first try to write.
	etags := []string{`"v1"`, `"v2"`}
	c, done := connect(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			w.Header().Set("Etag", etags[0])
			answer(http.StatusOK, "application/json", sample)(w, r)
		case r.Header.Get("If-Match") == `"v1"`:
			etags = etags[1:]
			answer(http.StatusPreconditionFailed, "application/json", refusal("persona_changed", "Read it again."))(w, r)
		default:
			answer(http.StatusOK, "application/json", `{"data":`+sample+`}`)(w, r)
		}
	})
	defer done()

	for {
		p, err := c.Personas.Get(context.Background(), "p_1234")
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = c.Personas.Update(context.Background(), p.Entity.OID, apitype.PersonaInput{
			PainPoints: append(p.Entity.Data.PainPoints, "Quotas move"), // a new value
		}, client.Clear("description"), client.IfMatch(p.ETag)) // everything else stays
		if client.IsPreconditionFailed(err) {
			fmt.Println("Somebody was faster, try again.")
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("Done.")
		return
	}
	// Output:
	// Somebody was faster, try again.
	// Done.
}
