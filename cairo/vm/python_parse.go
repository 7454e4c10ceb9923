package vm

import (
	"errors"
	"fmt"
	"strings"
)

// Hints of Cairo 0 programs are Python. The part of Python that the Cairo common library uses is small, so hints are
// interpreted: python_lex.go splits it into tokens, this file and python_expr.go parse them into closures, python_eval.go has
// the values and operations, python_lib.go the objects and python_modules.go the modules that hints use. Hints that
// benchmarks spend their time in have Go twins, see hints.go.
//
// A hint is the program's own text, so the interpreter is total: sizes, depths and iterations are bounded.

// pyEnv is a running hint.
type pyEnv struct {
	m      *Machine
	ids    Names
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

// Hint is a parsed hint.
type Hint struct{ run pyStmt }

// Parse parses the code of a hint.
func Parse(code string) (*Hint, error) {
	run, err := parsePython(code)
	if err != nil {
		return nil, err
	}
	return &Hint{run}, nil
}

// Run runs the hint on a machine.
func (h *Hint) Run(m *Machine, ids Names) error {
	_, err := h.run(&pyEnv{m: m, ids: ids, budget: pyMaxIterations})
	return err
}
