package sierra

import (
	"math"
	"math/big"
	"unicode/utf8"

	"github.com/starkd/starkd/crypto/felt"
)

// The felt form of a program, as in the sierra_program of a class:
//
//	sierra version (3), compiler version (3), compressed:
//	  types:      count, each (generic id, argument count + type info·2^128, arguments…)
//	  libfuncs:   count, each (generic id, argument count, arguments…)
//	  statements: count, each (0, libfunc, args, branches (target, results)) or (1, returned variables)
//	  functions:  count, each (parameter types, return types, parameter variables…, first statement)
//
// A list is its length followed by its items. The id of a type, libfunc or function is its position.

// versionFelts is the number of felts before the compressed part.
const versionFelts = 6

// fallthroughTarget means "the next statement" in a branch.
const fallthroughTarget = math.MaxUint64

// Bits of the type info word. The marker distinguishes a present word from an absent one.
const (
	infoStorable     = 1 << 0
	infoDroppable    = 1 << 1
	infoDuplicatable = 1 << 2
	infoZeroSized    = 1 << 3
	infoMarker       = 1 << 63
)

// Tags of the felt form.
const (
	tagInvocation = 0
	tagReturn     = 1
	// Generic arguments are tagged by ArgKind; a negative value has its own tag.
	tagNegativeValue = 5
)

