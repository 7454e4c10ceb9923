package sierra

import (
	"context"
	"encoding/json"
	"math/big"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

// TestDifferential makes random changes to the declarations of a class with nearly all libfuncs and compares with the
// official compiler whether the registry rejects them. STARKD_SIERRA_COMPILE is the compiler's path, STARKD_MUTANTS the
// number of changes and STARKD_SEED the first seed.
//
// The class's code is replaced by one statement, so that the compiler stops with another error directly after the
// registry.
func TestDifferential(t *testing.T) {
	differential(t, "libfuncs_coverage__libfuncs_coverage", func(rng *rand.Rand, p *Program, _ *ContractClass) string {
		p.Statements = []Statement{{Return: true}}
		for j := range p.Funcs {
			p.Funcs[j].Entry = 0
		}
		return mutateDeclarations(rng, p)
	})
}

// TestDifferentialCode does the same with the statements, functions and entry points of a small class.
func TestDifferentialCode(t *testing.T) {
	differential(t, "hello_starknet__hello_starknet", mutateCode)
}

// TestDifferentialClosure declares libfuncs with unusual arguments, and then all types that this package requires for
// them, to compare the required types.
func TestDifferentialClosure(t *testing.T) {
	differential(t, "libfuncs_coverage__libfuncs_coverage", func(rng *rand.Rand, p *Program, _ *ContractClass) string {
		p.Statements = []Statement{{Return: true}}
		for j := range p.Funcs {
			p.Funcs[j].Entry = 0
		}
		d := p.Libfuncs[rng.Intn(len(p.Libfuncs))]
		if rng.Intn(2) == 0 {
			for !strings.Contains(d.LongID.Generic, "bounded") && !strings.HasSuffix(d.LongID.Generic, "cast") {
				d = p.Libfuncs[rng.Intn(len(p.Libfuncs))]
			}
		}
		args := append([]GenericArg(nil), d.LongID.Args...)
		for i := range args {
			if rng.Intn(2) == 0 && args[i].Kind == TypeArg && p.Types[args[i].Type].LongID.Generic == "BoundedInt" {
				args[i].Type = declareBounded(rng, p)
			} else if rng.Intn(3) == 0 {
				args = mutateArgs(rng, p, args)
				break
			}
		}
		d.ID, d.LongID.Args = LibfuncID(len(p.Libfuncs)), args
		p.Libfuncs = append(p.Libfuncs, d)
		for range 20 {
			_, err := NewRegistry(p)
			if err == nil || !declareMissing(p, err.Error()) {
				break
			}
		}
		return "libfunc " + (&textWriter{p: p}).longID(&d.LongID)
	})
}

// declareBounded declares a bounded integer whose bounds are near a limit, and returns its type.
func declareBounded(rng *rand.Rand, p *Program) TypeID {
	bound := func() *big.Int {
		v := pow2([]uint{0, 1, 7, 8, 31, 64, 95, 96, 123, 124, 127, 128, 129, 250, 251}[rng.Intn(15)])
		if rng.Intn(4) == 0 {
			v = new(big.Int).Set(felt.Modulus())
		}
		v.Add(v, big.NewInt(int64(rng.Intn(5)-2)))
		if rng.Intn(4) == 0 {
			v.SetInt64(int64(rng.Intn(3)))
		}
		if rng.Intn(3) == 0 {
			v.Neg(v)
		}
		return v
	}
	a, b := bound(), bound()
	if a.Cmp(b) > 0 {
		a, b = b, a
	}
	return declareType(p, "BoundedInt", GenericArg{Kind: ValueArg, Value: a}, GenericArg{Kind: ValueArg, Value: b})
}

// declareType returns the declared type, which it appends if there is none.
func declareType(p *Program, generic string, args ...GenericArg) TypeID {
	key := typeKey(generic, args)
	for i := range p.Types {
		if typeKey(p.Types[i].LongID.Generic, p.Types[i].LongID.Args) == key {
			return TypeID(i)
		}
	}
	id := TypeID(len(p.Types))
	p.Types = append(p.Types, TypeDeclaration{ID: id, LongID: LongID{generic, args}})
	return id
}

// declareMissing declares the type that an error names as missing.
func declareMissing(p *Program, message string) bool {
	_, text, ok := strings.Cut(message, ": type ")
	if !ok {
		return false
	}
	text, _, ok = strings.Cut(text, ", which it needs")
	if !ok {
		return false
	}
	parser := &textParser{scanner: scanner{src: text}}
	parser.advance()
	l := parser.longID()
	args := make([]GenericArg, len(l.args))
	for i, a := range l.args {
		args[i] = GenericArg{Kind: a.kind, Value: a.value}
		switch a.kind {
		case TypeArg:
			n, _ := strconv.Atoi(strings.Trim(a.name, "[]"))
			args[i].Type = TypeID(n)
		case UserFuncArg:
			n, _ := strconv.Atoi(strings.Trim(a.name, "[]"))
			args[i].Func = FuncID(n)
		case UserTypeArg:
			args[i].UserType = userType(a.name)
		}
	}
	if parser.err != nil {
		return false
	}
	before := len(p.Types)
	declareType(p, l.generic, args...)
	return len(p.Types) > before
}

// TestDifferentialFelts does the same with the unpacked words of a small class.
func TestDifferentialFelts(t *testing.T) {
	differential(t, "hello_starknet__hello_starknet", func(rng *rand.Rand, _ *Program, c *ContractClass) string {
		w, err := decompress(c.SierraProgram[versionFelts:])
		if err != nil {
			t.Fatal(err)
		}
		values := make([]felt.Felt, len(w.idx))
		for i, code := range w.idx {
			values[i] = w.book[code]
		}
		other := values[rng.Intn(len(values))]
		if rng.Intn(4) == 0 {
			other = felt.FromUint64(uint64(rng.Intn(8)))
		}
		// Most words belong to statements, so half of the changes go to the declarations before them.
		i := rng.Intn(len(values))
		if rng.Intn(2) == 0 {
			i = rng.Intn(800)
		}
		switch rng.Intn(4) {
		case 0:
			values = append(values[:i:i], values[i+1:]...)
		case 1:
			values = append(values[:i:i], append([]felt.Felt{other}, values[i:]...)...)
		default:
			values[i] = other
		}
		c.SierraProgram = append(c.SierraProgram[:versionFelts:versionFelts], compress(values)...)
		return "word " + strconv.Itoa(i)
	})
}

// differential compares our result with the official compiler's for changes of a class. mutate describes its change.
func differential(t *testing.T, class string, mutate func(*rand.Rand, *Program, *ContractClass) string) {
	compiler := os.Getenv("STARKD_SIERRA_COMPILE")
	if compiler == "" {
		t.Skip("set STARKD_SIERRA_COMPILE to the path of starknet-sierra-compile")
	}
	count, seed := envInt(t, "STARKD_MUTANTS", 300), envInt(t, "STARKD_SEED", 1)
	file := golden.Corpus(t, "sierra-casm", class+".contract_class.json")
	accepted, rejected := 0, 0
	for i := range count {
		rng := rand.New(rand.NewSource(int64(seed + i)))
		class := readClass(t, file)
		p, err := class.Program()
		if err != nil {
			t.Fatal(err)
		}
		raw := class.SierraProgram
		what := mutate(rng, p, class)
		if &raw[0] == &class.SierraProgram[0] { // the program was changed, not its felts
			if class.SierraProgram, err = EncodeFelts(p); err != nil {
				continue // the mutant has no felt form
			}
		}
		_, ours := class.Validate()
		text, theirs := official(t, compiler, class)
		switch {
		case theirs == unclear:
			continue
		case (ours != nil) != (theirs == registryRejects):
			t.Errorf("mutant %d (%s): we say %v, they say %s", seed+i, what, ours, text)
		case ours == nil:
			accepted++
		default:
			rejected++
		}
	}
	t.Logf("%d accepted, %d rejected by both", accepted, rejected)
}

func envInt(t *testing.T, name string, fallback int) int {
	s := os.Getenv(name)
	if s == "" {
		return fallback
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// verdict is the official compiler's result.
type verdict int

const (
	registryAccepts verdict = iota
	registryRejects
	unclear // panic or timeout: an error that may have another reason than ours
)

// official runs the compiler and returns its output and whether it passed the registry.
func official(t *testing.T, compiler string, c *ContractClass) (string, verdict) {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "class.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, compiler, file, "/dev/null").CombinedOutput()
	text := strings.TrimSpace(string(out))
	switch exit, _ := err.(*exec.ExitError); {
	case err == nil:
		return text, registryAccepts
	case exit == nil || exit.ExitCode() != 1:
		return text, unclear
	case strings.Contains(text, "Error from program registry"), strings.Contains(text, "Libfunc "),
		strings.Contains(text, "Invalid input for deserialization"), strings.Contains(text, "ntry point"), strings.Contains(text, "supported builtin"):
		return text, registryRejects
	}
	return text, registryAccepts
}

// mutateDeclarations changes types or libfuncs and describes the change.
func mutateDeclarations(rng *rand.Rand, p *Program) string {
	w := textWriter{p: p}
	ti, li := rng.Intn(len(p.Types)), rng.Intn(len(p.Libfuncs))
	switch rng.Intn(8) {
	case 0, 1, 2: // new type
		generic := p.Types[ti].LongID.Generic
		args := append([]GenericArg(nil), p.Types[ti].LongID.Args...)
		for range 1 + rng.Intn(2) {
			args = mutateArgs(rng, p, args)
		}
		if rng.Intn(3) == 0 {
			generic = p.Types[rng.Intn(len(p.Types))].LongID.Generic
		}
		d := TypeDeclaration{ID: TypeID(len(p.Types)), LongID: LongID{generic, args}}
		p.Types = append(p.Types, d)
		return "new type " + w.longID(&d.LongID)
	case 3: // other type info
		d := &p.Types[ti]
		if d.Info != nil {
			switch rng.Intn(5) {
			case 0:
				d.Info.Storable = !d.Info.Storable
			case 1:
				d.Info.Droppable = !d.Info.Droppable
			case 2:
				d.Info.Duplicatable = !d.Info.Duplicatable
			case 3:
				d.Info.ZeroSized = !d.Info.ZeroSized
			default:
				d.Info = nil
			}
		}
		return "info of type " + strconv.Itoa(ti)
	case 4: // another libfunc with the same arguments
		d := &p.Libfuncs[li]
		d.LongID.Generic = p.Libfuncs[rng.Intn(len(p.Libfuncs))].LongID.Generic
		return "libfunc " + w.longID(&d.LongID)
	case 5, 6: // other arguments of a libfunc
		d := &p.Libfuncs[li]
		d.LongID.Args = mutateArgs(rng, p, append([]GenericArg(nil), d.LongID.Args...))
		return "libfunc " + w.longID(&d.LongID)
	default: // two types swapped, perhaps without the info that allows references to later types
		j := rng.Intn(len(p.Types))
		a, b := &p.Types[ti], &p.Types[j]
		a.LongID, b.LongID = b.LongID, a.LongID
		a.Info, b.Info = b.Info, a.Info
		if rng.Intn(2) == 0 {
			a.Info, b.Info = nil, nil
		}
		return "types " + strconv.Itoa(ti) + " and " + strconv.Itoa(j)
	}
}

func mutateArgs(rng *rand.Rand, p *Program, args []GenericArg) []GenericArg {
	if len(args) == 0 || rng.Intn(12) == 0 {
		return append(args, GenericArg{Kind: TypeArg, Type: TypeID(rng.Intn(len(p.Types)))})
	}
	i := rng.Intn(len(args))
	switch a := &args[i]; {
	case rng.Intn(12) == 0:
		return append(args[:i:i], args[i+1:]...)
	case a.Kind == TypeArg:
		a.Type = TypeID(rng.Intn(len(p.Types)))
	case a.Kind == UserFuncArg:
		a.Func = FuncID(rng.Intn(len(p.Funcs) + 1))
	case a.Kind == ValueArg:
		f := felt.FromUint64(rng.Uint64())
		for _, v := range []*big.Int{
			big.NewInt(0), big.NewInt(1), big.NewInt(-1), big.NewInt(255), big.NewInt(128), big.NewInt(-128),
			f.BigInt(), pow2(96), pow2(128), pow2(251), new(big.Int).Sub(felt.Modulus(), big.NewInt(1)),
			new(big.Int).Add(a.Value, big.NewInt(1)), new(big.Int).Sub(a.Value, big.NewInt(1)), new(big.Int).Neg(a.Value),
		} {
			if rng.Intn(14) == 0 {
				a.Value = v
			}
		}
	}
	return args
}

// mutateCode changes statements, functions or entry points and describes the change.
func mutateCode(rng *rand.Rand, p *Program, c *ContractClass) string {
	si := rng.Intn(len(p.Statements))
	s := &p.Statements[si]
	f := &p.Funcs[rng.Intn(len(p.Funcs))]
	entries := c.EntryPoints.External
	e := &entries[rng.Intn(len(entries))]
	switch rng.Intn(12) {
	case 0:
		s.Args = append(s.Args, VarID(rng.Intn(100)))
	case 1:
		if len(s.Args) > 0 {
			s.Args = s.Args[1:]
		}
	case 2:
		s.Libfunc = LibfuncID(rng.Intn(len(p.Libfuncs) + 1))
	case 3, 4:
		for len(s.Branches) < 2 {
			si = rng.Intn(len(p.Statements))
			s = &p.Statements[si]
		}
		b := &s.Branches[rng.Intn(len(s.Branches))]
		switch rng.Intn(4) {
		case 0:
			b.Fallthrough = !b.Fallthrough
		case 1:
			b.Target = StatementIdx(rng.Intn(len(p.Statements) + 5))
			b.Fallthrough = false
		case 2:
			b.Target += StatementIdx(rng.Intn(5) - 2)
		default:
			b.Results = append(b.Results, 1)
		}
	case 5:
		if len(s.Branches) > 0 {
			s.Branches = s.Branches[1:]
		}
	case 6:
		f.Entry = StatementIdx(rng.Intn(len(p.Statements) + 10))
	case 7:
		if len(f.Params) > 0 {
			f.Params[rng.Intn(len(f.Params))].Type = TypeID(rng.Intn(len(p.Types) + 1))
		}
	case 8:
		if len(f.Ret) > 0 {
			f.Ret[rng.Intn(len(f.Ret))] = TypeID(rng.Intn(len(p.Types) + 1))
		}
	case 9:
		e.FunctionIdx = uint64(rng.Intn(len(p.Funcs) + 1))
		return "function of an entry point"
	case 10:
		e.Selector = felt.FromUint64(rng.Uint64())
		return "selector of an entry point"
	default:
		c.EntryPoints.Constructor = append(c.EntryPoints.Constructor, *e)
		return "another constructor"
	}
	return "statement " + strconv.Itoa(si) + " or function " + strconv.Itoa(int(f.ID))
}
