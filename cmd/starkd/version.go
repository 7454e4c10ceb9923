package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
)

// version is set by the linker (Makefile, .goreleaser.yml).
var version = "dev"

// dependencies lists the modules that --long names: consensus, databases, cryptography and the WebAssembly runtime.
var dependencies = []string{
	"github.com/cometbft/cometbft",
	"github.com/cometbft/cometbft-db",
	"github.com/cockroachdb/pebble",
	"github.com/consensys/gnark-crypto",
	"github.com/decred/dcrd/dcrec/secp256k1/v4",
	"github.com/hdevalence/ed25519consensus",
	"filippo.io/edwards25519",
	"github.com/tetratelabs/wazero",
}

func newVersionCommand() *cobra.Command {
	var long bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !long {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
				return err
			}
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return fmt.Errorf("version: the binary has no build information")
			}
			return printVersion(cmd.OutOrStdout(), info)
		},
	}
	cmd.Flags().BoolVar(&long, "long", false, "also print the commit, the Go version, the protocol versions and the main dependencies")
	return cmd
}

// printVersion writes the output of --long: a name and a value on each line, aligned.
func printVersion(w io.Writer, info *debug.BuildInfo) error {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value == "" {
			value = "unknown"
		}
		fmt.Fprintf(t, "%s\t%s\n", name, value)
	}
	line("starkd", version)
	line("commit", settings["vcs.revision"])
	line("commit time", settings["vcs.time"])
	line("changed files", map[string]string{"true": "yes", "false": "no"}[settings["vcs.modified"]])
	line("go", info.GoVersion)
	line("platform", settings["GOOS"]+"/"+settings["GOARCH"])
	line("starknet", starknet.Version)
	line("json-rpc", rpc.SpecVersion+", "+rpc.SpecVersion09)
	line("proof layout", os.LayoutStwo)
	line("program hash", statement.FormatStwo.ProgramHash().String())
	line("with Stone", os.Layout+", "+statement.FormatStone.ProgramHash().String())
	versions := map[string]string{}
	for _, module := range info.Deps {
		versions[module.Path] = module.Version
		if module.Replace != nil {
			versions[module.Path] = module.Replace.Path + " " + module.Replace.Version
		}
	}
	for _, path := range dependencies {
		if v, ok := versions[path]; ok {
			line(path, v)
		}
	}
	return t.Flush()
}
