package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/runfiles"
)

// maxClassFile is the largest size of a class file in bytes. The largest class that the chain accepts has about 5 MB.
const maxClassFile = 64 << 20

func newClassCommand() *cobra.Command {
	return parent("class", "Check, compile, hash, print and run contract classes",
		newClassCompileCommand(), newClassCheckCommand(), newClassHashCommand(), newCasmHashCommand(), newClassSierraCommand(), newClassCasmCommand(), newClassCallCommand())
}

// readClass reads the Sierra contract class in a file.
func readClass(cmd *cobra.Command, path string) (*sierra.ContractClass, error) {
	data, err := readFile(cmd, path, maxClassFile)
	if err != nil {
		return nil, err
	}
	class, err := sierra.DecodeClass(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
		if bytes.Contains(data, []byte(`"bytecode"`)) && !bytes.Contains(data, []byte(`"sierra_program"`)) {
			err = hint.With(err, "this is a compiled class (CASM); the command takes the Sierra class, which compilers name *.contract_class.json")
		}
		return nil, err
	}
	return class, nil
}

// readFile returns the content of a file of at most limit bytes, or of standard input for "-".
func readFile(cmd *cobra.Command, path string, limit int64) ([]byte, error) {
	return runfiles.Read(path, cmd.InOrStdin(), limit)
}

// writeOutput writes data to path, or to standard output for "" and "-".
func writeOutput(cmd *cobra.Command, path string, data []byte) error {
	if path == "" || path == "-" {
		_, err := cmd.OutOrStdout().Write(data)
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// compileFlags are the options of a compilation on the command line.
type compileFlags struct {
	maxBytecode int
	libfuncs    string
}

// register adds the flags to cmd. maxBytecode is the default of --max-bytecode-size.
func (c *compileFlags) register(cmd *cobra.Command, maxBytecode int) {
	cmd.Flags().IntVar(&c.maxBytecode, "max-bytecode-size", maxBytecode, fmt.Sprintf("largest size of the bytecode, in felts (the chain accepts %d)", compiler.DefaultMaxBytecode))
	cmd.Flags().StringVar(&c.libfuncs, "allowed-libfuncs", string(sierra.AuditedLibfuncs), "libfuncs that the class may use: audited, as on chain, or all")
}

// options returns the options that the flags describe.
func (c *compileFlags) options() (compiler.Options, error) {
	if c.maxBytecode < 1 {
		return compiler.Options{}, usagef("--max-bytecode-size %d is not positive", c.maxBytecode)
	}
	list := sierra.LibfuncList(c.libfuncs)
	if list != sierra.AuditedLibfuncs && list != sierra.AllLibfuncs {
		return compiler.Options{}, usagef("--allowed-libfuncs %q is neither audited nor all", c.libfuncs)
	}
	return compiler.Options{MaxBytecode: c.maxBytecode, Libfuncs: list}, nil
}

// compile reads the class in a file and compiles it.
func (c *compileFlags) compile(cmd *cobra.Command, path string) (*sierra.ContractClass, *casm.Class, error) {
	if _, err := c.options(); err != nil {
		return nil, nil, err
	}
	class, err := readClass(cmd, path)
	if err != nil {
		return nil, nil, err
	}
	compiled, err := c.compileClass(path, class)
	return class, compiled, err
}

// compileClass compiles a class. path is the file it was read from, for errors.
func (c *compileFlags) compileClass(path string, class *sierra.ContractClass) (*casm.Class, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	compiled, err := compiler.CompileClass(class, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return compiled, nil
}

func newClassCompileCommand() *cobra.Command {
	var out string
	var pythonic bool
	var flags compileFlags
	cmd := &cobra.Command{
		Use:   "compile FILE",
		Short: "Compile a Sierra class to CASM, byte for byte as the official compiler does",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, compiled, err := flags.compile(cmd, args[0])
			if err != nil {
				return err
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, compiled.AppendJSON(nil, pythonic), "", "  "); err != nil {
				return err
			}
			return writeOutput(cmd, out, append(indented.Bytes(), '\n'))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default: standard output)")
	cmd.Flags().BoolVar(&pythonic, "pythonic-hints", false, "add the hints as Python code")
	flags.register(cmd, compiler.ToolMaxBytecode)
	return cmd
}

func newClassCheckCommand() *cobra.Command {
	var flags compileFlags
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check that a class can be declared, and print its size and hashes",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			class, err := readClass(cmd, args[0])
			if err != nil {
				return err
			}
			if err := class.CheckDeclarable(); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			program, err := class.Program()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			compiled, err := flags.compileClass(args[0], class)
			if err != nil {
				return err
			}
			v := program.Version
			declarable := "declarable"
			if !v.Supports(sierra.Version{Major: 1, Minor: 7}) {
				declarable = "not declarable: the chain accepts Sierra 1.7 and newer"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\nsierra               version %d.%d.%d, %d felts, %d types, %d libfuncs, %d functions\nbytecode             %d felts\n",
				declarable, v.Major, v.Minor, v.Patch, len(class.SierraProgram), len(program.Types), len(program.Libfuncs), len(program.Funcs), len(compiled.Bytecode))
			fmt.Fprintf(cmd.OutOrStdout(), "class hash           %v\ncompiled class hash  %v\n", class.Hash(), compiled.BlakeHash())
			return nil
		},
	}
	flags.register(cmd, compiler.DefaultMaxBytecode)
	return cmd
}

func newClassSierraCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "sierra FILE",
		Short: "Print the Sierra program of a class as text",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			class, err := readClass(cmd, args[0])
			if err != nil {
				return err
			}
			program, err := class.Program()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return writeOutput(cmd, out, []byte(program.Text()))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default: standard output)")
	return cmd
}

func newClassCasmCommand() *cobra.Command {
	var out string
	var flags compileFlags
	cmd := &cobra.Command{
		Use:   "casm FILE",
		Short: "Print the CASM of a class, with the Sierra statement of each instruction",
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			class, err := readClass(cmd, args[0])
			if err != nil {
				return err
			}
			registry, err := class.ValidateFor(sierra.LibfuncList(flags.libfuncs))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			program, err := compiler.CompileProgram(registry, class, compiler.Options{MaxBytecode: flags.maxBytecode})
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return writeOutput(cmd, out, []byte(program.Listing()))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default: standard output)")
	flags.register(cmd, compiler.ToolMaxBytecode)
	return cmd
}

func newClassHashCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash FILE",
		Short: "Print the class hash of a Sierra class",
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
		Short: "Print the compiled class hash of a Sierra class or a compiled class",
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
				if compiled, err = compiler.CompileClass(class, compiler.Options{MaxBytecode: compiler.ToolMaxBytecode}); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			} else if compiled, err = casm.DecodeToHash(data); err != nil {
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
	cmd.Flags().BoolVar(&usePoseidon, "poseidon", false, "print the Poseidon hash, used before Starknet 0.14.1, instead of the BLAKE hash")
	return cmd
}
