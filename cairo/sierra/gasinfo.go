package sierra

// GasTokens is the number of what execution is charged in: gas that is known when compiling, and the builtins pedersen, poseidon,
// bitwise, ec_op, add_mod, mul_mod and blake, in this order, whose prices are looked up when running.
const GasTokens = 8

// GasInfo is what an engine that runs Sierra itself has to know of a class beyond its program: what is charged where, as the
// compiler found it out, and which functions are entry points.
type GasInfo struct {
	// Statements are the amounts by statement: what withdraw_gas takes and redeposit_gas gives back.
	Statements  [][GasTokens]int64
	EntryPoints EntryPoints
}
