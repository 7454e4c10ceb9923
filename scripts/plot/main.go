// Command plot draws docs/proving.svg from docs/proving.json: steps of a run against the seconds and the memory of its proof, for several provers.
//
//	go run ./scripts/plot
//
// The figures come from `scripts/bench/stwo -out` and `scripts/bench/stone`; docs/benchmarks.md says when and where they were measured.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
)

// series is a line of the plot.
type series struct {
	Name   string  `json:"name"`
	Colour string  `json:"colour"`
	Dashed bool    `json:"dashed,omitempty"`
	Points []point `json:"points"`
}

// point is the proof of one run.
type point struct {
	Steps   float64 `json:"steps"`
	Seconds float64 `json:"seconds"`
	GiB     float64 `json:"gib"`
}

// Size of the picture, and of one of its two panels, in pixels.
const (
	width, height = 920, 400
	panelWidth    = 360
	panelHeight   = 250
	top           = 50
)

func main() {
	log.SetFlags(0)
	text, err := os.ReadFile("docs/proving.json")
	if err != nil {
		log.Fatal(err)
	}
	picture, err := draw(text)
	if err != nil {
		log.Fatalf("docs/proving.json: %v", err)
	}
	if err := os.WriteFile("docs/proving.svg", picture, 0o644); err != nil {
		log.Fatal(err)
	}
}

// draw returns the picture of the series in a JSON list.
func draw(text []byte) ([]byte, error) {
	var list []series
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	panel(&b, 60, "seconds of a proof", list, 1, 512, func(p point) float64 { return p.Seconds })
	panel(&b, 510, "peak memory, GiB", list, 0.25, 16, func(p point) float64 { return p.GiB })
	for i, s := range list {
		x, y := 60+i%3*290, height-42+i/3*20
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d">%s</text>`+"\n",
			x, y, x+24, y, s.Colour, dash(s), x+30, y+4, s.Name)
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// panel draws the series' values over the steps, both on logarithmic axes, with its left edge at x.
func panel(b *bytes.Buffer, x int, title string, list []series, low, high float64, value func(point) float64) {
	const firstStep, lastStep = 1 << 15, 1 << 21
	across := func(steps float64) float64 {
		return float64(x) + panelWidth*math.Log(steps/firstStep)/math.Log(lastStep/firstStep)
	}
	up := func(v float64) float64 { return top + panelHeight - panelHeight*math.Log(v/low)/math.Log(high/low) }
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="14" font-weight="bold">%s</text>`+"\n", x, top-18, title)
	for steps := float64(firstStep); steps <= lastStep; steps *= 2 {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">2<tspan dy="-4" font-size="9">%.0f</tspan></text>`+"\n",
			across(steps), top, across(steps), top+panelHeight, across(steps), top+panelHeight+18, math.Log2(steps))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">steps</text>`+"\n", x+panelWidth/2, top+panelHeight+36)
	for v := low; v <= high*1.0001; v *= 2 {
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%v</text>`+"\n",
			x, up(v), x+panelWidth, up(v), x-6, up(v)+4, v)
	}
	for _, s := range list {
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2"%s points="`, s.Colour, dash(s))
		for _, p := range s.Points {
			fmt.Fprintf(b, "%.1f,%.1f ", across(p.Steps), up(value(p)))
		}
		b.WriteString(`"/>` + "\n")
		for _, p := range s.Points {
			fill := s.Colour
			if s.Dashed {
				fill = "white"
			}
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" stroke="%s" stroke-width="2" fill="%s"/>`+"\n", across(p.Steps), up(value(p)), s.Colour, fill)
		}
	}
}

// dash returns the attribute of a dashed line.
func dash(s series) string {
	if s.Dashed {
		return ` stroke-dasharray="6 4"`
	}
	return ""
}
