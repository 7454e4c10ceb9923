package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Most mutants are compiled together, because compiling and linking take longer than the tests that kill a mutant. A mutant of a function
// becomes a changed copy of that function, and the function begins with a call of the copy if the mutant is active:
//
//	func f(n int) int { if mutantActive == 17 { return mutant17f(n) }; …
//
// The environment selects the active mutant, so one test binary serves all of them. A change outside of functions (a constant or table) is
// compiled alone.

// variable is the environment variable with the number of the active mutant.
const variable = "STARKD_MUTANT"

// function is a function declaration with the data for copying and calling it. Positions are offsets in the file.
type function struct {
	start, end         int // from the word func to after the closing brace
	name, nameEnd      int
	params, body       int      // start of the receiver or, without one, of the name; after the opening brace
	head               string   // receiver, name, type parameters and named parameters: replaces source[params:paramsEnd]
	paramsEnd          int      // after the parameters
	receiver           string   // "r." or ""
	types              string   // "[T, U]" or ""
	arguments          []string // of the call of the copy
	results, initially bool     // whether it has results; whether it is an init function
}

// functionOf returns the function of a declaration, or nil if it cannot be copied: it has no body, or it calls recover, which only works in
// the deferred function itself.
func functionOf(fset *token.FileSet, source []byte, d *ast.FuncDecl) *function {
	if d.Body == nil || d.Name.Name == "_" {
		return nil
	}
	recovers := false
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "recover" {
				recovers = true
			}
		}
		return true
	})
	if recovers {
		return nil
	}
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	f := &function{
		start: at(d.Pos()), end: at(d.End()), name: at(d.Name.Pos()), nameEnd: at(d.Name.End()), body: at(d.Body.Lbrace) + 1,
		params: at(d.Name.Pos()), paramsEnd: at(d.Type.Params.End()), results: d.Type.Results != nil, initially: d.Recv == nil && d.Name.Name == "init",
	}
	unnamed := 0
	// list returns a parameter list with a name for each parameter, and the names.
	list := func(fields *ast.FieldList) (text string, names []string) {
		var members []string
		for _, field := range fields.List {
			typ := string(source[at(field.Type.Pos()):at(field.Type.End())])
			dots := ""
			if _, ok := field.Type.(*ast.Ellipsis); ok {
				dots = "..."
			}
			of := field.Names
			if len(of) == 0 {
				of = []*ast.Ident{{Name: "_"}}
			}
			for _, name := range of {
				n := name.Name
				if n == "_" {
					unnamed++
					n = "mutantArgument" + strconv.Itoa(unnamed)
				}
				members = append(members, n+" "+typ)
				names = append(names, n+dots)
			}
		}
		return "(" + strings.Join(members, ", ") + ")", names
	}
	if d.Recv != nil {
		text, names := list(d.Recv)
		f.params, f.receiver, f.head = at(d.Recv.Pos()), names[0]+".", text+" "
	}
	f.head += d.Name.Name
	if d.Type.TypeParams != nil {
		var names []string
		for _, field := range d.Type.TypeParams.List {
			for _, name := range field.Names {
				names = append(names, name.Name)
			}
		}
		f.types = "[" + strings.Join(names, ", ") + "]"
		f.head += string(source[at(d.Type.TypeParams.Pos()):at(d.Type.TypeParams.End())])
	}
	text, names := list(d.Type.Params)
	f.head, f.arguments = f.head+text, names
	return f
}

// copyName returns the name of the copy for mutant n. It is not exported, so that reflection finds no additional methods.
func (f *function) copyName(source []byte, n int) string {
	return fmt.Sprintf("mutant%d%s", n, source[f.name:f.nameEnd])
}

// call returns the statement that calls the copy if mutant n is active.
func (f *function) call(source []byte, n int) string {
	call := f.receiver + f.copyName(source, n) + f.types + "(" + strings.Join(f.arguments, ", ") + ")"
	if f.results {
		return fmt.Sprintf(" if mutantActive == %d { return %s };", n, call)
	}
	return fmt.Sprintf(" if mutantActive == %d { %s; return };", n, call)
}

// lines is the range of lines of a mutant's copy in the merged file.
type lines struct{ first, last int }

