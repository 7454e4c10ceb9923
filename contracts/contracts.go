// Package contracts holds the contracts that a chain starts with (account, fee token, universal deployer) and samples
// (fibonacci, factorial, counter): their Cairo sources, and the classes that the official compiler built from them. What
// is embedded is the class in JSON, as wallets declare it; nothing here is compiled at run time, and README.md says how to
// rebuild.
package contracts

import (
	"embed"
	"fmt"
)

// The contracts by name.
const (
	Account           = "account"
	ERC20             = "erc20"
	UniversalDeployer = "universal_deployer"
	Fibonacci         = "fibonacci"
	Factorial         = "factorial"
	Counter           = "counter"
)

// Names lists every contract, those that genesis needs first.
func Names() []string {
	return []string{Account, ERC20, UniversalDeployer, Fibonacci, Factorial, Counter}
}

//go:embed classes/*.contract_class.json
var classes embed.FS

// ClassJSON returns the contract class of the named contract, as `starknet-compile` writes it without debug information.
func ClassJSON(name string) ([]byte, error) {
	class, err := classes.ReadFile("classes/" + name + ".contract_class.json")
	if err != nil {
		return nil, fmt.Errorf("contracts: no contract named %q", name)
	}
	return class, nil
}
