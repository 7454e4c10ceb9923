package cairoair

import (
	"cmp"
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

// Table is a component's part of the base trace. Preprocessed columns are left out.
type Table struct {
	*Component
	air.Table
}

// MinLogSize is log2 of the smallest number of rows of a component.
const MinLogSize = 4

// maxLogValues is log2 of the largest number of rows of a part of memory_id_to_big.
const maxLogValues = 25

// Fill returns the base trace of a run: the tables of all components that the run needs, in claim order. Pedersen hashes are proved with
// windows of 9 bits if narrow is set, else of 18 bits.
//
// Components are filled in claim order, because rows pass inputs to later components. A row passes one input for each lookup of a component
// with inputs; all rows' inputs for the first such lookup come first, then those for the next one.
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
			s := builtinOf[c.Name]
			segment := in.Segments[s]
			if n := segment.Len() / s.Cells(); segment.Len()%s.Cells() != 0 || n < 1<<MinLogSize || n&(n-1) != 0 {
				return nil, fmt.Errorf("cairoair: the segment of %s has %d cells, which is not a power of two of at least %d instances", s, segment.Len(), 1<<MinLogSize)
			}
			t.fillRows(c, m31.M31(segment.Begin), bits.Len(uint(segment.Len()/s.Cells()))-1, 0, nil)
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
	witness *Witness
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
	t := &trace{in: in, witness: &Witness{Memory: newMemory(&in.Memory)}, present: map[*Component]bool{}, byName: map[string]*Component{},
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
	addressRows := size((len(in.Memory.IDs) - 1 + addressParts - 1) / addressParts)
	t.addresses = newCounter(1 + addressParts*addressRows)
	t.small = newCounter(size(len(in.Memory.Small)))
	t.big = newCounter(size(len(in.Memory.Big)))
	return t
}

// size returns the number of rows of a component with n inputs: a power of two.
func size(n int) int { return 1 << max(MinLogSize, bits.Len(uint(n-1))) }

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
			words = words[:n:n] // so that they are copied
		}
		padded[k] = slices.Grow(words, rows-n)[:rows]
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
	f := &air.Filling{Env: t.witness, LogSize: logSize, Parameter: parameter, Enabled: enabled, Inputs: inputs}
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

// use returns the sink of a lookup of c, which has the given number of rows.
func (t *trace) use(c *Component, r *air.Relation, rows int) air.Sink {
	fail := func(row int, value m31.M31) { t.fail(&lookupError{c.Name, row, r.Name, value}) }
	switch r {
	case memoryAddressToID:
		n := m31.M31(len(t.in.Memory.IDs))
		return func(worker, first int, values [][]m31.M31) {
			times := t.addresses.of(worker)
			for i, address := range values[0] {
				if address == 0 || address >= n {
					fail(first+i, address)
					continue
				}
				times.add(address)
			}
		}
	case memoryIDToValue:
		return func(worker, first int, values [][]m31.M31) {
			small, big := t.small.of(worker), t.big.of(worker)
			for i, id := range values[0] {
				switch {
				case int(id) < len(t.in.Memory.Small):
					small.add(id)
				case id >= adapter.BigID && int(id-adapter.BigID) < len(t.in.Memory.Big):
					big.add(id - adapter.BigID)
				default:
					fail(first+i, id)
				}
			}
		}
	}
	target := t.yielder[r]
	switch {
	case target == nil:
		panic("cairoair: no component yields " + r.Name)
	case target.Source == FixedTable:
		return tableSink(target, r, t.counts[target], fail)
	case target.Name == "verify_instruction":
		return t.instructions.sink(fail)
	default:
		return t.pass(target, rows)
	}
}

// counter counts how often each of its rows is used. Each worker counts for itself: that is several times faster than atomic additions, and
// workers that never use a table need no memory for it.
type counter struct {
	rows    int
	workers []tally
}

// tally is the counts of one worker, which are low + high. Most rows are rarely used, and bytes miss the cache less often than words. high holds
// multiples of 256 in pages, which are nil as long as there are none.
type tally struct {
	low  []uint8
	high [][]m31.M31
}

const tallyPage = 1 << 10

