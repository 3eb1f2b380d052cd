package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strings"
)

// The plot's measures, in the units of its view box.
const (
	plotWidth, panelHeight       = 720.0, 150.0
	plotLeft, plotRight, plotTop = 70.0, 20.0, 34.0
	panelGap                     = 56.0
)

// panel is one figure over the number of devices, both on logarithmic scales.
type panel struct {
	title string
	value func(push) float64
	unit  string
}

// plot draws time and memory over the number of devices. A straight line that
// rises one decade with each is a cost in proportion.
func plot(runs []push) []byte {
	panels := []panel{
		{"From the call to the last outcome on record", func(p push) float64 { return p.Seconds }, "s"},
		{"CPU, both sides, for each device", func(p push) float64 { return p.CPU * 1e6 / float64(p.Devices) }, "µs"},
		{"Memory at its peak, both sides", func(p push) float64 { return p.RSS }, "MB"},
	}
	var b bytes.Buffer
	height := plotTop + float64(len(panels))*(panelHeight+panelGap)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="%s">`, plotWidth, height, html.EscapeString(inWords(runs)))
	b.WriteString(`<style>text{fill:#333}.grid{stroke:#ddd}.line{stroke:#1463c4;fill:none;stroke-width:2}.dot{fill:#1463c4}.back{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.line{stroke:#6ab0ff}.dot{fill:#6ab0ff}.back{fill:#16181c}}</style>`)
	fmt.Fprintf(&b, `<rect class="back" width="%.0f" height="%.0f"/>`, plotWidth, height)
	for i, p := range panels {
		p.draw(&b, runs, plotTop+float64(i)*(panelHeight+panelGap))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (p panel) draw(b *bytes.Buffer, runs []push, top float64) {
	least, most := math.Inf(1), 0.0
	for _, r := range runs {
		least, most = min(least, p.value(r)), max(most, p.value(r))
	}
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if low == high {
		high++
	}
	from, to := math.Log10(float64(runs[0].Devices)), math.Log10(float64(runs[len(runs)-1].Devices))
	x := func(devices int) float64 {
		return plotLeft + (math.Log10(float64(devices))-from)/max(to-from, 1)*(plotWidth-plotLeft-plotRight)
	}
	y := func(v float64) float64 { return top + panelHeight - (math.Log10(v)-low)/(high-low)*panelHeight }
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-weight="600">%s</text>`, plotLeft, top-10, html.EscapeString(p.title))
	for e := low; e <= high; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%g %s</text>`, plotLeft, plotWidth-plotRight, y(v), y(v), plotLeft-8, y(v)+4, v, p.unit)
	}
	var points strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&points, "%.1f,%.1f ", x(r.Devices), y(p.value(r)))
	}
	fmt.Fprintf(b, `<polyline class="line" points="%s"/>`, strings.TrimSpace(points.String()))
	for _, r := range runs {
		fmt.Fprintf(b, `<circle class="dot" cx="%.1f" cy="%.1f" r="4"/><text x="%.1f" y="%.1f" text-anchor="middle">%.3g %s</text>`, x(r.Devices), y(p.value(r)), min(x(r.Devices), plotWidth-plotRight-24), y(p.value(r))-9, p.value(r), p.unit)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, min(x(r.Devices), plotWidth-plotRight-24), top+panelHeight+18, short(r.Devices))
	}
}

// inWords says what the plot shows to who cannot see it.
func inWords(runs []push) string {
	parts := make([]string, len(runs))
	for i, r := range runs {
		parts[i] = fmt.Sprintf("%d devices: %.3g s, %.3g MB", r.Devices, r.Seconds, r.RSS)
	}
	return "One push to ever more devices. " + strings.Join(parts, "; ")
}

func short(n int) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%d million", n/1_000_000)
	}
	return fmt.Sprintf("%d,000", n/1000)
}
