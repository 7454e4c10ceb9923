package cairoair

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover/stone/field"
)

// TestPublicInputRoundTrip checks that the public inputs in a proof and in its run are equal, and survive encoding.
func TestPublicInputRoundTrip(t *testing.T) {
	for _, name := range runs {
		dir := caseDir(t, name)
		b, err := os.ReadFile(filepath.Join(dir, "air_public_input.json"))
		if err != nil {
			t.Fatal(err)
		}
		run, err := parsePublicInput(b)
		if err != nil {
			t.Fatal(err)
		}
		proof := readProof(t, "stone-cases", name, "proof.json")
		if diff := cmp.Diff(run, proof.public(t)); diff != "" {
			t.Errorf("%s: public input of the run and of the proof differ:\n%s", name, diff)
		}
		text := formatPublicInput(run)
		again, err := parsePublicInput(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(run, again); diff != "" {
			t.Errorf("%s: public input changes on the way through JSON:\n%s", name, diff)
		}
		var got, want any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(proof.PublicInput, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: encoded public input is not what Stone writes:\n%s", name, cmp.Diff(want, got))
		}
	}
}

// publicOf returns a small valid public input for tests to change.
func publicOf(layout string, steps uint64) *cairo.PublicInput {
	l, err := LayoutByName(layout)
	if err != nil {
		panic(err)
	}
	p := &cairo.PublicInput{Layout: layout, Steps: steps, RangeCheckMin: 1, RangeCheckMax: 9}
	for i, name := range l.Segments {
		p.Segments = append(p.Segments, cairo.Segment{Name: name, Begin: uint64(100 * (i + 1)), End: uint64(100 * (i + 1))})
	}
	for i := range uint64(5) {
		p.Memory = append(p.Memory, cairo.PublicCell{Address: 1 + i, Value: felt.FromUint64(i)})
	}
	return p
}

func TestNewRefuses(t *testing.T) {
	segment := func(p *cairo.PublicInput, name string) *cairo.Segment {
		for i := range p.Segments {
			if p.Segments[i].Name == name {
				return &p.Segments[i]
			}
		}
		return nil
	}
	for _, c := range []struct {
		want  string
		spoil func(p *cairo.PublicInput)
	}{
		{"", func(p *cairo.PublicInput) {}},
		{"", func(p *cairo.PublicInput) { segment(p, "pedersen").End += 3 * 128 }},
		{`layout "all_cairo" is not supported`, func(p *cairo.PublicInput) { p.Layout = "all_cairo" }},
		{"want a power of two", func(p *cairo.PublicInput) { p.Steps = 0 }},
		{"want a power of two", func(p *cairo.PublicInput) { p.Steps = 16383 }},
		{"want a power of two of at most", func(p *cairo.PublicInput) { p.Steps = 1 << 63 }},
		{"needs at least", func(p *cairo.PublicInput) { p.Steps = 64 }},
		{"rc_min 9 is not below rc_max 9", func(p *cairo.PublicInput) { p.RangeCheckMin = 9 }},
		{"dynamic parameters", func(p *cairo.PublicInput) { p.DynamicParams = map[string]uint64{"x": 1} }},
		{"5 memory segments", func(p *cairo.PublicInput) { p.Segments = p.Segments[:5] }},
		{"memory segment 2 is", func(p *cairo.PublicInput) { p.Segments[2], p.Segments[3] = p.Segments[3], p.Segments[2] }},
		{"ends at", func(p *cairo.PublicInput) { segment(p, "output").End-- }},
		{"ends at", func(p *cairo.PublicInput) { segment(p, "execution").End-- }},
		{"segment pedersen has 387 cells", func(p *cairo.PublicInput) { segment(p, "pedersen").End += 3 * 129 }},
		{"segment pedersen has 2 cells", func(p *cairo.PublicInput) { segment(p, "pedersen").End += 2 }},
		{"segment range_check has 2049 cells", func(p *cairo.PublicInput) { segment(p, "range_check").End += 2049 }},
		{"segment bitwise has 10245 cells", func(p *cairo.PublicInput) { segment(p, "bitwise").End += 10245 }},
		{"segment bitwise has", func(p *cairo.PublicInput) { segment(p, "bitwise").End = math.MaxUint64 }},
		{"page 0", func(p *cairo.PublicInput) { p.Memory = nil }},
		{"page 0", func(p *cairo.PublicInput) { p.Memory[0].Page = 1 }},
		{"address 4, want 6", func(p *cairo.PublicInput) {
			p.Memory[1], p.Memory[2].Page, p.Memory[3].Page = cairo.PublicCell{Address: 5, Page: 1}, 0, 1
		}},
		{"public memory cells, want at most 16384", func(p *cairo.PublicInput) { p.Memory = make([]cairo.PublicCell, 16385) }},
	} {
		p := publicOf("recursive", 1<<14)
		c.spoil(p)
		_, err := New(p)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("New: %v, want %q", err, c.want)
		}
	}
	if _, err := New(nil); err == nil {
		t.Error("New(nil) succeeded")
	}
}

