package report

import (
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The ids of measures that are drawn.
const (
	Throughput = "get"
	Latency    = "latency"
	Size       = "size"
)

// drawn returns what draws the measure, nil where nothing does.
func (m Measure) drawn() func(Measure) (*plot.Plot, error) {
	switch {
	case m.ID == Throughput && len(m.Series) > 0:
		return throughput
	case m.ID == Latency && len(m.Curves) > 0:
		return latency
	case m.ID == Size && len(m.Curves) > 0:
		return size
	}
	return nil
}

func (m Measure) plotName() string { return m.ID + ".svg" }

// plot draws the measure into a folder, if it is one to draw.
func (m Measure) plot(folder string) error {
	draw := m.drawn()
	if draw == nil {
		return nil
	}
	p, err := draw(m)
	if err != nil {
		return err
	}
	return p.Save(20*vg.Centimeter, 11*vg.Centimeter, filepath.Join(folder, m.plotName()))
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	for _, style := range []*draw.TextStyle{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		style.Font = font.From(sans, 10)
	}
	p.Title.TextStyle.Font.Size = 12
	p.Title.Padding = 4 * vg.Millimeter
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.X.Tick.Marker = plain{p.X.Tick.Marker}
	return p
}

// plain writes the numbers of another's ticks as we write them elsewhere.
type plain struct{ plot.Ticker }

// Ticks implements plot.Ticker.
func (t plain) Ticks(least, most float64) []plot.Tick {
	ticks := t.Ticker.Ticks(least, most)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = number(ticks[i].Value)
			if ticks[i].Value == float64(int(ticks[i].Value)) {
				ticks[i].Label = Whole(int(ticks[i].Value))
			}
		}
	}
	return ticks
}

// throughput is a bar for each contender, with the least and the most.
func throughput(m Measure) (*plot.Plot, error) {
	p := newPlot(m.Title, "requests a second", " ")
	// The first contender at the top.
	var names []string
	var values plotter.Values
	bounds := ranges{}
	for _, s := range slices.Backward(m.Series) {
		if s.Rate > 0 {
			continue
		}
		middle := Median(s.PerSecond)
		names, values = append(names, s.Name), append(values, middle)
		bounds.XYs = append(bounds.XYs, plotter.XY{X: middle, Y: float64(len(values) - 1)})
		bounds.XErrors = append(bounds.XErrors, struct{ Low, High float64 }{slices.Min(s.PerSecond) - middle, slices.Max(s.PerSecond) - middle})
	}
	bars, err := plotter.NewBarChart(values, 6*vg.Millimeter)
	if err != nil {
		return nil, err
	}
	bars.Horizontal, bars.Color, bars.LineStyle.Width = true, plotutil.Color(2), 0
	errorBars, err := plotter.NewXErrorBars(bounds)
	if err != nil {
		return nil, err
	}
	p.Add(bars, errorBars)
	p.NominalY(names...)
	return p, nil
}

// ranges are the ends of bars.
type ranges struct {
	plotter.XYs
	plotter.XErrors
}

// latency is two lines for each contender, over the rate.
func latency(m Measure) (*plot.Plot, error) {
	p := newPlot(m.Title, "requests a second", "ms")
	logarithmic(&p.X)
	logarithmic(&p.Y)
	for i, c := range m.Curves {
		var p50, p99 plotter.XYs
		for _, point := range c.Points {
			p50 = append(p50, plotter.XY{X: point.X, Y: point.P50})
			p99 = append(p99, plotter.XY{X: point.X, Y: point.P99})
		}
		if err := add(p, c.Name+", p50", p50, i, 0); err != nil {
			return nil, err
		}
		if err := add(p, c.Name+", p99", p99, i, 1); err != nil {
			return nil, err
		}
	}
	p.Y.Max *= 20 // the legend's
	return p, nil
}

// size is what a request costs over the size of the library.
func size(m Measure) (*plot.Plot, error) {
	p := newPlot(m.Title, "personas in the library", "µs a request")
	logarithmic(&p.X)
	p.Y.Min = 0
	for i, c := range m.Curves {
		var cost plotter.XYs
		for _, point := range c.Points {
			cost = append(cost, plotter.XY{X: point.X, Y: 1e6 / point.PerSecond})
		}
		if err := add(p, c.Name, cost, i, 0); err != nil {
			return nil, err
		}
	}
	p.Y.Max *= 1.2 // the legend's
	return p, nil
}

func logarithmic(axis *plot.Axis) {
	axis.Scale, axis.Tick.Marker = plot.LogScale{}, plain{plot.LogTicks{Prec: -1}}
}

func add(p *plot.Plot, name string, points plotter.XYs, color, dashes int) error {
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, dots.Color = plotutil.Color(color), plotutil.Color(color)
	line.Width, line.Dashes, dots.Shape = vg.Points(1.5), plotutil.Dashes(dashes), plotutil.Shape(color)
	p.Add(line, dots)
	p.Legend.Add(name, line, dots)
	p.Legend.Left, p.Legend.Top = true, true
	return nil
}
