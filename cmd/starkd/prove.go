package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/internal/bytesize"
	"github.com/starkd/starkd/internal/runfiles"
	"github.com/starkd/starkd/internal/tablefile"
	"github.com/starkd/starkd/internal/terminal"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// proveFlags are the flags of `starkd prove`. They have the names that the official provers use.
type proveFlags struct {
	system                string
	public, private       string
	proverInput           string
	preprocessed          string
	parameters, out       string
	configuration, format string
	annotations           bool
	memory                string
}

// The proof systems of --system.
const (
	systemStone = "stone"
	systemStwo  = "stwo"
)

func newProveCommand() *cobra.Command {
	var f proveFlags
	cmd := &cobra.Command{
		Use:   "prove",
		Short: "Prove a Cairo run; the proof is that of Stone's or S-two's prover, byte for byte",
		Long: "Prove a Cairo run. The proof is byte for byte that of Stone's prover, with --system stwo that of StarkWare's S-two prover.\n" +
			"Both take the AIR inputs that `starkd cairo run --proof_mode` writes; S-two also takes StarkWare's prover_input.json. A run for\n" +
			"S-two has the layout all_cairo_stwo, or one of Stone's with the builtin output, and uses neither ecdsa nor keccak.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch f.system {
			case systemStone:
				return f.proveStone(cmd)
			case systemStwo:
				return f.proveStwo(cmd)
			}
			return usagef("--system %q is neither %s nor %s", f.system, systemStone, systemStwo)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.system, "system", systemStone, "proof system: stone or stwo")
	flags.StringVar(&f.public, "public_input_file", "", "file with the AIR public input, JSON")
	flags.StringVar(&f.private, "private_input_file", "", "file with the AIR private input, JSON; it names the trace and memory files")
	flags.StringVar(&f.proverInput, "prover_input_file", "", "stwo: file with the run as StarkWare's adapter writes it, JSON, instead of the AIR inputs")
	flags.StringVar(&f.preprocessed, "preprocessed_folder", "", "stwo: folder for the extensions of the preprocessed columns. They are made once, 5 GB for the variant\n"+
		"canonical, and mapped into memory. Without a folder they are made in memory for each proof")
	flags.StringVar(&f.memory, "memory", "", "stwo: the most memory that the process may take, as 2GiB; a proof that needs more is refused before it begins, and one that\n"+
		"fits only in a slower way is made in that way. By default it is what the fastest way needs")
	flags.StringVar(&f.parameters, "parameter_file", "", "file with the proof parameters, JSON")
	flags.StringVar(&f.configuration, "prover_config_file", "", "stone: file with Stone's prover configuration, JSON; it is checked, and does not change the proof")
	flags.StringVar(&f.out, "out_file", "", "file to write the proof to")
	flags.StringVar(&f.format, "format", formatJSON, "stwo: form of the proof: json, cairo-serde (felts for verifiers in Cairo) or binary")
	flags.BoolVar(&f.annotations, "generate_annotations", false, "stone: add Stone's annotations to the proof, for verifiers that read them")
	return cmd
}

// require returns an error that lists the flags without a value.
func require(flags ...[2]string) error {
	var missing []string
	for _, f := range flags {
		if f[1] == "" {
			missing = append(missing, "--"+f[0])
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return usagef("%s is missing", missing[0])
	}
	return usagef("%s are missing", strings.Join(missing, ", "))
}

// exclude returns an error if one of the flags was set, which the proof system does not have.
func (f *proveFlags) exclude(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is not a flag of --system %s", name, f.system)
		}
	}
	return nil
}

func (f *proveFlags) proveStone(cmd *cobra.Command) error {
	if err := f.exclude(cmd, "prover_input_file", "preprocessed_folder", "format", "memory"); err != nil {
		return err
	}
	if err := require([2]string{"public_input_file", f.public}, [2]string{"private_input_file", f.private}, [2]string{"parameter_file", f.parameters}, [2]string{"out_file", f.out}); err != nil {
		return err
	}
	params, err := readParameters(cmd, f.parameters)
	if err != nil {
		return err
	}
	proverConfig := stone.DefaultConfig()
	if f.configuration != "" {
		data, err := readFile(cmd, f.configuration, 1<<20)
		if err != nil {
			return err
		}
		if proverConfig, err = stone.ParseConfig(data); err != nil {
			return fmt.Errorf("%s: %w", f.configuration, err)
		}
	}
	trace, err := runfiles.Load(f.public, f.private, cmd.InOrStdin())
	if err != nil {
		return err
	}
	stage, finish := terminal.Progress(cmd.ErrOrStderr())
	started := time.Now()
	proof, err := prover.Prove(cmd.Context(), trace, params, &prover.Progress{Stage: stage})
	finish()
	if err != nil {
		return err
	}
	proof.Config = proverConfig
	if !f.annotations {
		proof.Annotations = nil
	}
	data, err := json.MarshalIndent(proof, "", "  ")
	if err != nil {
		return err
	}
	if err := writeOutput(cmd, f.out, append(data, '\n')); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "proved %d steps of layout %s in %v, %v, %d bytes of proof\n",
		trace.Public.Steps, trace.Public.Layout, time.Since(started).Round(time.Millisecond), params.Security(trace.Public.Steps), len(proof.Bytes))
	return nil
}