func newCounter(rows int) *counter { return &counter{rows, make([]tally, parallel.Workers())} }

// of returns the counts of a worker.
func (c *counter) of(worker int) *tally {
	t := &c.workers[worker]
	if t.low == nil {
		t.low = make([]uint8, c.rows)
		t.high = make([][]m31.M31, (c.rows+tallyPage-1)/tallyPage)
	}
	return t
}

// add counts a use of a row.
func (t *tally) add(row m31.M31) {
	t.low[row]++
	if t.low[row] == 0 {
		t.carry(row)
	}
}

// carry adds 256 to the count of a row.
func (t *tally) carry(row m31.M31) {
	page := &t.high[row/tallyPage]
	if *page == nil {
		*page = make([]m31.M31, tallyPage)
	}
	(*page)[row%tallyPage] += 1 << 8
}

// column returns the sum of all workers' counts.
func (c *counter) column() []m31.M31 {
	total := make([]m31.M31, c.rows)
	pages := (c.rows + tallyPage - 1) / tallyPage
	parallel.Chunks(pages, 4, func(start, end int) {
		for page := start; page < end; page++ {
			from := page * tallyPage
			total := total[from:min(from+tallyPage, c.rows)]
			for _, t := range c.workers {
				if t.low == nil {
					continue
				}
				for i, n := range t.low[from:][:len(total)] {
					total[i] += m31.M31(n)
				}
				if high := t.high[page]; high != nil {
					for i := range total {
						total[i] += high[i]
					}
				}
			}
		}
	})
	clear(c.workers)
	return total
}

type counters []*counter

func (c counters) columns() [][]m31.M31 {
	columns := make([][]m31.M31, len(c))
	for k := range c {
		columns[k] = c[k].column()
	}
	return columns
}

// tableSink returns the sink of a lookup in a fixed table, whose rows are the numbers that the leading values of a tuple make up.
func tableSink(c *Component, r *air.Relation, columns counters, fail func(row int, value m31.M31)) air.Sink {
	if r == xor12 {
		const low = 10
		return func(worker, first int, values [][]m31.M31) {
			for i, x := range values[0] {
				y := values[1][i]
				if x|y >= 1<<12 {
					fail(first+i, x|y)
					continue
				}
				columns[x>>low<<2|y>>low].of(worker).add(x&(1<<low-1)<<low | y&(1<<low-1))
			}
		}
	}
	column := columns[slices.IndexFunc(c.AIR().Lookups, func(l air.Lookup) bool { return l.Relation == r })]
	widths := c.widths
	return func(worker, first int, values [][]m31.M31) {
		times := column.of(worker)
		low := times.low
		const group = 64
		var rows [group]m31.M31
		for from := 0; from < len(values[0]); from += group {
			n := min(group, len(values[0])-from)
			rows, above := rows[:n], m31.M31(0)
			for k, w := range widths {
				value := values[k][from : from+n]
				for _, v := range value {
					above |= v >> w
				}
				if above != 0 {
					i := slices.IndexFunc(value, func(v m31.M31) bool { return v>>w != 0 })
					fail(first+from+i, value[i])
					break
				}
				if k == 0 {
					copy(rows, value)
					continue
				}
				for i, v := range value {
					rows[i] = rows[i]<<w | v
				}
			}
			if above != 0 {
				continue
			}
			for _, row := range rows {
				low[row]++
				if low[row] == 0 {
					times.carry(row)
				}
			}
		}
	}
}

// passedInputs are the inputs that other components pass to a component.
type passedInputs struct {
	words [][]m31.M31
	rows  int
}

// pass makes room for one input of c from each of n rows, and returns the sink that puts them there. It takes as many values of a tuple as
// an input has words; missing ones are 0.
func (t *trace) pass(c *Component, n int) air.Sink {
	p := t.passed[c]
	if p.words == nil {
		p.words = make([][]m31.M31, c.AIR().Inputs)
		rows := size(t.inputs(c))
		for k := range p.words {
			p.words[k] = make([]m31.M31, 0, rows)
		}
	}
	base := p.rows
	p.rows += n
	for k := range p.words {
		p.words[k] = slices.Grow(p.words[k], n)[:p.rows]
	}
	return func(_, first int, values [][]m31.M31) {
		for k, v := range values[:min(len(values), len(p.words))] {
			copy(p.words[k][base+first:], v)
		}
	}
}

