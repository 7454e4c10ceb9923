package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/node/home"
)

func newKeysCommand() *cobra.Command {
	generate := &cobra.Command{
		Use:   "new",
		Short: "Make a random Stark key and print it with its account address, as JSON",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := home.RandomKey()
			if err != nil {
				return err
			}
			return printAccount(cmd, key)
		},
	}
	show := &cobra.Command{
		Use:   "show FILE",
		Short: "Print a private key with its public key and account address, as JSON",
		Long:  "Print a private key with its public key and account address, as JSON.\n\n" + keyFileHelp,
		Args:  exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := readKey(cmd, args[0])
			if err != nil {
				return err
			}
			return printAccount(cmd, key)
		},
	}
	sign := &cobra.Command{
		Use:   "sign FILE HASH",
		Short: "Sign a message hash or transaction hash, and print r and s",
		Long:  "Sign a message hash or transaction hash, and print r and s.\n\n" + keyFileHelp,
		Args:  exactArgs("FILE", "HASH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := readKey(cmd, args[0])
			if err != nil {
				return err
			}
			hash, err := felt.FromHex(args[1])
			if err != nil {
				return err
			}
			r, s, err := starkcurve.Sign(key, hash)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), r, s)
			return err
		},
	}
	return parent("keys", "Make Stark keys, show their accounts, sign hashes", generate, show, sign)
}

const keyFileHelp = `FILE contains a private key, either as 0x and hexadecimal digits or as the JSON that keys new prints. "-" is standard input.
A key cannot be an argument, because other users of the machine can see the arguments of a process. For the same reason only
the owner may have permissions on FILE.`

// readKey reads the private key in a file, or on standard input.
func readKey(cmd *cobra.Command, path string) (felt.Felt, error) {
	if _, err := felt.FromHex(path); err == nil {
		return felt.Felt{}, usagef("a private key as an argument is seen by other users: %s takes a file, or - for standard input", cmd.CommandPath())
	}
	return home.ReadKey(path, cmd.InOrStdin())
}

func printAccount(cmd *cobra.Command, key felt.Felt) error {
	a, err := home.NewAccount(key)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	return enc.Encode(a)
}