// The forms of --format.
const (
	formatJSON   = "json"
	formatFelts  = "cairo-serde"
	formatBinary = "binary"
)

func (f *proveFlags) proveStwo(cmd *cobra.Command) error {
	if err := f.exclude(cmd, "prover_config_file", "generate_annotations"); err != nil {
		return err
	}
	if f.format != formatJSON && f.format != formatFelts && f.format != formatBinary {
		return usagef("--format %q is not %s, %s or %s", f.format, formatJSON, formatFelts, formatBinary)
	}
	required := [][2]string{{"parameter_file", f.parameters}, {"out_file", f.out}}
	if f.proverInput == "" {
		required = append([][2]string{{"public_input_file", f.public}, {"private_input_file", f.private}}, required...)
	} else if f.public != "" || f.private != "" {
		return usagef("the run is given twice: --prover_input_file and AIR inputs")
	}
	if err := require(required...); err != nil {
		return err
	}
	bound, err := f.memoryBound()
	if err != nil {
		return err
	}
	defer stwo.LimitMemory(bound)()
	text, err := readFile(cmd, f.parameters, 1<<20)
	if err != nil {
		return err
	}
	params, err := stwo.ParseParams(text)
	if err != nil {
		return fmt.Errorf("%s: %w", f.parameters, err)
	}
	input, err := f.stwoInput(cmd)
	if err != nil {
		return err
	}
	stage, finish := terminal.Progress(cmd.ErrOrStderr())
	started := time.Now()
	p, err := f.stwoProver(cmd, params, input, bound)
	if err != nil {
		return err
	}
	proof, err := prover.ProveStwo(cmd.Context(), p.WithMemory(bound), input, &stwo.Progress{Stage: stage})
	finish()
	if err != nil {
		return err
	}
	var data []byte
	switch f.format {
	case formatFelts:
		if data, err = proof.AppendFelts(nil); err != nil {
			return err
		}
	case formatBinary:
		data = proof.AppendBinary(nil)
	default:
		data = proof.AppendJSON(nil, true)
	}
	if err := writeOutput(cmd, f.out, data); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "proved %d steps in %v, %v, %d bytes\n", proof.Claim.Steps(), time.Since(started).Round(time.Millisecond), proof.Security(), len(data))
	return nil
}

// memoryBound returns the bytes of --memory, or 0 if it is not set.
func (f *proveFlags) memoryBound() (int64, error) {
	if f.memory == "" {
		return 0, nil
	}
	bound, err := bytesize.Parse(f.memory)
	if err != nil {
		return 0, usagef("--memory: %v", err)
	}
	if bound == 0 {
		return 0, usagef("--memory is 0")
	}
	return bound, nil
}

// stwoProver returns a prover whose preprocessed columns lie in the folder of --preprocessed_folder, or in memory if that is not too much for the bound.
func (f *proveFlags) stwoProver(cmd *cobra.Command, params *stwo.Params, input *adapter.Input, bound int64) (*stwo.Prover, error) {
	if f.preprocessed == "" {
		if bound > 0 {
			least, _, err := stwo.MemoryNeeded(input, params)
			if err != nil {
				return nil, err
			}
			if least > bound {
				return nil, &stwo.MemoryError{Need: least, Bound: bound}
			}
		}
		return stwo.NewProver(cmd.Context(), params)
	}
	t, err := tablefile.Open(cmd.Context(), f.preprocessed, params.Preprocessed, params.Hash, &params.Config)
	if err != nil {
		return nil, err
	}
	return stwo.NewProverWithTable(params, t.Table, t.Columns)
}

// stwoInput reads the run from prover_input.json or from the AIR inputs.
func (f *proveFlags) stwoInput(cmd *cobra.Command) (*adapter.Input, error) {
	if f.proverInput == "" {
		trace, err := runfiles.Load(f.public, f.private, cmd.InOrStdin())
		if err != nil {
			return nil, err
		}
		return adapter.FromTrace(trace)
	}
	file := cmd.InOrStdin()
	if f.proverInput != "-" {
		opened, err := os.Open(f.proverInput)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		file = opened
	}
	input, err := adapter.ReadJSON(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.proverInput, err)
	}
	return input, nil
}

func readParameters(cmd *cobra.Command, path string) (stone.Parameters, error) {
	data, err := readFile(cmd, path, 1<<20)
	if err != nil {
		return stone.Parameters{}, err
	}
	params, err := stone.ParseParameters(data)
	if err != nil {
		return stone.Parameters{}, fmt.Errorf("%s: %w", path, err)
	}
	return params, nil
}
