package sierra

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/keccak"
)

// Registry is the meaning of a program's declarations: each concrete type with its properties and size, each concrete
// libfunc with its signature. NewRegistry returns one only for programs with valid declarations and control flow.
type Registry struct {
	Program *Program

	types    []ConcreteType
	libfuncs []ConcreteLibfunc

	ids       map[string]TypeID   // by typeKey
	userTypes map[string]*big.Int // ids of user types by path, for the types that libfuncs look up
}

// ConcreteType is a type declaration with its computed properties.
type ConcreteType struct {
	ID      TypeID
	Generic string
	Args    []GenericArg
	Info    TypeInfo
	// Size is the number of memory cells of a value. Sized is false for types without a size, whose values exist only at
	// compile time (constants, circuits and their gates, structs that cannot be stored).
	Size  int
	Sized bool
	// Inner is the type argument of types with one (Array, Box, NonZero, Snapshot, …), and the type of a Const.
	Inner TypeID
	// Members are a struct's members or an enum's variants.
	Members []TypeID
	// Circuit is the layout of a Circuit, nil for other types.
	Circuit *CircuitInfo
}

// ConcreteLibfunc is a libfunc declaration with its signature. Equal declarations share one signature, which must not be
// modified.
type ConcreteLibfunc struct {
	ID        LibfuncID
	Generic   string
	Args      []GenericArg
	Signature Signature
}

