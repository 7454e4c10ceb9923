package main

import (
	"github.com/spf13/cobra"

	"github.com/starkd/starkd/internal/cairocli"
	"github.com/starkd/starkd/internal/resident"
)

// commands returns the commands of starkd.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newInitCommand(),
		newTestnetCommand(),
		newStartCommand(),
		newABCICommand(),
		newWatchCommand(),
		newProveWorkerCommand(),
		newVerifyCommand(),
		newProveCommand(),
		newClassCommand(),
		cairocli.New(resident.ReleaseBinary),
		newKeysCommand(),
		newVersionCommand(),
	}
}
