package compiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// official runs the official compiler at STARKD_SIERRA_COMPILE on a class. If it fails, complaint is its error output.
func official(t *testing.T, class string) (compiled []byte, complaint string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.json")
	cmd := exec.Command("timeout", "20", os.Getenv("STARKD_SIERRA_COMPILE"), class, out, "--add-pythonic-hints", "--max-bytecode-size", "81920")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return nil, err.Error() + ": " + strings.TrimSpace(stderr.String())
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes(), ""
}

// needOfficial skips the test if there is no official compiler.
func needOfficial(t *testing.T) {
	if os.Getenv("STARKD_SIERRA_COMPILE") == "" {
		t.Skip("set STARKD_SIERRA_COMPILE to starknet-sierra-compile 2.20.0")
	}
}

// TestAgainstOfficial compares our output for the classes in the folder STARKD_CLASSES with the official compiler's.
func TestAgainstOfficial(t *testing.T) {
	needOfficial(t)
	paths, err := filepath.Glob(filepath.Join(os.Getenv("STARKD_CLASSES"), "*.contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	equal, rejected, old := 0, 0, 0
	for _, path := range paths {
		start := time.Now()
		want, complaint := official(t, path)
		theirs := time.Since(start)
		start = time.Now()
		got, err := compileFile(path)
		ours := time.Since(start)
		switch {
		case err != nil && complaint != "":
			rejected++
			t.Logf("%s: both reject it: %v; %.200s", filepath.Base(path), err, complaint)
		case complaint == "" && isCode(err, codeVersion):
			old++ // below 1.4 the official compiler solves a system of equations, which is not implemented here
		case err != nil || complaint != "":
			t.Errorf("%s: our error %v, theirs %.300s", filepath.Base(path), err, complaint)
		case !bytes.Equal(got, want):
			t.Errorf("%s: output differs", filepath.Base(path))
		default:
			equal++
			t.Logf("%s: equal, %d bytes, ours %v, theirs %v", filepath.Base(path), len(got), ours, theirs)
		}
	}
	t.Logf("%d classes: %d equal, %d rejected by both, %d of Sierra below 1.4", len(paths), equal, rejected, old)
}

func isCode(err error, code sierra.Code) bool {
	e, ok := errors.AsType[*sierra.ClassError](err)
	return ok && e.Code == code
}

// smallSeeds returns the classes of the corpus that are small enough to mutate.
func smallSeeds(t testing.TB) (seeds []string) {
	for _, p := range classPairs(t) {
		if info, err := os.Stat(p.class); err == nil && info.Size() < 150_000 {
			seeds = append(seeds, p.class)
		}
	}
	return seeds
}

// TestMutantsMeetChecks checks that every rejected mutant is rejected by a check of the compiler, not by a recovered
// panic.
func TestMutantsMeetChecks(t *testing.T) {
	n := 400
	if s := os.Getenv("STARKD_MUTANTS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	seed, _ := strconv.ParseInt(os.Getenv("STARKD_SEED"), 10, 64)
	rng := rand.New(rand.NewSource(seed))
	var classes []*sierra.ContractClass
	for _, path := range smallSeeds(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		class, err := sierra.DecodeClass(data)
		if err != nil {
			t.Fatal(err)
		}
		classes = append(classes, class)
	}
	codes := map[sierra.Code]int{}
	for range n {
		class := *classes[rng.Intn(len(classes))]
		program, err := class.Program()
		if err != nil {
			t.Fatal(err)
		}
		what := mutate(rng, program)
		if class.SierraProgram, err = sierra.EncodeFelts(program); err != nil {
			continue
		}
		_, err = CompileClass(&class, Options{})
		e, ok := errors.AsType[*sierra.ClassError](err)
		switch {
		case err == nil:
			codes["compiled"]++
		case !ok:
			t.Errorf("%s: %v is not a ClassError", what, err)
		default:
			codes[e.Code]++
			if e.Code == codeInternal {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	t.Logf("%v", codes)
}

// TestMutants makes small changes to classes of the corpus, STARKD_MUTANTS times, and compares with the official
// compiler: both must reject a mutant or compile it to the same output. STARKD_SEED seeds the changes.
func TestMutants(t *testing.T) {
	needOfficial(t)
	n, _ := strconv.Atoi(os.Getenv("STARKD_MUTANTS"))
	if n == 0 {
		n = 100
	}
	seed, _ := strconv.ParseInt(os.Getenv("STARKD_SEED"), 10, 64)
	rng := rand.New(rand.NewSource(seed))
	seeds := smallSeeds(t)
	accepted, rejected, different := 0, 0, 0
	path := filepath.Join(t.TempDir(), "mutant.contract_class.json")
	for i := range n {
		seed := seeds[rng.Intn(len(seeds))]
		data, err := os.ReadFile(seed)
		if err != nil {
			t.Fatal(err)
		}
		class, err := sierra.DecodeClass(data)
		if err != nil {
			t.Fatal(err)
		}
		program, err := class.Program()
		if err != nil {
			t.Fatal(err)
		}
		var what []string
		for range 1 + rng.Intn(2) {
			what = append(what, mutate(rng, program))
		}
		if rng.Intn(4) == 0 {
			what = append(what[:rng.Intn(len(what))], mutateEntryPoints(rng, class))
		}
		if class.SierraProgram, err = sierra.EncodeFelts(program); err != nil {
			continue
		}
		mutant, err := json.Marshal(class)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, mutant, 0o600); err != nil {
			t.Fatal(err)
		}
		want, complaint := official(t, path)
		got, err := compileFile(path)
		switch {
		case err != nil && complaint != "":
			rejected++
		case err == nil && complaint == "" && bytes.Equal(got, want):
			accepted++
		default:
			different++
			kept := filepath.Join(os.TempDir(), fmt.Sprintf("mutant-%d-%d.contract_class.json", time.Now().Unix(), i))
			if err := os.WriteFile(kept, mutant, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Errorf("%s: %v of %s: our error %v, theirs %.400s", kept, what, filepath.Base(seed), err, complaint)
		}
	}
	t.Logf("%d mutants: %d compiled equally, %d rejected by both, %d different", n, accepted, rejected, different)
}

// mutateEntryPoints makes one small change to a class's entry points and describes it. Some changes are selectors of at
// least the prime.
func mutateEntryPoints(rng *rand.Rand, class *sierra.ContractClass) string {
	lists := []*[]sierra.EntryPoint{&class.EntryPoints.External, &class.EntryPoints.L1Handler, &class.EntryPoints.Constructor}
	list := lists[rng.Intn(len(lists))]
	if len(*list) == 0 || rng.Intn(8) == 0 {
		*list = append(*list, sierra.EntryPoint{Selector: felt.FromUint64(rng.Uint64()), FunctionIdx: uint64(rng.Intn(4))})
		return "another entry point"
	}
	at := rng.Intn(len(*list))
	if rng.Intn(2) == 0 {
		at = len(*list) - 1
	}
	e := &(*list)[at]
	switch rng.Intn(6) {
	case 0:
		e.FunctionIdx = uint64(rng.Intn(8))
		return fmt.Sprintf("entry point %d is function %d", at, e.FunctionIdx)
	case 1:
		*list = append((*list)[:at:at], (*list)[at+1:]...)
		return fmt.Sprintf("without entry point %d", at)
	}
	v := new(big.Int).Lsh(big.NewInt(1), uint(252+rng.Intn(200)))
	if rng.Intn(2) == 0 {
		v = felt.Modulus()
	}
	v.Add(v, big.NewInt(int64(rng.Intn(9)-4)))
	text := "0x" + v.Text(16)
	e.Selector, e.Wide, _ = felt.FromWideHex(text)
	return fmt.Sprintf("selector %d is %s", at, text)
}

// mutate makes one small change to a program and describes it.
func mutate(rng *rand.Rand, p *sierra.Program) string {
	at := rng.Intn(len(p.Statements))
	s := &p.Statements[at]
	clone := func() {
		c := *s
		c.Args = append([]sierra.VarID(nil), s.Args...)
		c.Branches = append([]sierra.Branch(nil), s.Branches...)
		for i := range c.Branches {
			c.Branches[i].Results = append([]sierra.VarID(nil), c.Branches[i].Results...)
		}
		p.Statements[at] = c
		s = &p.Statements[at]
	}
	clone()
	variable := func() sierra.VarID { // a variable that occurs nearby
		o := &p.Statements[min(max(at+rng.Intn(20)-10, 0), len(p.Statements)-1)]
		all := append([]sierra.VarID(nil), o.Args...)
		for _, b := range o.Branches {
			all = append(all, b.Results...)
		}
		if len(all) == 0 {
			return 0
		}
		return all[rng.Intn(len(all))]
	}
	switch rng.Intn(15) {
	case 0:
		if at+1 < len(p.Statements) {
			p.Statements[at], p.Statements[at+1] = p.Statements[at+1], p.Statements[at]
		}
		return fmt.Sprintf("swap statements %d and %d", at, at+1)
	case 1:
		if !s.Return {
			s.Libfunc = sierra.LibfuncID(rng.Intn(len(p.Libfuncs)))
		}
		return fmt.Sprintf("libfunc of statement %d", at)
	case 2, 3:
		if len(s.Args) > 0 {
			s.Args[rng.Intn(len(s.Args))] = variable()
		}
		return fmt.Sprintf("argument of statement %d", at)
	case 4:
		if len(s.Branches) > 0 {
			b := &s.Branches[rng.Intn(len(s.Branches))]
			if len(b.Results) > 0 {
				b.Results[rng.Intn(len(b.Results))] = variable()
			}
		}
		return fmt.Sprintf("result of statement %d", at)
	case 5:
		if len(s.Branches) > 0 {
			b := &s.Branches[rng.Intn(len(s.Branches))]
			b.Fallthrough, b.Target = false, sierra.StatementIdx(rng.Intn(len(p.Statements)))
		}
		return fmt.Sprintf("target of statement %d", at)
	case 6: // moves the targets a little
		for i := range s.Branches {
			if !s.Branches[i].Fallthrough {
				s.Branches[i].Target += sierra.StatementIdx(rng.Intn(7) - 3)
				if s.Branches[i].Target < 0 {
					s.Branches[i].Target = 0
				}
			}
		}
		return fmt.Sprintf("targets of statement %d", at)
	case 7, 8: // removes a statement
		*s = sierra.Statement{}
		p.Statements = append(p.Statements[:at], p.Statements[at+1:]...)
		retarget(p, sierra.StatementIdx(at), -1)
		return fmt.Sprintf("statement %d removed", at)
	case 9, 10: // repeats a statement
		p.Statements = append(p.Statements[:at+1], append([]sierra.Statement{*s}, p.Statements[at+1:]...)...)
		retarget(p, sierra.StatementIdx(at+1), 1)
		return fmt.Sprintf("statement %d repeated", at)
	case 11:
		lf := &p.Libfuncs[rng.Intn(len(p.Libfuncs))].LongID
		if len(lf.Args) > 0 {
			a := &lf.Args[rng.Intn(len(lf.Args))]
			switch a.Kind {
			case sierra.TypeArg:
				a.Type = sierra.TypeID(rng.Intn(len(p.Types)))
			case sierra.ValueArg:
				a.Value = mutateValue(rng, a.Value)
			case sierra.UserFuncArg:
				a.Func = sierra.FuncID(rng.Intn(len(p.Funcs)))
			}
		}
		return "argument of a libfunc"
	case 12:
		ty := &p.Types[rng.Intn(len(p.Types))]
		if len(ty.LongID.Args) > 0 {
			a := &ty.LongID.Args[rng.Intn(len(ty.LongID.Args))]
			switch a.Kind {
			case sierra.TypeArg:
				a.Type = sierra.TypeID(rng.Intn(len(p.Types)))
			case sierra.ValueArg:
				a.Value = mutateValue(rng, a.Value)
			}
		}
		return fmt.Sprintf("argument of type %d", ty.ID)
	case 13:
		f := &p.Funcs[rng.Intn(len(p.Funcs))]
		if rng.Intn(2) == 0 {
			f.Entry = sierra.StatementIdx(rng.Intn(len(p.Statements)))
		} else if len(f.Params) > 0 {
			f.Params[rng.Intn(len(f.Params))].Type = sierra.TypeID(rng.Intn(len(p.Types)))
		}
		return fmt.Sprintf("function %d", f.ID)
	default: // replaces the statement by another one
		other := p.Statements[rng.Intn(len(p.Statements))]
		p.Statements[at] = other
		return fmt.Sprintf("statement %d replaced", at)
	}
}

// mutateValue returns a value near v or a power of two.
func mutateValue(rng *rand.Rand, v *big.Int) *big.Int {
	switch rng.Intn(4) {
	case 0:
		return new(big.Int).Add(v, big.NewInt(1))
	case 1:
		return new(big.Int).Sub(v, big.NewInt(1))
	case 2:
		return new(big.Int).Neg(v)
	}
	return new(big.Int).Lsh(big.NewInt(int64(rng.Intn(3))), uint(rng.Intn(252)))
}

// retarget adds by to the targets and entry points at or after from.
func retarget(p *sierra.Program, from, by sierra.StatementIdx) {
	for i := range p.Statements {
		for k := range p.Statements[i].Branches {
			if b := &p.Statements[i].Branches[k]; !b.Fallthrough && b.Target >= from && b.Target+by >= 0 {
				b.Target += by
			}
		}
	}
	for i := range p.Funcs {
		if f := &p.Funcs[i]; f.Entry >= from && f.Entry+by >= 0 {
			f.Entry += by
		}
	}
}
