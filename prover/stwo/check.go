package stwo

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Addresses of a run with a start section. The program is loaded at address 1 and begins with
//
//	ap += n_builtins; call main; jmp rel 0
//
// so that the run ends in the endless loop at address 5.
const (
	initialPC  = 1
	finalPC    = 5
	startWords = 6
)

var (
	wordAddAP = felt.MustHex("0x40780017fff7fff")
	wordCall  = felt.MustHex("0x1104800180018000")
	wordLoop  = felt.MustHex("0x10780017fff7fff")
)

// Bounds of a run.
const (
	maxAddress = 1 << 29 // number of cells of the memory table
	maxSteps   = 1 << 29
	firstBigID = 1 << 30 // ids of values of 2^72 and more begin here
	// addressesPerRow is the number of addresses in a row of memory_address_to_id.
	addressesPerRow = 16
)

// builtins are the builtins whose segments a component checks: the number of cells of an instance, and the components, of which one is present
// if the segment is not empty.
var builtins = map[string]struct {
	cells      uint64
	components []string
}{
	"pedersen":        {3, []string{"pedersen_builtin", "pedersen_builtin_narrow_windows"}},
	"range_check_128": {1, []string{"range_check_builtin"}},
	"bitwise":         {5, []string{"bitwise_builtin"}},
	"ec_op":           {7, []string{"ec_op_builtin"}},
	"poseidon":        {6, []string{"poseidon_builtin"}},
	"range_check_96":  {1, []string{"range_check96_builtin"}},
	"add_mod":         {7, []string{"add_mod_builtin"}},
	"mul_mod":         {7, []string{"mul_mod_builtin"}},
}