// DecodeFelts decodes the sierra_program of a class. Ids that no declaration can have become math.MaxInt; the registry
// rejects them like other undeclared ids.
func DecodeFelts(felts []felt.Felt) (*Program, error) {
	version, compiler, err := decodeVersions(felts)
	if err != nil {
		return nil, err
	}
	w, err := decompress(felts[versionFelts:])
	if err != nil {
		return nil, err
	}
	r := newFeltReader(w)
	p := &Program{Version: version, Compiler: compiler}
	n := r.size("types", 2)
	p.Types = make([]TypeDeclaration, 0, n)
	for range n {
		d := r.typeDeclaration()
		d.ID = TypeID(len(p.Types))
		p.Types = append(p.Types, d)
		if r.err != nil {
			return nil, r.err
		}
	}
	n = r.size("libfuncs", 2)
	p.Libfuncs = make([]LibfuncDeclaration, 0, n)
	for range n {
		d := LibfuncDeclaration{ID: LibfuncID(len(p.Libfuncs)), LongID: r.longID()}
		p.Libfuncs = append(p.Libfuncs, d)
		if r.err != nil {
			return nil, r.err
		}
	}
	n = r.size("statements", 2)
	p.Statements = make([]Statement, 0, n)
	for range n {
		p.Statements = append(p.Statements, r.statement())
		if r.err != nil {
			return nil, r.err
		}
	}
	n = r.size("functions", 3)
	p.Funcs = make([]Function, 0, n)
	for range n {
		f := r.function()
		f.ID = FuncID(len(p.Funcs))
		p.Funcs = append(p.Funcs, f)
		if r.err != nil {
			return nil, r.err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return p, nil
}

// decodeVersions reads the Sierra and compiler versions at the start of a sierra_program.
func decodeVersions(felts []felt.Felt) (sierra, compiler Version, err error) {
	if len(felts) < versionFelts {
		return sierra, compiler, errorf(CodeFelts, "sierra program of %d felts has no room for two versions", len(felts))
	}
	var parts [versionFelts]int
	for i := range parts {
		if !felts[i].IsUint64() {
			return sierra, compiler, errorf(CodeFelts, "version number %v does not fit in 64 bits", felts[i])
		}
		parts[i] = clampInt(felts[i].Uint64())
	}
	return Version{parts[0], parts[1], parts[2]}, Version{parts[3], parts[4], parts[5]}, nil
}

// feltReader reads the unpacked words. It keeps the first error; later reads return zero values.
type feltReader struct {
	book  []felt.Felt
	small []uint64 // the code book's values that fit in 64 bits
	fits  []bool   // which values fit
	words []uint32
	pos   int
	names map[uint32]string // generic ids by code, each decoded once
	err   error

	// Statements have few variables and branches, so their lists are cut from larger slices.
	varsLeft     []VarID
	branchesLeft []Branch
}

// piece returns n items cut from *left, after replacing it if it is too short.
func piece[T any](left *[]T, n int) []T {
	const many = 1024
	if n > len(*left) {
		*left = make([]T, max(n, many))
	}
	items := (*left)[:n:n]
	*left = (*left)[n:]
	return items
}

func newFeltReader(w *words) *feltReader {
	r := &feltReader{
		book:  w.book,
		small: make([]uint64, len(w.book)),
		fits:  make([]bool, len(w.book)),
		words: w.idx,
		names: make(map[uint32]string),
	}
	for i := range w.book {
		r.fits[i] = w.book[i].IsUint64()
		r.small[i] = w.book[i].Uint64()
	}
	return r
}

func (r *feltReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = errorf(CodeFelts, format, args...)
	}
}

// next returns the code of the next felt.
func (r *feltReader) next() (uint32, bool) {
	if r.err != nil {
		return 0, false
	}
	if r.pos == len(r.words) {
		r.fail("the program ends early, after %d felts", r.pos)
		return 0, false
	}
	c := r.words[r.pos]
	r.pos++
	return c, true
}

func (r *feltReader) uint64() uint64 {
	c, ok := r.next()
	if !ok {
		return 0
	}
	if !r.fits[c] {
		r.fail("felt %d is %v, which does not fit in 64 bits", r.pos-1, r.book[c])
		return 0
	}
	return r.small[c]
}

// size reads the length of a list whose items take at least item felts each.
func (r *feltReader) size(what string, item int) int { return r.checkSize(r.uint64(), what, item) }

func (r *feltReader) checkSize(n uint64, what string, item int) int {
	if left := len(r.words) - r.pos; n > uint64(left/item) {
		r.fail("%d %s announced with %d felts left", n, what, left)
		return 0
	}
	return int(n)
}

func (r *feltReader) bigInt() *big.Int {
	c, ok := r.next()
	if !ok {
		return new(big.Int)
	}
	return r.book[c].BigInt()
}

func (r *feltReader) id() int { return clampInt(r.uint64()) }

// genericID reads a generic id: a short string, or the Starknet keccak of one of the long names.
func (r *feltReader) genericID() string {
	c, ok := r.next()
	if !ok {
		return ""
	}
	if s, ok := r.names[c]; ok {
		return s
	}
	s, ok := longNameOf(r.book[c])
	if !ok {
		b := r.book[c].Bytes()
		i := 0
		for i < len(b)-1 && b[i] == 0 {
			i++
		}
		if !utf8.Valid(b[i:]) {
			r.fail("generic id %v is not UTF-8", r.book[c])
			return ""
		}
		s = string(b[i:])
	}
	r.names[c] = s
	return s
}

func (r *feltReader) genericArgs(n int) []GenericArg {
	if n == 0 {
		return nil
	}
	args := make([]GenericArg, 0, n)
	for range n {
		args = append(args, r.genericArg())
		if r.err != nil {
			return nil
		}
	}
	return args
}

func (r *feltReader) genericArg() GenericArg {
	switch tag := r.uint64(); tag {
	case uint64(UserTypeArg):
		return GenericArg{Kind: UserTypeArg, UserType: UserType{ID: r.bigInt()}}
	case uint64(TypeArg):
		return GenericArg{Kind: TypeArg, Type: TypeID(r.id())}
	case uint64(ValueArg):
		return GenericArg{Kind: ValueArg, Value: r.bigInt()}
	case uint64(UserFuncArg):
		return GenericArg{Kind: UserFuncArg, Func: FuncID(r.id())}
	case uint64(LibfuncArg):
		return GenericArg{Kind: LibfuncArg, Libfunc: LibfuncID(r.id())}
	case tagNegativeValue:
		v := r.bigInt()
		return GenericArg{Kind: ValueArg, Value: v.Neg(v)}
	default:
		r.fail("felt %d: %d is not a kind of generic argument", r.pos-1, tag)
		return GenericArg{}
	}
}

func (r *feltReader) longID() LongID {
	id := LongID{Generic: r.genericID()}
	id.Args = r.genericArgs(r.size("generic arguments", 2))
	return id
}

func (r *feltReader) typeDeclaration() TypeDeclaration {
	d := TypeDeclaration{LongID: LongID{Generic: r.genericID()}}
	c, ok := r.next()
	if !ok {
		return d
	}
	limbs := r.book[c].Limbs()
	if limbs[1] != 0 || limbs[3] != 0 {
		r.fail("felt %d: %v is not an argument count with type info", r.pos-1, r.book[c])
		return d
	}
	if info := limbs[2]; info != 0 {
		d.Info = &TypeInfo{
			Storable:     info&infoStorable != 0,
			Droppable:    info&infoDroppable != 0,
			Duplicatable: info&infoDuplicatable != 0,
			ZeroSized:    info&infoZeroSized != 0,
		}
	}
	d.LongID.Args = r.genericArgs(r.checkSize(limbs[0], "generic arguments", 2))
	return d
}

func (r *feltReader) vars() []VarID {
	n := r.size("variables", 1)
	if n == 0 {
		return nil
	}
	vars := piece(&r.varsLeft, n)
	for i := range vars {
		vars[i] = VarID(r.uint64())
	}
	return vars
}

func (r *feltReader) statement() Statement {
	switch tag := r.uint64(); {
	case r.err != nil:
		return Statement{}
	case tag == tagReturn:
		return Statement{Return: true, Args: r.vars()}
	case tag != tagInvocation:
		r.fail("felt %d: %d is not a kind of statement", r.pos-1, tag)
		return Statement{}
	}
	s := Statement{Libfunc: LibfuncID(r.id()), Args: r.vars()}
	n := r.size("branches", 2)
	s.Branches = piece(&r.branchesLeft, n)
	for i := range s.Branches {
		b := &s.Branches[i]
		if target := r.uint64(); target == fallthroughTarget {
			b.Fallthrough = true
		} else {
			b.Target = StatementIdx(clampInt(target))
		}
		b.Results = r.vars()
		if r.err != nil {
			break
		}
	}
	return s
}

func (r *feltReader) types() []TypeID {
	n := r.size("types", 1)
	if n == 0 {
		return nil
	}
	types := make([]TypeID, n)
	for i := range types {
		types[i] = TypeID(r.id())
	}
	return types
}

func (r *feltReader) function() Function {
	params := r.types()
	f := Function{Ret: r.types()}
	for _, t := range params {
		f.Params = append(f.Params, Param{Type: t, Var: VarID(r.uint64())})
	}
	f.Entry = StatementIdx(r.id())
	return f
}

// clampInt returns v as an int. Values that do not fit become the largest int, which no declaration has as its id.
func clampInt(v uint64) int { return int(min(v, math.MaxInt)) }

// EncodeFelts returns p in the felt form, with its versions; it is the inverse of DecodeFelts. Ids must equal positions.
func EncodeFelts(p *Program) ([]felt.Felt, error) {
	w := &feltWriter{}
	w.version(p.Version)
	w.version(p.Compiler)
	head := w.out
	w.out = nil
	w.size(len(p.Types))
	for i := range p.Types {
		d := &p.Types[i]
		if int(d.ID) != i {
			return nil, errorf(CodeEncode, "type %d has the id %d", i, d.ID)
		}
		w.genericID(d.LongID.Generic)
		limbs := [4]uint64{uint64(len(d.LongID.Args))}
		if d.Info != nil {
			limbs[2] = d.Info.bits()
		}
		w.out = append(w.out, felt.FromLimbs(limbs))
		w.genericArgs(d.LongID.Args)
	}
	w.size(len(p.Libfuncs))
	for i := range p.Libfuncs {
		d := &p.Libfuncs[i]
		if int(d.ID) != i {
			return nil, errorf(CodeEncode, "libfunc %d has the id %d", i, d.ID)
		}
		w.genericID(d.LongID.Generic)
		w.size(len(d.LongID.Args))
		w.genericArgs(d.LongID.Args)
	}
	w.size(len(p.Statements))
	for i := range p.Statements {
		w.statement(&p.Statements[i])
	}
	w.size(len(p.Funcs))
	for i := range p.Funcs {
		f := &p.Funcs[i]
		if int(f.ID) != i {
			return nil, errorf(CodeEncode, "function %d has the id %d", i, f.ID)
		}
		w.function(f)
	}
	if w.err != nil {
		return nil, w.err
	}
	return append(head, compress(w.out)...), nil
}

// bits returns the type info word.
func (i *TypeInfo) bits() uint64 {
	v := uint64(infoMarker)
	for _, f := range []struct {
		set bool
		bit uint64
	}{{i.Storable, infoStorable}, {i.Droppable, infoDroppable}, {i.Duplicatable, infoDuplicatable}, {i.ZeroSized, infoZeroSized}} {
		if f.set {
			v |= f.bit
		}
	}
	return v
}

type feltWriter struct {
	out []felt.Felt
	err error
}

func (w *feltWriter) uint64(v uint64) { w.out = append(w.out, felt.FromUint64(v)) }
func (w *feltWriter) size(n int)      { w.uint64(uint64(n)) }
func (w *feltWriter) version(v Version) {
	w.size(v.Major)
	w.size(v.Minor)
	w.size(v.Patch)
}

func (w *feltWriter) bigInt(v *big.Int) {
	if v.Sign() < 0 || v.Cmp(felt.Modulus()) >= 0 {
		if w.err == nil {
			w.err = errorf(CodeEncode, "value %v is not a felt", v)
		}
		return
	}
	w.out = append(w.out, felt.FromBigInt(v))
}

func (w *feltWriter) genericID(name string) {
	switch f, ok := longNames()[name]; {
	case ok:
		w.out = append(w.out, f)
	case len(name) <= maxShortName:
		w.out = append(w.out, felt.FromBytesReduce([]byte(name)))
	case w.err == nil:
		w.err = errorf(CodeEncode, "generic id %q is longer than %d characters", name, maxShortName)
	}
}

func (w *feltWriter) genericArgs(args []GenericArg) {
	for i := range args {
		a := &args[i]
		if a.Kind == ValueArg && a.Value.Sign() < 0 {
			w.uint64(tagNegativeValue)
			w.bigInt(new(big.Int).Neg(a.Value))
			continue
		}
		w.uint64(uint64(a.Kind))
		switch a.Kind {
		case UserTypeArg:
			w.bigInt(a.UserType.ID)
		case TypeArg:
			w.size(int(a.Type))
		case ValueArg:
			w.bigInt(a.Value)
		case UserFuncArg:
			w.size(int(a.Func))
		case LibfuncArg:
			w.size(int(a.Libfunc))
		}
	}
}

func (w *feltWriter) vars(vars []VarID) {
	w.size(len(vars))
	for _, v := range vars {
		w.uint64(uint64(v))
	}
}

func (w *feltWriter) statement(s *Statement) {
	if s.Return {
		w.uint64(tagReturn)
		w.vars(s.Args)
		return
	}
	w.uint64(tagInvocation)
	w.size(int(s.Libfunc))
	w.vars(s.Args)
	w.size(len(s.Branches))
	for i := range s.Branches {
		b := &s.Branches[i]
		if b.Fallthrough {
			w.uint64(fallthroughTarget)
		} else {
			w.size(int(b.Target))
		}
		w.vars(b.Results)
	}
}

func (w *feltWriter) function(f *Function) {
	w.size(len(f.Params))
	for i := range f.Params {
		w.size(int(f.Params[i].Type))
	}
	w.size(len(f.Ret))
	for _, t := range f.Ret {
		w.size(int(t))
	}
	for i := range f.Params {
		w.uint64(uint64(f.Params[i].Var))
	}
	w.size(int(f.Entry))
}
