// Package cairocli is the command cairo: it runs Cairo 0 programs and writes their traces. The programs starkd and starkd-cairo have it.
package cairocli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/internal/cli"
	"github.com/starkd/starkd/internal/runfiles"
)

// New returns the command cairo. It calls started, if that is not nil, before it runs a program.
func New(started func()) *cobra.Command {
	return cli.Parent("cairo", "Run Cairo 0 programs and write their traces", newRunCommand(started))
}

// runFlags are the flags of `cairo run`. They have the names that the official runners use.
type runFlags struct {
	program, pie, layout, params, entrypoint string
	proofMode, printOutput, printInfo        bool
	trace, memory, public, private           string
	input, pieOutput                         string
	mergeExtra                               bool
	missingBuiltins, secureRun, fillHoles    choice
	maxSteps                                 uint64
}

// choice is a flag with the value true or false, as in the official runners, or "" if it is not set.
type choice string

const (
	yes choice = "true"
	no  choice = "false"
)

func (c *choice) String() string { return string(*c) }
func (c *choice) Type() string   { return "true|false" }
func (c *choice) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", s)
	}
	*c = choice(strconv.FormatBool(v))
	return nil
}

func newRunCommand(started func()) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [PROGRAM]",
		Short: "Run a compiled Cairo 0 program",
		Long: "Run a compiled Cairo 0 program, or a Cairo PIE, and write its trace, memory and AIR inputs in the official formats.\n" +
			"The files of a run in proof mode are the input of starkd prove.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if f.program != "" {
					return cli.Usagef("the program is given twice: %s and %s", f.program, args[0])
				}
				f.program = args[0]
			}
			if started != nil {
				started()
			}
			return f.run(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.program, "program", "", "compiled program, JSON")
	flags.StringVar(&f.pie, "run_from_cairo_pie", "", "run this Cairo PIE instead of a program")
	flags.StringVar(&f.layout, "layout", "plain", "layout of the machine")
	flags.StringVar(&f.params, "cairo_layout_params_file", "", "file with the parameters of the layout dynamic, JSON")
	flags.StringVar(&f.entrypoint, "entrypoint", "main", "function to run")
	flags.BoolVar(&f.proofMode, "proof_mode", false, "run from __start__ to __end__ and pad the trace for a proof")
	flags.StringVar(&f.trace, "trace_file", "", "file to write the trace to")
	flags.StringVar(&f.memory, "memory_file", "", "file to write the memory to")
	flags.StringVar(&f.public, "air_public_input", "", "file to write the AIR public input to (proof mode)")
	flags.StringVar(&f.private, "air_private_input", "", "file to write the AIR private input to (proof mode)")
	flags.StringVar(&f.input, "program_input", "", "file with the program_input of hints, JSON")
	flags.StringVar(&f.pieOutput, "cairo_pie_output", "", "file to write the run to, as a Cairo PIE")
	flags.BoolVar(&f.mergeExtra, "merge_extra_segments", false, "merge the PIE's extra segments into one")
	flags.Var(&f.missingBuiltins, "allow_missing_builtins", "accept a program with builtins that the layout lacks (always accepted in proof mode)")
	flags.Var(&f.secureRun, "secure_run", "check builtin segments after the run (default true, in proof mode false)")
	flags.Var(&f.fillHoles, "fill_holes", "fill builtin cells that the run did not write (default false, in proof mode true)")
	flags.BoolVar(&f.printOutput, "print_output", false, "print the program's output")
	flags.BoolVar(&f.printInfo, "print_info", false, "print the number of steps and the sizes of the segments")
	flags.Uint64Var(&f.maxSteps, "max_steps", 0, "stop after this many steps (default 2^30)")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command) error {
	switch {
	case (f.program == "") == (f.pie == ""):
		return cli.Usagef("cairo run needs --program or --run_from_cairo_pie")
	case !f.proofMode && (f.public != "" || f.private != ""):
		return cli.Usagef("--air_public_input and --air_private_input need --proof_mode")
	case f.private != "" && (f.trace == "" || f.memory == ""):
		return cli.Usagef("--air_private_input needs --trace_file and --memory_file, because it names them")
	case f.proofMode && (f.pieOutput != "" || f.pie != ""):
		return cli.Usagef("--run_from_cairo_pie and --cairo_pie_output do not work in proof mode")
	}
	opt := cairo0.RunOptions{
		Layout: f.layout, ProofMode: f.proofMode, Entrypoint: f.entrypoint, MaxSteps: f.maxSteps,
		Trace:                f.trace != "" || f.memory != "" || f.pieOutput != "",
		FilesOnly:            true,
		AllowMissingBuiltins: f.missingBuiltins == yes,
		KeepHoles:            f.fillHoles == no,
		FillHoles:            f.fillHoles == yes,
		SkipSecureRun:        f.secureRun == no,
		SecureRun:            f.secureRun == yes,
	}
	for _, file := range []struct {
		path string
		to   *[]byte
	}{{f.params, &opt.LayoutParams}, {f.input, &opt.Input}} {
		if file.path == "" {
			continue
		}
		b, err := os.ReadFile(file.path)
		if err != nil {
			return err
		}
		*file.to = b
	}
	res, err := f.runProgram(opt)
	if err != nil {
		return err
	}
	if err := f.write(res); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if f.printOutput {
		fmt.Fprintln(out, "Program Output:")
		for _, line := range res.Output {
			fmt.Fprintln(out, line)
		}
	}
	if f.printInfo {
		fmt.Fprintf(out, "Number of steps: %d\n", res.Steps)
		for i, n := range res.Sizes {
			fmt.Fprintf(out, "Segment %d: %d cells\n", i, n)
		}
	}
	return nil
}

func (f *runFlags) runProgram(opt cairo0.RunOptions) (*cairo0.RunResult, error) {
	if f.pie != "" {
		b, err := os.ReadFile(f.pie)
		if err != nil {
			return nil, err
		}
		return cairo0.RunPIE(b, opt)
	}
	b, err := os.ReadFile(f.program)
	if err != nil {
		return nil, err
	}
	p, err := cairo0.ParseProgram(b)
	if err != nil {
		return nil, err
	}
	res, err := p.Run(opt)
	if err != nil {
		return nil, errors.New(p.Describe(err))
	}
	return res, nil
}

// write writes the files that the flags name.
func (f *runFlags) write(res *cairo0.RunResult) error {
	if err := runfiles.Save(res, runfiles.Paths{Trace: f.trace, Memory: f.memory, Public: f.public, Private: f.private}); err != nil {
		return err
	}
	if f.pieOutput == "" {
		return nil
	}
	return runfiles.Write(f.pieOutput, func(w io.Writer) error { return res.WritePIE(w, f.mergeExtra) })
}