// check returns an error unless the claim describes a run of a program from its first instruction to its last, of which the tables are large
// enough and not too large for the lookups.
func (c *Claim) check() error {
	for _, check := range []func() error{c.checkTables, c.checkUses, c.Public.check, c.checkBuiltins} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkUses returns an error if the lookups of a relation can be so many that their multiplicities overflow.
func (c *Claim) checkUses() error {
	addresses := c.table("memory_address_to_id")
	if addresses == nil {
		return errors.New("stwo: the table memory_address_to_id is missing")
	}
	if addressesPerRow<<addresses.LogSize > maxAddress {
		return fmt.Errorf("stwo: a memory of %d·2^%d cells, want at most %d", addressesPerRow, addresses.LogSize, maxAddress)
	}
	ids := uint64(0)
	for _, t := range c.tables(idToBig) {
		ids += 1 << t.LogSize
	}
	if ids > m31.P-firstBigID {
		return fmt.Errorf("stwo: %d values of 2^72 and more, want at most %d", ids, m31.P-firstBigID)
	}
	if t := c.table("memory_id_to_small"); t != nil && 1<<t.LogSize > firstBigID {
		return fmt.Errorf("stwo: 2^%d values below 2^72, want at most %d", t.LogSize, firstBigID)
	}
	uses := c.uses()
	c.Public.addUses(uses)
	for relation, n := range uses {
		if n >= m31.P {
			return fmt.Errorf("stwo: %d uses of %s, want less than %d", n, relation, m31.P)
		}
	}
	if steps := c.Steps(); steps > maxSteps {
		return fmt.Errorf("stwo: %d steps, want at most %d", steps, maxSteps)
	}
	return nil
}

// uses returns the number of tuples that the tables use of each relation.
func (c *Claim) uses() map[string]uint64 {
	uses := map[string]uint64{}
	for _, t := range c.Tables {
		for _, l := range t.Component.Lookups {
			if !l.Yield {
				uses[l.Relation.Name] += 1 << t.LogSize
			}
		}
	}
	return uses
}

// Steps returns the number of rows of the tables of instructions: the number of steps of the run, and padding.
func (c *Claim) Steps() uint64 {
	steps := uint64(0)
	for _, t := range c.Tables {
		if t.Component.Step {
			steps += 1 << t.LogSize
		}
	}
	return steps
}

// check returns an error unless the public data describes a whole run: the program lies below the first frame and begins with a start section, the
// registers are those at its beginning and at its end, and the output is the content of the output segment. Values and ids are below 2^31 - 1.
func (p *PublicData) check() error {
	if n := len(p.Program); n < startWords || n > maxCells || len(p.Output) > maxCells {
		return fmt.Errorf("stwo: a program of %d words and an output of %d, want %d to %d and at most %d", n, len(p.Output), startWords, maxCells, maxCells)
	}
	segments := p.present()
	for _, w := range []struct {
		at   int
		want felt.Felt
	}{{0, wordAddAP}, {1, felt.FromUint64(uint64(len(segments)))}, {2, wordCall}, {4, wordLoop}, {5, felt.Zero}} {
		if got := p.Program[w.at].Value; got != w.want {
			return fmt.Errorf("stwo: the program does not begin with a start section: word %d is %s, want %s", w.at, got, w.want)
		}
	}
	if main := p.Program[3].Value; !main.IsUint64() || main.Uint64() >= uint64(len(p.Program))-2 {
		return fmt.Errorf("stwo: the program calls main at 2 + %s, in %d words", main, len(p.Program))
	}

	first, last := uint64(p.Initial.AP), uint64(p.Final.AP) // first frame and end of the run
	switch frame := uint64(initialPC + len(p.Program) + 2); {
	case p.Initial.PC != initialPC || p.Final.PC != finalPC:
		return fmt.Errorf("stwo: the run goes from pc %d to %d, want %d to %d", p.Initial.PC, p.Final.PC, initialPC, finalPC)
	case first != frame || uint64(p.Initial.FP) != frame || uint64(p.Final.FP) != frame:
		return fmt.Errorf("stwo: the run begins with ap %d and fp %d and ends with fp %d, want %d (two words above the program)", first, p.Initial.FP, p.Final.FP, frame)
	case last < first+uint64(len(segments)) || last+uint64(len(p.Output)) > maxAddress:
		return fmt.Errorf("stwo: the run ends at ap %d, want %d or more (above main's arguments), and %d words of output after it below %d", last, first+uint64(len(segments)), len(p.Output), maxAddress)
	}
	out := p.Segments[output]
	if out == nil {
		return errors.New("stwo: the output segment is missing")
	}
	if start, stop := uint64(out.Start.Value), uint64(out.Stop.Value); start != last || stop != last+uint64(len(p.Output)) {
		return fmt.Errorf("stwo: the output segment goes from %d to %d, want %d to %d", start, stop, last, last+uint64(len(p.Output)))
	}
	for i, s := range p.Segments {
		if s == nil {
			continue
		}
		for _, v := range []uint32{s.Start.ID, s.Start.Value, s.Stop.ID, s.Stop.Value} {
			if v >= m31.P {
				return fmt.Errorf("stwo: segment %s: %d is not below %d", segmentNames[i], v, m31.P)
			}
		}
		if *s == (Segment{}) {
			// The claim would be mixed as one without the segment. No prover gives the id 0 to 0, because the program's first word has it.
			return fmt.Errorf("stwo: segment %s: pointers and ids are 0, as of an absent segment", segmentNames[i])
		}
	}
	for _, cells := range [][]Cell{p.Program, p.Output, {{ID: p.SafeCallIDs[0]}, {ID: p.SafeCallIDs[1]}}} {
		for i := range cells {
			if cells[i].ID >= m31.P {
				return fmt.Errorf("stwo: an id of %d, want less than %d", cells[i].ID, m31.P)
			}
		}
	}
	return nil
}

// checkBuiltins returns an error unless each segment of a builtin is either empty, without a component, or lies in the segment that its component
// checks.
func (c *Claim) checkBuiltins() error {
	for i, name := range segmentNames {
		b, checked := builtins[name]
		s := c.Public.Segments[i]
		empty := s == nil || s.Start.Value == s.Stop.Value
		var tables []*Table
		for _, component := range b.components {
			if t := c.table(component); t != nil {
				tables = append(tables, t)
			}
		}
		switch {
		case i == output:
			continue
		case empty && len(tables) > 0:
			return fmt.Errorf("stwo: a table %s, and the segment %s is empty", tables[0].Component.Name, name)
		case empty:
			continue
		case !checked:
			return fmt.Errorf("stwo: the segment %s is used, but no component checks it", name)
		case len(tables) != 1:
			return fmt.Errorf("stwo: %d components for the segment %s, want 1", len(tables), name)
		}
		t := tables[0]
		start, stop := uint64(s.Start.Value), uint64(s.Stop.Value)
		end := uint64(t.Start) + b.cells<<t.LogSize
		if start != uint64(t.Start) || stop < start || stop > end || end > maxAddress || (stop-start)%b.cells != 0 {
			return fmt.Errorf("stwo: the segment %s goes from %d to %d, its component checks %d to %d, %d cells an instance", name, start, stop, t.Start, end, b.cells)
		}
	}
	return nil
}