// NewRegistry specialises all types and libfuncs of p, then validates its functions and statements. Every error is a
// *ClassError.
func NewRegistry(p *Program) (*Registry, error) {
	r := &Registry{Program: p, ids: make(map[string]TypeID, len(p.Types)), userTypes: make(map[string]*big.Int)}
	for _, phase := range []func() *ClassError{
		r.checkIDs, r.checkCounts, r.specialiseTypes, r.specialiseLibfuncs, r.checkFunctions, r.checkStatements, r.computeSizes,
	} {
		if err := phase(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Type returns a declared type, nil if there is none.
func (r *Registry) Type(id TypeID) *ConcreteType {
	if id < 0 || int(id) >= len(r.types) {
		return nil
	}
	return &r.types[id]
}

// Libfunc returns a declared libfunc, nil if there is none.
func (r *Registry) Libfunc(id LibfuncID) *ConcreteLibfunc {
	if id < 0 || int(id) >= len(r.libfuncs) {
		return nil
	}
	return &r.libfuncs[id]
}

// Lookup returns the id of the type declared with a generic id and arguments.
func (r *Registry) Lookup(generic string, args ...GenericArg) (TypeID, bool) {
	id, ok := r.ids[typeKey(generic, args)]
	return id, ok
}

// IntRange returns the values of an integer type, of felt252 or of bytes31; ok is false for other types.
func (r *Registry) IntRange(id TypeID) (rng Range, ok bool) {
	t := r.Type(id)
	if t == nil {
		return Range{}, false
	}
	return rangeOf(t.Generic, t.Args)
}

// typeKey returns a string that is equal for equal types. User types are compared by id, not by name.
func typeKey(generic string, args []GenericArg) string {
	var b strings.Builder
	b.WriteString(generic)
	for i := range args {
		a := &args[i]
		b.WriteByte(0)
		b.WriteByte('0' + byte(a.Kind))
		switch a.Kind {
		case UserTypeArg:
			b.Write(a.UserType.ID.Bytes())
		case TypeArg:
			b.WriteString(strconv.Itoa(int(a.Type)))
		case ValueArg:
			b.WriteString(a.Value.String())
		case UserFuncArg:
			b.WriteString(strconv.Itoa(int(a.Func)))
		case LibfuncArg:
			b.WriteString(strconv.Itoa(int(a.Libfunc)))
		}
	}
	return b.String()
}

// userType returns the generic argument for the user type of the core library with the given path.
func (r *Registry) userType(path string) GenericArg {
	id, ok := r.userTypes[path]
	if !ok {
		f := keccak.Starknet([]byte(path))
		id = f.BigInt()
		r.userTypes[path] = id
	}
	return GenericArg{Kind: UserTypeArg, UserType: UserType{ID: id, Name: path}}
}

// isUserType reports whether a is the user type with the given path.
func (r *Registry) isUserType(a *GenericArg, path string) bool {
	return a.Kind == UserTypeArg && a.UserType.ID.Cmp(r.userType(path).UserType.ID) == 0
}

// checkIDs requires each declaration's id to be its position. Decoded programs satisfy this; programs built by hand may
// not.
func (r *Registry) checkIDs() *ClassError {
	for i := range r.Program.Types {
		if id := r.Program.Types[i].ID; int(id) != i {
			return errorf(CodeIDs, "type declaration %d has the id %d", i, id)
		}
	}
	for i := range r.Program.Libfuncs {
		if id := r.Program.Libfuncs[i].ID; int(id) != i {
			return errorf(CodeIDs, "libfunc declaration %d has the id %d", i, id)
		}
	}
	for i := range r.Program.Funcs {
		if id := r.Program.Funcs[i].ID; int(id) != i {
			return errorf(CodeIDs, "function %d has the id %d", i, id)
		}
	}
	return nil
}

// Bounds of what a program can declare in few felts, far above what compilers write. Without them a declarable class
// could fill the memory of every node.
const (
	// maxDeclarations bounds the number of types, of libfuncs and of functions.
	maxDeclarations = 1 << 16
	// maxGates bounds the gates of all circuits together. Circuits can share gates, so there can be more gates than
	// types. In compiled code a gate takes three of at most 81,920 felts.
	maxGates = 1 << 17
)

func (r *Registry) checkCounts() *ClassError {
	for _, c := range []struct {
		what string
		n    int
	}{{"types", len(r.Program.Types)}, {"libfuncs", len(r.Program.Libfuncs)}, {"functions", len(r.Program.Funcs)}} {
		if c.n > maxDeclarations {
			return errorf(CodeSize, "%d %s, at most %d", c.n, c.what, maxDeclarations)
		}
	}
	return nil
}

func (r *Registry) specialiseTypes() *ClassError {
	p := r.Program
	r.types = make([]ConcreteType, 0, len(p.Types))
	gates := 0
	for i := range p.Types {
		d := &p.Types[i]
		s := &specialisation{r: r, args: d.LongID.Args}
		t := s.specialiseType(d)
		if s.err != "" {
			return errorf(CodeType, "type %d (%s): %s", i, d.LongID.Generic, s.err)
		}
		if d.Info != nil && *d.Info != t.Info {
			return errorf(CodeTypeInfo, "type %d (%s): declared %v, computed %v", i, d.LongID.Generic, *d.Info, t.Info)
		}
		key := typeKey(t.Generic, t.Args)
		if first, ok := r.ids[key]; ok {
			return errorf(CodeTypeDeclaredTwice, "type %d (%s): already declared as type %d", i, t.Generic, first)
		}
		if t.Circuit != nil {
			if gates += len(t.Circuit.Values); gates > maxGates {
				return errorf(CodeSize, "type %d (%s): the circuits have more than %d gates", i, t.Generic, maxGates)
			}
		}
		r.ids[key] = t.ID
		r.types = append(r.types, t)
	}
	return nil
}

func (r *Registry) specialiseLibfuncs() *ClassError {
	p := r.Program
	r.libfuncs = make([]ConcreteLibfunc, 0, len(p.Libfuncs))
	table := libfuncTable()
	// Equal declarations share a signature: a signature can be as long as a type's member list, but its declaration is
	// short.
	first := make(map[string]LibfuncID, len(p.Libfuncs))
	for i := range p.Libfuncs {
		d := &p.Libfuncs[i]
		key := typeKey(d.LongID.Generic, d.LongID.Args)
		if id, ok := first[key]; ok {
			r.libfuncs = append(r.libfuncs, ConcreteLibfunc{d.ID, d.LongID.Generic, d.LongID.Args, r.libfuncs[id].Signature})
			continue
		}
		row := table[d.LongID.Generic]
		if row == nil {
			return &ClassError{Code: CodeLibfunc, Statement: -1, Libfunc: d.LongID.Generic, Message: "no such libfunc"}
		}
		s := &specialisation{r: r, args: d.LongID.Args}
		sig := row.specialise(s)
		if s.err != "" {
			return &ClassError{Code: CodeLibfunc, Statement: -1, Libfunc: d.LongID.Generic, Message: "libfunc " + strconv.Itoa(i) + ": " + s.err}
		}
		first[key] = d.ID
		r.libfuncs = append(r.libfuncs, ConcreteLibfunc{d.ID, d.LongID.Generic, d.LongID.Args, sig})
	}
	return nil
}

// checkFunctions requires storable parameters and results, and a first statement that exists.
func (r *Registry) checkFunctions() *ClassError {
	for i := range r.Program.Funcs {
		f := &r.Program.Funcs[i]
		types := make([]TypeID, 0, len(f.Params)+len(f.Ret))
		for _, p := range f.Params {
			types = append(types, p.Type)
		}
		for _, id := range append(types, f.Ret...) {
			switch t := r.Type(id); {
			case t == nil:
				return errorf(CodeFunction, "function %d: type %d is not declared", i, id)
			case !t.Info.Storable:
				return errorf(CodeFunction, "function %d: type %d (%s) is not storable", i, id, t.Generic)
			}
		}
		if f.Entry < 0 || int(f.Entry) >= len(r.Program.Statements) {
			return errorf(CodeFunction, "function %d: first statement %d, the program has %d", i, f.Entry, len(r.Program.Statements))
		}
	}
	return nil
}

// checkStatements requires invocations to have the number of arguments, branches and results of their libfuncs. If an
// invocation has several branches, each must lead forward to its own branch_align.
func (r *Registry) checkStatements() *ClassError {
	stmts := r.Program.Statements
	from := make([]StatementIdx, len(stmts)) // for targets of invocations with several branches, the index of the invocation plus one; else 0
	for i := range stmts {
		s, at := &stmts[i], StatementIdx(i)
		if s.Return {
			continue
		}
		l := r.Libfunc(s.Libfunc)
		if l == nil {
			return errorAt(CodeInvocation, at, "", "libfunc %d is not declared", s.Libfunc)
		}
		sig := &l.Signature
		if len(s.Args) != len(sig.Params) {
			return errorAt(CodeInvocation, at, l.Generic, "%d arguments, want %d", len(s.Args), len(sig.Params))
		}
		if len(s.Branches) != len(sig.Branches) {
			return errorAt(CodeInvocation, at, l.Generic, "%d branches, want %d", len(s.Branches), len(sig.Branches))
		}
		for j := range s.Branches {
			b, want := &s.Branches[j], &sig.Branches[j]
			if len(b.Results) != len(want.Vars) {
				return errorAt(CodeInvocation, at, l.Generic, "branch %d has %d results, want %d", j, len(b.Results), len(want.Vars))
			}
			if b.Fallthrough != (sig.Fallthrough == j) {
				return errorAt(CodeBranch, at, l.Generic, "branch %d: fallthrough is %t, want %t", j, b.Fallthrough, sig.Fallthrough == j)
			}
			if src := from[at]; src > 0 && !want.ApChange.BranchAlign {
				return errorAt(CodeBranch, at, l.Generic, "statement %d branches to here, which is not an alignment", src-1)
			}
			next := b.Next(at)
			if next < 0 || int(next) >= len(stmts) {
				return errorAt(CodeBranch, at, l.Generic, "branch %d leads to statement %d, the program has %d", j, next, len(stmts))
			}
			if len(sig.Branches) > 1 {
				if next < at {
					return errorAt(CodeBranch, at, l.Generic, "branch %d leads backwards, to statement %d", j, next)
				}
				if src := from[next]; src > 0 {
					return errorAt(CodeBranch, at, l.Generic, "branch %d leads to statement %d, as does one of statement %d", j, next, src-1)
				}
				from[next] = at + 1
			}
		}
	}
	return nil
}
