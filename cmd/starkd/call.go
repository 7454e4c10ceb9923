package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/offchain"
	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Defaults and limits of a call.
const (
	defaultContract = "0x1000"  // address of the called contract
	maxRepeat       = 1_000_000 // runs
	maxStorageFile  = 64 << 20  // bytes
)

// callFlags are the flags of `starkd class call`.
type callFlags struct {
	compileFlags
	call                      offchain.Call
	contract, engine, storage string
	json                      bool
	repeat, vary              int
}

func newClassCallCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "call FILE",
		Short: "Run an entry point of a class, off chain",
		Long: "Run an entry point of a class, off chain, and print the return data or the panic data, the gas left, events,\n" +
			"messages, storage writes and the time. Gas is exactly what the chain would charge. A panic is reported as a\n" +
			"result, with exit status 0. Exit status 1 means that the run failed in a way no calling contract could catch.\n\n" +
			"The state has one contract, of this class, with the storage of --storage or an empty one. Felts are decimal,\n" +
			"hexadecimal with 0x, or short strings in single quotes. --storage takes a file with a JSON object from storage\n" +
			"key to value, such as {\"0x1\": \"0x2a\"}.",
		Example: "  starkd class call fibonacci.contract_class.json --function fibonacci --calldata 0,1,1000\n" +
			"  starkd class call erc20.contract_class.json --constructor --calldata \"'Token','TOK',18,1000000,0,0x5\"",
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := f.run(cmd, args[0])
			if err != nil {
				return err
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), report.Text())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.call.Function, "function", "", "function to call: its name, or its selector as a number")
	flags.BoolVar(&f.call.Constructor, "constructor", false, "run the constructor")
	flags.BoolVar(&f.call.L1Handler, "l1-handler", false, "call an L1 handler; the first felt of calldata is the sender on L1")
	flags.StringSliceVar(&f.call.Calldata, "calldata", nil, "calldata: felts separated by commas")
	flags.StringVar(&f.contract, "contract", defaultContract, "address of the contract")
	flags.StringVar(&f.call.Caller, "caller", "0x0", "address of the caller")
	flags.StringVar(&f.engine, "engine", "vm", "Cairo engine: "+engineNames())
	flags.Uint64Var(&f.call.Gas, "gas", constants.MaxExecuteGas, "Sierra gas that the call may use")
	flags.StringVar(&f.storage, "storage", "", "file with the contract's storage before the call, JSON (default: empty storage)")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	flags.IntVar(&f.repeat, "repeat", 1, "number of runs, each on the same storage; prints the shortest time and the result of the first")
	flags.IntVar(&f.vary, "vary", -1, "index of a felt of calldata that grows by one with each run of --repeat, so that no run repeats another; -1 is none")
	f.compileFlags.register(cmd, compiler.DefaultMaxBytecode)
	return cmd
}

// run compiles the class and runs the call f.repeat times.
func (f *callFlags) run(cmd *cobra.Command, path string) (*offchain.Report, error) {
	if f.repeat < 1 || f.repeat > maxRepeat {
		return nil, usagef("--repeat %d is not between 1 and %d", f.repeat, maxRepeat)
	}
	if !slices.Contains(config.Engines, f.engine) {
		return nil, usagef("engine %q is not one of %s", f.engine, engineNames())
	}
	engine, err := node.NewEngine(f.engine, native.Options{})
	if err != nil {
		return nil, err
	}
	world, err := f.world(cmd, path)
	if err != nil {
		return nil, err
	}
	entry, err := f.call.Entry(world)
	if argument, ok := errors.AsType[*offchain.ArgumentError](err); ok {
		return nil, usagef("--%v", argument)
	}
	if err != nil {
		return nil, err
	}
	if f.vary >= len(entry.Calldata) {
		return nil, usagef("--vary %d is not an index of %d felts of calldata", f.vary, len(entry.Calldata))
	}
	if n, ok := engine.(*native.Engine); ok {
		defer n.Close()
	}
	options := offchain.Options{Repeat: f.repeat}
	if f.vary >= 0 {
		options.Vary = &f.vary
	}
	return world.Run(f.engine, engine, entry, options)
}

// world returns a state with one contract, of the class in the file.
func (f *callFlags) world(cmd *cobra.Command, path string) (*offchain.World, error) {
	contract, err := offchain.ParseFelt(f.contract)
	if err != nil {
		return nil, usagef("--contract: %v", err)
	}
	if contract.IsZero() || !starknet.IsAddress(contract) {
		return nil, usagef("--contract %v is not a contract address", contract)
	}
	definition, compiled, err := f.compile(cmd, path)
	if err != nil {
		return nil, err
	}
	if err := definition.CheckSelectors(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var storage map[felt.Felt]felt.Felt
	if f.storage != "" {
		data, err := readFile(cmd, f.storage, maxStorageFile)
		if err != nil {
			return nil, err
		}
		if storage, err = offchain.ParseStorage(data); err != nil {
			return nil, hint.With(fmt.Errorf("%s: %w", f.storage, err), `a storage file is a JSON object such as {"0x1": "0x2a"}`)
		}
	}
	return offchain.NewWorld(contract, definition, compiled, storage)
}
