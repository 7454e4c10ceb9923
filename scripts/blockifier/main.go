// Command blockifier runs a case file, a list of transactions for StarkWare's blockifier, on this project's executor and prints what
// each transaction did, one JSON object a line, in the form of the program that ran the same file on blockifier.
//
//	blockifier [-engine vm|native|both] [-judge RESULTS.jsonl] CASE.json
//
// With -judge it prints nothing but the differences from blockifier's results, and exits with status 1 if there are any that
// docs/fees.md does not name. Files may be compressed with gzip (X.gz).
//
// A case file has chain_id, fee_token, block, classes (Sierra and CASM files beside it; the CASM is not used), contracts and steps:
// transactions as JSON-RPC's broadcast objects, run one after another on the state that the ones before left.
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
	engine := flag.String("engine", "both", "vm, native or both")
	judge := flag.String("judge", "", "blockifier's results, to compare with")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: blockifier [-engine vm|native|both] [-judge RESULTS.jsonl] CASE.json")
		os.Exit(2)
	}
	if err := run(*engine, *judge, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "blockifier:", err)
		os.Exit(1)
	}
}

func run(name, judge, file string) error {
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
	if judge != "" {
		return compare(c, classes, steps, judge)
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
func compare(c *Case, classes []ClassLine, steps []StepLine, judge string) error {
	wantClasses, wantSteps, err := ReadResults(judge)
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
		return fmt.Errorf("%s: %d differences that docs/fees.md does not name", c.Name, bad)
	}
	return nil
}
