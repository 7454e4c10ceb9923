package vm

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// This file parses expressions.

// pyPlace is a parsed expression and, when it may be assigned to, how.
type pyPlace struct {
	get pyExpr
	set pyTarget
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
