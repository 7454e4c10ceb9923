package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet"
)

// maxClassFile bounds a contract class's file; the largest class that the chain takes is about 5 MB.
const maxClassFile = 64 << 20

// compileClass compiles a declared class within the chain's bound on bytecode.
func compileClass(class *starknet.ContractClass, _ *sierra.Program) (*casm.Class, error) {
	points := func(list []starknet.EntryPoint) []sierra.EntryPoint {
		out := make([]sierra.EntryPoint, len(list))
		for i, p := range list {
			out[i] = sierra.EntryPoint{Selector: p.Selector, FunctionIdx: int(min(p.FunctionIdx, math.MaxInt32))}
		}
		return out
	}
	return compiler.CompileClass(&sierra.ContractClass{
		SierraProgram: class.SierraProgram, ContractClassVersion: class.Version, ABI: class.ABI,
		EntryPoints: sierra.EntryPoints{
			External: points(class.EntryPoints.External), L1Handler: points(class.EntryPoints.L1Handler), Constructor: points(class.EntryPoints.Constructor),
		},
	}, compiler.Options{MaxBytecode: compiler.DefaultMaxBytecode})
}

func newClassCommand() *cobra.Command {
	return parent("class", "Contract classes: compile and hash",
		newClassCompileCommand(), newClassHashCommand(), newCasmHashCommand())
}

func readClass(cmd *cobra.Command, path string) (*sierra.ContractClass, error) {
	data, err := readFile(cmd, path, maxClassFile)
	if err != nil {
		return nil, err
	}
	class, err := sierra.DecodeClass(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return class, nil
}

// readFile reads a file of at most limit bytes, or standard input for "-".
func readFile(cmd *cobra.Command, path string, limit int64) ([]byte, error) {
	in := cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes", path, limit)
	}
	return data, nil
}

// writeOutput writes data to path, or to standard output for "" and "-".
func writeOutput(cmd *cobra.Command, path string, data []byte) error {
	if path == "" || path == "-" {
		_, err := cmd.OutOrStdout().Write(data)
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func newClassCompileCommand() *cobra.Command {
	var out string
	var maxBytecode int
	cmd := &cobra.Command{
		Use:   "compile FILE",
		Short: "Compile a Sierra contract class to CASM, byte for byte as the official compiler does",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if maxBytecode < 1 {
				return usagef("--max-bytecode-size %d is not positive", maxBytecode)
			}
			class, err := readClass(cmd, args[0])
			if err != nil {
				return err
			}
			compiled, err := compiler.CompileClass(class, compiler.Options{MaxBytecode: maxBytecode})
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			data, err := json.Marshal(compiled)
			if err != nil {
				return err
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, data, "", "  "); err != nil {
				return err
			}
			return writeOutput(cmd, out, append(indented.Bytes(), '\n'))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default: standard output)")
	cmd.Flags().IntVar(&maxBytecode, "max-bytecode-size", compiler.DefaultMaxBytecode, "most felts of the bytecode")
	return cmd
}

func newClassHashCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash FILE",
		Short: "Print the class hash of a Sierra contract class",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			class, err := readClass(cmd, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), class.Hash())
			return err
		},
	}
}

func newCasmHashCommand() *cobra.Command {
	var usePoseidon bool
	cmd := &cobra.Command{
		Use:   "casm-hash FILE",
		Short: "Print the compiled class hash (BLAKE) of a Sierra or a compiled class",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readFile(cmd, args[0], maxClassFile)
			if err != nil {
				return err
			}
			var compiled *casm.Class
			if bytes.Contains(data, []byte(`"sierra_program"`)) {
				class, err := sierra.DecodeClass(data)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				if compiled, err = compiler.CompileClass(class, compiler.Options{MaxBytecode: compiler.DefaultMaxBytecode}); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			} else if compiled, err = casm.DecodeClass(data); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			hash := compiled.BlakeHash()
			if usePoseidon {
				hash = compiled.PoseidonHash()
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.ToLower(hash.String()))
			return err
		},
	}
	cmd.Flags().BoolVar(&usePoseidon, "poseidon", false, "the hash of before Starknet 0.14.1")
	return cmd
}
