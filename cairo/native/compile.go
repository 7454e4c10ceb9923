package native

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// compiler lowers a class to a module.
type compiler struct {
	layout
	program    *sierra.Program
	rows       map[string]lowering
	info       *sierra.GasInfo
	module     *module
	helperBase int
	index      map[sierra.FuncID]int             // index in the module of each function met so far
	calls      map[sierra.FuncID][]sierra.FuncID // callees by caller
	queue      []sierra.FuncID                   // functions still to be lowered
	circuits   map[sierra.TypeID]uint64          // offset of each circuit's gates in data
	data       []byte                            // constants
	codeSize   int                               // bytes of the functions lowered so far
	copies     int                               // variables copied at branches so far, at most maxCopies
}

// maxPages bounds a run's memory in pages of 64 KiB; a run that needs more falls back to the VM. A call with all the gas that there
// can be appends at most 3 million felts, which take 200 MB.
const maxPages = 4096 // 256 MB

// gasTokens holds the price in gas of each token of a GasInfo: gas itself and the builtins (pedersen, poseidon, bitwise, ec_op,
// add_mod, mul_mod, blake). The prices are those of the table of builtin costs that contracts see.
var gasTokens = [sierra.GasTokens]uint64{
	1, constants.PedersenGas, constants.PoseidonGas, constants.BitwiseGas, constants.EcOpGas, constants.AddModGas, constants.MulModGas,
	constants.BlakeGas,
}

// Compile lowers the functions that a class's entry points reach. The error says why the class cannot be lowered.
func Compile(program *sierra.Program, info *sierra.GasInfo) (code []byte, err error) {
	l, err := lowerClass(program, info)
	if err != nil {
		return nil, err
	}
	return l.code, nil
}

// lowered is a class as WebAssembly.
type lowered struct {
	code    []byte
	data    []byte // constants
	shallow bool   // calls of its entry points take at most shallowStack words of stack
}

// lowerClass lowers the functions that a class's entry points reach. The error says why the class cannot be lowered.
func lowerClass(program *sierra.Program, info *sierra.GasInfo) (l *lowered, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unsupported:
			err = fmt.Errorf("native: %s", r.reason)
		default:
			panic(r)
		}
	}()
	c, err := newCompiler(program, info)
	if err != nil {
		return nil, err
	}
	for _, list := range [][]sierra.EntryPoint{info.EntryPoints.External, info.EntryPoints.L1Handler, info.EntryPoints.Constructor} {
		for _, ep := range list {
			id := sierra.FuncID(ep.FunctionIdx)
			if c.functionSignature(id) != entrySignature {
				reject("function %d does not have the signature of an entry point", id)
			}
			c.export(id)
		}
	}
	return c.finish(), nil
}

// newCompiler returns a compiler whose module has the imports and the runtime's functions.
func newCompiler(program *sierra.Program, info *sierra.GasInfo) (*compiler, error) {
	registry, err := sierra.NewRegistry(program)
	if err != nil {
		return nil, err
	}
	if info == nil {
		reject("the gas costs of the class's statements are not known")
	}
	if len(info.Statements) != len(program.Statements) {
		reject("gas costs for %d statements, but the program has %d", len(info.Statements), len(program.Statements))
	}
	c := &compiler{
		layout:  layout{r: registry, slots: map[sierra.TypeID]int{}},
		program: program, info: info, rows: lowerings(), index: map[sierra.FuncID]int{}, calls: map[sierra.FuncID][]sierra.FuncID{}, circuits: map[sierra.TypeID]uint64{},
		module: &module{},
	}
	for _, h := range hosts().list {
		c.module.imports = append(c.module.imports, importFunc{h.name, h.sig})
	}
	c.helperBase = len(hosts().list)
	for h := range helpers {
		c.module.funcs = append(c.module.funcs, runtimeFunction(h, c.helperBase, maxPages))
	}
	return c, nil
}

// export adds a function to the module's exports and lowers it.
func (c *compiler) export(id sierra.FuncID) {
	name := exportName(id)
	if !slices.ContainsFunc(c.module.exports, func(e export) bool { return e.name == name }) {
		c.module.exports = append(c.module.exports, export{name, c.function(id)})
	}
}

