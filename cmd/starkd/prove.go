package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/internal/runfiles"
	"github.com/starkd/starkd/internal/terminal"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/stone"
)

func newProveCommand() *cobra.Command {
	var public, private, parameters, configuration, out string
	var annotations bool
	cmd := &cobra.Command{
		Use:   "prove",
		Short: "Prove a Cairo run; files, flags and proof are those of Stone's prover, byte for byte",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var missing []string
			for _, required := range [...]struct{ flag, value string }{
				{"public_input_file", public}, {"private_input_file", private}, {"parameter_file", parameters}, {"out_file", out},
			} {
				if required.value == "" {
					missing = append(missing, "--"+required.flag)
				}
			}
			switch len(missing) {
			case 0:
			case 1:
				return usagef("%s is missing", missing[0])
			default:
				return usagef("%s are missing", strings.Join(missing, ", "))
			}
			params, err := readParameters(cmd, parameters)
			if err != nil {
				return err
			}
			proverConfig := stone.DefaultConfig()
			if configuration != "" {
				data, err := readFile(cmd, configuration, 1<<20)
				if err != nil {
					return err
				}
				if proverConfig, err = stone.ParseConfig(data); err != nil {
					return fmt.Errorf("%s: %w", configuration, err)
				}
			}
			trace, err := runfiles.Load(public, private, cmd.InOrStdin())
			if err != nil {
				return err
			}
			progress, finish := progressLine(cmd)
			started := time.Now()
			proof, err := prover.Prove(cmd.Context(), trace, params, progress)
			finish()
			if err != nil {
				return err
			}
			proof.Config = proverConfig
			if !annotations {
				proof.Annotations = nil
			}
			data, err := json.MarshalIndent(proof, "", "  ")
			if err != nil {
				return err
			}
			if err := writeOutput(cmd, out, append(data, '\n')); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "proved %d steps of layout %s in %v, %v, %d bytes of proof\n",
				trace.Public.Steps, trace.Public.Layout, time.Since(started).Round(time.Millisecond), params.Security(trace.Public.Steps), len(proof.Bytes))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&public, "public_input_file", "", "file with the AIR public input, JSON")
	f.StringVar(&private, "private_input_file", "", "file with the AIR private input, JSON; it names the trace and memory files")
	f.StringVar(&parameters, "parameter_file", "", "file with the proof parameters, JSON")
	f.StringVar(&configuration, "prover_config_file", "", "file with Stone's prover configuration, JSON; it is checked, and does not change the proof")
	f.StringVar(&out, "out_file", "", "file to write the proof to, JSON")
	f.BoolVar(&annotations, "generate_annotations", false, "add Stone's annotations to the proof, for verifiers that read them")
	return cmd
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

// progressLine returns a prover.Progress that prints the stages of a proof: on one line of a terminal, or each on its own line elsewhere. The
// returned function clears the line.
func progressLine(cmd *cobra.Command) (*prover.Progress, func()) {
	started := time.Now()
	onTerminal := terminal.Is(cmd.ErrOrStderr())
	end := "\n"
	if onTerminal {
		end = "\x1b[K\r"
	}
	return &prover.Progress{Stage: func(name string, number, total int) {
			fmt.Fprintf(cmd.ErrOrStderr(), "[%d/%d] %s, %v%s", number+1, total, name, time.Since(started).Round(100*time.Millisecond), end)
		}}, func() {
			if onTerminal {
				fmt.Fprint(cmd.ErrOrStderr(), "\x1b[K")
			}
		}
}
