package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/starknet"
)

// account is a key with the address of our account class for it, as accounts.json holds it.
type account struct {
	Address    felt.Felt `json:"address"`
	PrivateKey felt.Felt `json:"private_key"`
	PublicKey  felt.Felt `json:"public_key"`
}

// newAccount derives the account of a private key: salt and constructor argument are the public key.
func newAccount(priv felt.Felt) (account, error) {
	pub, err := starkcurve.PublicKey(priv)
	if err != nil {
		return account{}, err
	}
	class, err := embeddedClassHash(contracts.Account)
	if err != nil {
		return account{}, err
	}
	return account{
		Address:    starknet.ContractAddress(felt.Zero, pub, class, []felt.Felt{pub}),
		PrivateKey: priv,
		PublicKey:  pub,
	}, nil
}

// randomKey returns a private key of 250 random bits.
func randomKey() (felt.Felt, error) {
	for {
		var b [32]byte
		if _, err := rand.Read(b[:]); err != nil {
			return felt.Felt{}, err
		}
		b[0] &= 3
		if key := felt.FromBytesReduce(b[:]); !key.IsZero() {
			return key, nil
		}
	}
}

func embeddedClassHash(name string) (felt.Felt, error) {
	data, err := contracts.ClassJSON(name)
	if err != nil {
		return felt.Felt{}, err
	}
	var class starknet.ContractClass
	if err := class.UnmarshalJSON(data); err != nil {
		return felt.Felt{}, err
	}
	return class.Hash(), nil
}

func newKeysCommand() *cobra.Command {
	generate := &cobra.Command{
		Use:   "new",
		Short: "Make a Stark key and print it with its account address as JSON",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := randomKey()
			if err != nil {
				return err
			}
			return printAccount(cmd, key)
		},
	}
	show := &cobra.Command{
		Use:   "show PRIVATE_KEY",
		Short: "Print a private key's public key and account address as JSON",
		Args:  exactArgs("PRIVATE_KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := felt.FromHex(args[0])
			if err != nil {
				return withHint(err, "a private key is 0x and hexadecimal digits")
			}
			return printAccount(cmd, key)
		},
	}
	sign := &cobra.Command{
		Use:   "sign PRIVATE_KEY HASH",
		Short: "Sign a message or transaction hash and print r and s",
		Args:  exactArgs("PRIVATE_KEY", "HASH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := felt.FromHex(args[0])
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
	return parent("keys", "Stark keys and account addresses", generate, show, sign)
}

func printAccount(cmd *cobra.Command, key felt.Felt) error {
	a, err := newAccount(key)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	return enc.Encode(a)
}
