package cairoair

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/internal/parallel"
)

// SeedParams says how a proof's parameters turn the public input into the channel's seed.
type SeedParams struct {
	Stone6         bool   // Stone 6 and later begin with FriendlyLayers
	FriendlyLayers uint64 // n_verifier_friendly_commitment_layers
	PageHash       string // "pedersen" or "keccak256"
}

// word is one 32-byte big-endian integer of the serialised public input.
type word = [32]byte

// Seed returns the serialised public input, whose hash is a channel's first state: 32-byte big-endian integers, all below
// the field's modulus but for a keccak256 page hash. p must have passed New.
func Seed(p *cairo.PublicInput, s SeedParams) ([]byte, error) {
	words, err := serialise(p, s)
	if err != nil {
		return nil, fmt.Errorf("cairoair: %w", err)
	}
	out := make([]byte, 0, len(words)*felt.Bytes)
	for i := range words {
		out = append(out, words[i][:]...)
	}
	return out, nil
}

// serialise lists the public input in Stone's order. Public memory enters through its pages' hashes: of (address, value)
// pairs for page 0, of the values alone for the others, whose addresses run on from the first.
func serialise(p *cairo.PublicInput, s SeedParams) ([]word, error) {
	var hash func(words []felt.Felt) word
	switch s.PageHash {
	case "pedersen":
		hash = func(xs []felt.Felt) word { h := pedersen.HashMany(xs...); return h.Bytes() }
	case "keccak256":
		hash = func(xs []felt.Felt) word {
			var b []byte
			for i := range xs {
				w := xs[i].Bytes()
				b = append(b, w[:]...)
			}
			return keccak.Sum256(b)
		}
	default:
		return nil, fmt.Errorf("page_hash %q is not supported (pedersen, keccak256 are)", s.PageHash)
	}
	if len(p.Memory) == 0 {
		return nil, errors.New("no public memory")
	}

	var words []word
	number := func(v uint64) { words = append(words, integer(v)) }
	if s.Stone6 {
		number(s.FriendlyLayers)
	}
	number(uint64(bits.Len64(p.Steps) - 1))
	number(uint64(p.RangeCheckMin))
	number(uint64(p.RangeCheckMax))
	code, err := felt.ParseShortString(p.Layout)
	if err != nil {
		return nil, fmt.Errorf("layout %q: %w", p.Layout, err)
	}
	words = append(words, code.Bytes())
	for _, seg := range p.Segments {
		number(seg.Begin)
		number(seg.End)
	}
	number(p.Memory[0].Address)
	words = append(words, p.Memory[0].Value.Bytes())

	pages := paginate(p.Memory)
	number(uint64(len(pages)))
	hashes := make([]word, len(pages))
	parallel.For(len(pages), func(i int) { hashes[i] = hash(pages[i].felts) })
	for i, page := range pages {
		if page.number != 0 {
			number(page.start)
		}
		number(page.cells)
		words = append(words, hashes[i])
	}
	return words, nil
}

func integer(v uint64) (w word) {
	binary.BigEndian.PutUint64(w[24:], v)
	return w
}

// page is a page of public memory as it is hashed.
type page struct {
	number       uint32
	start, cells uint64
	felts        []felt.Felt
}

// paginate gathers public memory by page, in order of page number.
func paginate(cells []cairo.PublicCell) []page {
	index := map[uint32]int{}
	var pages []page
	for _, c := range cells {
		i, ok := index[c.Page]
		if !ok {
			i = len(pages)
			index[c.Page] = i
			pages = append(pages, page{number: c.Page, start: c.Address})
		}
		pages[i].cells++
		if c.Page == 0 {
			pages[i].felts = append(pages[i].felts, felt.FromUint64(c.Address))
		}
		pages[i].felts = append(pages[i].felts, c.Value)
	}
	slices.SortFunc(pages, func(a, b page) int { return int(int64(a.number) - int64(b.number)) })
	return pages
}

// The JSON form of a public input in Stone's files.
type publicJSON struct {
	DynamicParams map[string]uint64      `json:"dynamic_params"`
	Layout        string                 `json:"layout"`
	Segments      map[string]segmentJSON `json:"memory_segments"`
	Steps         uint64                 `json:"n_steps"`
	Memory        []cellJSON             `json:"public_memory"`
	RangeCheckMax uint16                 `json:"rc_max"`
	RangeCheckMin uint16                 `json:"rc_min"`
}

type segmentJSON struct {
	Begin uint64 `json:"begin_addr"`
	End   uint64 `json:"stop_ptr"`
}

type cellJSON struct {
	Address uint64    `json:"address"`
	Page    uint32    `json:"page"`
	Value   felt.Felt `json:"value"`
}

// ParsePublicInput decodes Stone's JSON form of a public input: the air_public_input.json of a run, or the public_input of
// a proof. The segments come out in the layout's order; what they say is checked by New.
func ParsePublicInput(b []byte) (*cairo.PublicInput, error) {
	var j publicJSON
	if err := decodeStrict(b, &j); err != nil {
		return nil, fmt.Errorf("cairoair: public input: %w", err)
	}
	l, err := LayoutByName(j.Layout)
	if err != nil {
		return nil, err
	}
	p := &cairo.PublicInput{
		Layout: j.Layout, Steps: j.Steps, RangeCheckMin: j.RangeCheckMin, RangeCheckMax: j.RangeCheckMax,
		DynamicParams: j.DynamicParams,
	}
	for _, name := range l.Segments {
		s, ok := j.Segments[name]
		if !ok {
			return nil, fmt.Errorf("cairoair: public input: no memory segment %q, which layout %s has", name, l.Name)
		}
		p.Segments = append(p.Segments, cairo.Segment{Name: name, Begin: s.Begin, End: s.End})
	}
	if len(j.Segments) != len(l.Segments) {
		return nil, fmt.Errorf("cairoair: public input: %d memory segments, layout %s has %d", len(j.Segments), l.Name, len(l.Segments))
	}
	p.Memory = make([]cairo.PublicCell, len(j.Memory))
	for i, c := range j.Memory {
		p.Memory[i] = cairo.PublicCell{Address: c.Address, Value: c.Value, Page: c.Page}
	}
	return p, nil
}

// FormatPublicInput encodes a public input as Stone does in a proof: keys in order of the alphabet.
func FormatPublicInput(p *cairo.PublicInput) []byte {
	j := publicJSON{
		DynamicParams: p.DynamicParams, Layout: p.Layout, Segments: map[string]segmentJSON{}, Steps: p.Steps,
		Memory: make([]cellJSON, len(p.Memory)), RangeCheckMax: p.RangeCheckMax, RangeCheckMin: p.RangeCheckMin,
	}
	for _, s := range p.Segments {
		j.Segments[s.Name] = segmentJSON{s.Begin, s.End}
	}
	for i, c := range p.Memory {
		j.Memory[i] = cellJSON{c.Address, c.Page, c.Value}
	}
	b, err := json.Marshal(&j)
	if err != nil { // every field is a plain value
		panic("cairoair: public input does not encode: " + strconv.Quote(err.Error()))
	}
	return b
}

// decodeStrict decodes one JSON value with known fields only and nothing after it.
func decodeStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes after the value")
	}
	return nil
}
