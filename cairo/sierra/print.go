package sierra

import (
	"fmt"
	"strconv"
	"strings"
)

// Text returns p in the form that ParseText reads, formatted as by the official compiler. Declarations have their names,
// or numbers in brackets if they have none. Labels are F0, F1, … at the first statements of functions and F0_B0, F0_B1, …
// at the targets of branches.
func (p *Program) Text() string {
	w := textWriter{p: p, labels: p.textLabels()}
	for i := range p.Types {
		d := &p.Types[i]
		w.printf("type %s = %s", w.typeName(d.ID), w.longID(&d.LongID))
		if d.Info != nil {
			w.printf(" [storable: %t, drop: %t, dup: %t, zero_sized: %t]",
				d.Info.Storable, d.Info.Droppable, d.Info.Duplicatable, d.Info.ZeroSized)
		}
		w.printf(";\n")
	}
	w.printf("\n")
	for i := range p.Libfuncs {
		d := &p.Libfuncs[i]
		w.printf("libfunc %s = %s;\n", w.libfuncName(d.ID), w.longID(&d.LongID))
	}
	w.printf("\n")
	for i := range p.Statements {
		if l := w.labels[StatementIdx(i)]; l != "" {
			w.printf("%s:\n", l)
		}
		w.statement(&p.Statements[i])
	}
	w.printf("\n")
	for i := range p.Funcs {
		f := &p.Funcs[i]
		params := make([]string, len(f.Params))
		for j, q := range f.Params {
			params[j] = bracketed(uint64(q.Var)) + ": " + w.typeName(q.Type)
		}
		ret := make([]string, len(f.Ret))
		for j, t := range f.Ret {
			ret[j] = w.typeName(t)
		}
		w.printf("%s@%s(%s) -> (%s);\n", w.funcName(f.ID), w.target(f.Entry), strings.Join(params, ", "), strings.Join(ret, ", "))
	}
	return w.b.String()
}

// textLabels returns the labels of the first statements of functions and of the targets of branches.
func (p *Program) textLabels() map[StatementIdx]string {
	labels := make(map[StatementIdx]string)
	starts := make(map[StatementIdx]string)
	for i := range p.Funcs {
		starts[p.Funcs[i].Entry] = "F" + strconv.Itoa(i)
	}
	targets := make(map[StatementIdx]bool)
	for i := range p.Statements {
		for _, b := range p.Statements[i].Branches {
			if !b.Fallthrough {
				targets[b.Target] = true
			}
		}
	}
	function, block := "NONE", 0
	for i := range p.Statements {
		idx := StatementIdx(i)
		if start, ok := starts[idx]; ok {
			function, block = start, 0
			labels[idx] = start
		} else if targets[idx] {
			labels[idx] = function + "_B" + strconv.Itoa(block)
			block++
		}
	}
	return labels
}

type textWriter struct {
	p      *Program
	labels map[StatementIdx]string
	b      strings.Builder
}

func (w *textWriter) printf(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

// target returns a statement's label, or its number if it has none.
func (w *textWriter) target(idx StatementIdx) string {
	if l := w.labels[idx]; l != "" {
		return l
	}
	return strconv.Itoa(int(idx))
}

func (w *textWriter) typeName(id TypeID) string {
	if id >= 0 && int(id) < len(w.p.Types) && w.p.Types[id].Name != "" {
		return w.p.Types[id].Name
	}
	return bracketed(uint64(id))
}

func (w *textWriter) libfuncName(id LibfuncID) string {
	if id >= 0 && int(id) < len(w.p.Libfuncs) && w.p.Libfuncs[id].Name != "" {
		return w.p.Libfuncs[id].Name
	}
	return bracketed(uint64(id))
}

func (w *textWriter) funcName(id FuncID) string {
	if id >= 0 && int(id) < len(w.p.Funcs) && w.p.Funcs[id].Name != "" {
		return w.p.Funcs[id].Name
	}
	return bracketed(uint64(id))
}

func (w *textWriter) longID(id *LongID) string {
	if len(id.Args) == 0 {
		return id.Generic
	}
	args := make([]string, len(id.Args))
	for i := range id.Args {
		args[i] = w.genericArg(&id.Args[i])
	}
	return id.Generic + "<" + strings.Join(args, ", ") + ">"
}

func (w *textWriter) genericArg(a *GenericArg) string {
	switch a.Kind {
	case UserTypeArg:
		if a.UserType.Name != "" {
			return "ut@" + a.UserType.Name
		}
		return "ut@[" + a.UserType.ID.String() + "]"
	case TypeArg:
		return w.typeName(a.Type)
	case ValueArg:
		return a.Value.String()
	case UserFuncArg:
		return "user@" + w.funcName(a.Func)
	default:
		return "lib@" + w.libfuncName(a.Libfunc)
	}
}

func (w *textWriter) vars(vars []VarID) {
	for i, v := range vars {
		if i > 0 {
			w.b.WriteString(", ")
		}
		w.b.WriteByte('[')
		w.b.WriteString(strconv.FormatUint(uint64(v), 10))
		w.b.WriteByte(']')
	}
}

func (w *textWriter) statement(s *Statement) {
	if s.Return {
		w.b.WriteString("return(")
		w.vars(s.Args)
		w.b.WriteString(");\n")
		return
	}
	w.b.WriteString(w.libfuncName(s.Libfunc))
	w.b.WriteByte('(')
	w.vars(s.Args)
	w.b.WriteString(") ")
	if len(s.Branches) == 1 && s.Branches[0].Fallthrough {
		w.b.WriteString("-> (")
		w.vars(s.Branches[0].Results)
		w.b.WriteString(");\n")
		return
	}
	w.b.WriteString("{ ")
	for i := range s.Branches {
		b := &s.Branches[i]
		if b.Fallthrough {
			w.b.WriteString("fallthrough(")
		} else {
			w.b.WriteString(w.target(b.Target))
			w.b.WriteByte('(')
		}
		w.vars(b.Results)
		w.b.WriteString(") ")
	}
	w.b.WriteString("};\n")
}
