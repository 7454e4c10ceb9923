package compiler

import (
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// GasInfo validates a class and computes the gas amounts of its statements without compiling it. It accepts the classes
// that CompileClass accepts.
func GasInfo(class *sierra.ContractClass) (info *sierra.GasInfo, err error) {
	registry, err := class.Validate()
	if err != nil {
		return nil, err
	}
	return GasInfoOf(registry, class.EntryPoints)
}

// GasInfoOf returns what GasInfo returns, for a validated program.
func GasInfoOf(registry *sierra.Registry, entryPoints sierra.EntryPoints) (info *sierra.GasInfo, err error) {
	defer recovered(&err)
	costs := map[sierra.FuncID]int64{}
	for _, list := range [...][]sierra.EntryPoint{entryPoints.Constructor, entryPoints.External, entryPoints.L1Handler} {
		for _, ep := range list {
			costs[sierra.FuncID(ep.FunctionIdx)] = constants.EntryPointGas
		}
	}
	resolved, err := resolve(registry)
	if err != nil {
		return nil, err
	}
	c := &compilation{resolved: resolved, options: Options{FunctionCosts: costs}, budget: newBudget(len(resolved.program.Statements))}
	m, err := c.computeMetadata()
	if err != nil {
		return nil, err
	}
	info = &sierra.GasInfo{Statements: make([][sierra.GasTokens]int64, len(m.gasVars)), EntryPoints: entryPoints}
	for i := range m.gasVars {
		info.Statements[i] = m.gasVars[i]
	}
	return info, nil
}
