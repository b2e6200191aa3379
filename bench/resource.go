//go:build linux

package main

import (
	"context"
	"fmt"

	"personae.dev/bench/report"
)

// resource measures all calls of a small and of a large library, each beside
// gets of the same server.
func (b *bench) resource(ctx context.Context, m *report.Measure) error {
	for _, personas := range b.resources {
		if err := b.resourceOf(ctx, m, personas); err != nil {
			return err
		}
	}
	m.Notes = append(m.Notes,
		"One workspace, SQLite, as it ships. As fast as can be with so many clients; reads first, so that the library has its size still, then gets and creates in turn, by which it grows.",
		"A get's p50 and p99 stand beside those of searches. What we answered to a create is on disk.",
		fmt.Sprintf("%s. %d found at a time.", mix(), shown))
	return nil
}

func (b *bench) resourceOf(ctx context.Context, m *report.Measure, personas int) error {
	l, err := b.library(ctx, personas, 1)
	if err != nil {
		return err
	}
	ours, err := b.writable(ctx, l)
	if err != nil {
		return err
	}
	defer ours.stop()
	in := report.Whole(personas) + " personas"
	named := func(what string, clients int, c *call) *turn {
		return &turn{contender: ours, call: *c, clients: clients, name: in + ": " + what}
	}
	reads, err := b.alternate(ctx, []*turn{
		named("get, 1 client", 1, ours.get),
		named("list of 50, 1 client", 1, ours.list),
		named("search, 1 client", 1, ours.search),
	}, b.brief)
	if err != nil {
		return err
	}
	writes, err := b.alternate(ctx, []*turn{
		named("get between creates, 1 client", 1, ours.get),
		named("create, 1 client", 1, ours.create),
		named("get between creates, 16 clients", sixteen, ours.get),
		named("create, 16 clients", sixteen, ours.create),
	}, b.brief)
	if err != nil {
		return err
	}
	m.Series = append(append(m.Series, reads...), writes...)
	get, list, search := reads[0], reads[1], reads[2]
	for _, row := range []report.Row{
		{What: "list of 50 to get, 1 client", Values: report.Over(list.PerSecond, get.PerSecond)},
		{What: "search, p50 to get's, 1 client", Values: report.Over(search.P50, get.P50)},
		{What: "search, p99 to get's, 1 client", Values: report.Over(search.P99, get.P99)},
		{What: "create to get, 1 client", Values: report.Over(writes[1].PerSecond, writes[0].PerSecond)},
		{What: "create to get, 16 clients", Values: report.Over(writes[3].PerSecond, writes[2].PerSecond)},
	} {
		row.What, row.Unit = in+": "+row.What, "×"
		m.Rows = append(m.Rows, row)
	}
	return nil
}