// merge returns a file with the copies of the given mutants, and the lines of each copy. number has the mutants' numbers.
func merge(mutants []*mutant, number map[*mutant]int) (text []byte, where map[*mutant]lines) {
	source := mutants[0].source
	of := map[*function][]*mutant{}
	var functions []*function
	for _, m := range mutants {
		if of[m.in] == nil {
			functions = append(functions, m.in)
		}
		of[m.in] = append(of[m.in], m)
	}
	slices.SortFunc(functions, func(a, b *function) int { return a.start - b.start })
	done := 0
	for _, f := range functions {
		text = append(text, source[done:f.params]...)
		text = append(text, f.head...)
		text = append(text, source[f.paramsEnd:f.body]...)
		for _, m := range of[f] {
			text = append(text, f.call(source, number[m])...)
		}
		done = f.body
	}
	text = append(text, source[done:]...)
	line := 1 + strings.Count(string(text), "\n")
	where = map[*mutant]lines{}
	for _, m := range mutants {
		f := m.in
		body := slices.Concat([]byte("\n"), source[f.start:f.name], []byte(f.copyName(source, number[m])), source[f.nameEnd:m.start], []byte(m.text),
			source[m.end:f.end], []byte("\n"))
		last := line + strings.Count(string(body), "\n")
		where[m] = lines{line, last}
		line, text = last, append(text, body...)
	}
	return text, where
}

// together writes an overlay with all mutants in functions. It returns the overlay's path and the number of each mutant in it. Mutants that
// do not compile are left out and have no number.
func (p *program) together(pkg string, chosen []*mutant) (overlay string, number map[*mutant]int, err error) {
	number = map[*mutant]int{}
	for i, m := range chosen {
		// A mutant with a syntax error could affect the copies after it.
		if _, err := parser.ParseFile(token.NewFileSet(), "", m.Source(), parser.SkipObjectResolution); m.in != nil && err == nil {
			number[m] = i + 1
		}
	}
	for {
		files := map[string][]*mutant{}
		for _, m := range chosen {
			if number[m] > 0 {
				files[m.path] = append(files[m.path], m)
			}
		}
		if len(files) == 0 {
			return "", number, nil
		}
		replace, where := map[string]string{}, map[*mutant]lines{}
		for path, mutants := range files {
			text, places := merge(mutants, number)
			for m, at := range places {
				where[m] = at
			}
			name := filepath.Join(p.dir, "together-"+filepath.Base(path))
			if err := os.WriteFile(name, text, 0o644); err != nil {
				return "", nil, err
			}
			replace[path] = name
		}
		first := chosen[slices.IndexFunc(chosen, func(m *mutant) bool { return number[m] > 0 })]
		active := filepath.Join(p.dir, "active.go")
		text := fmt.Sprintf("package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar mutantActive, _ = strconv.Atoi(os.Getenv(%q))\n", first.pkg, variable)
		if err := os.WriteFile(active, []byte(text), 0o644); err != nil {
			return "", nil, err
		}
		replace[filepath.Join(filepath.Dir(first.path), "mutantactive.go")] = active
		if overlay, err = p.overlay("together.json", replace); err != nil {
			return "", nil, err
		}
		cmd := exec.Command("go", "build", "-gcflags=-e", "-overlay", overlay, "./"+pkg)
		cmd.Dir = p.root
		out, err := cmd.CombinedOutput()
		if err == nil {
			return overlay, number, nil
		}
		removed := false
		for m, at := range where {
			for _, place := range errorsOf(string(out)) {
				if strings.TrimPrefix(filepath.Base(place.file), "together-") == filepath.Base(m.path) && place.line >= at.first && place.line <= at.last {
					number[m], removed = 0, true
				}
			}
		}
		if !removed {
			return "", nil, fmt.Errorf("the mutants of %s do not compile together:\n%s", pkg, out)
		}
	}
}

// overlay writes a file for go's flag -overlay.
func (p *program) overlay(name string, replace map[string]string) (string, error) {
	path := filepath.Join(p.dir, name)
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, text, 0o644)
}

// place is a line of a file.
type place struct {
	file string
	line int
}

var placePattern = regexp.MustCompile(`(?m)^([^\s:]+\.go):(\d+):`)

// errorsOf returns the places of the compiler's errors.
func errorsOf(text string) []place {
	var out []place
	for _, m := range placePattern.FindAllStringSubmatch(text, -1) {
		if line, err := strconv.Atoi(m[2]); err == nil {
			out = append(out, place{m[1], line})
		}
	}
	return out
}
