package sierra

// GasTokens is the number of units in which execution is charged: gas known at compile time, and the builtins pedersen,
// poseidon, bitwise, ec_op, add_mod, mul_mod and blake, in this order, whose prices are looked up at run time.
const GasTokens = 8

// GasInfo is what an engine that runs Sierra directly needs in addition to the program: the gas amounts that the compiler
// computed and the entry points.
type GasInfo struct {
	// Statements holds the amounts by statement: the gas that withdraw_gas takes and redeposit_gas returns.
	Statements  [][GasTokens]int64
	EntryPoints EntryPoints
}
