package cairoair

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Table is a component's part of the base trace, without preprocessed columns. Columns of zeros may be nil.
type Table struct {
	*Component
	air.Table
}

// minLogSize is log2 of the smallest number of rows of a component.
const minLogSize = 4

// maxLogValues is log2 of the largest number of rows of a part of memory_id_to_big.
const maxLogValues = 25

// Fill returns the base trace of a run: the tables of all components that the run needs, in claim order. Pedersen hashes are proved with
// windows of 9 bits if narrow is set, else of 18 bits.
//
// Components are filled in claim order, because their rows count multiplicities of later ones and pass inputs to them. A row passes one input
// for each counted lookup of a component with inputs, and for each feed: first all rows for the first of these, then all rows for the next.
// Padding rows count and pass, too. Fill returns an error if a row asks for what does not exist, as in a run with a wrong step.
func Fill(in *adapter.Input, narrow bool) ([]Table, error) {
	t := newTrace(in, narrow)
	for _, c := range Components() {
		if !t.present[c] {
			continue
		}
		switch c.Source {
		case OpcodeStates:
			s := t.in.Opcodes[opcodeOf[c.Name]]
			t.fill(c, [][]m31.M31{s.PC, s.AP, s.FP}, s.Len())
		case BuiltinSegment:
			instances, err := t.instances(c)
			if err != nil {
				return nil, err
			}
			t.fillRows(c, m31.M31(in.Segments[builtinOf[c.Name]].Begin), bits.Len(uint(instances))-1, instances, nil)
		case PassedInputs:
			p := t.passed[c]
			t.fill(c, p.words, p.rows)
		case DistinctInputs:
			var inputs [][]m31.M31
			if c.Name == "verify_instruction" {
				inputs = t.instructions.distinct()
			} else {
				inputs = t.passed[c].distinct()
			}
			t.fill(c, inputs, len(inputs[0]))
		case MemoryTable:
			t.fillMemory(c)
		case FixedTable:
			t.tables = append(t.tables, Table{c, air.Table{LogSize: c.AIR().LogSize, Columns: t.counts[c].columns()}})
		}
		if err := t.err(); err != nil {
			return nil, err
		}
	}
	return t.tables, nil
}

// opcodeOf and builtinOf are the opcode and the builtin that a component proves.
var (
	opcodeOf = func() map[string]adapter.Opcode {
		m := map[string]adapter.Opcode{}
		for o := range adapter.OpcodeCount {
			m[o.String()] = o
		}
		return m
	}()
	builtinOf = map[string]adapter.Builtin{
		"add_mod_builtin": adapter.AddMod, "bitwise_builtin": adapter.Bitwise, "mul_mod_builtin": adapter.MulMod,
		"pedersen_builtin": adapter.Pedersen, "pedersen_builtin_narrow_windows": adapter.Pedersen, "poseidon_builtin": adapter.Poseidon,
		"range_check96_builtin": adapter.RangeCheck96, "range_check_builtin": adapter.RangeCheck, "ec_op_builtin": adapter.ECOp,
	}
)

// trace is a base trace while it is made.
type trace struct {
	in      *adapter.Input
	memory  *memory
	present map[*Component]bool
	tables  []Table

	byName  map[string]*Component
	yielder map[*air.Relation]*Component // the component whose rows a counted lookup asks for

	// What was counted and passed until now. The multiplicities of an address are at the address itself, whose row is the one before.
	rows         map[*Component]int // of components that are filled
	passed       map[*Component]*passedInputs
	instructions *instructionInputs
	counts       map[*Component]counters // the multiplicity columns of fixed tables
	addresses    *counter
	small, big   *counter

	failure atomic.Pointer[lookupError]
}

// lookupError says that a row of a component looks up what does not exist, which happens if the run is not one of the Cairo machine.
type lookupError struct {
	component string
	row       int
	relation  string
	value     m31.M31
}

func (e *lookupError) Error() string {
	return fmt.Sprintf("cairoair: %s, row %d: %s has no tuple with the value %d", e.component, e.row, e.relation, e.value)
}

// fail records an error. Of several errors of one component the one in the first row stays.
func (t *trace) fail(e *lookupError) {
	for {
		old := t.failure.Load()
		if old != nil && (old.row < e.row || old.row == e.row && old.relation <= e.relation) || t.failure.CompareAndSwap(old, e) {
			return
		}
	}
}

func (t *trace) err() error {
	if e := t.failure.Load(); e != nil {
		return e
	}
	return nil
}

