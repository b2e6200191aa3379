//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func med(v []float64) float64 { w := slices.Clone(v); slices.Sort(w); return w[len(w)/2] }

func TestScratchCreate(t *testing.T) {
	ctx := context.Background()
	opts := full()
	opts.rounds, opts.each = 6, time.Second
	if d := os.Getenv("EACH"); d != "" {
		opts.each, _ = time.ParseDuration(d)
	}
	if d := os.Getenv("ROUNDS"); d != "" {
		opts.rounds, _ = strconv.Atoi(d)
	}
	if err := os.Chdir(".."); err != nil {
		t.Fatal(err)
	}
	b, err := newBench(ctx, opts, "/tmp/bdh")
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if p := os.Getenv("OURS"); p != "" {
		b.binaries[product] = p
	}
	l, err := b.hot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := b.writable(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(creates(1, ours), creates(16, ours), creates(64, ours))
	if os.Getenv("ONE") != "" { all = creates(64, ours) }
	for _, t := range all {
		t.name = fmt.Sprint(t.clients)
	}
	series, err := b.alternate(ctx, all, b.each)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range series {
		var r, c []float64
		for i := range s.PerSecond {
			r = append(r, s.PerSecond[i]/series[0].PerSecond[i])
			c = append(c, s.Server[i]/s.PerSecond[i]*1e6)
		}
		fmt.Printf("RESULT %-8s %6.0f/s ratio %.2f  cpu us %.0f min %.0f p50 %.2f p99 %.2f\n", s.Name, med(s.PerSecond), med(r), med(c), slices.Min(c), med(s.P50), med(s.P99))
	}
}
