// Package compiler turns Sierra programs into CASM, byte for byte as the official compiler 2.20.0 does: the compiled class
// hash is consensus.
//
// The phases, each in a file of its own:
//
//  1. resolve (libfunc.go): finds the table row of every libfunc in use;
//  2. metadata: gas of the builtins (gas.go), ap changes (apchange.go), then gas of the steps;
//  3. lowering (lower.go, builder.go and a file for each family of libfuncs), statement by statement, with references and
//     the environment checked along every branch (annotations.go, environment.go);
//  4. constants and relocation (consts.go, relocate.go);
//  5. for a class: entry points, segments, assembly (class.go).
//
// The libfuncs are tables of rows: cost, ap change, lowering. After every lowering, the cost and ap change of the code
// are compared with the row.
package compiler

import (
	"strings"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// Bounds of the bytecode, in felts.
const (
	DefaultMaxBytecode = constants.MaxProgramFelts // the chain's bound
	ToolMaxBytecode    = 180_000                   // the default of starknet-sierra-compile
)

// Options configures a compilation.
type Options struct {
	// MaxBytecode is the largest bytecode in felts; 0 means DefaultMaxBytecode.
	MaxBytecode int
	// Libfuncs lists the libfuncs that a class may use; by default the audited ones.
	Libfuncs sierra.LibfuncList
	// Program is the class's decoded Sierra program, or nil to decode it.
	Program *sierra.Program
	// FunctionCosts fixes the gas cost of some functions.
	FunctionCosts map[sierra.FuncID]int64
	// NoGasCheck compiles without gas accounting, for programs that are not contracts.
	NoGasCheck bool
}

// Metadata is what the solvers compute about a program before it is lowered.
type Metadata struct {
	// FunctionCosts is the cost of a call of each function.
	FunctionCosts []Costs
	// FunctionAPChange is how far each function moves ap, -1 if that is known only at run time.
	FunctionAPChange []int

	gasVars []Costs // by statement: the gas of withdraw_gas, redeposit_gas, coupon_refund and branch_align
	apVars  []int   // by statement: how far branch_align moves ap
}

// Program is a compiled program.
type Program struct {
	Metadata     *Metadata
	Instructions []casm.Instruction
	// Offsets is the code offset of each statement, and at the end the code's length.
	Offsets []int
	consts  *constSegments
}

// String returns the program as the official compiler prints it.
func (p *Program) String() string {
	var b strings.Builder
	for i := range p.Instructions {
		b.WriteString(p.Instructions[i].String())
		b.WriteString(";\n")
	}
	for _, s := range p.consts.segments {
		b.WriteString("ret;\n")
		for _, v := range s.values {
			b.WriteString("dw " + v.String() + ";\n")
		}
	}
	return b.String()
}

// Assemble returns the program's bytecode and its hints in the order of their offsets.
func (p *Program) Assemble() (code []felt.Felt, hints []casm.HintsAt) {
	code = make([]felt.Felt, 0, p.size())
	for i := range p.Instructions {
		if h := p.Instructions[i].Hints; len(h) > 0 {
			hints = append(hints, casm.HintsAt{Offset: len(code), Hints: h})
		}
		code = p.Instructions[i].Append(code)
	}
	ret := casm.Instruction{Op: casm.Ret}
	for _, s := range p.consts.segments {
		code = ret.Append(code)
		for _, v := range s.values {
			code = append(code, felt.FromBigInt(v))
		}
	}
	return code, hints
}

// size returns the bytecode's length in felts.
func (p *Program) size() int { return p.Offsets[len(p.Offsets)-1] + p.consts.size }

// compilation is the state of a compilation.
type compilation struct {
	*resolved
	options  Options
	metadata *Metadata
	budget   budget
	last     lowering // of the previous statement, to reuse its memory
}

// budget bounds the work that a program can cause: a small program can declare values of many cells and pass them around
// without generating code. Real classes need thousands of times less. The fee of a DECLARE depends on the class's length,
// so the bound grows with the number of statements.
type budget struct{ copied, moved, mostCopied, mostMoved int }

const (
	maxCopied = 1 << 23 // cells of references copied, which take memory
	maxMoved  = 1 << 29 // variables and cells visited

	freeCopied, copiedByStatement = 1 << 20, 1 << 8
	freeMoved, movedByStatement   = 1 << 22, 1 << 13
)

// newBudget returns the budget of a program with the given number of statements.
func newBudget(statements int) budget {
	return budget{
		mostCopied: min(maxCopied, freeCopied+statements*copiedByStatement),
		mostMoved:  min(maxMoved, freeMoved+statements*movedByStatement),
	}
}

// copy counts copied cells and rejects the program at the bound.
func (b *budget) copy(cells int) {
	if b.copied += cells; b.copied > b.mostCopied {
		reject("references take more than %d cells in total", b.mostCopied)
	}
}

// move counts visited variables and cells and rejects the program at the bound.
func (b *budget) move(cells int) {
	if b.moved += cells; b.moved > b.mostMoved {
		reject("following the references takes more than %d moves of cells", b.mostMoved)
	}
}

// Compile compiles a program. Every error is a *sierra.ClassError.
func Compile(registry *sierra.Registry, options Options) (program *Program, err error) {
	if options.MaxBytecode == 0 {
		options.MaxBytecode = DefaultMaxBytecode
	}
	defer recovered(&err)
	resolved, err := resolve(registry)
	if err != nil {
		return nil, err
	}
	c := &compilation{resolved: resolved, options: options, budget: newBudget(len(resolved.program.Statements))}
	if c.metadata, err = c.computeMetadata(); err != nil {
		return nil, err
	}
	code, err := c.lowerAll()
	if err != nil {
		return nil, err
	}
	consts, err := c.newConstSegments(options.MaxBytecode - code.offsets[len(code.offsets)-1])
	if err != nil {
		return nil, err
	}
	code.relocate(consts)
	return &Program{Metadata: c.metadata, Instructions: code.instructions, Offsets: code.offsets, consts: consts}, nil
}

// computeMetadata runs the solvers for builtins, ap and steps.
func (c *compilation) computeMetadata() (*Metadata, error) {
	m := &Metadata{}
	n := len(c.program.Statements)
	if c.options.NoGasCheck {
		m.gasVars, m.FunctionCosts = make([]Costs, n), make([]Costs, len(c.program.Funcs))
		ap := c.newAPSolver(m.gasVars)
		var err error
		m.FunctionAPChange, m.apVars, err = ap.solve()
		return m, err
	}
	enforced := map[sierra.StatementIdx]*Costs{}
	for i := range c.program.Funcs {
		if cost, ok := c.options.FunctionCosts[sierra.FuncID(i)]; ok {
			enforced[c.program.Funcs[i].Entry] = &Costs{Const: cost}
		}
	}
	gas := &gasSolver{resolved: c.resolved}
	pre, preFunctions, err := gas.solve()
	if err != nil {
		return nil, err
	}
	if m.FunctionAPChange, m.apVars, err = c.newAPSolver(pre).solve(); err != nil {
		return nil, err
	}
	gas.post, gas.pre, gas.apVars, gas.enforced = true, pre, m.apVars, enforced
	post, postFunctions, err := gas.solve()
	if err != nil {
		return nil, err
	}
	m.gasVars, m.FunctionCosts = post, postFunctions
	for i := range pre {
		m.gasVars[i] = m.gasVars[i].add(pre[i])
	}
	for i := range preFunctions {
		m.FunctionCosts[i] = m.FunctionCosts[i].add(preFunctions[i])
	}
	return m, nil
}

// newAPSolver returns the solver of ap changes. usage is the gas of the builtins by statement.
func (r *resolved) newAPSolver(usage []Costs) *apSolver {
	ap := &apSolver{resolved: r, branches: make([][]apChange, len(r.program.Statements))}
	for idx := range r.program.Statements {
		if s := &r.program.Statements[idx]; !s.Return {
			lf := &r.libfuncs[s.Libfunc]
			if ap.branches[idx] = lf.ap; lf.row.apOfGas != nil {
				ap.branches[idx] = lf.row.apOfGas(&usage[idx])
			}
		}
	}
	return ap
}

// code is the compiled code of all statements.
type code struct {
	instructions []casm.Instruction
	relocations  []relocation
	offsets      []int // of the statements, and the code's length
}

// lowerAll lowers the statements in order.
func (c *compilation) lowerAll() (*code, error) {
	as, err := c.newAnnotations()
	if err != nil {
		return nil, err
	}
	n := len(c.program.Statements)
	// Contracts have about one instruction a statement; a third more avoids reallocation for most.
	out := &code{offsets: make([]int, 0, n+1), instructions: make([]casm.Instruction, 0, n+n/3)}
	offset := 0
	for i := range c.program.Statements {
		idx, s := sierra.StatementIdx(i), &c.program.Statements[i]
		if offset > c.options.MaxBytecode {
			return nil, errorf(codeSize, -1, "bytecode exceeds %d felts", c.options.MaxBytecode)
		}
		a, refs, err := as.use(idx, s.Args)
		if err != nil {
			return nil, err
		}
		out.offsets = append(out.offsets, offset)
		if s.Return {
			if err := as.checkReturn(idx, a, refs); err != nil {
				return nil, err
			}
			out.instructions = append(out.instructions, casm.Instruction{Op: casm.Ret})
			offset++
			continue
		}
		l, err := c.lower(idx, a.env, refs)
		if err != nil {
			return nil, err
		}
		for k := range l.code {
			offset += l.code[k].Size()
		}
		for _, r := range l.relocations {
			r.instruction += len(out.instructions)
			out.relocations = append(out.relocations, r)
		}
		out.instructions = append(out.instructions, l.code...)
		a.env = l.env
		if err := as.branches(idx, s, a, l.changes); err != nil {
			return nil, err
		}
	}
	out.offsets = append(out.offsets, offset)
	if offset > c.options.MaxBytecode {
		return nil, errorf(codeSize, -1, "bytecode exceeds %d felts", c.options.MaxBytecode)
	}
	return out, nil
}

// branches propagates the annotation along all branches of an invocation.
func (as *annotations) branches(idx sierra.StatementIdx, s *sierra.Statement, a *annotation, changes []branchChange) error {
	branching := len(changes) > 1
	for i := range changes {
		next := s.Branches[i].Next(idx)
		if branching && !as.isBranchAlign(next) {
			return errorf(codeReferences, idx, "branch %d leads to statement %d, which is not a branch_align", i, next)
		}
		updated := a
		if i+1 < len(changes) {
			updated = as.clone(a)
		}
		if err := as.propagate(idx, next, updated, s.Branches[i].Results, &changes[i], branching); err != nil {
			return err
		}
	}
	return nil
}

// isBranchAlign reports whether a statement invokes branch_align.
func (r *resolved) isBranchAlign(idx sierra.StatementIdx) bool {
	s := &r.program.Statements[idx]
	if s.Return {
		return false
	}
	sig := &r.libfuncs[s.Libfunc].Signature
	return len(sig.Branches) == 1 && sig.Branches[0].ApChange.BranchAlign
}
