package sierra

import (
	"encoding/json"
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet/constants"
)

// Current is the newest supported Sierra version. Classes must have its major version and at most its minor version.
var Current = Version{Major: 1, Minor: 9, Patch: 3}

// Supports reports whether v is at least o, ignoring patches.
func (v Version) Supports(o Version) bool {
	return v.Major > o.Major || v.Major == o.Major && v.Minor >= o.Minor
}

// maxFunctionUses bounds the number of entry points that share a function.
const maxFunctionUses = 2

// entryPointBuiltins lists the builtins that entry points may take, in the required order. Gas and the system pointer
// follow them.
var entryPointBuiltins = [...]string{
	"Pedersen", "RangeCheck", "Bitwise", "EcOp", "Poseidon", "SegmentArena", "RangeCheck96", "AddMod", "MulMod",
}

// Validate decodes the class's program and makes all checks that do not require compiling it, in the order of the
// official compiler. The checks that only networks make are in CheckDeclarable. Every error is a *ClassError.
func (c *ContractClass) Validate() (*Registry, error) { return c.ValidateFor(AuditedLibfuncs) }

// LibfuncList is a list of libfuncs that classes may use, by the official compiler's names.
type LibfuncList string

// The official lists: the libfuncs that networks allow, and all libfuncs.
const (
	AuditedLibfuncs LibfuncList = "audited"
	AllLibfuncs     LibfuncList = "all"
)

// ValidateFor does what Validate does, with another list of allowed libfuncs.
func (c *ContractClass) ValidateFor(list LibfuncList) (*Registry, error) {
	p, err := c.Program()
	if err != nil {
		return nil, err
	}
	return c.ValidateProgram(p, list)
}

