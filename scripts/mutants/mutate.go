package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one file: text replaces the bytes from start to end.
type mutant struct {
	path, file string // absolute, and relative to the module's root
	source     []byte
	start, end int
	text       string
	line       int
	function   string // the name of the function around it, "" outside of functions
	nth        int    // number among the mutants with the same name, from 1

	pkg string    // name in the package clause
	in  *function // nil outside of functions, and in functions that cannot be copied
}

// Source returns the changed file.
func (m *mutant) Source() []byte {
	return slices.Concat(m.source[:m.start], []byte(m.text), m.source[m.end:])
}

// Key identifies the mutant in this version of the file.
func (m *mutant) Key() string {
	sum := sha256.Sum256(m.source)
	return fmt.Sprintf("%s:%x:%d:%d:%s", m.file, sum[:6], m.start, m.end, m.text)
}

// Name identifies the mutant in any version of the file: by function, source line and change.
func (m *mutant) Name() string {
	from := 1 + strings.LastIndexByte(string(m.source[:m.start]), '\n')
	to := m.start + strings.IndexByte(string(m.source[m.start:]), '\n')
	old := string(m.source[m.start:m.end])
	if i := strings.IndexByte(old, '\n'); i >= 0 {
		old = old[:i] + " …"
	}
	text := m.text
	if text == "" {
		text = "nothing"
	}
	where := ""
	if line := string(m.source[from:to]); strings.Count(line, old) > 1 {
		where = fmt.Sprintf(" (number %d)", 1+strings.Count(line[:m.start-from], old))
	}
	if m.nth > 1 {
		where += fmt.Sprintf(" (line %d of these)", m.nth)
	}
	return fmt.Sprintf("%s: %s: %s: %s → %s%s", m.file, m.function, strings.TrimSpace(string(m.source[from:to])), old, text, where)
}

func (m *mutant) String() string {
	return strings.Replace(m.Name(), m.file+":", fmt.Sprintf("%s:%d:", m.file, m.line), 1)
}

// swaps maps an operator to its replacements: at the boundary, the opposite, or the neighbour.
var swaps = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR}, token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.AND: {token.OR}, token.OR: {token.AND}, token.XOR: {token.AND}, token.AND_NOT: {token.AND},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN}, token.MUL_ASSIGN: {token.QUO_ASSIGN}, token.OR_ASSIGN: {token.AND_ASSIGN},
	token.INC: {token.DEC}, token.DEC: {token.INC},
}

// mutants returns every mutant of a package, in the order of its files.
func (p *program) mutants(pkg string) ([]*mutant, error) {
	cmd := exec.Command("go", "list", "-json=Dir,GoFiles", "./"+pkg)
	cmd.Dir = p.root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", pkg, err)
	}
	var info struct {
		Dir     string
		GoFiles []string
	}
	if err := json.Unmarshal(out, &info); err != nil {
		return nil, err
	}
	var all []*mutant
	for _, name := range info.GoFiles {
		list, err := mutantsOf(filepath.Join(info.Dir, name), filepath.ToSlash(filepath.Join(pkg, name)))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// mutantsOf returns the mutants of a file.
func mutantsOf(path, file string) ([]*mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	var all []*mutant
	name := ""
	var in *function
	seen := map[string]int{}
	change := func(from, to token.Pos, text string) {
		at := fset.Position(from)
		m := &mutant{path, file, source, at.Offset, fset.Position(to).Offset, text, at.Line, name, 1, tree.Name.Name, in}
		seen[m.Name()]++
		m.nth = seen[m.Name()]
		all = append(all, m)
	}
	swap := func(pos token.Pos, op token.Token) {
		for _, other := range swaps[op] {
			change(pos, pos+token.Pos(len(op.String())), other.String())
		}
	}
	skip := map[ast.Node]bool{}
	inspect := func(n ast.Node) bool {
		if skip[n] {
			return false
		}
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.FuncDecl:
			// Texts for people are not rules.
			return n.Name.Name != "String" && n.Name.Name != "Error"
		case *ast.Field:
			return false // types of parameters and fields: sizes of arrays
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "make" && len(n.Args) == 3 {
				skip[n.Args[2]] = true // the capacity changes no result
			}
			return !words(n)
		case *ast.ReturnStmt:
			if len(n.Results) > 1 && isError(n.Results[len(n.Results)-1]) {
				for _, r := range n.Results {
					skip[r] = true // results that accompany an error have no meaning
				}
			}
		case *ast.BinaryExpr:
			if duration(n.X) || duration(n.Y) {
				return false // time limits: a small change makes no difference
			}
			if !text(n.X) && !text(n.Y) {
				swap(n.OpPos, n.Op)
			}
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				change(n.OpPos, n.OpPos+1, "")
			}
		case *ast.AssignStmt:
			swap(n.TokPos, n.Tok)
			if n.Tok != token.DEFINE {
				change(n.Pos(), n.End(), "")
			}
		case *ast.IncDecStmt:
			swap(n.TokPos, n.Tok)
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && logs(call) {
				return false
			}
			change(n.Pos(), n.End(), "")
		case *ast.BasicLit:
			if n.Kind == token.INT {
				if v, err := strconv.ParseUint(n.Value, 0, 63); err == nil {
					change(n.Pos(), n.End(), strconv.FormatUint(v+1, 10))
				}
			}
		case *ast.Ident:
			switch n.Name {
			case "true":
				change(n.Pos(), n.End(), "false")
			case "false":
				change(n.Pos(), n.End(), "true")
			case "min":
				change(n.Pos(), n.End(), "max")
			case "max":
				change(n.Pos(), n.End(), "min")
			}
		case *ast.IfStmt:
			if n.Init == nil && n.Else == nil {
				change(n.Cond.Pos(), n.Cond.End(), "false && ("+string(source[fset.Position(n.Cond.Pos()).Offset:fset.Position(n.Cond.End()).Offset])+")")
			}
		}
		return true
	}
	for _, d := range tree.Decls {
		name, in = "", nil
		if f, ok := d.(*ast.FuncDecl); ok {
			name, in = f.Name.Name, functionOf(fset, source, f)
		}
		ast.Inspect(d, inspect)
	}
	return all, nil
}

// words reports whether a call creates a text for people: an error or a panic's message.
func words(n *ast.CallExpr) bool {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return f.Name == "panic" || strings.HasSuffix(f.Name, "rrorf")
	case *ast.SelectorExpr:
		of, ok := f.X.(*ast.Ident)
		return f.Sel.Name == "Errorf" || f.Sel.Name == "RunErrorf" || ok && (of.Name == "errors" && f.Sel.Name == "New" || of.Name == "slog")
	}
	return false
}

// logs reports whether a call writes a line to the log.
func logs(n *ast.CallExpr) bool {
	f, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, f.Sel.Name) {
		return false
	}
	switch of := f.X.(type) {
	case *ast.Ident:
		return of.Name == "slog" || of.Name == "log"
	case *ast.SelectorExpr:
		return strings.EqualFold(of.Sel.Name, "log")
	}
	return false
}

// isError reports whether a result is certainly an error.
func isError(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "err"
	case *ast.CallExpr:
		return words(x)
	}
	return false
}

// duration reports whether an expression is a unit of time.
func duration(x ast.Expr) bool {
	s, ok := x.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := s.X.(*ast.Ident)
	return ok && of.Name == "time"
}

// text reports whether an expression is a string literal or a sum with one.
func text(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.BasicLit:
		return x.Kind == token.STRING
	case *ast.BinaryExpr:
		return text(x.X) || text(x.Y)
	}
	return false
}
