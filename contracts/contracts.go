// Package contracts holds the contracts that a chain starts with (account, fee token, universal deployer) and samples (fibonacci,
// factorial, counter): their Cairo sources, and the classes that the official compiler built from them. The classes are embedded as JSON,
// the form in which wallets declare them. They are not compiled at run time; README.md says how to rebuild them.
package contracts

import (
	"embed"
	"fmt"
)

// Names of the contracts.
const (
	Account           = "account"
	ERC20             = "erc20"
	UniversalDeployer = "universal_deployer"
	Fibonacci         = "fibonacci"
	Factorial         = "factorial"
	Counter           = "counter"
)

// Names returns the names of all contracts, those needed by genesis first.
func Names() []string {
	return []string{Account, ERC20, UniversalDeployer, Fibonacci, Factorial, Counter}
}

//go:embed classes/*.contract_class.json
var classes embed.FS

// ClassJSON returns the contract class of the named contract as written by `starknet-compile`, without debug information.
func ClassJSON(name string) ([]byte, error) {
	class, err := classes.ReadFile("classes/" + name + ".contract_class.json")
	if err != nil {
		return nil, fmt.Errorf("contracts: no contract named %q", name)
	}
	return class, nil
}
