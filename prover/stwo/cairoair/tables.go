package cairoair

// tableComponents are the fixed tables: range checks and xor tables. The tables of constants (Blake2s' permutations, Poseidon's round keys,
// Pedersen's points) are with their only users.
var tableComponents = []*Component{}
