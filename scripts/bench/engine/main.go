//go:build unix

// Command engine compares the engines for Cairo: our native engine, our VM and Cairo Native, in one run and on the same class files.
// Results, remaining gas and storage writes must be equal; a difference is an error.
//
//	go run ./scripts/bench/engine [-rows REGEXP] [-rounds N] [-o docs/benchmarks.md]
//	go run ./scripts/bench/engine -classes DIR [-n N]
//
// The second form measures the compilation of the largest classes in a folder.
//
// Cairo Native is skipped, with a message, if cairo-native/ next to this file is not built (its Cargo.toml says how). CAIRO_NATIVE_BENCH is
// the path of a binary elsewhere.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
)

// Gas, contract and caller of every call.
const (
	gas      = 1_000_000_000_000_000
	contract = "0x1000"
	caller   = "0x5"
)

// row is a row of the table.
type row struct {
	name     string
	class    string // path of the class file, from the module's root
	function string
	calldata []string
	n        int // repetitions of the measured work in one run
	runs     int
	vmRuns   int
	vary     int  // index of the calldata felt that is incremented for each further run, -1 for none
	storage  bool // whether the run needs the storage of an ERC20 with balances
}

const (
	benchClass = "scripts/bench/engine/bench.contract_class.json"
	erc20Class = "contracts/classes/erc20.contract_class.json"
)

// rows are the rows of the table. n is chosen so that a native run takes at least about a millisecond, and a VM run at most a gigabyte.
// Short arrays fit in the memory that runs share, long ones do not.
var rows = []row{
	repeated("fibonacci, felt counter", "fib", 1_000_000),
	repeated("factorial", "factorial", 500_000),
	repeated("felt multiplication, full size", "felt_mul", 500_000),
	repeated("u128 `(x % m) * k + c`", "u128_arithmetic", 300_000),
	repeated("u256 `(x % m) * k + c`", "u256_arithmetic", 50_000),
	repeated("array append, to 64,000", "array_append", 64_000),
	repeated("array append, to 500,000", "array_append", 500_000),
	repeated("array append and sum, 64,000", "array_sum", 64_000),
	repeated("array append and sum, 500,000", "array_sum", 500_000),
	repeated("span.at over 1,024", "span_at", 500_000),
	repeated("dict get and insert over 1,024 keys", "dict_insert", 100_000),
	repeated("dict entry and finalize over 1,024 keys", "dict_entry", 100_000),
	repeated("merge sort, per element", "sort", 10_000),
	repeated("hades permutation", "hades", 5_000),
	// Our native engine caches recent Pedersen hashes, so repeating a run would measure the cache.
	{
		name: "pedersen", class: benchClass, function: "pedersen_from", calldata: []string{"1000", "0"},
		n: 1_000, runs: 20, vmRuns: 2, vary: 1,
	},
	{
		name: "ERC20 transfer, one call, warm state", class: erc20Class, function: "transfer", calldata: []string{"0x6", "1", "0"},
		n: 1, runs: 2_000, vmRuns: 500, vary: -1, storage: true,
	},
	{
		name: "ERC20 transfer, one call, each to a new account", class: erc20Class, function: "transfer", calldata: []string{"0x7", "1", "0"},
		n: 1, runs: 2_000, vmRuns: 500, vary: 0, storage: true,
	},
}

// repeated returns the row of a function of bench.cairo that repeats its work n times.
func repeated(name, function string, n int) row {
	return row{name: name, class: benchClass, function: function, calldata: []string{strconv.Itoa(n)}, n: n, runs: 20, vmRuns: 2, vary: -1}
}

// outcome is an engine's result for the runs of a row.
type outcome struct {
	Failed        bool        `json:"failed"`
	Retdata       []felt.Felt `json:"retdata"`
	GasLeft       uint64      `json:"gas_left"`
	StorageWrites []slotWrite `json:"storage_writes"`
	MinNs         int64       `json:"min_ns"`
	MinCPUNs      int64       `json:"min_cpu_ns"`
	CompileNs     int64       `json:"compile_ns"`
	CompileCPUNs  int64       `json:"compile_cpu_ns"` // of the process and its children
	Fallback      string      `json:"fallback"`
}

type slotWrite struct {
	Key   felt.Felt `json:"key"`
	Value felt.Felt `json:"value"`
}

// result is the part of an outcome that must be equal on all engines.
type result struct {
	Failed  bool
	Retdata []felt.Felt
	GasLeft uint64
	Writes  []slotWrite
}

func (o *outcome) result() result { return result{o.Failed, o.Retdata, o.GasLeft, o.StorageWrites} }

