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
