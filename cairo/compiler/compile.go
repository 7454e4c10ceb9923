// Package compiler turns Sierra programs into CASM, byte for byte as the official compiler 2.20.0 does: the compiled class
// hash is consensus.
//
// The phases, each in a file of its own:
//
//  1. resolve (libfunc.go): every libfunc in use gets its row of the tables;
//  2. gas (gas.go) for the builtins, ap changes (apchange.go), then gas in steps: the Metadata;
//  3. lowering (lower.go, builder.go and a file for each family of libfuncs), statement by statement, with references and
//     environment checked along every branch (annotations.go, environment.go);
//  4. constants and relocation (consts.go, relocate.go);
//  5. for a class: entry points, segments, assembly (class.go).
//
// The libfuncs are tables of rows: cost, change of ap, lowering. What a lowering's code really costs and does to ap is
// compared with the row every time.
package compiler

import (
	"strings"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// Bounds on the felts of a compiled class.
const (
	DefaultMaxBytecode = constants.MaxProgramFelts // the chain's
	ToolMaxBytecode    = 180_000                   // what starknet-sierra-compile allows unless told otherwise
)

// Options are the bounds and the demands of a compilation.
type Options struct {
	// MaxBytecode is the most felts that the bytecode may have, 0 for DefaultMaxBytecode.
	MaxBytecode int
	// Libfuncs are those that a class may use, the audited ones by default.
	Libfuncs sierra.LibfuncList
	// Program is the class's Sierra program if it has been decoded already, nil otherwise.
	Program *sierra.Program
	// FunctionCosts are costs in gas that functions are made to have.
	FunctionCosts map[sierra.FuncID]int64
	// NoGasCheck compiles programs without regard to gas: for programs that are not contracts.
	NoGasCheck bool
}

// Metadata is what is found out about a program before it is compiled.
type Metadata struct {
	// FunctionCosts is the cost of calling each function.
	FunctionCosts []Costs
	// FunctionAPChange is by how much each function moves ap, -1 where only the run knows.
	FunctionAPChange []int

	gasVars []Costs // by statement: what withdraw_gas, redeposit_gas, coupon_refund and branch_align deal with
	apVars  []int   // by statement: what branch_align moves ap by
}

// Program is a compiled program.
type Program struct {
	Metadata     *Metadata
	Instructions []casm.Instruction
	// Offsets is where the code of each statement starts, and at the end where all code ends.
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

// Assemble returns the program's bytecode and the hints by offset.
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

func (p *Program) size() int { return p.Offsets[len(p.Offsets)-1] + p.consts.size }

// compilation is the state of a compilation.
type compilation struct {
	*resolved
	options  Options
	metadata *Metadata
	budget   budget
	last     lowering // of the statement before, for its space
}

// budget bounds the work that a program can cause, for a small one can declare values of many cells and pass them around
// without any code. What real classes need is thousands of times less. A DECLARE is paid for by the class's length, so that what a
// short class may cost is bounded by its statements.
type budget struct{ copied, moved, mostCopied, mostMoved int }

const (
	maxCopied = 1 << 23 // cells of references copied, which take memory
	maxMoved  = 1 << 29 // variables and cells looked at

	freeCopied, copiedByStatement = 1 << 20, 1 << 8
	freeMoved, movedByStatement   = 1 << 22, 1 << 13
)

// newBudget returns the budget of a program of so many statements.
func newBudget(statements int) budget {
	return budget{
		mostCopied: min(maxCopied, freeCopied+statements*copiedByStatement),
		mostMoved:  min(maxMoved, freeMoved+statements*movedByStatement),
	}
}

func (b *budget) copy(cells int) {
	if b.copied += cells; b.copied > b.mostCopied {
		refuse("references take more than %d cells in total", b.mostCopied)
	}
}

func (b *budget) move(cells int) {
	if b.moved += cells; b.moved > b.mostMoved {
		refuse("following the references takes more than %d moves of cells", b.mostMoved)
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

// computeMetadata runs the solvers: builtins, ap, steps.
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

// code is the instructions of all statements.
type code struct {
	instructions []casm.Instruction
	relocations  []relocation
	offsets      []int // of the statements, and the end
}

// lowerAll compiles the statements in order.
func (c *compilation) lowerAll() (*code, error) {
	as, err := c.newAnnotations()
	if err != nil {
		return nil, err
	}
	n := len(c.program.Statements)
	// Contracts have about one instruction a statement; a third more saves most of them a copy.
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

// branches carries the annotation over all branches of an invocation.
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

func (r *resolved) isBranchAlign(idx sierra.StatementIdx) bool {
	s := &r.program.Statements[idx]
	if s.Return {
		return false
	}
	sig := &r.libfuncs[s.Libfunc].Signature
	return len(sig.Branches) == 1 && sig.Branches[0].ApChange.BranchAlign
}