// TestSeedOfPages checks that later pages are hashed without addresses, and that the seed contains their start and size.
func TestSeedOfPages(t *testing.T) {
	p := publicOf("plain", 8)
	p.Memory[3].Page, p.Memory[4].Page = 2, 2
	b, err := Seed(p, SeedParams{Stone6: true, FriendlyLayers: 7, PageHash: "pedersen"})
	if err != nil {
		t.Fatal(err)
	}
	n := felt.FromUint64
	value := func(i int) felt.Felt { return p.Memory[i].Value }
	want := []felt.Felt{
		n(7), n(3), n(1), n(9), felt.FromShortString("plain"), n(100), n(100), n(200), n(200), n(1), value(0), n(2),
		n(3), pedersen.HashMany(n(1), value(0), n(2), value(1), n(3), value(2)),
		n(4), n(2), pedersen.HashMany(value(3), value(4)),
	}
	if len(b) != 32*len(want) {
		t.Fatalf("seed of %d words, want %d", len(b)/32, len(want))
	}
	for i, w := range want {
		if got, err := felt.FromBytes(b[32*i:][:32]); err != nil || got != w {
			t.Errorf("word %d of the seed is %s (%v), want %s", i, got, err, w)
		}
	}
	if _, err := Seed(p, SeedParams{PageHash: "blake256"}); err == nil {
		t.Error("seed with page_hash blake256 succeeded")
	}
}

func TestValuesRefuse(t *testing.T) {
	a, err := New(publicOf("plain", 8))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Values(make([]field.Element, 2)); err == nil {
		t.Error("Values with two challenges succeeded")
	}
	// Here z = address + α·value of the fifth cell.
	if _, err := a.Values([]field.Element{field.New(5 + 3*4), field.New(3), {}}); err == nil {
		t.Error("Values succeeded where z meets a public memory cell")
	}
}

func FuzzParsePublicInput(f *testing.F) {
	for _, p := range []*cairo.PublicInput{publicOf("plain", 8), publicOf("recursive", 1<<14), publicOf("small", 512)} {
		f.Add(formatPublicInput(p))
	}
	f.Add([]byte(`{"layout":"plain","memory_segments":{"program":{"begin_addr":1,"stop_ptr":5}},"public_memory":[{"address":-1,"value":"0x","page":1}]}`))
	f.Add([]byte(`{"layout":"plain"} x`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePublicInput(b)
		if err != nil {
			return
		}
		again, err := parsePublicInput(formatPublicInput(p))
		if err != nil {
			t.Fatalf("encoded public input does not decode: %v", err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatalf("public input changes on the way through JSON:\n%s", diff)
		}
		a, err := New(p)
		if err != nil {
			return
		}
		challenges := testChallenges(a.System().Challenges)
		if _, err := a.Values(challenges); err != nil {
			t.Fatalf("values of an accepted public input: %v", err)
		}
		if _, err := Seed(p, SeedParams{Stone6: true, PageHash: "pedersen"}); err != nil {
			t.Fatalf("seed of an accepted public input: %v", err)
		}
	})
}

// TestPublicMemoryIsBounded checks that each public cell has all its members once, and that there are at most maxPublicCells.
func TestPublicMemoryIsBounded(t *testing.T) {
	const cell = `{"address":1,"page":0,"value":"0x1"}`
	parse := func(memory string) error {
		_, err := parsePublicInput([]byte(`{"dynamic_params":null,"layout":"plain","memory_segments":{"execution":{"begin_addr":1,"stop_ptr":1},` +
			`"program":{"begin_addr":1,"stop_ptr":1}},"n_steps":512,"public_memory":` + memory + `,"rc_max":1,"rc_min":0}`))
		return err
	}
	most := strings.Repeat(cell+",", maxPublicCells-1) + cell
	for _, c := range []struct{ memory, want string }{
		{"[" + cell + "]", ""},
		{`[{"value":"0x1","page":4294967295,"address":18446744073709551615}]`, ""},
		{"[" + most + "]", ""},
		{"[" + most + "," + cell + "]", "more than 1048576 cells"},
		{`[{}]`, "0 members, want address, page and value"},
		{`[{"address":1,"value":"0x1"}]`, "2 members"},
		{`[{"address":1,"page":0,"page":0}]`, "duplicate"},
		{`[{"Address":1,"page":0,"value":"0x1"}]`, "unknown member"},
		{`[{"address":18446744073709551616,"page":0,"value":"0x1"}]`, "is not an unsigned integer of 64 bits"},
		{`[{"address":1,"page":4294967296,"value":"0x1"}]`, "is not an unsigned integer of 32 bits"},
		{`[{"address":-1,"page":0,"value":"0x1"}]`, "is not an unsigned integer"},
		{`[{"address":"1","page":0,"value":"0x1"}]`, "is not an unsigned integer"},
		{`[{"address":1,"page":0,"value":1}]`, "want a string"},
		{`[{"address":1,"page":0,"value":null}]`, "want a string"},
		{`[null]`, "want an object"},
		{`null`, "want a list"},
		{`{}`, "want a list"},
	} {
		if err := parse(c.memory); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %q", c.memory, err, c.want)
		}
	}
}

// parsePublicInput decodes Stone's JSON form of a public input.
func parsePublicInput(b []byte) (*cairo.PublicInput, error) {
	var p PublicInputJSON
	if err := jsonv2.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("cairoair: public input: %w", bounded.Fault(err))
	}
	return p.PublicInput, nil
}

// formatPublicInput encodes a public input as Stone does in a proof, with keys in alphabetical order.
func formatPublicInput(p *cairo.PublicInput) []byte {
	b, err := jsonv2.Marshal(PublicInputJSON{p})
	if err != nil {
		panic(err)
	}
	return b
}
