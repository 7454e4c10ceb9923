package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/node/home"
)

// defaultChainID is the default of --chain-id.
const defaultChainID = "COMET_STARK"

func newInitCommand() *cobra.Command {
	var net home.Network
	var dir, moniker string
	var proofVotes bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create a new chain with one validator: make the homes of its node and of a watcher",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkPorts(&net, 1); err != nil {
				return err
			}
			net.WithoutProofVotes = !proofVotes
			if err := net.Init(dir, moniker); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "chain %s with one validator in %s\nfunded accounts: %s\nnext: starkd start --home %s for the node, starkd watch --home %s for a watcher\n",
				net.ChainID, dir, filepath.Join(dir, "accounts.json"), dir, filepath.Join(dir, "watcher"))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "home", defaultHome(), "home folder to make")
	cmd.Flags().StringVar(&moniker, "moniker", "node", "name of the node in the network")
	addNetwork(cmd, &net, &proofVotes)
	return cmd
}

// addNetwork adds the flags of a new chain, which init and testnet have.
func addNetwork(cmd *cobra.Command, net *home.Network, proofVotes *bool) {
	cmd.Flags().StringVar(&net.ChainID, "chain-id", defaultChainID, "name of the chain, at most 31 ASCII characters")
	cmd.Flags().IntVar(&net.PortOffset, "port-offset", 0, "number added to every port, for several chains on one machine")
	cmd.Flags().StringVar(&net.Seed, "seed", "", "derive the funded accounts from this text (default: random)")
	cmd.Flags().DurationVar(&net.BlockTime, "block-time", time.Second, "pause between blocks")
	cmd.Flags().BoolVar(proofVotes, "proof-votes", true, "let validators vote about proofs, so that proved blocks become ACCEPTED_ON_L1; false for a chain without watchers")
}

// checkPorts returns an error if a port of a network with n validators is outside the range that needs no permission.
func checkPorts(net *home.Network, n int) error {
	if home.DefaultPorts(net.Host, 0, net.PortOffset).RPC < 1024 || home.DefaultPorts(net.Host, n, net.PortOffset).Metrics > 65535 {
		return usagef("--port-offset %d puts ports outside 1024 to 65535", net.PortOffset)
	}
	return nil
}

func newTestnetCommand() *cobra.Command {
	var net home.Network
	var output string
	var validators int
	var proofVotes bool
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Create a new chain with several validators on this machine: make the homes of its nodes and of a watcher",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if validators < 1 || validators > 100 {
				return usagef("--validators %d is not between 1 and 100", validators)
			}
			if err := checkPorts(&net, validators); err != nil {
				return err
			}
			if output == "" {
				return usagef("--output is missing")
			}
			net.WithoutProofVotes = !proofVotes
			if err := net.Testnet(output, validators); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "chain %s with %d validators in %s\naddresses: %s\nfunded accounts: %s\nnext: starkd start --home %s for each node, starkd watch --home %s for the watcher\n",
				net.ChainID, validators, output, filepath.Join(output, "endpoints.json"), filepath.Join(output, "accounts.json"),
				filepath.Join(output, "nodeN"), filepath.Join(output, "watcher"))
			return nil
		},
	}
	cmd.Flags().IntVar(&validators, "validators", 4, "number of validators")
	cmd.Flags().StringVar(&output, "output", "", "folder to make")
	cmd.Flags().StringVar(&net.Host, "host", "127.0.0.1", "address that the nodes and the watcher listen on")
	addNetwork(cmd, &net, &proofVotes)
	return cmd
}
