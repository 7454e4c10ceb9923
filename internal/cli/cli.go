// Package cli has what starkd's commands have in common: wrong usage as an error, reports of errors, and commands that group others.
package cli

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

// Main runs root with the arguments of the process until it ends or a signal stops it, and ends the process.
func Main(root *cobra.Command) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, root, os.Args[1:], os.Stdin, terminal.DataWriter(os.Stdout), os.Stderr)
	stop()
	os.Exit(code)
}

// Run executes root without touching the state of the process, and returns the exit status.
func Run(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	return Report(stderr, cmd.CommandPath(), err)
}

// Verdict is implemented by errors that a command reports with a word and an exit status of their own.
type Verdict interface {
	error
	// Verdict returns the word that begins the report and the exit status.
	Verdict() (word string, status int)
}

// Report prints why a command failed, with a hint, and returns the exit status. command is the command's path, such as "starkd verify". Errors
// quote untrusted input, so Report escapes what a terminal would interpret.
func Report(stderr io.Writer, command string, err error) int {
	program, _, _ := strings.Cut(command, " ")
	var usage *UsageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		Say(stderr, "%s: %s", program, OneLine(err))
		if command == program {
			Say(stderr, "hint: %s --help lists the commands", program)
		} else {
			Say(stderr, "hint: %s --help explains its arguments and flags", command)
		}
		return 2
	}
	word, status := program, 1
	if verdict, ok := errors.AsType[Verdict](err); ok {
		word, status = verdict.Verdict()
	}
	Say(stderr, "%s: %s", word, OneLine(err))
	advice, hinted := hint.Of(err)
	switch {
	case hinted:
		Say(stderr, "hint: %s", advice)
	case errors.Is(err, fs.ErrNotExist):
		Say(stderr, "hint: check the path; \"-\" stands for standard input")
	default:
		Say(stderr, "hint: %s --help explains its arguments and flags", command)
	}
	return status
}

// Root returns the command of a program: it prints its help and has the given commands.
func Root(use, short string, children ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:           use,
		Short:         short,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &UsageError{err.Error()} })
	root.AddCommand(children...)
	return root
}

// Parent returns a command that only groups subcommands.
func Parent(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return Usagef("unknown command %q for %s", args[0], cmd.CommandPath())
			}
			return Usagef("%s needs a command", cmd.CommandPath())
		},
	}
	cmd.AddCommand(children...)
	return cmd
}

// UsageError is the error of wrong usage: exit status 2.
type UsageError struct{ Reason string }

// Error returns the reason.
func (e *UsageError) Error() string { return e.Reason }

// Usagef returns a UsageError with a formatted reason.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// NoArgs returns an error if a command without arguments has some.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("unknown command or argument %q for %s", args[0], cmd.CommandPath())
	}
	return nil
}

// OneLine returns the message of err with line breaks replaced by semicolons.
func OneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// Say writes one formatted line, with untrusted parts escaped.
func Say(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, terminal.Visible(fmt.Sprintf(format, args...)))
}
