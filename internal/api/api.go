// Package api serves the contract over HTTP: which calls there are, how a
// request is read, and what is answered.
//
// It decides nothing: the rules are in packages library and entity. resource.go
// has the calls of every kind of entity, and each other file those of one thing
// more. The contract itself is contract/openapi.yaml.
package api

import (
	"context"
	"net/http"
	"time"

	"personae.dev/contract"
	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/generate"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/limit"
	"personae.dev/internal/models"
)

// MaxBodyBytes is how large the body of a request may be.
const MaxBodyBytes = 1 << 20

// root is what the paths of the contract begin with.
const root = "/api/v2/"

// Config is what an API works with.
type Config struct {
	Library *library.Library
	// Models is the language model; nil for none.
	Models *models.Models
	// Generator makes entities; nil without a model.
	Generator *generate.Generator
	// Metrics answers /metrics; nil where that is served elsewhere.
	Metrics http.Handler
	// Ready is why the server shall get no requests, as anybody may read it, or
	// nil.
	Ready func(ctx context.Context) error
	// MCPURL is where agents reach the server, "" where that is not known.
	MCPURL string
}

// API is the calls of the contract.
type API struct {
	Config
	validations *limit.Rates
}

// New returns an API.
func New(cfg Config) *API {
	return &API{Config: cfg, validations: limit.NewRates(ValidatePerMinute, time.Minute)}
}

// Routes lists every call.
func (a *API) Routes() []httpx.Route {
	routes := append(a.Operations(), documentation()...)
	for _, k := range a.Library.Registry().Kinds() {
		routes = append(routes, resource{a, k}.routes()...)
	}
	routes = append(routes, getRoute("library/find", a.find), listRoute("library/search", a.search), listRoute("change/list", a.listChanges), listRoute("usage/list", a.listUsage))
	routes = append(routes, a.agentRoutes()...)
	routes = append(routes, a.qualifyRoutes()...)
	routes = append(routes, a.matchRoutes()...)
	routes = append(routes, writeRoute(http.MethodPost, "link/update", a.updateLinks))
	routes = append(routes, a.referenceRoutes()...)
	routes = append(routes, a.revisionRoutes()...)
	return append(routes, a.keyRoutes()...)
}

// NotFound returns the error for a path without a route, where Octave publishes
// a call at it that is not offered; else nil.
func (a *API) NotFound(path string) error {
	reason := contract.WhyNotOffered(path)
	if reason == "" {
		return nil
	}
	return &errs.Error{Kind: errs.NotOffered, Code: errs.CodeNotOffered, Message: "This call is not offered. " + reason}
}

// getRoute is a route that reads one thing, listRoute one that reads many, and
// writeRoute one that changes something.
func getRoute(path string, h httpx.Handler) httpx.Route {
	return httpx.Route{Method: http.MethodGet, Path: root + path, Class: httpx.ClassGet, Scope: account.ScopeRead, Handler: h}
}

func listRoute(path string, h httpx.Handler) httpx.Route {
	return httpx.Route{Method: http.MethodGet, Path: root + path, Class: httpx.ClassList, Scope: account.ScopeRead, Handler: h}
}

func writeRoute(method, path string, h httpx.Handler) httpx.Route {
	route := httpx.Route{Method: method, Path: root + path, Class: httpx.ClassWrite, Scope: account.ScopeWrite, Handler: h}
	if method != http.MethodDelete {
		route.BodyLimit = MaxBodyBytes
	}
	return route
}

// callerOf returns who asks.
func callerOf(r *http.Request) library.Caller {
	return library.Caller{Principal: httpx.Principal(r.Context()), Source: sourceOf(r)}
}

// sourceOf returns what the request names as its source, where that is one of
// ours: command line, agents and console name themselves.
func sourceOf(r *http.Request) entity.Source {
	switch named := entity.Source(r.Header.Get("X-Request-Source")); named {
	case entity.SourceCLI, entity.SourceMCP, entity.SourceConsole:
		return named
	}
	return entity.SourceAPI
}

// fromN8n tells whether the vendor's n8n node sends the request.
func fromN8n(r *http.Request) bool { return r.Header.Get("X-Request-Source") == "n8n" }
