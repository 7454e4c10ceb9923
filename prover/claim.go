package prover

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/security"
)

// Claim is the statement that a proof proves: the program ran from its start section to its end, on some input, and wrote this
// output.
type Claim struct {
	Program     *Program    // words as in memory, the offset of main, and the builtins that main takes
	ProgramHash felt.Felt   // hash of Program
	Named       bool        // whether the policy demanded this program
	Output      []felt.Felt // contents of the output segment
	// Alternatives are the other lists of builtins that main may take. Unused builtins can have the same empty segment, and a
	// builtin that the layout lacks is 0, whatever its name. The claim holds with each list.
	Alternatives [][]string
	Layout       string
	Steps        uint64 // a power of two, padding included
	Security     security.Bits
	Version      string // proof system, and its version under which the proof verified: stone6, stone5 or stwo 2.3.0
}

// Addresses of a run with a start section. The program is loaded at address 1 and begins with
//
//	ap += n_builtins; call main; jmp rel 0
//
// so that the run ends in the endless loop at address 5.
const (
	initialPC  = 1
	finalPC    = 5
	startWords = 6
	maxMemory  = 1 << 48 // bound on addresses of segments, so that sums do not overflow
)

var (
	wordAddAP = felt.MustHex("0x40780017fff7fff")
	wordCall  = felt.MustHex("0x1104800180018000")
	wordLoop  = felt.MustHex("0x10780017fff7fff")
)

// read checks that the public input describes a whole run, and fills all of the claim but the hash from it. Public memory must
// hold exactly the program, the two words below the first frame (which make every call return), main's arguments and results
// (begin and end of the builtins' segments), and the output segment.
func (c *Claim) read(p *cairo.PublicInput) error {
	segments := map[string]cairo.Segment{}
	var builtins []cairo.Segment
	for _, s := range p.Segments {
		if s.Begin > s.End || s.End >= maxMemory {
			return fmt.Errorf("prover: segment %s runs from %d to %d, want begin <= end < 2^48", s.Name, s.Begin, s.End)
		}
		segments[s.Name] = s
		if s.Name != "program" && s.Name != "execution" {
			builtins = append(builtins, s)
		}
	}
	program, execution := segments["program"], segments["execution"]
	if program.Begin != initialPC || program.End != finalPC {
		return fmt.Errorf("prover: the run goes from pc %d to %d, want %d to %d", program.Begin, program.End, initialPC, finalPC)
	}
	m, err := newPublicMemory(p.Memory)
	if err != nil {
		return err
	}

	// The program fills memory from address 1 to two words below the first frame.
	fp := execution.Begin
	if fp < initialPC+startWords+2 {
		return fmt.Errorf("prover: the first frame is at %d, want %d or more (above the start section)", fp, initialPC+startWords+2)
	}
	words, err := m.take("program", initialPC, fp-2)
	if err != nil {
		return err
	}
	for _, w := range []struct {
		at   int
		want felt.Felt
	}{{0, wordAddAP}, {2, wordCall}, {4, wordLoop}, {5, felt.Zero}} {
		if words[w.at] != w.want {
			return fmt.Errorf("prover: the program does not begin with a start section: word %d is %s, want %s", w.at, words[w.at], w.want)
		}
	}
	// Word 2 is `call rel offset`. An offset of a backward call is a felt far larger than the program.
	offset := words[3]
	if !offset.IsUint64() || offset.Uint64() >= uint64(len(words))-2 {
		return fmt.Errorf("prover: the program calls main at 2 + %s, in %d words", offset, len(words))
	}
	frame, err := m.take("first frame", fp-2, fp)
	if err != nil {
		return err
	}
	if frame[0] != felt.FromUint64(fp) || !frame[1].IsZero() {
		return fmt.Errorf("prover: the words below the first frame are %s and %s, want %d and 0", frame[0], frame[1], fp)
	}

	// Check main's arguments and results.
	n := words[1]
	if !n.IsUint64() || n.Uint64() > uint64(len(p.Memory)) {
		return fmt.Errorf("prover: the start section reserves %s builtins, more than the public memory holds", n)
	}
	count := n.Uint64()
	if execution.End < fp+count {
		return fmt.Errorf("prover: the run ends at ap %d, below main's %d arguments at %d", execution.End, count, fp)
	}
	arguments, err := m.take("arguments of main", fp, fp+count)
	if err != nil {
		return err
	}
	results, err := m.take("results of main", execution.End-count, execution.End)
	if err != nil {
		return err
	}
	lists, err := matchBuiltins(builtins, arguments, results)
	if err != nil {
		return err
	}

	if output, ok := segments["output"]; ok {
		if c.Output, err = m.take("output", output.Begin, output.End); err != nil {
			return err
		}
	}
	if err := m.rest(); err != nil {
		return err
	}
	c.Program, c.Alternatives = &Program{Words: words, Main: 2 + offset.Uint64(), Builtins: lists[0]}, lists[1:]
	return nil
}

// hash fills in the program's hash. If the policy demands a program, hash chooses the list of builtins that gives its hash, or
// returns a ProgramError.
func (c *Claim) hash(demanded *felt.Felt) error {
	words := chainWords(c.Program.Words)
	c.ProgramHash = c.Program.hashWith(words, c.Program.Builtins)
	if demanded == nil {
		return nil
	}
	c.Named = true
	if c.ProgramHash == *demanded {
		return nil
	}
	for i, builtins := range c.Alternatives {
		if hash := c.Program.hashWith(words, builtins); hash == *demanded {
			c.Alternatives[i], c.Program.Builtins, c.ProgramHash = c.Program.Builtins, builtins, hash
			return nil
		}
	}
	return &ProgramError{c.ProgramHash, *demanded, c.Program.Builtins}
}

