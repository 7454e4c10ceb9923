package starknet

import "github.com/starkd/starkd/crypto/felt"

// ContractClass is a Sierra contract class as it is declared: the flattened form of the RPC specification
// (CONTRACT_CLASS).
type ContractClass struct {
	SierraProgram []felt.Felt
	Version       string // contract_class_version, "0.1.0"
	EntryPoints   EntryPoints
	ABI           string // JSON text; it is hashed as it is, byte by byte
}

// EntryPoints are a class's entry points by type, each list in ascending order of selectors.
type EntryPoints struct{ External, L1Handler, Constructor []EntryPoint }

// EntryPoint names a function of the Sierra program.
type EntryPoint struct {
	Selector    felt.Felt
	FunctionIdx uint64
}
