package sierra

import (
	"hash/fnv"
	"math/big"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/keccak"
)

// maxNesting bounds the nesting of generic arguments and bracketed names.
const maxNesting = 200

// ParseText parses the text form of a program:
//
//	type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];
//	libfunc dup<felt252> = dup<felt252>;
//	F0:
//	dup<felt252>([0]) -> ([0], [1]);
//	felt252_is_zero([1]) { fallthrough() F0_B0([2]) };
//	return([0]);
//	test::foo@F0([0]: felt252) -> (felt252);
//
// Names may have any form that the compiler prints, or be numbers in brackets. They are resolved to the positions of the
// declarations and kept as debug names.
func ParseText(text string) (*Program, error) {
	p := &textParser{scanner: scanner{src: text}, labels: make(map[string]StatementIdx)}
	p.advance()
	prog := p.program()
	if p.err != nil {
		return nil, p.err
	}
	return prog, nil
}

// textParser is a recursive-descent parser with one token of lookahead. It keeps the first error and then sets the token
// to the end, so that every loop stops.
type textParser struct {
	scanner scanner
	tok     token
	depth   int
	labels  map[string]StatementIdx
	err     *ClassError
}

// textArg is a generic argument with an unresolved name.
type textArg struct {
	kind  ArgKind
	name  string // Type, UserFunc, Libfunc, UserType
	value *big.Int
}

// textLongID is a long id with unresolved names.
type textLongID struct {
	generic string
	args    []textArg
}

// textTarget is a statement given by number or by label.
type textTarget struct {
	label string
	idx   StatementIdx
	pos   int
}

// failAt records an error with the line of pos, unless there is one, and moves to the end.
func (p *textParser) failAt(pos int, format string, args ...any) {
	if p.err == nil {
		line := 1 + strings.Count(p.scanner.src[:pos], "\n")
		p.err = errorf(CodeText, "line "+strconv.Itoa(line)+": "+format, args...)
	}
	p.tok = token{pos: len(p.scanner.src)}
	p.scanner.pos = len(p.scanner.src)
}

func (p *textParser) unexpected(want string) {
	p.failAt(p.tok.pos, "got %v, want %s", p.tok, want)
}

func (p *textParser) advance() {
	t, err := p.scanner.next()
	if err != nil {
		p.failAt(p.scanner.pos, "%v", err)
		return
	}
	p.tok = t
}

// is reports whether the current token is the punctuation or word s.
func (p *textParser) is(s string) bool {
	return p.tok.text == s && (p.tok.kind == tokenPunct || p.tok.kind == tokenWord)
}

// accept passes the token s if it is the current one, and reports whether it was.
func (p *textParser) accept(s string) bool {
	if p.err != nil || !p.is(s) {
		return false
	}
	p.advance()
	return true
}

func (p *textParser) expect(s string) {
	if !p.accept(s) {
		p.unexpected(strconv.Quote(s))
	}
}

func (p *textParser) word() string {
	if p.tok.kind != tokenWord {
		p.unexpected("a label")
		return ""
	}
	s := p.tok.text
	p.advance()
	return s
}

func (p *textParser) number() *big.Int {
	if p.tok.kind != tokenNumber {
		p.unexpected("a number")
		return new(big.Int)
	}
	v, ok := new(big.Int).SetString(p.tok.text, 10)
	if !ok {
		p.unexpected("a number")
		return new(big.Int)
	}
	p.advance()
	return v
}

func (p *textParser) uint64() uint64 {
	pos := p.tok.pos
	v := p.number()
	if !v.IsUint64() {
		p.failAt(pos, "%v is not an unsigned 64-bit number", v)
		return 0
	}
	return v.Uint64()
}

// enter counts a level of nesting; the function that it returns leaves the level.
func (p *textParser) enter() func() {
	if p.depth++; p.depth > maxNesting {
		p.failAt(p.tok.pos, "names nest deeper than %d", maxNesting)
	}
	return func() { p.depth-- }
}

// list parses items separated by commas up to the closing token. A trailing comma is allowed.
func (p *textParser) list(end string, item func()) {
	for p.err == nil && !p.is(end) {
		item()
		if !p.accept(",") {
			break
		}
	}
	p.expect(end)
}

