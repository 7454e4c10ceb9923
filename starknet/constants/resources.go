package constants

// Resources is what a run on the Cairo machine uses: steps, memory holes, instances of each builtin, and BLAKE2s instructions.
type Resources struct {
	Steps, MemoryHoles                                          uint64
	RangeChecks, Pedersens, Poseidons, Bitwises, Keccaks, ECOps uint64
	RangeChecks96, AddMods, MulMods, SegmentArenas, Blakes      uint64
}

// Plus returns r + n × o.
func (r Resources) Plus(o Resources, n uint64) Resources {
	r.Steps += n * o.Steps
	r.MemoryHoles += n * o.MemoryHoles
	r.RangeChecks += n * o.RangeChecks
	r.Pedersens += n * o.Pedersens
	r.Poseidons += n * o.Poseidons
	r.Bitwises += n * o.Bitwises
	r.Keccaks += n * o.Keccaks
	r.ECOps += n * o.ECOps
	r.RangeChecks96 += n * o.RangeChecks96
	r.AddMods += n * o.AddMods
	r.MulMods += n * o.MulMods
	r.SegmentArenas += n * o.SegmentArenas
	r.Blakes += n * o.Blakes
	return r
}

// Cost is a constant amount of resources and an amount per unit.
type Cost struct{ Constant, Linear Resources }

// Syscall returns the cost of a syscall, given its name, and whether it exists. The unit of Deploy and MetaTxV0 is a felt of calldata, that
// of SendMessageToL1 a felt of payload, that of Keccak a block of input.
func Syscall(name string) (Cost, bool) {
	c, ok := syscalls[name]
	return c, ok
}

var syscalls = map[string]Cost{
	"StorageRead":            {Constant: Resources{Steps: 240, RangeChecks: 1}},
	"StorageWrite":           {Constant: Resources{Steps: 599, RangeChecks: 1}},
	"EmitEvent":              {Constant: Resources{Steps: 47, RangeChecks: 1}},
	"CallContract":           {Constant: Resources{Steps: 901, RangeChecks: 18}},
	"LibraryCall":            {Constant: Resources{Steps: 874, RangeChecks: 18}},
	"Deploy":                 {Resources{Steps: 1173, RangeChecks: 21, Pedersens: 7}, Resources{Steps: 8, Pedersens: 1}},
	"GetExecutionInfo":       {Constant: Resources{Steps: 111, RangeChecks: 2}},
	"GetBlockHash":           {Constant: Resources{Steps: 106, RangeChecks: 3}},
	"GetClassHashAt":         {Constant: Resources{Steps: 75, RangeChecks: 1}},
	"ReplaceClass":           {Constant: Resources{Steps: 92, RangeChecks: 1}},
	"SendMessageToL1":        {Resources{Steps: 127, RangeChecks: 1}, Resources{Steps: 6}},
	"MetaTxV0":               {Resources{Steps: 1307, RangeChecks: 20, Pedersens: 9}, Resources{Steps: 8, Pedersens: 1}},
	"Keccak":                 {Resources{Steps: 100}, Resources{Steps: 223, RangeChecks: 45, Keccaks: 1, Bitwises: 6}},
	"Sha256ProcessBlock":     {Constant: Resources{Steps: 1854, RangeChecks: 65, Bitwises: 1115}},
	"Sha512ProcessBlock":     {Constant: Resources{Steps: 4737, RangeChecks: 65, Bitwises: 3320}},
	"Secp256k1New":           {Constant: Resources{Steps: 445, RangeChecks: 35}},
	"Secp256k1Add":           {Constant: Resources{Steps: 400, RangeChecks: 29}},
	"Secp256k1Mul":           {Constant: Resources{Steps: 76495, RangeChecks: 7045}},
	"Secp256k1GetPointFromX": {Constant: Resources{Steps: 384, RangeChecks: 30}},
	"Secp256k1GetXy":         {Constant: Resources{Steps: 197, RangeChecks: 11}},
	"Secp256r1New":           {Constant: Resources{Steps: 564, RangeChecks: 49}},
	"Secp256r1Add":           {Constant: Resources{Steps: 585, RangeChecks: 57}},
	"Secp256r1Mul":           {Constant: Resources{Steps: 125336, RangeChecks: 13961}},
	"Secp256r1GetPointFromX": {Constant: Resources{Steps: 503, RangeChecks: 44}},
	"Secp256r1GetXy":         {Constant: Resources{Steps: 199, RangeChecks: 11}},
}

// InvokeOverhead returns the cost of an INVOKE in the Starknet OS. The unit is CalldataPerFactor felts of calldata.
func InvokeOverhead() Cost {
	return Cost{Resources{Steps: 4779, RangeChecks: 110, Pedersens: 4, Poseidons: 11}, Resources{Steps: 11, Poseidons: 1}}
}

// DeployAccountOverhead returns the cost of a DEPLOY_ACCOUNT in the Starknet OS, with the unit of InvokeOverhead.
func DeployAccountOverhead() Cost {
	return Cost{Resources{Steps: 4989, RangeChecks: 113, Pedersens: 10, Poseidons: 10}, Resources{Steps: 37, Pedersens: 2, Poseidons: 1}}
}

// DeclareOverhead returns the cost of a DECLARE in the Starknet OS. It is constant, because a DECLARE has no calldata.
func DeclareOverhead() Cost {
	return Cost{Constant: Resources{Steps: 3938, RangeChecks: 92, Pedersens: 4, Poseidons: 15}}
}