// inputs returns the number of inputs that c will have. The rows that pass them are known, or follow from inputs themselves.
func (t *trace) inputs(c *Component) int {
	n := 0
	for caller := range t.present {
		passes := 0
		a := caller.AIR()
		for _, l := range a.Lookups {
			if l.Count && t.yielder[l.Relation] == c {
				passes++
			}
		}
		for _, f := range a.Feeds {
			if f.Component == c.Name {
				passes++
			}
		}
		switch rows, ok := t.rows[caller]; {
		case passes == 0 || caller == c:
		case ok:
			n += passes * rows
		case caller.Source == PassedInputs:
			n += passes * size(t.inputs(caller))
		}
	}
	return n
}

// distinct returns the distinct inputs in ascending order. The last word of each is its multiplicity.
func (p *passedInputs) distinct() [][]m31.M31 {
	key := p.words[:len(p.words)-1]
	compare := func(i, j int32) int {
		for _, word := range key {
			if c := cmp.Compare(word[i], word[j]); c != 0 {
				return c
			}
		}
		return 0
	}
	order := make([]int32, p.rows)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, compare)
	inputs := make([][]m31.M31, len(p.words))
	for n, i := range order {
		if n == 0 || compare(order[n-1], i) != 0 {
			for k, word := range key {
				inputs[k] = append(inputs[k], word[i])
			}
			inputs[len(key)] = append(inputs[len(key)], 0)
		}
		inputs[len(key)][len(inputs[0])-1]++
	}
	return inputs
}

// instructionInputs are the inputs of verify_instruction. There is a single one for each pc, so they are kept by pc.
type instructionInputs struct {
	times *counter
	words [][][]m31.M31 // of each worker, the words of the inputs that it saw
}

func newInstructionInputs(words int, in *adapter.Input) *instructionInputs {
	last := m31.M31(0)
	for _, s := range in.Opcodes {
		for _, pc := range s.PC {
			last = max(last, pc)
		}
	}
	n := min(int(last)+1, len(in.Memory.IDs)) // larger ones fail as addresses
	p := &instructionInputs{times: newCounter(n), words: make([][][]m31.M31, parallel.Workers())}
	for worker := range p.words {
		p.words[worker] = make([][]m31.M31, words)
	}
	return p
}

func (p *instructionInputs) sink(fail func(row int, value m31.M31)) air.Sink {
	return func(worker, first int, values [][]m31.M31) {
		times, words := p.times.of(worker), p.words[worker]
		for k := range words {
			if words[k] == nil {
				words[k] = make([]m31.M31, p.times.rows)
			}
		}
		for i, pc := range values[0] {
			if int(pc) >= p.times.rows {
				fail(first+i, pc)
				continue
			}
			times.add(pc)
			if times.low[pc] == 1 { // the first time, or once more after 256 times
				for k, v := range values {
					words[k][pc] = v[i]
				}
			}
		}
	}
}

// distinct returns the inputs in ascending order of pc. The last word of each is its multiplicity.
func (p *instructionInputs) distinct() [][]m31.M31 {
	seen := make([]int, p.times.rows) // a worker that saw the instruction
	for worker, t := range p.times.workers {
		for pc, n := range t.low {
			if n > 0 || t.high[pc/tallyPage] != nil && t.high[pc/tallyPage][pc%tallyPage] > 0 {
				seen[pc] = worker
			}
		}
	}
	n := len(p.words[0])
	inputs := make([][]m31.M31, n+1)
	for pc, times := range p.times.column() {
		if times == 0 {
			continue
		}
		for k, word := range p.words[seen[pc]] {
			inputs[k] = append(inputs[k], word[pc])
		}
		inputs[n] = append(inputs[n], times)
	}
	return inputs
}