// program parses and resolves a program.
func (p *textParser) program() *Program {
	prog := &Program{}
	types, libfuncs, funcs := newNameTable("type"), newNameTable("libfunc"), newNameTable("function")
	var typeIDs, libfuncIDs []textLongID
	for p.accept("type") {
		name := p.typeName()
		prog.Types = append(prog.Types, TypeDeclaration{ID: TypeID(len(prog.Types)), Name: types.declare(p, name)})
		p.expect("=")
		typeIDs = append(typeIDs, p.longID())
		prog.Types[len(prog.Types)-1].Info = p.typeInfo()
		p.expect(";")
	}
	for p.accept("libfunc") {
		name := p.labelOrNumber()
		prog.Libfuncs = append(prog.Libfuncs, LibfuncDeclaration{ID: LibfuncID(len(prog.Libfuncs)), Name: libfuncs.declare(p, name)})
		p.expect("=")
		libfuncIDs = append(libfuncIDs, p.longID())
		p.expect(";")
	}
	body := p.body(funcs)
	for i := range typeIDs {
		prog.Types[i].LongID = p.resolve(typeIDs[i], types, libfuncs, funcs)
	}
	for i := range libfuncIDs {
		prog.Libfuncs[i].LongID = p.resolve(libfuncIDs[i], types, libfuncs, funcs)
	}
	for i := range body.statements {
		s := &body.statements[i]
		if !s.stmt.Return {
			s.stmt.Libfunc = LibfuncID(libfuncs.id(p, s.libfunc, s.pos))
		}
		for j, t := range s.targets {
			if !s.stmt.Branches[j].Fallthrough {
				s.stmt.Branches[j].Target = p.target(t)
			}
		}
		prog.Statements = append(prog.Statements, s.stmt)
	}
	for i := range body.funcs {
		f := &body.funcs[i]
		for j, name := range f.paramTypes {
			f.fn.Params[j].Type = TypeID(types.id(p, name, f.pos))
		}
		for _, name := range f.retTypes {
			f.fn.Ret = append(f.fn.Ret, TypeID(types.id(p, name, f.pos)))
		}
		f.fn.Entry = p.target(f.entry)
		prog.Funcs = append(prog.Funcs, f.fn)
	}
	return prog
}

func (p *textParser) target(t textTarget) StatementIdx {
	if t.label == "" {
		return t.idx
	}
	idx, ok := p.labels[t.label]
	if !ok {
		p.failAt(t.pos, "no statement is labelled %q", t.label)
	}
	return idx
}

func (p *textParser) resolve(l textLongID, types, libfuncs, funcs *nameTable) LongID {
	id := LongID{Generic: l.generic}
	for _, a := range l.args {
		arg := GenericArg{Kind: a.kind, Value: a.value}
		end := len(p.scanner.src)
		switch a.kind {
		case TypeArg:
			arg.Type = TypeID(types.id(p, a.name, end))
		case UserFuncArg:
			arg.Func = FuncID(funcs.id(p, a.name, end))
		case LibfuncArg:
			arg.Libfunc = LibfuncID(libfuncs.id(p, a.name, end))
		case UserTypeArg:
			arg.UserType = userType(a.name)
		}
		id.Args = append(id.Args, arg)
	}
	return id
}

// userType returns the user type with the given name, or with the id given as a number in brackets.
func userType(name string) UserType {
	if digits, ok := strings.CutPrefix(name, "["); ok {
		if v, ok := new(big.Int).SetString(strings.TrimSuffix(digits, "]"), 10); ok {
			return UserType{ID: v}
		}
	}
	f := keccak.Starknet([]byte(name))
	return UserType{ID: f.BigInt(), Name: name}
}

// nameTable maps declared names to positions.
type nameTable struct {
	what string
	ids  map[string]int
}

func newNameTable(what string) *nameTable { return &nameTable{what: what, ids: make(map[string]int)} }

// declare gives name the next position and returns its debug name: "" if the name is its position in brackets.
func (t *nameTable) declare(p *textParser, name string) string {
	id := len(t.ids)
	if _, ok := t.ids[name]; ok {
		p.failAt(p.tok.pos, "%s %s is declared twice", t.what, name)
		return ""
	}
	t.ids[name] = id
	if name == bracketed(uint64(id)) {
		return ""
	}
	return name
}

func (t *nameTable) id(p *textParser, name string, pos int) int {
	id, ok := t.ids[name]
	if !ok {
		p.failAt(pos, "%s %s is not declared", t.what, name)
	}
	return id
}

func bracketed(id uint64) string { return "[" + strconv.FormatUint(id, 10) + "]" }

// textStatement is a statement with unresolved names.
type textStatement struct {
	stmt    Statement
	libfunc string
	targets []textTarget
	pos     int
}