// finish lowers all queued functions and the functions that they call, and returns the module.
func (c *compiler) finish() *lowered {
	for len(c.queue) > 0 {
		id := c.queue[0]
		c.queue = c.queue[1:]
		f := c.lowerFunction(id)
		c.module.funcs = append(c.module.funcs, f)
		c.codeSize += len(f.body)
	}
	return &lowered{code: c.module.encode(), data: c.data, shallow: c.stack() <= shallowStack}
}

// shallowStack is the largest stack, in words, with which an instance's function is kept for its next call. Real contracts without
// recursion take at most 2,000.
const shallowStack = 1 << 13

// stack returns an upper bound of the stack that a call takes, in words: the sum of the locals on the longest chain of calls, or a
// very large number if functions are recursive.
func (c *compiler) stack() int {
	const open, endless = -1, 1 << 40
	depth := map[sierra.FuncID]int{}
	var visit func(id sierra.FuncID) int
	visit = func(id sierra.FuncID) int {
		if d, ok := depth[id]; ok {
			if d == open {
				return endless
			}
			return d
		}
		depth[id] = open
		most := 0
		for _, callee := range c.calls[id] {
			most = max(most, visit(callee))
		}
		f := c.module.funcs[c.index[id]-len(c.module.imports)]
		depth[id] = min(endless, most+f.sig.params+f.sig.results+f.locals)
		return depth[id]
	}
	most := 0
	for id := range c.index {
		most = max(most, visit(id))
	}
	return most
}

// entrySignature is the signature of an entry point: it takes gas and the calldata's span, and returns gas and a PanicResult of a
// span.
var entrySignature = signature{1 + arraySlots, 1 + 1 + arraySlots}

// exportName returns the name under which a function is exported.
func exportName(id sierra.FuncID) string { return fmt.Sprintf("f%d", id) }

// function returns the index of a function in the module. It queues the function to be lowered if it was not met before.
func (c *compiler) function(id sierra.FuncID) int {
	if i, ok := c.index[id]; ok {
		return i
	}
	i := c.helperBase + int(helpers) + len(c.index)
	c.index[id] = i
	c.queue = append(c.queue, id)
	return i
}

// maxSignature bounds the slots of a function's parameters, and those of its results.
const maxSignature = 900

// functionSignature returns the number of slots that a function takes and returns.
func (c *compiler) functionSignature(id sierra.FuncID) signature {
	fn := &c.program.Funcs[id]
	var s signature
	for _, p := range fn.Params {
		s.params += c.size(p.Type)
	}
	for _, t := range fn.Ret {
		s.results += c.size(t)
	}
	if max(s.params, s.results) > maxSignature {
		reject("a function takes %d and returns %d slots, at most %d", s.params, s.results, maxSignature)
	}
	return s
}

// gas returns the amount of gas that a statement withdraws or redeposits.
func (c *compiler) gas(idx sierra.StatementIdx) uint64 {
	total := uint64(0)
	for t, n := range c.info.Statements[idx] {
		if n < 0 || n > 1<<40 {
			reject("a gas amount of %d is not between 0 and 2^40", n)
		}
		total += uint64(n) * gasTokens[t]
	}
	return total
}

// maxData bounds the constants of a class.
const maxData = 4 << 20

// static appends words to the class's constants and returns their offset.
func (c *compiler) static(v []slot) uint64 {
	at := len(c.data)
	if at > maxData {
		reject("more than %d bytes of constants", maxData)
	}
	for _, s := range v {
		if !s.known {
			panic("native: the value of a constant is not known")
		}
		c.data = binary.LittleEndian.AppendUint64(c.data, s.value)
	}
	return uint64(at)
}

// constantAt returns the address of the constant at an offset.
func (b *body) constantAt(offset uint64) slot {
	b.load(constant(baseCell), 0)
	return b.do(opAdd, b.pop(), constant(offset))
}

// static appends words to the class's constants and returns their address.
func (b *body) static(v []slot) slot {
	if len(v) == 0 {
		return constant(heapCell) // any address but null: nothing reads there
	}
	return b.constantAt(b.c.static(v))
}
