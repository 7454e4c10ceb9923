package stwo

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// proved names the case that TestBoundedProof proves in a process of its own, and the bound in bytes: c01_nothing:300000000.
const proved = "STARKD_TEST_PROVED"

// TestBoundedProof makes a proof within a bound. TestMemoryBound measures it.
func TestBoundedProof(t *testing.T) {
	name, text, ok := strings.Cut(os.Getenv(proved), ":")
	if !ok {
		t.Skip("TestMemoryBound starts it")
	}
	bound, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer LimitMemory(bound)()
	in := readInput(t, name)
	proof, err := readProver(t, name).WithMemory(bound).Prove(t.Context(), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Verify(); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, " kB")
	t.Logf("proved with %s kB of memory", strings.TrimSpace(peak))
	if want := readCase(t, name, "proof.json"); !bytes.Equal(proof.AppendJSON(nil, want[1] == '\n'), want) {
		t.Error("the proof is not StarkWare's")
	}
}

// TestMemoryBound makes proofs in the least memory, and in that which the fastest way needs, each in a process of its own, and compares the process's
// peak with the bound: it is never above it. A process whose collector runs all the time says how much memory is alive at once: the bound is at most a
// tenth and 100 MB more.
func TestMemoryBound(t *testing.T) {
	cases := provedCases
	if !*all {
		cases = []string{"c01_nothing"}
	}
	if *folder != "" {
		cases = storedCases
	}
	for _, name := range cases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			least, fast := memoryNeeded(t, name)
			prove := func(bound int64, env ...string) int64 {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBoundedProof$", "-test.v")
				if *folder != "" {
					cmd.Args = append(cmd.Args, "-folder="+*folder)
				}
				cmd.Env = append(append(os.Environ(), proved+"="+name+":"+strconv.FormatInt(bound, 10)), env...)
				out, err := cmd.CombinedOutput()
				_, text, _ := strings.Cut(string(out), "proved with ")
				text, _, _ = strings.Cut(text, " kB")
				kb, parseErr := strconv.ParseInt(text, 10, 64)
				if err != nil || parseErr != nil {
					t.Fatalf("within %d bytes: %v: %s", bound, err, out)
				}
				if kb<<10 > bound {
					t.Errorf("the proof took %d kB, and the bound is %d", kb, bound>>10)
				}
				return kb << 10
			}
			alive := prove(least, "GOMEMLIMIT=1")
			used, usedFast := prove(least), prove(fast)
			t.Logf("needs %d MB, takes %d MB (%d alive); the fastest way needs %d, takes %d", least>>20, used>>20, alive>>20, fast>>20, usedFast>>20)
			if most := alive + alive/10 + 100<<20; least > most {
				t.Errorf("the proof is said to need %d MB, and takes %d", least>>20, alive>>20)
			}
		})
	}
}

// memoryNeeded returns what a proof of a case needs.
func memoryNeeded(t *testing.T, name string) (least, fast int64) {
	t.Helper()
	params, err := ParseParams(readCase(t, name, "params.json"))
	if err != nil {
		t.Fatal(err)
	}
	in := readInput(t, name)
	if *folder != "" {
		least, fast, err = readProver(t, name).MemoryNeeded(in)
	} else {
		least, fast, err = MemoryNeeded(in, params)
	}
	if err != nil {
		t.Fatal(err)
	}
	return least, fast
}

// TestMemoryError checks that a proof is refused when the bound is a byte too low, before it begins.
func TestMemoryError(t *testing.T) {
	const name = "c01_nothing"
	in := readInput(t, name)
	p := readProver(t, name)
	least, fast, err := p.MemoryNeeded(in)
	if err != nil {
		t.Fatal(err)
	}
	if least > fast {
		t.Errorf("at least %d bytes are needed, and %d for the fastest way", least, fast)
	}
	var refused *MemoryError
	stage := func(string, int, int) { t.Error("the proof began") }
	if _, err := p.WithMemory(least-1).Prove(t.Context(), in, &Progress{stage}); !errors.As(err, &refused) || *refused != (MemoryError{least, least - 1}) {
		t.Errorf("got the error %v", err)
	}
	if _, err := p.WithMemory(1).Prove(t.Context(), &adapter.Input{}, &Progress{stage}); err == nil {
		t.Error("an empty run: no error")
	}
}

// TestFootprint compares what is computed from a run with the tables that are filled, in all cases.
func TestFootprint(t *testing.T) {
	for _, name := range append(slices.Clone(provedCases), "starkware_all_opcodes", "starkware_all_builtins") {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			params, err := ParseParams(readCase(t, name, "params.json"))
			if err != nil {
				t.Fatal(err)
			}
			in := readInput(t, name)
			p := &Prover{params: *params, columns: params.Preprocessed.Columns()}
			f, err := p.footprint(in)
			if err != nil {
				t.Fatal(err)
			}
			tables, err := cairoair.Fill(in, params.Preprocessed == preprocessed.CanonicalSmall)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.tables) != len(tables) {
				t.Fatalf("%d tables, want %d", len(f.tables), len(tables))
			}
			for i := range tables {
				live := 0
				for _, c := range tables[i].Columns {
					if c != nil {
						live++
					}
				}
				if got := &f.tables[i]; got.Name != tables[i].Name || got.LogSize != tables[i].LogSize || got.base != len(tables[i].Columns) || got.liveBase != live {
					t.Errorf("table %d: %d of %d columns of 2^%d rows of %s, want %d of %d of 2^%d of %s", i, got.liveBase, got.base, got.LogSize, got.Name,
						live, len(tables[i].Columns), tables[i].LogSize, tables[i].Name)
				}
			}
		})
	}
}

// TestLimits checks that the memory limit of the Go runtime is the sum of the bounds of the proofs that are being made, and what was in memory before, and
// that it is what it was in the end, in whatever order proofs end.
func TestLimits(t *testing.T) {
	const before = 1 << 40
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(before))
	now := func() int64 { return debug.SetMemoryLimit(-1) }
	first := limit(5<<30, 0)
	others := now() - 5<<30
	if others <= 0 || others > 4<<30 {
		t.Fatalf("a limit of %d bytes for a proof in 5 GiB", now())
	}
	second := limit(3<<30, 0)
	if got, want := now(), others+8<<30; got != want {
		t.Errorf("two proofs: the limit is %d, want %d", got, want)
	}
	first()
	if got, want := now(), others+3<<30; got != want {
		t.Errorf("the second proof alone: the limit is %d, want %d", got, want)
	}
	second()
	if got := now(); got != before {
		t.Errorf("after both: the limit is %d, want %d", got, int64(before))
	}
	// What the bound counts is not counted twice, and a lower limit of the process is kept.
	end := limit(5<<30, 1<<40)
	if got := now(); got != 5<<30 {
		t.Errorf("with all memory counted: the limit is %d", got)
	}
	end()
	debug.SetMemoryLimit(1 << 30)
	end = limit(5<<30, 0)
	if got := now(); got != 1<<30 {
		t.Errorf("with a lower limit before: the limit is %d", got)
	}
	end()
}
