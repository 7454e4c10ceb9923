package compiler

import (
	"slices"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// officialVersion is the version of the official compiler whose output this compiler reproduces. It is written into
// compiled classes.
const officialVersion = "2.20.0"

// The Sierra versions at which compilation changes. Below linearVersion the official compiler solves a system of
// equations for gas, which is not implemented here; below segmentVersion the bytecode is not split into segments.
var (
	linearVersion  = sierra.Version{Major: 1, Minor: 4}
	segmentVersion = sierra.Version{Major: 1, Minor: 5}
)

// builtinNames maps builtin types to the builtins' names in compiled classes.
var builtinNames = map[string]string{
	"Pedersen": "pedersen", "RangeCheck": "range_check", "Bitwise": "bitwise", "EcOp": "ec_op", "Poseidon": "poseidon",
	"SegmentArena": "segment_arena", "RangeCheck96": "range_check96", "AddMod": "add_mod", "MulMod": "mul_mod",
}

// CompileClass validates a contract class and compiles it. It uses the options MaxBytecode, Libfuncs and Program. Every
// error is a *sierra.ClassError.
func CompileClass(class *sierra.ContractClass, options Options) (*casm.Class, error) {
	decoded := options.Program
	if decoded == nil {
		var err error
		if decoded, err = class.Program(); err != nil {
			return nil, err
		}
	}
	registry, err := class.ValidateProgram(decoded, options.Libfuncs)
	if err != nil {
		return nil, err
	}
	program, err := CompileProgram(registry, class, options)
	if err != nil {
		return nil, err
	}
	v := registry.Program.Version
	out := &casm.Class{CompilerVersion: officialVersion}
	out.Bytecode, out.Hints = program.Assemble()
	if v.Supports(segmentVersion) {
		if out.Segments, err = program.segments(registry.Program); err != nil {
			return nil, err
		}
	}
	for _, list := range [...]struct {
		from []sierra.EntryPoint
		to   *[]casm.EntryPoint
	}{
		{class.EntryPoints.External, &out.EntryPoints.External},
		{class.EntryPoints.L1Handler, &out.EntryPoints.L1Handler},
		{class.EntryPoints.Constructor, &out.EntryPoints.Constructor},
	} {
		for i := range list.from {
			ep := &list.from[i]
			types, err := registry.EntryPointBuiltins(ep)
			if err != nil {
				return nil, err
			}
			builtins := make([]string, len(types))
			for k, name := range types {
				builtins[k] = builtinNames[name]
			}
			f := &registry.Program.Funcs[ep.FunctionIdx]
			if want := (Costs{Const: constants.EntryPointGas}); program.Metadata.FunctionCosts[ep.FunctionIdx] != want {
				return nil, errorf(codeGas, f.Entry, "the entry point costs %v, not %d", program.Metadata.FunctionCosts[ep.FunctionIdx], constants.EntryPointGas)
			}
			*list.to = append(*list.to, casm.EntryPoint{Selector: ep.Selector, Wide: ep.Wide, Offset: program.Offsets[f.Entry], Builtins: builtins})
		}
	}
	return out, out.Validate()
}

// CompileProgram compiles the program of a validated class, with the gas cost of entry points fixed.
func CompileProgram(registry *sierra.Registry, class *sierra.ContractClass, options Options) (*Program, error) {
	v := registry.Program.Version
	if v.Major != sierra.Current.Major || v.Minor > sierra.Current.Minor || !v.Supports(linearVersion) {
		return nil, errorf(codeVersion, -1, "Sierra version %d.%d.%d, supported are %d.%d to %d.%d",
			v.Major, v.Minor, v.Patch, linearVersion.Major, linearVersion.Minor, sierra.Current.Major, sierra.Current.Minor)
	}
	costs := map[sierra.FuncID]int64{}
	for _, list := range [...][]sierra.EntryPoint{class.EntryPoints.Constructor, class.EntryPoints.External, class.EntryPoints.L1Handler} {
		for _, ep := range list {
			costs[sierra.FuncID(ep.FunctionIdx)] = constants.EntryPointGas
		}
	}
	return Compile(registry, Options{MaxBytecode: options.MaxBytecode, FunctionCosts: costs})
}

// segments splits the bytecode into one segment for each function and one for each segment of constants. Functions must
// be contiguous, and no jump may leave its function.
func (p *Program) segments(s *sierra.Program) (*casm.Segments, error) {
	size := p.size()
	if size == 0 {
		return &casm.Segments{}, nil
	}
	starts := make([]sierra.StatementIdx, len(s.Funcs))
	for i := range s.Funcs {
		starts[i] = s.Funcs[i].Entry
	}
	slices.Sort(starts)
	if len(starts) == 0 || starts[0] != 0 {
		return nil, errorf(codeSegments, -1, "no function starts at the first statement")
	}
	function := 0
	for i := range s.Statements {
		idx := sierra.StatementIdx(i)
		if function+1 < len(starts) && starts[function+1] == idx {
			function++
		}
		end := sierra.StatementIdx(len(s.Statements))
		if function+1 < len(starts) {
			end = starts[function+1]
		}
		for k := range s.Statements[i].Branches {
			if next := s.Statements[i].Branches[k].Next(idx); next < starts[function] || next >= end {
				return nil, errorf(codeSegments, idx, "a jump leads out of the function")
			}
		}
	}
	offsets := make([]int, 0, len(starts)+len(p.consts.segments))
	for _, idx := range starts {
		offsets = append(offsets, p.Offsets[idx])
	}
	for _, c := range p.consts.segments {
		offsets = append(offsets, size-p.consts.size+c.offset)
	}
	out := &casm.Segments{Children: []casm.Segments{}}
	for i, start := range offsets {
		end := size
		if i+1 < len(offsets) {
			end = offsets[i+1]
		}
		if end > start {
			out.Children = append(out.Children, casm.Segments{Length: end - start})
		}
	}
	return out, nil
}
