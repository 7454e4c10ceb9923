package cairoair

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/internal/parallel"
)

// SeedParams are the parameters of a proof that influence the seed.
type SeedParams struct {
	Stone6         bool   // whether the seed begins with FriendlyLayers, as in Stone 6 and later
	FriendlyLayers uint64 // n_verifier_friendly_commitment_layers
	PageHash       string // "pedersen" or "keccak256"
}

// word is a 32-byte big-endian integer of the serialised public input.
type word = [32]byte

// Seed returns the serialised public input, whose hash is the channel's initial state. It consists of 32-byte big-endian
// integers, all below the field's modulus except a keccak256 page hash. New must have accepted p.
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

// serialise returns the public input in Stone's order. It contains public memory as the hashes of its pages: for page 0 of
// (address, value) pairs, for other pages of the values, whose addresses are consecutive.
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
		return nil, fmt.Errorf("page_hash %q is not supported, want pedersen or keccak256", s.PageHash)
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

// page is a page of public memory; felts are the hashed words.
type page struct {
	number       uint32
	start, cells uint64
	felts        []felt.Felt
}

// paginate groups public memory by page, in order of page number.
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
	sort.Slice(pages, func(i, j int) bool { return pages[i].number < pages[j].number })
	return pages
}

// publicJSON is the JSON form of a public input in Stone's files.
type publicJSON struct {
	DynamicParams dynamicJSON  `json:"dynamic_params"`
	Layout        string       `json:"layout"`
	Segments      segmentsJSON `json:"memory_segments"`
	Steps         uint64       `json:"n_steps"`
	Memory        memoryJSON   `json:"public_memory"`
	RangeCheckMax uint16       `json:"rc_max"`
	RangeCheckMin uint16       `json:"rc_min"`
}

type segmentJSON struct {
	Begin uint64 `json:"begin_addr"`
	End   uint64 `json:"stop_ptr"`
}

// Limits on decoded data.
const (
	// maxPublicCells bounds public memory: it is the size in layout recursive for a run of 2^20 steps, four times the longest
	// run that a watcher proves by default.
	maxPublicCells = 1 << 20
	maxSegments    = 16  // more than every layout has
	maxDynamic     = 512 // twice the number of parameters of layout dynamic
)

// dynamicJSON is the member dynamic_params, which is null in static layouts.
type dynamicJSON map[string]uint64

// UnmarshalJSONFrom reads at most maxDynamic parameters.
func (p *dynamicJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return readObject(d, "dynamic_params", maxDynamic, func(name string) error {
		if *p == nil {
			*p = dynamicJSON{}
		}
		var v uint64
		err := json.UnmarshalDecode(d, &v)
		(*p)[name] = v
		return err
	})
}

// segmentsJSON is the member memory_segments.
type segmentsJSON map[string]segmentJSON

// UnmarshalJSONFrom reads at most maxSegments segments.
func (s *segmentsJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*s = segmentsJSON{}
	return readObject(d, "memory_segments", maxSegments, func(name string) error {
		var v segmentJSON
		err := json.UnmarshalDecode(d, &v, json.RejectUnknownMembers(true))
		(*s)[name] = v
		return err
	})
}