// textFunction is a function with unresolved names.
type textFunction struct {
	fn                   Function
	entry                textTarget
	paramTypes, retTypes []string
	pos                  int
}

type textBody struct {
	statements []textStatement
	funcs      []textFunction
}

// body parses labels and statements, then functions.
func (p *textParser) body(funcs *nameTable) (b textBody) {
	for p.err == nil && p.tok.kind != tokenEOF {
		pos := p.tok.pos
		if len(b.funcs) == 0 && p.accept("return") {
			p.expect("(")
			b.statements = append(b.statements, textStatement{stmt: Statement{Return: true, Args: p.vars()}, pos: pos})
			p.expect(";")
			continue
		}
		name := p.functionName()
		switch {
		case p.is("@"):
			b.funcs = append(b.funcs, p.function(name, pos, funcs))
		case len(b.funcs) > 0:
			p.unexpected("a function: statements must come before functions")
		case p.accept(":"):
			if _, ok := p.labels[name]; ok {
				p.failAt(pos, "label %q is used twice", name)
			}
			p.labels[name] = StatementIdx(len(b.statements))
		default:
			b.statements = append(b.statements, p.invocation(name, pos))
		}
	}
	return b
}

func (p *textParser) invocation(libfunc string, pos int) textStatement {
	s := textStatement{libfunc: libfunc, pos: pos}
	p.expect("(")
	s.stmt.Args = p.vars()
	if p.accept("->") {
		p.expect("(")
		s.stmt.Branches = []Branch{{Fallthrough: true, Results: p.vars()}}
		s.targets = make([]textTarget, 1)
		p.expect(";")
		return s
	}
	p.expect("{")
	for p.err == nil && !p.is("}") {
		var b Branch
		var t textTarget
		if p.accept("fallthrough") {
			b.Fallthrough = true
		} else {
			t = p.statementID()
		}
		p.expect("(")
		b.Results = p.vars()
		s.stmt.Branches = append(s.stmt.Branches, b)
		s.targets = append(s.targets, t)
	}
	p.expect("}")
	p.expect(";")
	return s
}

func (p *textParser) statementID() textTarget {
	t := textTarget{pos: p.tok.pos}
	if p.tok.kind == tokenNumber {
		t.idx = StatementIdx(clampInt(p.uint64()))
		return t
	}
	t.label = p.word()
	return t
}

func (p *textParser) function(name string, pos int, funcs *nameTable) textFunction {
	f := textFunction{pos: pos, fn: Function{ID: FuncID(len(funcs.ids))}}
	f.fn.Name = funcs.declare(p, name)
	p.expect("@")
	f.entry = p.statementID()
	p.expect("(")
	p.list(")", func() {
		f.fn.Params = append(f.fn.Params, Param{Var: p.variable()})
		p.expect(":")
		f.paramTypes = append(f.paramTypes, p.typeName())
	})
	p.expect("->")
	p.expect("(")
	p.list(")", func() { f.retTypes = append(f.retTypes, p.typeName()) })
	p.expect(";")
	return f
}

// vars parses variables up to and including the closing parenthesis.
func (p *textParser) vars() (vars []VarID) {
	p.list(")", func() { vars = append(vars, p.variable()) })
	return vars
}

// variable parses [n] or a name, whose id is its FNV-1a hash.
func (p *textParser) variable() VarID {
	if p.accept("[") {
		v := p.uint64()
		p.expect("]")
		return VarID(v)
	}
	h := fnv.New64a()
	h.Write([]byte(p.word()))
	return VarID(h.Sum64())
}

func (p *textParser) longID() textLongID {
	l := textLongID{generic: p.word()}
	for p.accept("::") {
		l.generic += "::" + p.word()
	}
	if p.accept("<") {
		p.list(">", func() { l.args = append(l.args, p.genericArg()) })
	}
	return l
}

func (p *textParser) typeInfo() *TypeInfo {
	if !p.accept("[") {
		return nil
	}
	info := &TypeInfo{}
	for i, f := range []struct {
		name string
		flag *bool
	}{{"storable", &info.Storable}, {"drop", &info.Droppable}, {"dup", &info.Duplicatable}, {"zero_sized", &info.ZeroSized}} {
		if i > 0 {
			p.expect(",")
		}
		p.expect(f.name)
		p.expect(":")
		if *f.flag = p.is("true"); !*f.flag && !p.is("false") {
			p.unexpected("true or false")
		}
		p.advance()
	}
	p.expect("]")
	return info
}