// matchBuiltins finds the builtins that main takes. It returns every list of names, in the order of programBuiltins, that
// agrees with the segments of the layout's builtins: argument k of main is the begin of a segment and result k its end. A
// builtin that main does not take must have an empty segment. For a builtin that the layout lacks, argument and result are 0.
//
// There are several lists if unused builtins begin at the same address. Each is right, because the constraints of all the
// layout's builtins hold from the beginning of their segments, used or not.
func matchBuiltins(layout []cairo.Segment, arguments, results []felt.Felt) ([][]string, error) {
	if len(arguments) > len(programBuiltins) {
		return nil, fmt.Errorf("prover: main takes %d builtins, there are %d", len(arguments), len(programBuiltins))
	}
	segments := map[string]cairo.Segment{}
	for _, s := range layout {
		segments[s.Name] = s
	}
	var lists [][]string
	names := make([]string, 0, len(arguments))
	furthest := 0     // the largest number of arguments that were matched
	var unused string // a builtin with a segment that is not empty, so that it could not be skipped there
	var match func(at int)
	match = func(at int) {
		k := len(names)
		if k > furthest {
			furthest, unused = k, ""
		}
		if at == len(programBuiltins) {
			if k == len(arguments) {
				lists = append(lists, slices.Clone(names))
			}
			return
		}
		s, has := segments[programBuiltins[at]] // 0 to 0 for a builtin that the layout lacks
		if k < len(arguments) && arguments[k] == felt.FromUint64(s.Begin) && results[k] == felt.FromUint64(s.End) {
			names = append(names, programBuiltins[at])
			match(at + 1)
			names = names[:k]
		}
		switch {
		case !has || s.Begin == s.End:
			match(at + 1)
		case k == furthest && unused == "":
			unused = s.Name
		}
	}
	match(0)
	switch {
	case len(lists) > 0:
		return lists, nil
	case unused != "" && furthest == len(arguments):
		s := segments[unused]
		return nil, fmt.Errorf("prover: segment %s from %d to %d is used, but main does not take it", s.Name, s.Begin, s.End)
	case unused != "":
		s := segments[unused]
		return nil, fmt.Errorf("prover: segment %s from %d to %d is neither argument %d of main (%s, result %s) nor unused",
			s.Name, s.Begin, s.End, furthest, arguments[furthest], results[furthest])
	}
	return nil, fmt.Errorf("prover: argument %d of main is %s (result %s), which is not a builtin of the layout", furthest, arguments[furthest], results[furthest])
}

// publicMemory is the public memory sorted by address, with a record of the cells that a part of the run has taken. An
// untrusted file chooses its size, so it needs only 5 bytes a cell.
type publicMemory struct {
	cells []cairo.PublicCell
	order []uint32 // indices of cells, ascending by address
	taken []bool   // whether order[i] is taken
	left  int      // number of cells that are not taken
}

func newPublicMemory(cells []cairo.PublicCell) (*publicMemory, error) {
	if len(cells) > math.MaxUint32 {
		return nil, fmt.Errorf("prover: public memory of %d cells, at most %d", len(cells), uint32(math.MaxUint32))
	}
	m := &publicMemory{cells: cells, order: make([]uint32, len(cells)), taken: make([]bool, len(cells)), left: len(cells)}
	for i := range m.order {
		m.order[i] = uint32(i)
	}
	slices.SortFunc(m.order, func(a, b uint32) int { return cmp.Compare(cells[a].Address, cells[b].Address) })
	for i := 1; i < len(m.order); i++ {
		if m.at(i).Address == m.at(i-1).Address {
			return nil, fmt.Errorf("prover: public memory holds address %d twice", m.at(i).Address)
		}
	}
	return m, nil
}

// at returns the cell with the i-th lowest address.
func (m *publicMemory) at(i int) *cairo.PublicCell { return &m.cells[m.order[i]] }

// take marks the cells from begin to end as taken and returns their words. All of them must be public.
func (m *publicMemory) take(what string, begin, end uint64) ([]felt.Felt, error) {
	if end-begin > uint64(len(m.cells)) {
		return nil, fmt.Errorf("prover: %s is at addresses %d to %d, but public memory has only %d cells", what, begin, end, len(m.cells))
	}
	first, _ := slices.BinarySearchFunc(m.order, begin, func(i uint32, address uint64) int { return cmp.Compare(m.cells[i].Address, address) })
	out := make([]felt.Felt, 0, end-begin)
	for a, i := begin, first; a < end; a, i = a+1, i+1 {
		if i == len(m.order) || m.at(i).Address != a {
			return nil, fmt.Errorf("prover: %s: address %d is not public", what, a)
		}
		if !m.taken[i] {
			m.taken[i] = true
			m.left--
		}
		out = append(out, m.at(i).Value)
	}
	return out, nil
}

// rest returns an error if public memory holds cells that were not taken.
func (m *publicMemory) rest() error {
	if m.left == 0 {
		return nil
	}
	return fmt.Errorf("prover: public memory holds %d cells that belong to no part of a run, the first at %d", m.left, m.at(slices.Index(m.taken, false)).Address)
}