func newTrace(in *adapter.Input, narrow bool) *trace {
	t := &trace{in: in, memory: newMemory(&in.Memory), present: map[*Component]bool{}, byName: map[string]*Component{},
		yielder: yielders(), rows: map[*Component]int{}, passed: map[*Component]*passedInputs{}, counts: map[*Component]counters{}}
	for _, c := range Components() {
		t.byName[c.Name] = c
	}
	for _, c := range Components() {
		switch c.Source {
		case OpcodeStates:
			if t.in.Opcodes[opcodeOf[c.Name]].Len() > 0 {
				t.need(c)
			}
		case BuiltinSegment:
			if b := builtinOf[c.Name]; t.in.Segments[b].Len() > 0 && (b != adapter.Pedersen || narrow == strings.HasSuffix(c.Name, "narrow_windows")) {
				t.need(c)
			}
		case FixedTable:
			// A claim has these tables whether or not something uses them.
			if slices.Contains(tableComponents, c) && c.Name != "verify_bitwise_xor_12" {
				t.need(c)
			}
		}
	}
	t.addresses = newCounter(1 + addressParts*addressRows(in))
	t.small = newCounter(size(len(in.Memory.Small)))
	t.big = newCounter(size(len(in.Memory.Big)))
	return t
}

// size returns the number of rows of a component with n inputs: a power of two.
func size(n int) int { return 1 << max(minLogSize, bits.Len(uint(max(n, 1)-1))) }

// yielders returns, for each relation that a component yields row by row for others, that component.
func yielders() map[*air.Relation]*Component {
	m := map[*air.Relation]*Component{}
	for _, c := range Components() {
		if c.Source == OpcodeStates || c.Source == BuiltinSegment {
			continue
		}
		for _, l := range c.AIR().Lookups {
			if l.Yield && (m[l.Relation] == nil || c.Source == PassedInputs) {
				m[l.Relation] = c
			}
		}
	}
	return m
}

// need adds a component and those that its rows use.
func (t *trace) need(c *Component) {
	if c == nil || t.present[c] {
		return
	}
	t.present[c] = true
	a := c.AIR()
	switch {
	case c.Source == FixedTable:
		columns := make(counters, len(a.Columns))
		for k := range columns {
			columns[k] = newCounter(1 << a.LogSize)
		}
		t.counts[c] = columns
	case c.Name == "verify_instruction":
		t.instructions = newInstructionInputs(a.Inputs-1, t.in)
	default:
		t.passed[c] = &passedInputs{}
	}
	for _, l := range a.Lookups {
		switch {
		case !l.Count:
		case l.Relation == memoryIDToValue:
			t.need(t.byName["memory_id_to_small"])
			if len(t.in.Memory.Big) > 0 {
				t.need(t.byName["memory_id_to_big"])
			}
		default:
			t.need(t.yielder[l.Relation])
		}
	}
	for _, f := range a.Feeds {
		t.need(t.byName[f.Component])
	}
}

// fill fills a component with n inputs, which are padded with copies of the first ones: of the first row, or of the first 16 rows if other
// components pass the inputs, which they do in groups of 16.
func (t *trace) fill(c *Component, inputs [][]m31.M31, n int) {
	rows := size(n)
	padded := make([][]m31.M31, len(inputs))
	group := 1
	if c.Source == PassedInputs {
		group = 16
	}
	parallel.For(len(inputs), func(k int) {
		words := inputs[k]
		if c.Source == OpcodeStates {
			padded[k] = make([]m31.M31, rows) // the states belong to the input
			copy(padded[k], words)
		} else {
			padded[k] = slices.Grow(words, rows-n)[:rows]
		}
		multiplicity := c.Source == DistinctInputs && k == len(inputs)-1
		for i := n; i < rows; i++ {
			if multiplicity {
				padded[k][i] = 0
			} else {
				padded[k][i] = padded[k][i%group]
			}
		}
	})
	t.fillRows(c, 0, bits.Len(uint(rows))-1, n, padded)
	delete(t.passed, c)
}

// fillRows fills a component with 2^logSize rows, of which the first ones are enabled.
func (t *trace) fillRows(c *Component, parameter m31.M31, logSize, enabled int, inputs [][]m31.M31) {
	a := c.AIR()
	t.rows[c] = 1 << logSize
	f := &air.Filling{Env: t.memory, LogSize: logSize, Parameter: parameter, Enabled: enabled, Inputs: inputs}
	for _, l := range a.Lookups {
		if l.Count {
			f.Uses = append(f.Uses, t.use(c, l.Relation, 1<<logSize))
		} else {
			f.Uses = append(f.Uses, nil)
		}
	}
	for _, feed := range a.Feeds {
		f.Feeds = append(f.Feeds, t.pass(t.byName[feed.Component], 1<<logSize))
	}
	t.tables = append(t.tables, Table{c, air.Table{LogSize: logSize, Parameter: parameter, Columns: a.Fill(f)}})
}
