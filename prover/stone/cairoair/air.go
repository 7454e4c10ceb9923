package cairoair

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// AIR is the statement that a Cairo run with a public input exists. It implements air.AIR and is all that a verifier needs. It
// is safe for concurrent use.
type AIR struct {
	layout *Layout
	public *cairo.PublicInput
	rows   uint64
}

var _ air.AIR = (*AIR)(nil)

// New checks a public input and returns its statement. The caller must not change p afterwards. The input may come from an
// untrusted source: for any input, New returns an error or the statement that a proof of it proves.
func New(p *cairo.PublicInput) (*AIR, error) {
	if p == nil {
		return nil, errors.New("cairoair: no public input")
	}
	l, err := LayoutByName(p.Layout)
	if err != nil {
		return nil, err
	}
	if err := check(l, p); err != nil {
		return nil, fmt.Errorf("cairoair: %w", err)
	}
	return &AIR{layout: l, public: p, rows: p.Steps * stepRows}, nil
}

// Public returns the public input, which is shared and must not be changed.
func (a *AIR) Public() *cairo.PublicInput { return a.public }

// System implements air.AIR.
func (a *AIR) System() *air.System { return a.layout.System() }

// TraceLength implements air.AIR.
func (a *AIR) TraceLength() uint64 { return a.rows }

// Values implements air.AIR.
func (a *AIR) Values(challenges []field.Element) ([]field.Element, error) {
	if want := a.layout.challenges(); len(challenges) != want {
		return nil, fmt.Errorf("cairoair: %d interaction elements, want %d", len(challenges), want)
	}
	product, err := a.publicProduct(challenges[0], challenges[1])
	if err != nil {
		return nil, err
	}
	program, execution := a.segment("program"), a.segment("execution")
	named := map[string]field.Element{
		memoryZ:       challenges[0],
		memoryAlpha:   challenges[1],
		rangeCheckZ:   challenges[2],
		memoryProduct: product,
		initialPC:     field.New(program.Begin),
		finalPC:       field.New(program.End),
		initialAP:     field.New(execution.Begin),
		finalAP:       field.New(execution.End),
		rangeCheckMin: field.New(uint64(a.public.RangeCheckMin)),
		rangeCheckMax: field.New(uint64(a.public.RangeCheckMax)),
	}
	if a.layout.Diluted != nil {
		named[dilutedPermZ], named[dilutedZ], named[dilutedAlpha] = challenges[3], challenges[4], challenges[5]
		named[dilutedFinal] = dilutedFinalValue(challenges[4], challenges[5])
	}
	for _, builtin := range []struct{ value, segment string }{
		{initialPedersen, "pedersen"}, {initialRangeCheck, "range_check"}, {initialECDSA, "ecdsa"}, {initialBitwise, "bitwise"},
		{initialECOp, "ec_op"}, {initialKeccak, "keccak"}, {initialPoseidon, "poseidon"},
	} {
		if a.layout.has(builtin.segment) {
			named[builtin.value] = field.New(a.segment(builtin.segment).Begin)
		}
	}
	names := a.System().Values
	values := make([]field.Element, len(names))
	for i, name := range names {
		v, ok := named[name]
		if !ok {
			return nil, fmt.Errorf("cairoair: layout %s has no value for %s", a.layout.Name, name)
		}
		values[i] = v
	}
	return values, nil
}

// segment returns the segment with this name, which the layout must have.
func (a *AIR) segment(name string) cairo.Segment {
	for _, s := range a.public.Segments {
		if s.Name == name {
			return s
		}
	}
	return cairo.Segment{}
}

// publicUnits returns the number of memory units that represent public memory. Units beyond the public cells represent the
// first public cell again.
func (a *AIR) publicUnits() int { return a.layout.Memory.Public.Addr.Len(int(a.rows)) }

// publicProduct returns the final value of the memory permutation's product. Public memory is (0, 0) in the pool, so each unit
// contributes a factor z / (z - (address + α·value)).
func (a *AIR) publicProduct(z, alpha field.Element) (field.Element, error) {
	factor := func(c cairo.PublicCell) field.Element {
		v := field.Element(c.Value)
		v.Mul(&v, &alpha)
		addr := field.New(c.Address)
		v.Add(&v, &addr)
		return *v.Sub(&z, &v)
	}
	cells := a.public.Memory
	den := field.Pow(factor(cells[0]), uint64(a.publicUnits()-len(cells)))
	for i := range cells {
		f := factor(cells[i])
		den.Mul(&den, &f)
	}
	if den.IsZero() {
		return field.Element{}, errors.New("cairoair: interaction elements hit a public memory cell")
	}
	product := field.Pow(z, uint64(a.publicUnits()))
	den.Inverse(&den)
	return *product.Mul(&product, &den), nil
}