// fillMemory fills a table of the memory. Nothing after it may use the memory.
func (t *trace) fillMemory(c *Component) {
	m := &t.in.Memory
	switch c.Name {
	case "memory_address_to_id":
		// The public memory is used by the verifier.
		for _, address := range t.in.Public {
			if address == 0 || int(address) >= len(m.IDs) {
				t.fail(&lookupError{"public memory", 0, memoryAddressToID.Name, m31.M31(address)})
				return
			}
			t.addresses.of(0).add(m31.M31(address))
			switch id := m.IDs[address]; {
			case id < m31.M31(len(m.Small)):
				t.small.of(0).add(id)
			case id >= adapter.BigID && int(id-adapter.BigID) < len(m.Big):
				t.big.of(0).add(id - adapter.BigID)
			default:
				t.fail(&lookupError{"public memory", 0, memoryIDToValue.Name, id})
				return
			}
		}
		times := t.addresses.column()
		rows := (len(times) - 1) / addressParts
		inputs := make([][]m31.M31, 2*addressParts)
		for k := range addressParts {
			from, to := 1+k*rows, 1+(k+1)*rows
			ids := m.IDs[min(from, len(m.IDs)):min(to, len(m.IDs))]
			if len(ids) < rows {
				ids = append(slices.Clone(ids), make([]m31.M31, rows-len(ids))...)
			}
			inputs[2*k], inputs[2*k+1] = ids, times[from:to]
		}
		t.fillRows(c, 0, bits.Len(uint(rows))-1, rows, inputs)
	case "memory_id_to_big":
		times := t.big.column()
		for from := 0; from < len(m.Big); from += 1 << maxLogValues {
			values := m.Big[from:min(from+1<<maxLogValues, len(m.Big))]
			limbs := limbTable(limbs252, len(values), func(i int) [4]uint64 { return words64(values[i]) })
			rows := len(limbs[0])
			t.fillRows(c, m31.M31(from), bits.Len(uint(rows))-1, rows, append(limbs, times[from:from+rows]))
		}
	case "memory_id_to_small":
		limbs := limbTable(limbs72, len(m.Small), func(i int) [4]uint64 { return [4]uint64{m.Small[i].Lo, m.Small[i].Hi} })
		t.fillRows(c, 0, bits.Len(uint(len(limbs[0])))-1, len(limbs[0]), append(limbs, t.small.column()))
	}
}

// limbTable returns columns of the k lowest limbs of n values, padded with zeros.
func limbTable(k, n int, value func(i int) [4]uint64) [][]m31.M31 {
	limbs := make([][]m31.M31, k, k+1)
	for j := range limbs {
		limbs[j] = make([]m31.M31, size(n))
	}
	parallel.Chunks(n, 1<<10, func(from, to int) {
		for i := from; i < to; i++ {
			v := value(i)
			for j := range limbs {
				limbs[j][i] = limb(&v, j)
			}
		}
	})
	return limbs
}

// limb returns limb k of a value.
func limb(v *[4]uint64, k int) m31.M31 {
	at := uint(k * limbBits)
	l := v[at/64] >> (at % 64)
	if at%64 > 64-limbBits && at/64 < 3 {
		l |= v[at/64+1] << (64 - at%64)
	}
	return m31.M31(l & (1<<limbBits - 1))
}

func words64(v [8]uint32) [4]uint64 {
	var w [4]uint64
	for k := range w {
		w[k] = uint64(v[2*k]) | uint64(v[2*k+1])<<32
	}
	return w
}

// Memory gives the witness the ids and values of a run's memory.
type Memory struct{ m *adapter.Memory }

// newMemory returns the memory m for the witness.
func newMemory(m *adapter.Memory) *Memory { return &Memory{m} }

// ID returns the id of the value at an address, and adapter.Empty if there is none.
func (m *Memory) ID(address m31.M31) m31.M31 {
	if int(address) >= len(m.m.IDs) {
		return adapter.Empty
	}
	return m.m.IDs[address]
}

// Value returns the value of an id in words of 64 bits, the lowest first, and 0 if there is none.
func (m *Memory) Value(id m31.M31) [4]uint64 {
	if int(id) < len(m.m.Small) {
		s := m.m.Small[id]
		return [4]uint64{s.Lo, s.Hi}
	}
	if id >= adapter.BigID && int(id-adapter.BigID) < len(m.m.Big) {
		return words64(m.m.Big[id-adapter.BigID])
	}
	return [4]uint64{}
}
