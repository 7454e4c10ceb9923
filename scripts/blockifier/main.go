// Command blockifier executes a case file, a list of transactions for StarkWare's blockifier, with this project's executor. It prints the
// effects of each transaction as one JSON object a line, in the format of the program that runs the same file on blockifier.
//
//	blockifier [-engine vm|native|both] [-reference RESULTS.jsonl] CASE.json
//
// With -reference it prints only the differences from blockifier's results, and exits with status 1 if there is a difference that
// docs/fees.md does not list. Files may be compressed with gzip (X.gz).
//
// A case file has chain_id, fee_token, block, classes (names of Sierra and CASM files in the same folder; the CASM is not used), contracts
// and steps. The steps are transactions in JSON-RPC's broadcast form, executed in order on one state.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
)

func main() {
	engine := flag.String("engine", "both", "engine: vm, native or both")
	reference := flag.String("reference", "", "blockifier's results to compare with")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: blockifier [-engine vm|native|both] [-reference RESULTS.jsonl] CASE.json")
		os.Exit(2)
	}
	if err := run(*engine, *reference, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "blockifier:", err)
		os.Exit(1)
	}
}

func run(name, reference, file string) error {
	machine := vm.NewEngine()
	code, err := native.NewEngine(machine, native.Options{})
	if err != nil {
		return err
	}
	r := NewRunner()
	switch name {
	case "vm":
		r.Engine = machine
	case "native":
		r.Engine = code
	case "both":
		r.Engine, r.Second = code, machine
	default:
		return fmt.Errorf("engine is %q, not vm, native or both", name)
	}
	c, err := ReadCase(file)
	if err != nil {
		return err
	}
	classes, steps, err := r.Run(c)
	if err != nil {
		return err
	}
	if reference != "" {
		return compare(c, classes, steps, reference)
	}
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, l := range classes {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	for _, l := range steps {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return out.Flush()
}

// compare prints the differences from blockifier's results.
func compare(c *Case, classes []ClassLine, steps []StepLine, reference string) error {
	wantClasses, wantSteps, err := ReadResults(reference)
	if err != nil {
		return err
	}
	bad := 0
	for _, d := range Compare(c, classes, steps, wantClasses, wantSteps) {
		if d.Documented != "" {
			fmt.Printf("%s\n    documented: docs/fees.md, %s\n", d, d.Documented)
			continue
		}
		fmt.Println(d)
		bad++
	}
	if bad > 0 {
		return fmt.Errorf("%s: %d differences that docs/fees.md does not list", c.Name, bad)
	}
	return nil
}
