package starknet

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// ContractClass is a Sierra contract class in the form that a DECLARE carries: CONTRACT_CLASS of the RPC specification. It is
// the compiler's struct with the limits of a network, its JSON and a binary form. No selector is Wide.
type ContractClass sierra.ContractClass

// Hash returns the class hash.
func (c *ContractClass) Hash() felt.Felt { return (*sierra.ContractClass)(c).Hash() }

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
	for _, eps := range [][]sierra.EntryPoint{c.EntryPoints.Constructor, c.EntryPoints.External, c.EntryPoints.L1Handler} {
		if len(eps) > MaxEntryPoints {
			return fmt.Errorf("starknet: %w: %d entry points of one type, at most %d", ErrClassTooLarge, len(eps), MaxEntryPoints)
		}
	}
	return nil
}
