package main

import "github.com/spf13/cobra"

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
		newCairoCommand(),
		newKeysCommand(),
		newVersionCommand(),
	}
}