// readObject reads an object with at most `most` members, or null. member reads the value of one member.
func readObject(d *jsontext.Decoder, what string, most int, member func(name string) error) error {
	switch t, err := d.ReadToken(); {
	case err != nil:
		return err
	case t.Kind() == 'n':
		return nil
	case t.Kind() != '{':
		return fmt.Errorf("%s: want an object, got a JSON %v", what, t.Kind())
	}
	for n := 0; d.PeekKind() != '}'; n++ {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if n == most {
			return fmt.Errorf("%s has more than %d members", what, most)
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// memoryJSON is the member public_memory.
type memoryJSON []cairo.PublicCell

// UnmarshalJSONFrom reads at most maxPublicCells cells. Files contain hundreds of thousands of cells, so their members are read
// without reflection. The decoder rejects duplicate names; a cell must have all three members.
func (m *memoryJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '[' {
		return fmt.Errorf("public_memory: want a list, got a JSON %v", t.Kind())
	}
	*m = memoryJSON{}
	for d.PeekKind() != ']' {
		if len(*m) == maxPublicCells {
			return fmt.Errorf("more than %d cells of public memory", maxPublicCells)
		}
		cell, err := readCell(d)
		if err != nil {
			return fmt.Errorf("public_memory: cell %d: %w", len(*m), err)
		}
		if n := len(*m); n == cap(*m) {
			*m = slices.Grow(*m, min(n+1, maxPublicCells-n))
		}
		*m = append(*m, cell)
	}
	_, err := d.ReadToken()
	return err
}

func readCell(d *jsontext.Decoder) (cell cairo.PublicCell, err error) {
	if t, err := d.ReadToken(); err != nil {
		return cell, err
	} else if t.Kind() != '{' {
		return cell, fmt.Errorf("want an object, got a JSON %v", t.Kind())
	}
	members := 0
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return cell, err
		}
		switch string(name) {
		case `"address"`:
			cell.Address, err = readNumber(d, 64)
		case `"page"`:
			var page uint64
			page, err = readNumber(d, 32)
			cell.Page = uint32(page)
		case `"value"`:
			var v jsontext.Value
			if v, err = d.ReadValue(); err == nil && v.Kind() != '"' {
				err = fmt.Errorf("value: want a string, got a JSON %v", v.Kind())
			} else if err == nil {
				cell.Value, err = felt.FromHex(string(v[1 : len(v)-1]))
			}
		default:
			err = fmt.Errorf("unknown member %.40q", name)
		}
		if err != nil {
			return cell, err
		}
		members++
	}
	if members != 3 {
		return cell, fmt.Errorf("%d members, want address, page and value", members)
	}
	_, err = d.ReadToken()
	return cell, err
}

// readNumber reads an unsigned integer of the given number of bits.
func readNumber(d *jsontext.Decoder, bits int) (uint64, error) {
	v, err := d.ReadValue()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(v), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not an unsigned integer of %d bits", v, bits)
	}
	return n, nil
}

// MarshalJSONTo writes the cells one by one.
func (m memoryJSON) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	var b []byte
	for i := range m {
		b = strconv.AppendUint(append(b[:0], `{"address":`...), m[i].Address, 10)
		b = strconv.AppendUint(append(b, `,"page":`...), uint64(m[i].Page), 10)
		b = append(append(append(b, `,"value":"`...), m[i].Value.String()...), `"}`...)
		if err := e.WriteValue(b); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndArray)
}

// PublicInputJSON is a public input in Stone's JSON form.
type PublicInputJSON struct{ *cairo.PublicInput }

// UnmarshalJSONFrom reads Stone's JSON form of a public input: the air_public_input.json of a run, or the public_input of a
// proof. It returns the segments in the layout's order; New checks their contents.
func (p *PublicInputJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var j publicJSON
	if err := json.UnmarshalDecode(d, &j, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	l, err := LayoutByName(j.Layout)
	if err != nil {
		return err
	}
	in := &cairo.PublicInput{
		Layout: l.Name, Steps: j.Steps, RangeCheckMin: j.RangeCheckMin, RangeCheckMax: j.RangeCheckMax,
		DynamicParams: j.DynamicParams, Memory: j.Memory,
	}
	for _, name := range l.Segments {
		s, ok := j.Segments[name]
		if !ok {
			return fmt.Errorf("no memory segment %q, which layout %s has", name, l.Name)
		}
		in.Segments = append(in.Segments, cairo.Segment{Name: name, Begin: s.Begin, End: s.End})
	}
	if len(j.Segments) != len(l.Segments) {
		return fmt.Errorf("%d memory segments, layout %s has %d", len(j.Segments), l.Name, len(l.Segments))
	}
	p.PublicInput = in
	return nil
}

// MarshalJSONTo writes the form that Stone writes in a proof, with keys in alphabetical order.
func (p PublicInputJSON) MarshalJSONTo(e *jsontext.Encoder) error {
	j := publicJSON{
		DynamicParams: p.DynamicParams, Layout: p.Layout, Segments: segmentsJSON{}, Steps: p.Steps,
		Memory: p.Memory, RangeCheckMax: p.RangeCheckMax, RangeCheckMin: p.RangeCheckMin,
	}
	for _, s := range p.Segments {
		j.Segments[s.Name] = segmentJSON{s.Begin, s.End}
	}
	return json.MarshalEncode(e, &j, json.Deterministic(true), json.FormatNilMapAsNull(true))
}