// maxSteps keeps row numbers of every layout within 64 bits. It is far above every feasible run.
const maxSteps = 1 << 40

// check checks a public input for its layout.
func check(l *Layout, p *cairo.PublicInput) error {
	if bits.OnesCount64(p.Steps) != 1 || p.Steps > maxSteps {
		return fmt.Errorf("%d steps, want a power of two of at most %d", p.Steps, maxSteps)
	}
	rows := p.Steps * stepRows
	if least := l.System().MinTraceLength(); rows < least {
		return fmt.Errorf("%d steps, layout %s needs at least %d", p.Steps, l.Name, least/stepRows)
	}
	if p.RangeCheckMin >= p.RangeCheckMax {
		return fmt.Errorf("rc_min %d is not below rc_max %d", p.RangeCheckMin, p.RangeCheckMax)
	}
	if len(p.DynamicParams) != 0 {
		return fmt.Errorf("%d dynamic parameters, layout %s has none", len(p.DynamicParams), l.Name)
	}
	if len(p.Segments) != len(l.Segments) {
		return fmt.Errorf("%d memory segments, layout %s has %d", len(p.Segments), l.Name, len(l.Segments))
	}
	for i, s := range p.Segments {
		if s.Name != l.Segments[i] {
			return fmt.Errorf("memory segment %d is %q, want %q", i, s.Name, l.Segments[i])
		}
		if err := l.checkSegment(s, rows); err != nil {
			return err
		}
	}
	return checkMemory(p.Memory, rows/uint64(l.Memory.Public.Addr.Step))
}

// checkSegment checks that a segment has at most as many instances as the trace has of its builtin. The end of the segments
// program and execution is the final pc and ap.
func (l *Layout) checkSegment(s cairo.Segment, rows uint64) error {
	if s.Name == "program" {
		return nil
	}
	if s.End < s.Begin {
		return fmt.Errorf("segment %s ends at %d, before its begin %d", s.Name, s.End, s.Begin)
	}
	var cells, period uint64
	switch s.Name {
	case "pedersen":
		cells, period = 3, uint64(l.Pedersen.Input0.Addr.Step)
	case "range_check":
		cells, period = 1, uint64(l.RangeCheckBuiltin.Unit.Addr.Step)
	case "ecdsa":
		cells, period = 2, uint64(l.ECDSA.PubKey.Addr.Step)
	case "bitwise":
		cells, period = 5, 4*uint64(l.Bitwise.Vars.Addr.Step)
	case "ec_op":
		cells, period = 7, uint64(l.ECOp.M.Addr.Step)
	case "keccak":
		cells, period = 2*keccakWords, 2*keccakWords*uint64(l.Keccak.InOut.Addr.Step)
	case "poseidon":
		cells, period = 6, 2*uint64(l.Poseidon.InOut[0].Addr.Step)
	default:
		return nil
	}
	used, have := s.End-s.Begin, rows/period
	if used%cells != 0 || used/cells > have {
		return fmt.Errorf("segment %s has %d cells, want a multiple of %d of at most %d", s.Name, used, cells, have*cells)
	}
	return nil
}

// checkMemory checks that public memory fits into the trace, that it starts with page 0, and that each other page is
// contiguous.
func checkMemory(cells []cairo.PublicCell, most uint64) error {
	if len(cells) == 0 || cells[0].Page != 0 {
		return errors.New("public memory does not start with a cell of page 0")
	}
	if uint64(len(cells)) > most {
		return fmt.Errorf("%d public memory cells, want at most %d", len(cells), most)
	}
	next := map[uint32]uint64{}
	for i, c := range cells {
		if c.Page == 0 {
			continue
		}
		if want, ok := next[c.Page]; ok && c.Address != want {
			return fmt.Errorf("public memory cell %d of page %d has address %d, want %d", i, c.Page, c.Address, want)
		}
		next[c.Page] = c.Address + 1
	}
	return nil
}
