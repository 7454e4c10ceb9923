package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/internal/golden"
)

// caseFiles is the number of case files in the corpus, transactions the number of their transactions.
const caseFiles, transactions = 23, 1422

// TestBlockifier checks that every case file of the corpus, on the native engine and on the VM, has blockifier's results except for the
// differences in docs/fees.md, and that each of these differences occurs.
func TestBlockifier(t *testing.T) {
	dir := golden.Corpus(t, "blockifier")
	files, err := filepath.Glob(filepath.Join(dir, "*.blockifier.jsonl.gz"))
	if err != nil || len(files) != caseFiles {
		t.Fatalf("%d case files (%v), want %d", len(files), err, caseFiles)
	}
	machine := vm.NewEngine()
	code, err := native.NewEngine(machine, native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner()
	r.Engine, r.Second = code, machine
	fees, err := os.ReadFile(filepath.Join(golden.ModuleRoot(t), "docs", "fees.md"))
	if err != nil {
		t.Fatal(err)
	}
	n, seen := 0, map[string]bool{}
	for _, reference := range files {
		name := strings.TrimSuffix(filepath.Base(reference), ".blockifier.jsonl.gz")
		c, err := ReadCase(filepath.Join(dir, name+".json.gz"))
		if err != nil {
			t.Fatal(err)
		}
		classes, steps, err := r.Run(c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantClasses, wantSteps, err := ReadResults(reference)
		if err != nil {
			t.Fatal(err)
		}
		n += len(steps)
		for _, d := range Compare(c, classes, steps, wantClasses, wantSteps) {
			if d.Documented == "" {
				t.Errorf("%s %s", name, d)
				continue
			}
			seen[name+" "+d.Step+" "+d.What] = true
		}
	}
	if n != transactions {
		t.Errorf("%d transactions, want %d", n, transactions)
	}
	for _, d := range documented {
		if key := d.file + " " + d.step + " " + d.what; !seen[key] {
			t.Errorf("%s is documented as different and is equal", key)
		}
		if !strings.Contains(string(fees), "\n## "+d.section+"\n") {
			t.Errorf("docs/fees.md has no section %q", d.section)
		}
	}
	if stats := code.Stats(); stats[native.ReasonInternal] > 0 {
		t.Errorf("native code fell back for internal reasons: %v", stats)
	}
}

// TestCompareNotices checks that Compare reports a change of each kind of value.
func TestCompareNotices(t *testing.T) {
	dir := golden.Corpus(t, "blockifier")
	c, err := ReadCase(filepath.Join(dir, "calls.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	read := func() ([]ClassLine, []StepLine) {
		classes, steps, err := ReadResults(filepath.Join(dir, "calls.blockifier.jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		// Blockifier's gas does not include the L2 gas of messages to L1, which Compare subtracts from ours.
		return classes, slices.DeleteFunc(steps, func(s StepLine) bool { return s.Effects != nil && len(s.Messages) > 0 })
	}
	classes, want := read()
	if d := Compare(c, classes, want, classes, want); len(d) != 0 {
		t.Fatalf("results differ from themselves: %v", d)
	}
	at := slices.IndexFunc(want, func(s StepLine) bool {
		return s.Status == "succeeded" && len(s.Execute.Inner) > 0 && len(s.Storage) > 1
	})
	if at < 0 {
		t.Fatal("no step that succeeds, calls and stores")
	}
	for name, change := range map[string]func(s *StepLine){
		"status": func(s *StepLine) { s.Status = "reverted" },
		"hash":   func(s *StepLine) { s.Hash[0]++ },
		"reason": func(s *StepLine) { s.Error = "x" },
		"gas":    func(s *StepLine) { s.L2Gas++ },
		"fee":    func(s *StepLine) { s.Fee += "0" },
		"events": func(s *StepLine) { s.Events = s.Events[1:] },
		"messages": func(s *StepLine) {
			s.Messages = append(s.Messages, MessageLine{})
		},
		"nonces":   func(s *StepLine) { clear(s.Nonces) },
		"classes":  func(s *StepLine) { s.Classes[c.FeeToken] = c.FeeToken },
		"declared": func(s *StepLine) { s.Declared[c.FeeToken] = c.FeeToken },
		"storage": func(s *StepLine) {
			for at := range s.Storage {
				if at != c.FeeToken {
					delete(s.Storage, at)
				}
			}
		},
		"balances":     func(s *StepLine) { clear(s.Storage[c.FeeToken]) },
		"validate":     func(s *StepLine) { s.Validate.Gas++ },
		"execute":      func(s *StepLine) { s.Execute.Consumed++ },
		"inner":        func(s *StepLine) { s.Execute.Inner[0].Library = !s.Execute.Inner[0].Library },
		"inner calls":  func(s *StepLine) { s.Execute.Inner = nil },
		"fee transfer": func(s *StepLine) { s.FeeTransfer = nil },
		"engines":      func(s *StepLine) { s.EnginesDiffer = "x" },
	} {
		_, got := read()
		change(&got[at])
		if d := Compare(c, classes, got, classes, want); len(d) == 0 {
			t.Errorf("a change of %s is not reported", name)
		}
	}
	if d := Compare(c, classes[1:], want, classes, want); len(d) == 0 {
		t.Error("a missing class is not reported")
	}
}
