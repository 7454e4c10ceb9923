// Command starkd runs a node or a watcher, makes and verifies proofs, and has tools for classes, programs and keys.
//
// Exit status: 0 for success, 1 for a failure or an invalid proof, 2 for wrong usage, 3 if verify could not check. Errors are one line
// on standard error, followed by a hint.
package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/internal/cli"
)

func main() { cli.Main(newRootCommand()) }

// run executes the program without touching the state of the process, and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Run(ctx, newRootCommand(), args, stdin, stdout, stderr)
}

func newRootCommand() *cobra.Command {
	return cli.Root("starkd", "A Starknet appchain on CometBFT with a STARK proof of every block", commands()...)
}

// usagef returns an error of wrong usage: exit status 2.
func usagef(format string, args ...any) error { return cli.Usagef(format, args...) }

// exactArgs returns cobra.ExactArgs with a cli.UsageError. names are the arguments, for the message.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			plural := "s"
			if len(names) == 1 {
				plural = ""
			}
			return usagef("%s takes %d argument%s (%s), got %d", cmd.CommandPath(), len(names), plural, strings.Join(names, " "), len(args))
		}
		return nil
	}
}

func noArgs(cmd *cobra.Command, args []string) error { return cli.NoArgs(cmd, args) }

// parent returns a command that only groups subcommands.
func parent(use, short string, children ...*cobra.Command) *cobra.Command {
	return cli.Parent(use, short, children...)
}

// say writes one formatted line, with untrusted parts escaped.
func say(w io.Writer, format string, args ...any) { cli.Say(w, format, args...) }