// ValidateProgram does what ValidateFor does, with the class's decoded program.
func (c *ContractClass) ValidateProgram(p *Program, list LibfuncList) (*Registry, error) {
	if list != AllLibfuncs {
		if err := checkAudited(p); err != nil {
			return nil, err
		}
	}
	for _, check := range []func(*Program) *ClassError{checkVersion, c.checkEntryPointLists} {
		if err := check(p); err != nil {
			return nil, err
		}
	}
	r, err := NewRegistry(p)
	if err != nil {
		return nil, err
	}
	for _, l := range c.EntryPoints.lists() {
		for i := range l.entries {
			if _, err := r.EntryPointBuiltins(&l.entries[i]); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// CheckDeclarable rejects classes that the compiler accepts but networks do not: classes that are too large, and
// selectors that are not felts.
func (c *ContractClass) CheckDeclarable() error {
	if err := c.CheckSelectors(); err != nil {
		return err
	}
	if n := len(c.SierraProgram); n > constants.MaxProgramFelts {
		return errorf(CodeSize, "sierra program of %d felts, at most %d", n, constants.MaxProgramFelts)
	}
	data, err := json.Marshal(c) // escapes <, > and & in the ABI; the limit counts the escapes
	if err != nil {
		return errorf(CodeJSON, "%v", err)
	}
	if len(data) > constants.MaxClassBytes {
		return errorf(CodeSize, "class of %d bytes, at most %d", len(data), constants.MaxClassBytes)
	}
	return nil
}

// CheckSelectors rejects selectors that are not felts, because no call can name them.
func (c *ContractClass) CheckSelectors() error {
	for _, l := range c.EntryPoints.lists() {
		for i := range l.entries {
			if l.entries[i].Wide != nil {
				return errorf(CodeFeltRange, "%s: selector %s is not a felt", l.kind, l.entries[i].SelectorHex())
			}
		}
	}
	return nil
}

// checkAudited requires libfuncs that classes of the program's version may use.
func checkAudited(p *Program) *ClassError {
	for i := range p.Libfuncs {
		name := p.Libfuncs[i].LongID.Generic
		since, ok := Audited(name)
		if !ok {
			return &ClassError{CodeLibfuncNotAllowed, -1, name, "not on the list of audited libfuncs"}
		}
		if !p.Version.Supports(since) {
			e := errorf(CodeLibfuncVersion, "needs Sierra %d.%d, the class has %d.%d",
				since.Major, since.Minor, p.Version.Major, p.Version.Minor)
			e.Libfunc = name
			return e
		}
	}
	return nil
}

func checkVersion(p *Program) *ClassError {
	if v := p.Version; v.Major != Current.Major || v.Minor > Current.Minor {
		return errorf(CodeSierraVersion, "Sierra %d.%d, at most %d.%d of the same major version", v.Major, v.Minor, Current.Major, Current.Minor)
	}
	return nil
}

// constructorSelector is the only selector that a constructor may have.
var constructorSelector = sync.OnceValue(func() felt.Felt { return keccak.Starknet([]byte(constants.Constructor)) })

// entryPointList is the entry points of one kind.
type entryPointList struct {
	kind    string
	entries []EntryPoint
}

// lists returns the three lists in the order in which the official compiler checks their order and use.
func (e *EntryPoints) lists() [3]entryPointList {
	return [...]entryPointList{{"CONSTRUCTOR", e.Constructor}, {"EXTERNAL", e.External}, {"L1_HANDLER", e.L1Handler}}
}

// checkEntryPointLists checks the lists without the program: at most one constructor, strictly ascending selectors, and
// at most maxFunctionUses entry points for a function.
func (c *ContractClass) checkEntryPointLists(*Program) *ClassError {
	if l := c.EntryPoints.Constructor; len(l) > 1 || len(l) == 1 && (l[0].Wide != nil || l[0].Selector != constructorSelector()) {
		return errorf(CodeConstructor, "%d constructors, want at most one, with the selector of \"constructor\"", len(l))
	}
	for _, l := range c.EntryPoints.lists() {
		for i := 1; i < len(l.entries); i++ {
			prev, next := &l.entries[i-1], &l.entries[i]
			if prev.cmpSelector(next) >= 0 {
				return errorf(CodeSelectorOrder, "%s: selector %s follows %s, want them strictly ascending",
					l.kind, next.SelectorHex(), prev.SelectorHex())
			}
		}
	}
	uses := make(map[uint64]int)
	for _, l := range c.EntryPoints.lists() {
		for _, e := range l.entries {
			if uses[e.FunctionIdx]++; uses[e.FunctionIdx] > maxFunctionUses {
				return errorf(CodeEntryPointReuse, "function %d serves more than %d entry points", e.FunctionIdx, maxFunctionUses)
			}
		}
	}
	return nil
}

// EntryPointBuiltins checks that the function of e has the signature of an entry point,
//
//	(builtins…, GasBuiltin, System, Span<felt252>) -> (builtins…, GasBuiltin, System, PanicResult<(Span<felt252>,)>)
//
// and returns the builtins' generic ids, without gas and system.
func (r *Registry) EntryPointBuiltins(e *EntryPoint) ([]string, error) {
	if e.FunctionIdx >= uint64(len(r.Program.Funcs)) {
		return nil, errorf(CodeEntryPoint, "entry point %s: function %d is not declared", e.SelectorHex(), e.FunctionIdx)
	}
	f := &r.Program.Funcs[e.FunctionIdx]
	nr, np := len(f.Ret)-1, len(f.Params)-1
	switch {
	case nr < 2:
		return nil, errorf(CodeEntryPoint, "function %d: returns %d values, want gas, system and a result at least", f.ID, len(f.Ret))
	case np < 0:
		return nil, errorf(CodeEntryPoint, "function %d: has no parameters", f.ID)
	case np != nr:
		return nil, errorf(CodeEntryPoint, "function %d: takes %d builtins, returns %d", f.ID, np, nr)
	}
	for i := range nr {
		if f.Params[i].Type != f.Ret[i] {
			return nil, errorf(CodeEntryPoint, "function %d: parameter %d and result %d are not the same builtin", f.ID, i, i)
		}
	}
	if !r.isFeltSpan(f.Params[np].Type) {
		return nil, errorf(CodeEntryPoint, "function %d: the last parameter is not a span of felts", f.ID)
	}
	if !r.isEntryPointResult(f.Ret[nr]) {
		return nil, errorf(CodeEntryPoint, "function %d: the last result is not a panic result of a span of felts", f.ID)
	}
	builtins := make([]string, nr)
	for i := range builtins {
		builtins[i] = r.Type(f.Ret[i]).Generic
	}
	builtins, tail := builtins[:nr-2], builtins[nr-2:]
	if tail[0] != "GasBuiltin" || tail[1] != "System" {
		return nil, errorf(CodeEntryPointBuiltins, "function %d: builtins end in %v, want GasBuiltin and System", f.ID, tail)
	}
	next := 0
	for _, b := range builtins {
		for next < len(entryPointBuiltins) && entryPointBuiltins[next] != b {
			next++
		}
		if next == len(entryPointBuiltins) {
			return nil, errorf(CodeEntryPointBuiltins, "function %d: builtins %v, want some of %v in this order", f.ID, builtins, entryPointBuiltins)
		}
		next++
	}
	return builtins, nil
}

func (r *Registry) isGeneric(id TypeID, generic string) bool {
	t := r.Type(id)
	return t != nil && t.Generic == generic
}

func (r *Registry) isFeltArray(id TypeID) bool {
	return r.isGeneric(id, "Array") && r.isGeneric(r.Type(id).Inner, "felt252")
}

// isFeltSpan reports whether a type is a struct whose only member is a snapshot of an array of felts, whatever its name.
func (r *Registry) isFeltSpan(id TypeID) bool {
	if !r.isGeneric(id, "Struct") {
		return false
	}
	m := r.Type(id).Members
	return len(m) == 1 && r.isGeneric(m[0], "Snapshot") && r.isFeltArray(r.Type(m[0]).Inner)
}

// isEntryPointResult reports whether a type is an enum of a tuple of a span of felts, and of an array of felts or a pair
// of an empty struct and such an array.
func (r *Registry) isEntryPointResult(id TypeID) bool {
	if !r.isGeneric(id, "Enum") {
		return false
	}
	variants := r.Type(id).Members
	if len(variants) != 2 || !r.isGeneric(variants[0], "Struct") {
		return false
	}
	if ok := r.Type(variants[0]).Members; len(ok) != 1 || !r.isFeltSpan(ok[0]) {
		return false
	}
	if r.isFeltArray(variants[1]) {
		return true
	}
	if !r.isGeneric(variants[1], "Struct") {
		return false
	}
	panic := r.Type(variants[1]).Members
	return len(panic) == 2 && r.isGeneric(panic[0], "Struct") && len(r.Type(panic[0]).Members) == 0 && r.isFeltArray(panic[1])
}
