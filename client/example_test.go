package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"personae.dev/client"
)

func ExampleClient_GetPersona() {
	// A server for this example; yours is at an address such as
	// http://127.0.0.1:7070, and `personae key create` makes a key for it.
	server := httptest.NewServer(answer(http.StatusOK, "application/json", sample))
	defer server.Close()

	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := c.GetPersona(context.Background(), "p_1234")
	if client.IsNotFound(err) {
		fmt.Println("There is no such persona.")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*p.Name)
	fmt.Println(p.Data.PainPoints)
	// Output:
	// VP of Sales
	// [Ramp takes too long]
}

func ExampleClient_GetPersonaIfChanged() {
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

	etag := "" // kept beside the persona
	for range 2 {
		p, newETag, err := c.GetPersonaIfChanged(context.Background(), "p_1234", etag)
		switch {
		case errors.Is(err, client.ErrNotModified):
			fmt.Println("What we have is current.")
		case err != nil:
			fmt.Println(err)
			return
		default:
			fmt.Println("New:", *p.Name)
			etag = newETag
		}
	}
	// Output:
	// New: VP of Sales
	// What we have is current.
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

	_, err = c.GetPersona(context.Background(), "p_1234")
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Code == "insufficient_scope" {
		fmt.Println("Make a key with another scope:", refused.Message)
	}
	// Output:
	// Make a key with another scope: The API key lacks the scope "read".
}

// connect returns a client of a server that is there for an example only.
func connect(h http.HandlerFunc) (c *client.Client, done func()) {
	server := httptest.NewServer(h)
	c, err := client.New(client.Config{BaseURL: server.URL, APIKey: testKey, HTTPClient: server.Client()})
	if err != nil {
		panic(err)
	}
	return c, server.Close
}

func ExampleClient_Personas() {
	c, done := connect(answer(http.StatusOK, "application/json", `{"hasNext":false,"total":1,"nextCursor":null,"data":[`+sample+`]}`))
	defer done()

	// Every persona that has "sales" in it, however many pages that are.
	for p, err := range c.Personas(context.Background(), client.ListOptions{Text: "sales", OrderField: "name"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.OID, *p.Name)
	}
	// Output:
	// p_1234 VP of Sales
}

func ExampleClient_CreatePersona() {
	c, done := connect(answer(http.StatusOK, "application/json", `{"data":`+sample+`}`))
	defer done()

	// The key makes it safe to send again: there will be one persona.
	written, err := c.CreatePersona(context.Background(), client.NewPersona{
		Name:       "VP of Sales",
		PainPoints: []string{"Ramp takes too long"},
	}, client.IdempotencyKey("import-2026-11-23-row-17"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(written.Persona.OID)
	// Output:
	// p_1234
}

func ExampleClient_UpdatePersona() {
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
		p, etag, err := c.GetPersonaIfChanged(context.Background(), "p_1234", "")
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = c.UpdatePersona(context.Background(), p.OID, client.PersonaPatch{
			PainPoints:  client.Set(append(p.Data.PainPoints, "Quotas move")), // a new value
			Description: client.Clear[string](),                               // none any more
		}, client.IfMatch(etag)) // everything else stays
		if client.IsPreconditionFailed(err) {
			fmt.Println("Somebody was faster: once more.")
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
	// Somebody was faster: once more.
	// Done.
}
