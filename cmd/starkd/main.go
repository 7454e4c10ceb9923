// Command starkd runs a node or a watcher, makes and verifies proofs, and has tools for classes, programs and keys.
//
// Exit status: 0 for success, 1 for a failure or an invalid proof, 2 for wrong usage, 3 if verify could not check. Errors are one line
// on standard error, followed by a hint.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, terminal.DataWriter(os.Stdout), os.Stderr)
	stop()
	os.Exit(code)
}

// run executes the program without touching the state of the process, and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	return report(stderr, cmd.CommandPath(), err)
}

// report prints why a command failed, with a hint, and returns the exit status. Errors quote untrusted input, so report escapes what a
// terminal would interpret.
func report(stderr io.Writer, command string, err error) int {
	var usage *usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		say(stderr, "starkd: %s", oneLine(err))
		if command == "starkd" {
			say(stderr, "hint: starkd --help lists the commands")
		} else {
			say(stderr, "hint: %s --help explains its arguments and flags", command)
		}
		return 2
	}
	status := 1
	if verdict, ok := errors.AsType[*verdictError](err); ok {
		status = verdict.status
		say(stderr, "%s: %s", verdict.word, oneLine(err))
	} else {
		say(stderr, "starkd: %s", oneLine(err))
	}
	advice, hinted := hint.Of(err)
	switch {
	case hinted:
		say(stderr, "hint: %s", advice)
	case errors.Is(err, fs.ErrNotExist):
		say(stderr, "hint: check the path; \"-\" stands for standard input")
	default:
		say(stderr, "hint: %s --help explains its arguments and flags", command)
	}
	return status
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "starkd",
		Short:         "A Starknet appchain on CometBFT with a STARK proof of every block",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err.Error()} })
	root.AddCommand(commands()...)
	return root
}

// usageError is the error of wrong usage: exit status 2.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exactArgs returns cobra.ExactArgs with a usageError. names are the arguments, for the message.
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

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command or argument %q for %s", args[0], cmd.CommandPath())
	}
	return nil
}

// parent returns a command that only groups subcommands.
func parent(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %s", args[0], cmd.CommandPath())
			}
			return usagef("%s needs a command", cmd.CommandPath())
		},
	}
	cmd.AddCommand(children...)
	return cmd
}

// oneLine returns the message of err with line breaks replaced by semicolons.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// say writes one formatted line, with untrusted parts escaped.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, terminal.Visible(fmt.Sprintf(format, args...)))
}
