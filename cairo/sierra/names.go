package sierra

import (
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

// maxShortName is the length of the longest generic id that is encoded as a short string.
const maxShortName = 31

// longNames returns the generic ids that are too long for a short string. They are encoded as their Starknet keccak.
var longNames = sync.OnceValue(func() map[string]felt.Felt {
	names := make(map[string]felt.Felt)
	for _, n := range []string{
		"circuit_failure_guarantee_verify",
		"contract_address_try_from_felt252",
		"secp256k1_get_point_from_x_syscall",
		"secp256r1_get_point_from_x_syscall",
		"storage_address_from_base_and_offset",
		"storage_address_try_from_felt252",
		"storage_base_address_from_felt252",
		"u96_limbs_less_than_guarantee_verify",
		"u96_single_limb_less_than_guarantee_verify",
	} {
		names[n] = keccak.Starknet([]byte(n))
	}
	return names
})

var longNamesByFelt = sync.OnceValue(func() map[felt.Felt]string {
	names := make(map[felt.Felt]string)
	for n, f := range longNames() {
		names[f] = n
	}
	return names
})

// longNameOf returns the long generic id that f encodes.
func longNameOf(f felt.Felt) (string, bool) {
	n, ok := longNamesByFelt()[f]
	return n, ok
}
