package starknet

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/starknet/constants"
)

// ContractClass is a Sierra contract class in the form that a DECLARE carries: CONTRACT_CLASS of the RPC specification.
type ContractClass struct {
	SierraProgram []felt.Felt
	Version       string // contract_class_version, "0.1.0"
	EntryPoints   EntryPoints
	ABI           string // JSON text; the class hash covers its bytes unchanged
}

// EntryPoints are a class's entry points by type, each list in ascending order of selectors.
type EntryPoints struct{ External, L1Handler, Constructor []EntryPoint }

// EntryPoint names a function of the Sierra program.
type EntryPoint struct {
	Selector    felt.Felt
	FunctionIdx uint64
}

// Hash returns the class hash: Poseidon over the class version, the hashes of the three lists of entry points, the Keccak hash of the ABI
// and the hash of the program.
func (c *ContractClass) Hash() felt.Felt {
	return ReduceAddress(poseidon.HashMany(
		felt.FromBytesReduce([]byte("CONTRACT_CLASS_V"+c.Version)),
		entryPointsHash(c.EntryPoints.External),
		entryPointsHash(c.EntryPoints.L1Handler),
		entryPointsHash(c.EntryPoints.Constructor),
		keccak.Starknet([]byte(c.ABI)),
		poseidon.HashMany(c.SierraProgram...),
	))
}

func entryPointsHash(eps []EntryPoint) felt.Felt {
	var h poseidon.Hasher
	for _, ep := range eps {
		h.Write(ep.Selector, felt.FromUint64(ep.FunctionIdx))
	}
	return h.Sum()
}

// ClassVersion is the only contract_class_version that exists.
const ClassVersion = "0.1.0"

// Errors for a class that is valid JSON but cannot be declared.
var (
	ErrClassTooLarge = errors.New("contract class too large")
	ErrClassVersion  = errors.New("unsupported contract class version")
)

// Validate checks the class's version and the limits on its size. The compiler checks the program.
func (c *ContractClass) Validate() error {
	if c.Version != ClassVersion {
		return fmt.Errorf("starknet: %w %.40q, want %q", ErrClassVersion, c.Version, ClassVersion)
	}
	if len(c.SierraProgram) > constants.MaxProgramFelts {
		return fmt.Errorf("starknet: %w: Sierra program of %d felts, at most %d", ErrClassTooLarge, len(c.SierraProgram), constants.MaxProgramFelts)
	}
	if len(c.ABI) > constants.MaxClassBytes {
		return fmt.Errorf("starknet: %w: ABI of %d bytes, at most %d", ErrClassTooLarge, len(c.ABI), constants.MaxClassBytes)
	}
	for _, eps := range [][]EntryPoint{c.EntryPoints.Constructor, c.EntryPoints.External, c.EntryPoints.L1Handler} {
		if len(eps) > MaxEntryPoints {
			return fmt.Errorf("starknet: %w: %d entry points of one type, at most %d", ErrClassTooLarge, len(eps), MaxEntryPoints)
		}
	}
	return nil
}
