package server

import (
	"time"

	"personae.dev/internal/fetch"
	"personae.dev/internal/generate"
	"personae.dev/internal/library"
	"personae.dev/internal/llm"
	"personae.dev/internal/models"
)

// Secret is a text that is never shown.
type Secret = llm.Secret

// ModelSettings are what an operator may choose of the language model.
type ModelSettings struct {
	// Provider is openai, anthropic, scripted, or "" for no model.
	Provider string
	// URL, Name, Key, Script, Mode and Timeout are as in llm.Config.
	URL, Name, Script, Mode string
	Key                     Secret
	Timeout                 time.Duration
	// Budget, Cache and Concurrency are as in models.Config.
	Budget      int64
	Cache       time.Duration
	Concurrency int
}

// openModel makes the client of the language model. It makes no request.
func (s *Server) openModel() (*llm.Client, error) {
	m := s.cfg.Model
	if m.Provider == "" {
		return nil, nil
	}
	return llm.New(llm.Config{
		Provider: llm.Provider(m.Provider), URL: m.URL, Model: m.Name, Key: m.Key, Script: m.Script, Mode: llm.Mode(m.Mode),
		Timeout: m.Timeout, Concurrency: m.Concurrency * models.PerServer,
	})
}

// model is the language model as use cases ask it, nil for none.
func (s *Server) model() library.Model {
	if s.models == nil {
		return nil
	}
	return s.models
}

// generator makes entities from sources.
func (s *Server) generator() *generate.Generator {
	pages := fetch.New("Personae/" + Version().Version)
	return &generate.Generator{Library: s.Library, Model: s.model(), Page: pages.Page}
}

// useModel lets the workspaces use a model, nil for none.
func (s *Server) useModel(client *llm.Client) {
	if client == nil {
		return
	}
	m := s.cfg.Model
	s.models = models.New(models.Config{
		Model: client, Store: s.store, Budget: m.Budget, Cache: m.Cache, Concurrency: m.Concurrency, Now: s.cfg.Now,
	})
	s.cfg.Log.Info("language model", "provider", m.Provider, "model", client.Name(), "url", m.URL)
}
