package vm

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Hints of Cairo 0 programs are Python. The part of Python that the Cairo common library uses is small, so hints are
// interpreted: this file parses a hint into closures, python_eval.go has the values and operations, python_lib.go the
// modules that hints import. Hints that benchmarks spend their time in have Go twins, see hints.go.
//
// A hint is the program's own text, so the interpreter is total: sizes, depths and iterations are bounded.

// pyEnv is a running hint.
type pyEnv struct {
	m      *Machine
	ids    *IDs
	locals []map[string]any // of function calls, innermost last; comprehensions add theirs
	budget int              // iterations left
	depth  int
}

type (
	pyExpr func(e *pyEnv) (any, error)
	pyStmt func(e *pyEnv) (pyFlow, error)
	// pyTarget is what can be assigned to.
	pyTarget func(e *pyEnv, v any) error
)

// pyFlow is how a statement ended.
type pyFlow struct {
	kind  byte // 0 next, 'b' break, 'c' continue, 'r' return
	value any
}

type pyToken struct {
	kind byte // 'n' name, 'i' int, 's' string, 'b' bytes, 'f' f-string, 'o' operator, '\n', '>' indent, '<' dedent, 0 end
	text string
	num  *big.Int
}

// pyLex splits a hint into tokens, with the indentation as tokens.
func pyLex(src string) ([]pyToken, error) {
	if len(src) > 1<<16 {
		return nil, errors.New("the hint is too long")
	}
	var toks []pyToken
	indents := []int{0}
	depth := 0
	newline := true
	for i := 0; i < len(src); {
		if newline && depth == 0 {
			n := 0
			for i < len(src) && (src[i] == ' ' || src[i] == '\t') {
				n++
				i++
			}
			if i == len(src) {
				break
			}
			if src[i] == '\n' || src[i] == '\r' {
				i++
				continue
			}
			if src[i] == '#' {
				for i < len(src) && src[i] != '\n' {
					i++
				}
				continue
			}
			for n < indents[len(indents)-1] {
				indents = indents[:len(indents)-1]
				toks = append(toks, pyToken{kind: '<'})
			}
			if n > indents[len(indents)-1] {
				indents = append(indents, n)
				toks = append(toks, pyToken{kind: '>'})
			}
			newline = false
		}
		c := src[i]
		switch {
		case c == '\n':
			i++
			if depth == 0 {
				toks = append(toks, pyToken{kind: '\n'})
				newline = true
			}
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\\' && i+1 < len(src) && src[i+1] == '\n':
			i += 2
		case c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case pyIsName(c):
			j := i
			for j < len(src) && (pyIsName(src[j]) || '0' <= src[j] && src[j] <= '9') {
				j++
			}
			word := src[i:j]
			if j < len(src) && (src[j] == '\'' || src[j] == '"') && len(word) <= 2 && strings.Trim(strings.ToLower(word), "frb") == "" {
				kind := byte('s')
				if strings.ContainsAny(word, "fF") {
					kind = 'f'
				} else if strings.ContainsAny(word, "bB") {
					kind = 'b'
				}
				text, n, err := pyString(src[j:])
				if err != nil {
					return nil, err
				}
				toks = append(toks, pyToken{kind: kind, text: text})
				i = j + n
				break
			}
			toks = append(toks, pyToken{kind: 'n', text: word})
			i = j
		case c == '\'' || c == '"':
			text, n, err := pyString(src[i:])
			if err != nil {
				return nil, err
			}
			toks = append(toks, pyToken{kind: 's', text: text})
			i += n
		case '0' <= c && c <= '9':
			j := i
			for j < len(src) && (pyIsName(src[j]) || '0' <= src[j] && src[j] <= '9') {
				j++
			}
			v, ok := new(big.Int).SetString(src[i:j], 0)
			if !ok {
				return nil, fmt.Errorf("bad number %q", src[i:j])
			}
			toks = append(toks, pyToken{kind: 'i', num: v})
			i = j
		default:
			op := ""
			for _, o := range []string{"**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "%=", "&=", "|=", "^=", "->"} {
				if strings.HasPrefix(src[i:], o) {
					op = o
					break
				}
			}
			if op == "" {
				if !strings.ContainsRune("+-*/%&|^~<>=()[]{},:.;@", rune(c)) {
					return nil, fmt.Errorf("unexpected character %q", c)
				}
				op = string(c)
			}
			switch op {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
			toks = append(toks, pyToken{kind: 'o', text: op})
			i += len(op)
		}
	}
	toks = append(toks, pyToken{kind: '\n'})
	for range indents[1:] {
		toks = append(toks, pyToken{kind: '<'})
	}
	return append(toks, pyToken{}), nil
}

func pyIsName(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// pyString reads a quoted string at the start of s and returns its text and length.
func pyString(s string) (string, int, error) {
	q := s[:1]
	if strings.HasPrefix(s, q+q+q) {
		q = s[:3]
	}
	var b strings.Builder
	for i := len(q); i < len(s); {
		if strings.HasPrefix(s[i:], q) {
			return b.String(), i + len(q), nil
		}
		if s[i] == '\\' && i+1 < len(s) {
			switch c := s[i+1]; c {
			case 'n':
				b.WriteByte('\n')
			case '\n':
			case 'x':
				if i+3 < len(s) {
					v, ok := new(big.Int).SetString(s[i+2:i+4], 16)
					if !ok {
						return "", 0, errors.New("bad escape")
					}
					b.WriteByte(byte(v.Uint64()))
					i += 2
				}
			default:
				b.WriteByte(c)
			}
			i += 2
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return "", 0, errors.New("unterminated string")
}

// pyParser is a recursive-descent parser that yields closures.
type pyParser struct {
	toks  []pyToken
	at    int
	depth int
}

// parsePython parses a hint.
func parsePython(src string) (pyStmt, error) {
	toks, err := pyLex(src)
	if err != nil {
		return nil, err
	}
	p := &pyParser{toks: toks}
	var list []pyStmt
	for p.peek().kind != 0 {
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return pyBlock(list), nil
}

func pyBlock(list []pyStmt) pyStmt {
	if len(list) == 1 {
		return list[0]
	}
	return func(e *pyEnv) (pyFlow, error) {
		for _, s := range list {
			if f, err := s(e); err != nil || f.kind != 0 {
				return f, err
			}
		}
		return pyFlow{}, nil
	}
}

func (p *pyParser) peek() pyToken { return p.toks[p.at] }

func (p *pyParser) isOp(op string) bool {
	t := p.peek()
	return t.kind == 'o' && t.text == op
}

func (p *pyParser) isWord(w string) bool {
	t := p.peek()
	return t.kind == 'n' && t.text == w
}

func (p *pyParser) accept(op string) bool {
	if p.isOp(op) {
		p.at++
		return true
	}
	return false
}

func (p *pyParser) acceptWord(w string) bool {
	if p.isWord(w) {
		p.at++
		return true
	}
	return false
}

func (p *pyParser) expect(op string) error {
	if !p.accept(op) {
		return fmt.Errorf("want %q, have %q", op, p.peek().text)
	}
	return nil
}

func (p *pyParser) name() (string, error) {
	t := p.peek()
	if t.kind != 'n' {
		return "", fmt.Errorf("want a name, have %q", t.text)
	}
	p.at++
	return t.text, nil
}

func (p *pyParser) endOfLine() error {
	if p.accept(";") {
		return nil
	}
	if p.peek().kind != '\n' {
		return fmt.Errorf("unexpected %q", p.peek().text)
	}
	p.at++
	return nil
}

// suite is the body after a colon.
func (p *pyParser) suite() (pyStmt, error) {
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	if p.peek().kind != '\n' {
		return p.statement()
	}
	p.at++
	if p.peek().kind != '>' {
		return nil, errors.New("want an indented block")
	}
	p.at++
	var list []pyStmt
	for p.peek().kind != '<' {
		if p.peek().kind == 0 {
			return nil, errors.New("unexpected end")
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	p.at++
	return pyBlock(list), nil
}

func (p *pyParser) statement() (pyStmt, error) {
	if p.depth++; p.depth > 100 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	t := p.peek()
	if t.kind == '\n' {
		p.at++
		return func(*pyEnv) (pyFlow, error) { return pyFlow{}, nil }, nil
	}
	if t.kind == 'n' {
		switch t.text {
		case "if":
			p.at++
			return p.ifStatement()
		case "for":
			p.at++
			return p.forStatement()
		case "while":
			p.at++
			return p.whileStatement()
		case "def":
			p.at++
			return p.defStatement()
		case "from", "import":
			return p.importStatement()
		case "pass", "break", "continue":
			p.at++
			kind := map[string]byte{"pass": 0, "break": 'b', "continue": 'c'}[t.text]
			return func(*pyEnv) (pyFlow, error) { return pyFlow{kind: kind}, nil }, p.endOfLine()
		case "return":
			p.at++
			var x pyExpr
			if p.peek().kind != '\n' {
				var err error
				if x, err = p.exprList(); err != nil {
					return nil, err
				}
			}
			return func(e *pyEnv) (pyFlow, error) {
				if x == nil {
					return pyFlow{kind: 'r'}, nil
				}
				v, err := x(e)
				return pyFlow{'r', v}, err
			}, p.endOfLine()
		case "assert":
			p.at++
			x, err := p.expr()
			if err != nil {
				return nil, err
			}
			var msg pyExpr
			if p.accept(",") {
				if msg, err = p.expr(); err != nil {
					return nil, err
				}
			}
			return pyAssert(x, msg), p.endOfLine()
		case "raise":
			p.at++
			x, err := p.expr()
			if err != nil {
				return nil, err
			}
			return func(e *pyEnv) (pyFlow, error) {
				v, err := x(e)
				if err != nil {
					return pyFlow{}, err
				}
				return pyFlow{}, fmt.Errorf("%s", pyStr(v))
			}, p.endOfLine()
		case "del":
			p.at++
			n, err := p.name()
			if err != nil {
				return nil, err
			}
			return func(e *pyEnv) (pyFlow, error) {
				delete(e.scope(), n)
				return pyFlow{}, nil
			}, p.endOfLine()
		}
	}
	return p.assignment()
}

func pyAssert(x, msg pyExpr) pyStmt {
	return func(e *pyEnv) (pyFlow, error) {
		v, err := x(e)
		if err != nil {
			return pyFlow{}, err
		}
		if pyTrue(v) {
			return pyFlow{}, nil
		}
		text := "AssertionError"
		if msg != nil {
			if m, err := msg(e); err == nil {
				text = pyStr(m)
			}
		}
		return pyFlow{}, errors.New(text)
	}
}

func (p *pyParser) ifStatement() (pyStmt, error) {
	cond, err := p.expr()
	if err != nil {
		return nil, err
	}
	then, err := p.suite()
	if err != nil {
		return nil, err
	}
	var otherwise pyStmt
	switch {
	case p.acceptWord("elif"):
		otherwise, err = p.ifStatement()
	case p.acceptWord("else"):
		otherwise, err = p.suite()
	}
	return func(e *pyEnv) (pyFlow, error) {
		v, err := cond(e)
		if err != nil {
			return pyFlow{}, err
		}
		if pyTrue(v) {
			return then(e)
		}
		if otherwise != nil {
			return otherwise(e)
		}
		return pyFlow{}, nil
	}, err
}

func (p *pyParser) forStatement() (pyStmt, error) {
	target, err := p.targets()
	if err != nil {
		return nil, err
	}
	if !p.acceptWord("in") {
		return nil, errors.New("want in")
	}
	iter, err := p.exprList()
	if err != nil {
		return nil, err
	}
	body, err := p.suite()
	if err != nil {
		return nil, err
	}
	var otherwise pyStmt
	if p.acceptWord("else") {
		if otherwise, err = p.suite(); err != nil {
			return nil, err
		}
	}
	return func(e *pyEnv) (pyFlow, error) {
		v, err := iter(e)
		if err != nil {
			return pyFlow{}, err
		}
		broken := false
		var flow pyFlow
		err = e.iterate(v, func(x any) (bool, error) {
			if err := target(e, x); err != nil {
				return false, err
			}
			f, err := body(e)
			if err != nil {
				return false, err
			}
			switch f.kind {
			case 'b':
				broken = true
				return false, nil
			case 'r':
				broken, flow = true, f
				return false, nil
			}
			return true, nil
		})
		if err != nil || broken || otherwise == nil {
			return flow, err
		}
		return otherwise(e)
	}, nil
}

func (p *pyParser) whileStatement() (pyStmt, error) {
	cond, err := p.expr()
	if err != nil {
		return nil, err
	}
	body, err := p.suite()
	return func(e *pyEnv) (pyFlow, error) {
		for {
			if err := e.spend(); err != nil {
				return pyFlow{}, err
			}
			v, err := cond(e)
			if err != nil || !pyTrue(v) {
				return pyFlow{}, err
			}
			f, err := body(e)
			if err != nil || f.kind == 'r' {
				return f, err
			}
			if f.kind == 'b' {
				return pyFlow{}, nil
			}
		}
	}, err
}

// annotation skips `: type` and `-> type`.
func (p *pyParser) annotation(mark string) error {
	if !p.accept(mark) {
		return nil
	}
	_, err := p.expr()
	return err
}

func (p *pyParser) defStatement() (pyStmt, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	params, defaults, err := p.params(")")
	if err != nil {
		return nil, err
	}
	if err := p.annotation("->"); err != nil {
		return nil, err
	}
	body, err := p.suite()
	return func(e *pyEnv) (pyFlow, error) {
		f, err := e.function(params, defaults, func(e *pyEnv) (any, error) {
			f, err := body(e)
			return f.value, err
		})
		if err != nil {
			return pyFlow{}, err
		}
		e.set(name, f)
		return pyFlow{}, nil
	}, err
}

// params reads parameters up to a closing token, with their defaults.
func (p *pyParser) params(end string) (names []string, defaults []pyExpr, err error) {
	for !p.accept(end) {
		n, err := p.name()
		if err != nil {
			return nil, nil, err
		}
		if end != ":" {
			if err := p.annotation(":"); err != nil {
				return nil, nil, err
			}
		}
		var d pyExpr
		if p.accept("=") {
			if d, err = p.expr(); err != nil {
				return nil, nil, err
			}
		}
		names, defaults = append(names, n), append(defaults, d)
		if !p.accept(",") {
			return names, defaults, p.expect(end)
		}
	}
	return names, defaults, nil
}

func (p *pyParser) dotted() (string, error) {
	n, err := p.name()
	for err == nil && p.accept(".") {
		var more string
		more, err = p.name()
		n += "." + more
	}
	return n, err
}

func (p *pyParser) importStatement() (pyStmt, error) {
	type binding struct{ as, path string }
	var list []binding
	if p.acceptWord("import") {
		path, err := p.dotted()
		if err != nil {
			return nil, err
		}
		as := strings.SplitN(path, ".", 2)[0]
		if p.acceptWord("as") {
			if as, err = p.name(); err != nil {
				return nil, err
			}
		}
		list = append(list, binding{as, path})
	} else {
		p.at++
		module, err := p.dotted()
		if err != nil {
			return nil, err
		}
		if !p.acceptWord("import") {
			return nil, errors.New("want import")
		}
		paren := p.accept("(")
		for {
			n, err := p.name()
			if err != nil {
				return nil, err
			}
			as := n
			if p.acceptWord("as") {
				if as, err = p.name(); err != nil {
					return nil, err
				}
			}
			list = append(list, binding{as, module + "." + n})
			if !p.accept(",") || paren && p.isOp(")") {
				break
			}
		}
		if paren {
			if err := p.expect(")"); err != nil {
				return nil, err
			}
		}
	}
	for _, b := range list {
		if _, ok := pyModules[b.path]; !ok {
			return nil, fmt.Errorf("No module named %q", b.path)
		}
	}
	return func(e *pyEnv) (pyFlow, error) {
		for _, b := range list {
			e.set(b.as, pyModules[b.path])
		}
		return pyFlow{}, nil
	}, p.endOfLine()
}

// pyPlace is a parsed expression and, when it may be assigned to, how.
type pyPlace struct {
	get pyExpr
	set pyTarget
}

func (p *pyParser) assignment() (pyStmt, error) {
	first, err := p.placeList()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "**"} {
		if p.accept(op + "=") {
			x, err := p.exprList()
			if err != nil {
				return nil, err
			}
			if first.set == nil {
				return nil, errors.New("cannot assign")
			}
			return func(e *pyEnv) (pyFlow, error) {
				a, err := first.get(e)
				if err != nil {
					return pyFlow{}, err
				}
				b, err := x(e)
				if err != nil {
					return pyFlow{}, err
				}
				v, err := pyBinary(op, a, b)
				if err != nil {
					return pyFlow{}, err
				}
				return pyFlow{}, first.set(e, v)
			}, p.endOfLine()
		}
	}
	places := []pyPlace{first}
	if p.isOp(":") { // an annotated name
		if err := p.annotation(":"); err != nil {
			return nil, err
		}
	}
	for p.accept("=") {
		next, err := p.placeList()
		if err != nil {
			return nil, err
		}
		places = append(places, next)
	}
	value := places[len(places)-1].get
	places = places[:len(places)-1]
	for _, t := range places {
		if t.set == nil {
			return nil, errors.New("cannot assign")
		}
	}
	return func(e *pyEnv) (pyFlow, error) {
		v, err := value(e)
		if err != nil {
			return pyFlow{}, err
		}
		for _, t := range places {
			if err := t.set(e, v); err != nil {
				return pyFlow{}, err
			}
		}
		return pyFlow{}, nil
	}, p.endOfLine()
}

// targets reads a loop's variables.
func (p *pyParser) targets() (pyTarget, error) {
	paren := p.accept("(")
	var list []pyTarget
	for {
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		list = append(list, func(e *pyEnv, v any) error { e.set(n, v); return nil })
		if !p.accept(",") {
			break
		}
	}
	if paren {
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return pyUnpack(list), nil
}

func pyUnpack(list []pyTarget) pyTarget {
	return func(e *pyEnv, v any) error {
		values, err := e.list(v)
		if err != nil {
			return err
		}
		if len(values) != len(list) {
			return fmt.Errorf("%d values for %d names", len(values), len(list))
		}
		for i, t := range list {
			if err := t(e, values[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// placeList is an expression list that may be a target.
func (p *pyParser) placeList() (pyPlace, error) {
	x, err := p.place()
	if err != nil || !p.isOp(",") {
		return x, err
	}
	list := []pyPlace{x}
	for p.accept(",") {
		if p.peek().kind == '\n' || p.isOp("=") {
			break
		}
		if x, err = p.place(); err != nil {
			return x, err
		}
		list = append(list, x)
	}
	return pyTuplePlace(list), nil
}

func pyTuplePlace(list []pyPlace) pyPlace {
	out := pyPlace{get: func(e *pyEnv) (any, error) {
		t := make(pyTuple, len(list))
		for i, x := range list {
			v, err := x.get(e)
			if err != nil {
				return nil, err
			}
			t[i] = v
		}
		return t, nil
	}}
	targets := make([]pyTarget, len(list))
	for i, x := range list {
		if x.set == nil {
			return out
		}
		targets[i] = x.set
	}
	out.set = pyUnpack(targets)
	return out
}

// place is an expression, with its target when it is one.
func (p *pyParser) place() (pyPlace, error) {
	start := p.at
	if x, err := p.postfix(); err == nil && x.set != nil {
		t := p.peek()
		if t.kind == '\n' || t.kind == 'o' && (t.text == "=" || t.text == "," || t.text == ")" || t.text == ":" || strings.HasSuffix(t.text, "=") && t.text != "==" && t.text != "!=" && t.text != "<=" && t.text != ">=") {
			return x, nil
		}
	}
	p.at = start
	x, err := p.expr()
	return pyPlace{get: x}, err
}

func (p *pyParser) exprList() (pyExpr, error) {
	x, err := p.placeList()
	return x.get, err
}

// expr is a conditional expression or a lambda.
func (p *pyParser) expr() (pyExpr, error) {
	if p.depth++; p.depth > 100 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	if p.acceptWord("lambda") {
		params, defaults, err := p.params(":")
		if err != nil {
			return nil, err
		}
		body, err := p.expr()
		return func(e *pyEnv) (any, error) { return e.function(params, defaults, body) }, err
	}
	x, err := p.or()
	if err != nil || !p.acceptWord("if") {
		return x, err
	}
	cond, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.acceptWord("else") {
		return nil, errors.New("want else")
	}
	y, err := p.expr()
	return func(e *pyEnv) (any, error) {
		c, err := cond(e)
		if err != nil {
			return nil, err
		}
		if pyTrue(c) {
			return x(e)
		}
		return y(e)
	}, err
}

func (p *pyParser) or() (pyExpr, error) {
	x, err := p.and()
	for err == nil && p.acceptWord("or") {
		a := x
		var b pyExpr
		if b, err = p.and(); err == nil {
			x = func(e *pyEnv) (any, error) {
				v, err := a(e)
				if err != nil || pyTrue(v) {
					return v, err
				}
				return b(e)
			}
		}
	}
	return x, err
}

func (p *pyParser) and() (pyExpr, error) {
	x, err := p.not()
	for err == nil && p.acceptWord("and") {
		a := x
		var b pyExpr
		if b, err = p.not(); err == nil {
			x = func(e *pyEnv) (any, error) {
				v, err := a(e)
				if err != nil || !pyTrue(v) {
					return v, err
				}
				return b(e)
			}
		}
	}
	return x, err
}

func (p *pyParser) not() (pyExpr, error) {
	if !p.acceptWord("not") {
		return p.comparison()
	}
	if p.depth++; p.depth > 100 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	x, err := p.not()
	return func(e *pyEnv) (any, error) {
		v, err := x(e)
		return !pyTrue(v), err
	}, err
}

func (p *pyParser) compareOp() string {
	t := p.peek()
	if t.kind == 'o' {
		switch t.text {
		case "<", ">", "<=", ">=", "==", "!=":
			p.at++
			return t.text
		}
	}
	if t.kind == 'n' {
		switch {
		case t.text == "in":
			p.at++
			return "in"
		case t.text == "is":
			p.at++
			if p.acceptWord("not") {
				return "!="
			}
			return "=="
		case t.text == "not" && p.toks[p.at+1].kind == 'n' && p.toks[p.at+1].text == "in":
			p.at += 2
			return "not in"
		}
	}
	return ""
}

// comparison is a chain: a < b < c.
func (p *pyParser) comparison() (pyExpr, error) {
	x, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	var ops []string
	operands := []pyExpr{x}
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		y, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		ops, operands = append(ops, op), append(operands, y)
	}
	if len(ops) == 0 {
		return x, nil
	}
	return func(e *pyEnv) (any, error) {
		a, err := operands[0](e)
		if err != nil {
			return nil, err
		}
		for i, op := range ops {
			b, err := operands[i+1](e)
			if err != nil {
				return nil, err
			}
			ok, err := e.compare(op, a, b)
			if err != nil || !ok {
				return false, err
			}
			a = b
		}
		return true, nil
	}, nil
}

// pyLevels are the binary operators from the loosest on.
var pyLevels = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "//", "/", "%"}}

func (p *pyParser) binary(level int) (pyExpr, error) {
	if level == len(pyLevels) {
		return p.unary()
	}
	x, err := p.binary(level + 1)
	for err == nil {
		op := ""
		for _, o := range pyLevels[level] {
			if p.accept(o) {
				op = o
				break
			}
		}
		if op == "" {
			return x, nil
		}
		a := x
		var b pyExpr
		if b, err = p.binary(level + 1); err == nil {
			x = func(e *pyEnv) (any, error) {
				v, err := a(e)
				if err != nil {
					return nil, err
				}
				w, err := b(e)
				if err != nil {
					return nil, err
				}
				return pyBinary(op, v, w)
			}
		}
	}
	return nil, err
}

func (p *pyParser) unary() (pyExpr, error) {
	for _, op := range []string{"-", "+", "~"} {
		if p.accept(op) {
			if p.depth++; p.depth > 100 {
				return nil, errors.New("nested too deep")
			}
			defer func() { p.depth-- }()
			x, err := p.unary()
			return func(e *pyEnv) (any, error) {
				v, err := x(e)
				if err != nil {
					return nil, err
				}
				n, err := pyInt(v)
				if err != nil {
					return nil, err
				}
				switch op {
				case "-":
					return new(big.Int).Neg(n), nil
				case "~":
					return new(big.Int).Not(n), nil
				}
				return n, nil
			}, err
		}
	}
	base, err := p.postfix()
	if err != nil || !p.accept("**") {
		return base.get, err
	}
	power, err := p.unary()
	return func(e *pyEnv) (any, error) {
		a, err := base.get(e)
		if err != nil {
			return nil, err
		}
		b, err := power(e)
		if err != nil {
			return nil, err
		}
		return pyBinary("**", a, b)
	}, err
}

// postfix is an atom with calls, subscripts and attributes.
func (p *pyParser) postfix() (pyPlace, error) {
	x, err := p.atom()
	for err == nil {
		switch {
		case p.accept("("):
			x, err = p.call(x.get)
		case p.accept("["):
			x, err = p.subscript(x.get)
		case p.accept("."):
			var n string
			if n, err = p.name(); err == nil {
				obj := x.get
				x = pyPlace{
					func(e *pyEnv) (any, error) {
						v, err := obj(e)
						if err != nil {
							return nil, err
						}
						return e.attr(v, n)
					},
					func(e *pyEnv, w any) error {
						v, err := obj(e)
						if err != nil {
							return err
						}
						return e.setAttr(v, n, w)
					},
				}
			}
		default:
			return x, nil
		}
	}
	return x, err
}

func (p *pyParser) call(f pyExpr) (pyPlace, error) {
	type arg struct {
		name string
		star bool
		dict bool // **x
		x    pyExpr
	}
	var args []arg
	for !p.accept(")") {
		var a arg
		a.dict = p.accept("**")
		a.star = p.accept("*")
		if t := p.peek(); t.kind == 'n' && p.toks[p.at+1].kind == 'o' && p.toks[p.at+1].text == "=" {
			a.name = t.text
			p.at += 2
		}
		x, err := p.expr()
		if err != nil {
			return pyPlace{}, err
		}
		if p.isWord("for") { // a generator as the only argument
			if x, err = p.comprehension(x, nil, '['); err != nil {
				return pyPlace{}, err
			}
		}
		a.x = x
		args = append(args, a)
		if !p.accept(",") {
			if err := p.expect(")"); err != nil {
				return pyPlace{}, err
			}
			break
		}
	}
	return pyPlace{get: func(e *pyEnv) (any, error) {
		fv, err := f(e)
		if err != nil {
			return nil, err
		}
		var list []any
		var kw map[string]any
		for _, a := range args {
			v, err := a.x(e)
			if err != nil {
				return nil, err
			}
			switch {
			case a.dict:
				d, ok := v.(*pyDict)
				if !ok {
					return nil, errors.New("** wants a dict")
				}
				if kw == nil {
					kw = make(map[string]any)
				}
				for i, k := range d.keys {
					kw[pyStr(k)] = d.values[i]
				}
			case a.name != "":
				if kw == nil {
					kw = make(map[string]any)
				}
				kw[a.name] = v
			case a.star:
				more, err := e.list(v)
				if err != nil {
					return nil, err
				}
				list = append(list, more...)
			default:
				list = append(list, v)
			}
		}
		return e.call(fv, list, kw)
	}}, nil
}

func (p *pyParser) subscript(obj pyExpr) (pyPlace, error) {
	var parts [3]pyExpr
	n, slice := 0, false
	for {
		if p.accept(":") {
			slice = true
			if n++; n > 2 {
				return pyPlace{}, errors.New("bad slice")
			}
			continue
		}
		if p.accept("]") {
			break
		}
		x, err := p.exprList()
		if err != nil {
			return pyPlace{}, err
		}
		parts[n] = x
	}
	if slice {
		return pyPlace{get: func(e *pyEnv) (any, error) {
			v, err := obj(e)
			if err != nil {
				return nil, err
			}
			var b [3]any
			for i, x := range parts {
				if x != nil {
					if b[i], err = x(e); err != nil {
						return nil, err
					}
				}
			}
			return e.slice(v, b)
		}}, nil
	}
	if parts[0] == nil {
		return pyPlace{}, errors.New("empty subscript")
	}
	key := parts[0]
	return pyPlace{
		func(e *pyEnv) (any, error) {
			v, err := obj(e)
			if err != nil {
				return nil, err
			}
			k, err := key(e)
			if err != nil {
				return nil, err
			}
			return e.index(v, k)
		},
		func(e *pyEnv, w any) error {
			v, err := obj(e)
			if err != nil {
				return err
			}
			k, err := key(e)
			if err != nil {
				return err
			}
			return e.setIndex(v, k, w)
		},
	}, nil
}

func pyConst(v any) pyPlace { return pyPlace{get: func(*pyEnv) (any, error) { return v, nil }} }

func (p *pyParser) atom() (pyPlace, error) {
	t := p.peek()
	p.at++
	switch t.kind {
	case 'i':
		return pyConst(t.num), nil
	case 's', 'f', 'b':
		text, isBytes := t.text, t.kind == 'b'
		for k := p.peek().kind; k == 's' || k == 'f' || k == 'b'; k = p.peek().kind {
			text += p.peek().text
			p.at++
		}
		if isBytes {
			return pyConst(pyBytes(text)), nil
		}
		return pyConst(text), nil
	case 'n':
		switch t.text {
		case "True":
			return pyConst(true), nil
		case "False":
			return pyConst(false), nil
		case "None":
			return pyConst(nil), nil
		}
		n := t.text
		return pyPlace{
			func(e *pyEnv) (any, error) { return e.lookup(n) },
			func(e *pyEnv, v any) error { e.set(n, v); return nil },
		}, nil
	case 'o':
		switch t.text {
		case "(":
			if p.accept(")") {
				return pyConst(pyTuple{}), nil
			}
			x, err := p.place()
			if err != nil {
				return x, err
			}
			if p.isWord("for") {
				g, err := p.comprehension(x.get, nil, '[')
				if err != nil {
					return x, err
				}
				return pyPlace{get: g}, p.expect(")")
			}
			if !p.isOp(",") {
				return x, p.expect(")")
			}
			list := []pyPlace{x}
			for p.accept(",") {
				if p.isOp(")") {
					break
				}
				if x, err = p.place(); err != nil {
					return x, err
				}
				list = append(list, x)
			}
			return pyTuplePlace(list), p.expect(")")
		case "[":
			return p.listDisplay()
		case "{":
			return p.dictDisplay()
		}
	}
	return pyPlace{}, fmt.Errorf("unexpected %q", t.text)
}

func (p *pyParser) listDisplay() (pyPlace, error) {
	var list []pyExpr
	var stars []bool
	for !p.accept("]") {
		star := p.accept("*")
		x, err := p.expr()
		if err != nil {
			return pyPlace{}, err
		}
		if p.isWord("for") {
			g, err := p.comprehension(x, nil, '[')
			if err != nil {
				return pyPlace{}, err
			}
			return pyPlace{get: g}, p.expect("]")
		}
		list, stars = append(list, x), append(stars, star)
		if !p.accept(",") {
			if err := p.expect("]"); err != nil {
				return pyPlace{}, err
			}
			break
		}
	}
	return pyPlace{get: func(e *pyEnv) (any, error) {
		out := &pyList{}
		for i, x := range list {
			v, err := x(e)
			if err != nil {
				return nil, err
			}
			if !stars[i] {
				out.v = append(out.v, v)
				continue
			}
			more, err := e.list(v)
			if err != nil {
				return nil, err
			}
			out.v = append(out.v, more...)
		}
		return out, nil
	}}, nil
}

func (p *pyParser) dictDisplay() (pyPlace, error) {
	var keys, values []pyExpr
	for !p.accept("}") {
		k, err := p.expr()
		if err != nil {
			return pyPlace{}, err
		}
		if err := p.expect(":"); err != nil {
			return pyPlace{}, err
		}
		v, err := p.expr()
		if err != nil {
			return pyPlace{}, err
		}
		if p.isWord("for") {
			g, err := p.comprehension(k, v, '{')
			if err != nil {
				return pyPlace{}, err
			}
			return pyPlace{get: g}, p.expect("}")
		}
		keys, values = append(keys, k), append(values, v)
		if !p.accept(",") {
			if err := p.expect("}"); err != nil {
				return pyPlace{}, err
			}
			break
		}
	}
	return pyPlace{get: func(e *pyEnv) (any, error) {
		d := newPyDict()
		for i := range keys {
			k, err := keys[i](e)
			if err != nil {
				return nil, err
			}
			v, err := values[i](e)
			if err != nil {
				return nil, err
			}
			if err := d.set(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	}}, nil
}

// comprehension is `x for a in b if c …`, as a list, or a dict with x the key and y the value.
func (p *pyParser) comprehension(x, y pyExpr, kind byte) (pyExpr, error) {
	type clause struct {
		target pyTarget
		iter   pyExpr
		conds  []pyExpr
	}
	var clauses []clause
	for p.acceptWord("for") {
		t, err := p.targets()
		if err != nil {
			return nil, err
		}
		if !p.acceptWord("in") {
			return nil, errors.New("want in")
		}
		it, err := p.or()
		if err != nil {
			return nil, err
		}
		c := clause{t, it, nil}
		for p.acceptWord("if") {
			cond, err := p.or()
			if err != nil {
				return nil, err
			}
			c.conds = append(c.conds, cond)
		}
		clauses = append(clauses, c)
	}
	return func(e *pyEnv) (any, error) {
		e.locals = append(e.locals, make(map[string]any))
		defer func() { e.locals = e.locals[:len(e.locals)-1] }()
		list, dict := &pyList{}, newPyDict()
		var run func(i int) error
		run = func(i int) error {
			if i == len(clauses) {
				v, err := x(e)
				if err != nil {
					return err
				}
				if kind == '[' {
					list.v = append(list.v, v)
					return nil
				}
				w, err := y(e)
				if err != nil {
					return err
				}
				return dict.set(v, w)
			}
			c := clauses[i]
			it, err := c.iter(e)
			if err != nil {
				return err
			}
			return e.iterate(it, func(v any) (bool, error) {
				if err := c.target(e, v); err != nil {
					return false, err
				}
				for _, cond := range c.conds {
					ok, err := cond(e)
					if err != nil || !pyTrue(ok) {
						return true, err
					}
				}
				return true, run(i + 1)
			})
		}
		if err := run(0); err != nil {
			return nil, err
		}
		if kind == '[' {
			return list, nil
		}
		return dict, nil
	}, nil
}

// interpretHint makes a hint that interprets its code. Code that does not parse fails when it is reached.
func interpretHint(code string) ProgramHint {
	run, err := parsePython(code)
	if err != nil {
		return func(*Machine, *IDs) error { return fmt.Errorf("%w (%w)", &UnknownHintError{code}, err) }
	}
	return func(m *Machine, ids *IDs) error {
		e := &pyEnv{m: m, ids: ids, budget: pyMaxIterations}
		_, err := run(e)
		return err
	}
}
