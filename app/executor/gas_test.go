package executor

import (
	"math"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

func price(selector cairo.Selector) syscallCost {
	c, _ := costOf(selector)
	return c
}

// TestSyscallPrices checks the gas of syscalls: blockifier's price of their resources, at least the base cost.
func TestSyscallPrices(t *testing.T) {
	for _, c := range []struct {
		selector  cairo.Selector
		n, want   uint64
		reference string
	}{
		{cairo.StorageRead, 0, 24_070, "240 steps, 1 range check"},
		{cairo.StorageWrite, 0, 59_970, "599 steps, 1 range check"},
		{cairo.EmitEvent, 0, 10_000, "4,770 is below the base cost"},
		{cairo.GetClassHashAt, 0, 10_000, "7,570 is below the base cost"},
		{cairo.GetExecutionInfo, 0, 11_240, "111 steps, 2 range checks"},
		{cairo.Deploy, 0, 147_120, "1,173 steps, 21 range checks, 7 Pedersen"},
		{cairo.Deploy, 2, 156_820, "and 8 steps, 1 Pedersen for each felt"},
		{cairo.SendMessageToL1, 3, 14_570, "127 + 3·6 steps, 1 range check"},
		{cairo.Keccak, 0, 10_000, "100 steps"},
		{cairo.Keccak, 2, 340_274, "and 223 steps, 45 range checks, 6 bitwise, 1 keccak for each block"},
		{cairo.Sha256ProcessBlock, 0, 839_995, "1,854 steps, 65 range checks, 1,115 bitwise"},
		{cairo.Secp256r1Mul, 0, 13_510_870, "125,336 steps, 13,961 range checks"},
		{cairo.EmitEvent, math.MaxUint64, 10_000, "nothing for more"},
		{cairo.Deploy, math.MaxUint64, math.MaxUint64, "more than there is"},
	} {
		if got := price(c.selector).gas(c.n); got != c.want {
			t.Errorf("%s with %d: %d, want %d: %s", c.selector, c.n, got, c.want, c.reference)
		}
	}
	if _, ok := costOf("GetBlockNumber"); ok {
		t.Error("a syscall of Cairo 0 has a cost")
	}
	if got, want := gasOf(constants.Resources{Steps: 1, RangeChecks: 1, Pedersens: 1, Poseidons: 1, Bitwises: 1, Keccaks: 1}), uint64(100+70+4050+491+583+136_189); got != want {
		t.Errorf("one of each resource: %d, want %d", got, want)
	}
}

// TestLeastGas checks the least bounds against those in blockifier's rejections, and against its formula for long calldata.
func TestLeastGas(t *testing.T) {
	for _, c := range []struct {
		tx   starknet.Transaction
		want uint64
	}{
		{&starknet.Invoke{}, 560_000},
		{&starknet.Invoke{Calldata: make([]felt.Felt, 56)}, 560_000},
		{&starknet.Invoke{Calldata: make([]felt.Felt, 57)}, 600_000}, // 5,601.5 steps
		{&starknet.Invoke{Common: starknet.Common{Signature: make([]felt.Felt, 1000)}}, 560_000},
		{&starknet.Declare{}, 480_000},
		{&starknet.DeployAccount{}, 600_000},
		{&starknet.DeployAccount{ConstructorCalldata: make([]felt.Felt, 20)}, 600_000},
		{&starknet.DeployAccount{ConstructorCalldata: make([]felt.Felt, 21)}, 640_000},
		{&starknet.DeployAccount{ConstructorCalldata: make([]felt.Felt, 129)}, 840_000}, // 8,000.5 steps, rounded up
	} {
		if got := LeastGas(c.tx); got != c.want {
			t.Errorf("%s: %d, want %d", c.tx.Type(), got, c.want)
		}
	}
}

// TestOverhead checks the overhead of transactions. For an INVOKE without calldata it is 4,779 steps, 11.95 units of L1 gas; with long
// calldata it is 511 Poseidon, 40.9 units.
func TestOverhead(t *testing.T) {
	for calldata, want := range map[uint64]uint64{0: 12 * 40_000, 5: 13 * 40_000, 1000: 41 * 40_000} {
		if got := vmGas(invokeOverhead.resources(calldata), 0); got != want {
			t.Errorf("%d felts of calldata: %d, want %d", calldata, got, want)
		}
	}
	// For a DEPLOY_ACCOUNT with long calldata it is Pedersen: 1,010 and 1,015 are 80.8 and 81.2 units.
	for calldata, want := range map[uint64]uint64{0: 13 * 40_000, 1000: 81 * 40_000, 1002: 81 * 40_000, 1003: 82 * 40_000} {
		if got := vmGas(deployAccountOverhead.resources(calldata), 0); got != want {
			t.Errorf("deployment with %d felts of calldata: %d, want %d", calldata, got, want)
		}
	}
	if got, want := vmGas(declareOverhead.resources(0), 0), uint64(10*40_000); got != want {
		t.Errorf("declaration: %d, want %d", got, want)
	}
}

// TestSaturating checks that sums and products stop at the largest uint64.
func TestSaturating(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range []struct{ a, b, sum, product uint64 }{
		{0, 0, 0, 0}, {0, most, most, 0}, {most, 0, most, 0}, {1, most, most, most}, {most, 1, most, most}, {2, 3, 5, 6},
		{most - 1, 1, most, most - 1}, {most, most, most, most}, {1 << 32, 1 << 32, 1 << 33, most}, {1 << 32, 1<<32 - 1, 1<<33 - 1, most - 1<<32 + 1},
		{3, most / 3, 3 + most/3, most}, {3, most/3 + 1, 4 + most/3, most},
	} {
		if sum, product := saturatingAdd(c.a, c.b), saturatingMul(c.a, c.b); sum != c.sum || product != c.product {
			t.Errorf("%d and %d: sum %d, product %d, want %d and %d", c.a, c.b, sum, product, c.sum, c.product)
		}
	}
}
