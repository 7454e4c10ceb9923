// Command sierracompile is `starkd class compile` without the rest of the node, for scripts/bench/compile, which compares it with the
// official compiler.
//
//	sierracompile CLASS OUTPUT
package main

import (
	"fmt"
	"os"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sierracompile CLASS OUTPUT")
		os.Exit(2)
	}
	if err := compile(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	class, err := sierra.DecodeClass(data)
	if err != nil {
		return err
	}
	compiled, err := compiler.CompileClass(class, compiler.Options{})
	if err != nil {
		return err
	}
	return os.WriteFile(to, compiled.AppendJSON(nil, false), 0o644)
}