// merge keeps the minimum times.
func (o *outcome) merge(with *outcome) {
	o.MinNs, o.MinCPUNs = min(o.MinNs, with.MinNs), min(o.MinCPUNs, with.MinCPUNs)
	o.CompileNs, o.CompileCPUNs = min(o.CompileNs, with.CompileNs), min(o.CompileCPUNs, with.CompileCPUNs)
}

func main() {
	pattern := flag.String("rows", "", "regular expression for the names of the rows to run")
	rounds := flag.Int("rounds", 3, "number of rounds over the fast engines; the minimum time counts")
	out := flag.String("o", "", "file to append the table to")
	note := flag.String("note", "", "sentence about the machine, for the table")
	classes := flag.String("classes", "", "measure the compilation of the classes in this folder instead")
	n := flag.Int("n", 10, "number of the largest classes")
	flag.Parse()
	if *classes != "" {
		if err := runClasses(*classes, *n); err != nil {
			fmt.Fprintln(os.Stderr, "engine:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(*pattern, *rounds, *out, *note); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

func runClasses(dir string, n int) error {
	b := &bench{}
	if err := b.find(); err != nil {
		return err
	}
	text, err := b.classes(dir, n)
	fmt.Print(text)
	return err
}

// bench is the state of a run of this program.
type bench struct {
	root    string // of the module
	starkd  string
	peer    string // path of Cairo Native's binary, "" if it is not built
	storage string // file
}

func run(pattern string, rounds int, out, note string) error {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "bench-engine")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b, err := newBench(work)
	if err != nil {
		return err
	}
	engines := []string{"native", "cairo-native"}
	if b.peer == "" {
		fmt.Fprintln(os.Stderr, "engine: Cairo Native is not built (scripts/bench/engine/cairo-native/Cargo.toml says how): its column is empty")
		engines = engines[:1]
	}
	var table []line
	var failures []error
	for _, r := range rows {
		if !match.MatchString(r.name) {
			continue
		}
		l := line{row: r, by: map[string]*outcome{}}
		for round := range rounds {
			turn := engines
			if round == 0 {
				turn = append(slices.Clone(engines), "vm")
			}
			for _, e := range turn {
				o, err := b.measure(e, r)
				if err != nil {
					return fmt.Errorf("%s on %s: %w", r.name, e, err)
				}
				if had := l.by[e]; had != nil {
					had.merge(o)
				} else {
					l.by[e] = o
				}
			}
		}
		if err := l.equal(); err != nil {
			failures = append(failures, err)
		}
		table = append(table, l)
		fmt.Fprintln(os.Stderr, l.String())
	}
	text := render(table, note)
	fmt.Print(text)
	if err := errors.Join(failures...); err != nil {
		return err
	}
	if out == "" {
		return nil
	}
	f, err := os.OpenFile(out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + text)
	return errors.Join(err, f.Close())
}

// find finds the module's root and Cairo Native.
func (b *bench) find() error {
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	b.root = filepath.Dir(strings.TrimSpace(string(gomod)))
	b.peer = os.Getenv("CAIRO_NATIVE_BENCH")
	if b.peer == "" {
		b.peer = filepath.Join(b.root, "scripts/bench/engine/cairo-native/target/release/cairo-native-bench")
	}
	if _, err := os.Stat(b.peer); err != nil {
		b.peer = ""
	}
	return nil
}

// newBench builds starkd, finds Cairo Native and writes the storage file.
func newBench(work string) (*bench, error) {
	b := &bench{starkd: filepath.Join(work, "starkd"), storage: filepath.Join(work, "storage.json")}
	if err := b.find(); err != nil {
		return nil, err
	}
	build := exec.Command("go", "build", "-o", b.starkd, "./cmd/starkd")
	build.Dir, build.Stderr = b.root, os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building starkd: %w", err)
	}
	storage := map[string]string{}
	for _, account := range []string{caller, "0x6"} {
		storage[executor.BalanceKey(felt.MustHex(account)).String()] = "1000000000000000000"
	}
	text, err := json.Marshal(storage)
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(b.storage, text, 0o644)
}

// measure runs a row on an engine.
func (b *bench) measure(engine string, r row) (*outcome, error) {
	var cmd *exec.Cmd
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if engine == "cairo-native" {
		args := []string{r.class, executor.Selector(r.function).String(), strconv.Itoa(gas), strconv.Itoa(r.runs), "-"}
		if r.storage {
			args[4] = b.storage
		}
		cmd = exec.CommandContext(ctx, b.peer, append(args, r.calldata...)...)
		cmd.Env = append(os.Environ(), "CONTRACT="+contract, "CALLER="+caller, "VARY="+strconv.Itoa(r.vary))
	} else {
		runs := r.runs
		if engine == "vm" {
			runs = r.vmRuns
		}
		args := []string{
			"class", "call", r.class, "--function", r.function, "--calldata", strings.Join(r.calldata, ","), "--engine", engine,
			"--gas", strconv.Itoa(gas), "--contract", contract, "--caller", caller, "--repeat", strconv.Itoa(runs), "--vary", strconv.Itoa(r.vary), "--json",
		}
		if r.storage {
			args = append(args, "--storage", b.storage)
		}
		cmd = exec.CommandContext(ctx, b.starkd, args...)
	}
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.root, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	o := &outcome{}
	if err := json.Unmarshal(stdout.Bytes(), o); err != nil {
		return nil, err
	}
	if o.Fallback != "" {
		return nil, fmt.Errorf("ran on the VM: %s", o.Fallback)
	}
	return o, nil
}

// line is a row with the outcome of each engine.
type line struct {
	row
	by map[string]*outcome
}

// equal compares all outcomes with the VM's.
func (l *line) equal() error {
	var faults []error
	want := l.by["vm"].result()
	for _, e := range []string{"native", "cairo-native"} {
		o := l.by[e]
		if o == nil {
			continue
		}
		if diff := cmp.Diff(want, o.result()); diff != "" {
			faults = append(faults, fmt.Errorf("%s: %s differs from the VM (-vm +%s):\n%s", l.name, e, e, diff))
		}
	}
	if want.Failed {
		faults = append(faults, fmt.Errorf("%s: panicked with %v", l.name, want.Retdata))
	}
	return errors.Join(faults...)
}

// each returns the time of one repetition in ns, 0 if the engine did not run. It is the thread's processor time, which other processes
// disturb least, or wall time if that is unknown.
func (l *line) each(engine string) float64 {
	o := l.by[engine]
	switch {
	case o == nil:
		return 0
	case o.MinCPUNs > 0:
		return float64(o.MinCPUNs) / float64(l.n)
	}
	return float64(o.MinNs) / float64(l.n)
}

// ratio returns the quotient of two engines' times, or a dash.
func (l *line) ratio(above, below string) string {
	a, b := l.each(above), l.each(below)
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3g", a/b)
}

// ns returns an engine's time of one repetition, or a dash.
func (l *line) ns(engine string) string {
	v := l.each(engine)
	switch {
	case v == 0:
		return "–"
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (l *line) String() string {
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %s | %s |", l.name, l.n, l.ns("native"), l.ns("cairo-native"), l.ns("vm"),
		l.ratio("native", "cairo-native"), l.ratio("vm", "native"))
}

// render returns the table in the form of docs/benchmarks.md.
func render(table []line, note string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s.%s Command: `go run ./scripts/bench/engine`.\n\n", time.Now().UTC().Format("2006-01-02 15:04"), machine(), sentence(note))
	b.WriteString("| row | n | native, ns each | Cairo Native 0.9.0-rc.9 (AOT), ns each | our VM, ns each | native ÷ Cairo Native | VM ÷ native |\n")
	b.WriteString("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	within, ahead, compared := 0, 0, 0
	for _, l := range table {
		b.WriteString(l.String() + "\n")
		if l.by["native"] != nil && l.by["cairo-native"] != nil {
			compared++
			r := l.each("native") / l.each("cairo-native")
			if r <= 1.6 {
				within++
			}
			if r < 1 {
				ahead++
			}
		}
	}
	b.WriteString("\nResults, gas left and storage writes are equal in every row.")
	if compared > 0 {
		fmt.Fprintf(&b, " Native takes at most 1.6 times Cairo Native's time in %d of %d rows and less than it in %d.", within, compared, ahead)
	}
	b.WriteString("\n")
	for _, class := range []string{benchClass, erc20Class} {
		if c := compileTimes(table, class); c != "" {
			fmt.Fprintf(&b, "Compilation of %s (`%s`): %s.\n", filepath.Base(class), class, c)
		}
	}
	return b.String()
}

// compileTimes returns the minimum times in which the engines compile a class, as text.
func compileTimes(table []line, class string) string {
	least := map[string]int64{}
	for _, l := range table {
		if l.class != class {
			continue
		}
		for e, o := range l.by {
			t := o.CompileCPUNs
			if t == 0 {
				t = o.CompileNs
			}
			if t > 0 && (least[e] == 0 || t < least[e]) {
				least[e] = t
			}
		}
	}
	var parts []string
	for _, e := range []string{"native", "cairo-native"} {
		if least[e] > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f ms", e, float64(least[e])/1e6))
		}
	}
	return strings.Join(parts, ", ")
}

// sentence returns s with a space before it and a period after it, or "" for "".
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return " " + strings.TrimSuffix(s, ".") + "."
}

// machine returns the processor's name and the Go version.
func machine() string {
	cpu := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for l := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	version, _ := exec.Command("go", "env", "GOVERSION").Output()
	return fmt.Sprintf("%s, %s", cpu, strings.TrimSpace(string(version)))
}
