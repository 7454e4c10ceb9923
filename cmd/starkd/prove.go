package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/stone"
)

// maxTraceFile is the largest size of a trace or memory file in bytes, enough for 2^24 steps.
const maxTraceFile = 2 << 30

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
			trace, err := loadTrace(cmd, public, private)
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

// loadTrace reads a run from the official runner's files. The private input names the trace and memory files.
func loadTrace(cmd *cobra.Command, public, private string) (*cairo.Trace, error) {
	publicJSON, err := readFile(cmd, public, maxTraceFile)
	if err != nil {
		return nil, err
	}
	privateJSON, err := readFile(cmd, private, maxTraceFile)
	if err != nil {
		return nil, err
	}
	var paths struct {
		Trace  string `json:"trace_path"`
		Memory string `json:"memory_path"`
	}
	if err := jsonv2.Unmarshal(privateJSON, &paths); err != nil {
		return nil, fmt.Errorf("%s: %w", private, err)
	}
	if paths.Trace == "" || paths.Memory == "" {
		return nil, fmt.Errorf("%s: trace_path or memory_path is missing", private)
	}
	var files [2][]byte
	for i, path := range []string{paths.Trace, paths.Memory} {
		if _, err := os.Stat(path); err != nil {
			// Runners write the path that they were given, which may be relative to their working directory. Look next to the private input.
			path = filepath.Join(filepath.Dir(private), filepath.Base(path))
		}
		if files[i], err = readFile(cmd, path, maxTraceFile); err != nil {
			return nil, err
		}
	}
	return cairo.LoadTrace(publicJSON, privateJSON, files[0], files[1])
}

// progressLine returns a prover.Progress that prints the stages of a proof: on one line of a terminal, or each on its own line elsewhere. The
// returned function clears the line.
func progressLine(cmd *cobra.Command) (*prover.Progress, func()) {
	started := time.Now()
	terminal := isTerminal(cmd.ErrOrStderr())
	end := "\n"
	if terminal {
		end = "\x1b[K\r"
	}
	return &prover.Progress{Stage: func(name string, number, total int) {
			fmt.Fprintf(cmd.ErrOrStderr(), "[%d/%d] %s, %v%s", number+1, total, name, time.Since(started).Round(100*time.Millisecond), end)
		}}, func() {
			if terminal {
				fmt.Fprint(cmd.ErrOrStderr(), "\x1b[K")
			}
		}
}
