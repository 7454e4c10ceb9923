package statement

// Gas of Starknet 0.14: what a resource costs, and what is charged for a syscall beyond the part that compiled code has
// paid before it asks (versioned constants 0.14.4).
const (
	gasPerStep       = 100
	gasPerRangeCheck = 70
	gasPerPedersen   = 4_050
	gasPerBitwise    = 583
	gasPerKeccak     = 136_189

	// entryPointGas is taken from a call's gas before its code runs.
	entryPointGas = 10_000
	// syscallGas is what compiled code pays for any syscall in advance.
	syscallGas = 10_000
)

// resources are what the Starknet OS uses for a syscall.
type resources struct{ steps, rangeChecks, pedersens, bitwises, keccaks uint64 }

func (r resources) gas() uint64 {
	return r.steps*gasPerStep + r.rangeChecks*gasPerRangeCheck + r.pedersens*gasPerPedersen +
		r.bitwises*gasPerBitwise + r.keccaks*gasPerKeccak
}

// charge is the gas of a syscall that names words words of an array which it is charged for, less what has been paid.
func (r *rule) charge(words int) uint64 {
	return max(r.cost.gas(), syscallGas) + uint64(words)*r.perWord.gas() - syscallGas
}

// keccakRound is what a block of 17 words costs.
var keccakRound = resources{steps: 223, rangeChecks: 45, bitwises: 6, keccaks: 1}
