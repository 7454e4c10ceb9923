package main

import "github.com/spf13/cobra"

// commands are starkd's, in the order of --help.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newInitCommand(),
		newTestnetCommand(),
		newStartCommand(),
		newABCICommand(),
		newWatchCommand(),
		newVerifyCommand(),
		newProveCommand(),
		newClassCommand(),
		newCairoCommand(),
		newKeysCommand(),
		newVersionCommand(),
	}
}
