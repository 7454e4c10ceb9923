package cairo0

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/starkd/starkd/cairo/machine"
)

// layout is a proof layout: the number of instances of each builtin per step, and the number of cells for other uses.
type layout struct {
	name                 string
	rcUnits              uint64 // 16-bit range-check cells per step
	memoryUnits          uint64 // memory cells per step
	publicMemoryFraction uint64 // one in publicMemoryFraction memory cells is for public memory
	diluted              diluted
	builtins             map[string]ratio // the builtins of the layout, without output
	output               bool             // the layout has the builtin output
	// stwo is set if S-two proves the layout. It takes a trace without padding, complete memory, and builtin segments that are as long as their
	// use.
	stwo bool
}

// diluted is the pool of cells in diluted form that layouts with bitwise or keccak have: units is the number of cells per
// step, or if fractional is set the number of steps per cell.
type diluted struct {
	units      uint64
	fractional bool
}

const (
	dilutedSpacing = 4
	dilutedBits    = 16
)

// every returns the ratio of one instance in the given number of steps.
func every(steps uint64) ratio { return ratio{num: steps, den: 1} }

// ratios returns the ratios by builtin. list holds the steps per instance of pedersen, range_check, ecdsa, bitwise, ec_op,
// keccak, poseidon, range_check96, add_mod and mul_mod, in this order; 0 for a builtin that the layout does not have.
func ratios(list ...uint64) map[string]ratio {
	names := []string{
		machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinECDSA, machine.BuiltinBitwise, machine.BuiltinECOp, machine.BuiltinKeccak, machine.BuiltinPoseidon,
		machine.BuiltinRangeCheck96, machine.BuiltinAddMod, machine.BuiltinMulMod,
	}
	m := make(map[string]ratio)
	for i, n := range list {
		if n != 0 {
			m[names[i]] = every(n)
		}
	}
	return m
}

// layouts is the table of Stone's and S-two's layouts; both official runners have the same.
var layouts = map[string]*layout{
	"plain":                   {rcUnits: 16, publicMemoryFraction: 4},
	"small":                   {rcUnits: 16, publicMemoryFraction: 4, output: true, builtins: ratios(8, 8, 512)},
	"dex":                     {rcUnits: 4, publicMemoryFraction: 4, output: true, builtins: ratios(8, 8, 512)},
	"recursive":               {rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(128, 8, 0, 8)},
	"starknet":                {rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 2}, output: true, builtins: ratios(32, 16, 2048, 64, 1024, 0, 32)},
	"starknet_with_keccak":    {rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(32, 16, 2048, 64, 1024, 2048, 32)},
	"recursive_large_output":  {rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(128, 8, 0, 8, 0, 0, 8)},
	"recursive_with_poseidon": {rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 8}, output: true, builtins: ratios(256, 16, 0, 16, 0, 0, 64)},
	"all_solidity":            {rcUnits: 8, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(8, 8, 512, 256, 256)},
	"all_cairo":               {rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(256, 8, 2048, 16, 1024, 2048, 256, 8, 128, 256)},
	"all_cairo_stwo":          {stwo: true, rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(256, 8, 0, 16, 1024, 0, 256, 8, 128, 256)},
	"stwo_no_ecop":            {stwo: true, rcUnits: 4, publicMemoryFraction: 8, diluted: diluted{units: 16}, output: true, builtins: ratios(256, 8, 0, 16, 0, 0, 256, 8, 128, 256)},
	"perpetual":               {rcUnits: 4, publicMemoryFraction: 4, output: true, builtins: ratios(32, 16, 2048)},
	"dex_with_bitwise":        {rcUnits: 4, publicMemoryFraction: 4, diluted: diluted{units: 2}, output: true, builtins: ratios(8, 8, 512, 64)},
}

// findLayout returns the layout with that name. params is the JSON parameter file of the layout dynamic.
func findLayout(name string, params []byte) (*layout, error) {
	if name == "dynamic" {
		return dynamicLayout(params)
	}
	l, ok := layouts[name]
	if !ok {
		return nil, fmt.Errorf("cairo0: unknown layout %q", name)
	}
	l2 := *l
	l2.name = name
	l2.memoryUnits = 8
	return &l2, nil
}

// flag is a boolean; in JSON it may be a number.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case bool:
		*f = flag(v)
	case float64:
		*f = v != 0
	default:
		return fmt.Errorf("cairo0: %s is neither a boolean nor a number", b)
	}
	return nil
}

// layoutParams is the parameter file of the layout dynamic (cairo_layout_params_file).
type layoutParams struct {
	RCUnits                 uint32 `json:"rc_units"`
	CPUComponentStep        uint32 `json:"cpu_component_step"`
	MemoryUnitsPerStep      uint32 `json:"memory_units_per_step"`
	LogDilutedUnitsPerStep  int32  `json:"log_diluted_units_per_step"`
	UsesPedersenBuiltin     flag   `json:"uses_pedersen_builtin"`
	PedersenRatio           uint32 `json:"pedersen_ratio"`
	UsesRangeCheckBuiltin   flag   `json:"uses_range_check_builtin"`
	RangeCheckRatio         uint32 `json:"range_check_ratio"`
	UsesECDSABuiltin        flag   `json:"uses_ecdsa_builtin"`
	ECDSARatio              uint32 `json:"ecdsa_ratio"`
	UsesBitwiseBuiltin      flag   `json:"uses_bitwise_builtin"`
	BitwiseRatio            uint32 `json:"bitwise_ratio"`
	UsesECOpBuiltin         flag   `json:"uses_ec_op_builtin"`
	ECOpRatio               uint32 `json:"ec_op_ratio"`
	UsesKeccakBuiltin       flag   `json:"uses_keccak_builtin"`
	KeccakRatio             uint32 `json:"keccak_ratio"`
	UsesPoseidonBuiltin     flag   `json:"uses_poseidon_builtin"`
	PoseidonRatio           uint32 `json:"poseidon_ratio"`
	UsesRangeCheck96Builtin flag   `json:"uses_range_check96_builtin"`
	RangeCheck96Ratio       uint32 `json:"range_check96_ratio"`
	RangeCheck96RatioDen    uint32 `json:"range_check96_ratio_den"`
	UsesAddModBuiltin       flag   `json:"uses_add_mod_builtin"`
	AddModRatio             uint32 `json:"add_mod_ratio"`
	AddModRatioDen          uint32 `json:"add_mod_ratio_den"`
	UsesMulModBuiltin       flag   `json:"uses_mul_mod_builtin"`
	MulModRatio             uint32 `json:"mul_mod_ratio"`
	MulModRatioDen          uint32 `json:"mul_mod_ratio_den"`
}

func dynamicLayout(params []byte) (*layout, error) {
	if len(params) == 0 {
		return nil, errors.New("cairo0: the layout dynamic needs a parameter file")
	}
	var p layoutParams
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, fmt.Errorf("cairo0: layout parameters: %w", err)
	}
	l := &layout{
		name: "dynamic", rcUnits: uint64(p.RCUnits), memoryUnits: uint64(p.MemoryUnitsPerStep), publicMemoryFraction: 8,
		output: true, builtins: make(map[string]ratio),
	}
	log := p.LogDilutedUnitsPerStep
	if log < -31 || log > 31 {
		return nil, fmt.Errorf("cairo0: log_diluted_units_per_step is %d, want -31 to 31", log)
	}
	l.diluted = diluted{units: 1 << max(log, -log), fractional: log < 0}
	if p.RCUnits < 3 {
		return nil, fmt.Errorf("cairo0: rc_units is %d, want at least 3", p.RCUnits)
	}
	for _, b := range []struct {
		name     string
		uses     flag
		num, den uint32
	}{
		{machine.BuiltinPedersen, p.UsesPedersenBuiltin, p.PedersenRatio, 1},
		{machine.BuiltinRangeCheck, p.UsesRangeCheckBuiltin, p.RangeCheckRatio, 1},
		{machine.BuiltinECDSA, p.UsesECDSABuiltin, p.ECDSARatio, 1},
		{machine.BuiltinBitwise, p.UsesBitwiseBuiltin, p.BitwiseRatio, 1},
		{machine.BuiltinECOp, p.UsesECOpBuiltin, p.ECOpRatio, 1},
		{machine.BuiltinKeccak, p.UsesKeccakBuiltin, p.KeccakRatio, 1},
		{machine.BuiltinPoseidon, p.UsesPoseidonBuiltin, p.PoseidonRatio, 1},
		{machine.BuiltinRangeCheck96, p.UsesRangeCheck96Builtin, p.RangeCheck96Ratio, p.RangeCheck96RatioDen},
		{machine.BuiltinAddMod, p.UsesAddModBuiltin, p.AddModRatio, p.AddModRatioDen},
		{machine.BuiltinMulMod, p.UsesMulModBuiltin, p.MulModRatio, p.MulModRatioDen},
	} {
		if !bool(b.uses) && b.num != 0 {
			return nil, fmt.Errorf("cairo0: the ratio of %s is %d but the layout does not use it", b.name, b.num)
		}
		if b.num != 0 && b.den == 0 {
			return nil, fmt.Errorf("cairo0: the ratio of %s has denominator 0", b.name)
		}
		l.builtins[b.name] = ratio{num: uint64(b.num), den: uint64(b.den)}
	}
	return l, nil
}

// insufficientError is the error of a run that has too few steps for the cells that it uses in its layout. It is not a
// fault of the program: in proof mode pad adds steps and checks again.
type insufficientError struct{ reason string }

func (e *insufficientError) Error() string { return "cairo0: " + e.reason }

func insufficientf(format string, args ...any) error {
	return &insufficientError{fmt.Sprintf(format, args...)}
}

// ratio is the number of steps per instance, num/den. The zero ratio means that there are no instances.
type ratio struct{ num, den uint64 }

// builtin is a builtin of a run, with its ratio in the layout and its final pointer.
type builtin struct {
	*machine.Builtin
	ratio   ratio
	stop    uint64 // offset of the program's final pointer, if stopped is set
	stopped bool
}

// usedCells returns the number of cells up to the last written one, without segment_arena's initial instance.
func (b *builtin) usedCells(sizes []uint64) uint64 {
	n := sizes[b.Base.Segment]
	if b.Name == machine.BuiltinSegmentArena {
		n -= min(n, b.InstanceCells())
	}
	return n
}

func (b *builtin) usedInstances(sizes []uint64) uint64 {
	if b.InstanceCells() == 0 {
		return b.usedCells(sizes)
	}
	return (b.usedCells(sizes) + b.InstanceCells() - 1) / b.InstanceCells()
}

// allocatedInstances returns the number of instances that the layout allocates for a run with that number of steps.
func (b *builtin) allocatedInstances(steps uint64, sizes []uint64) (uint64, error) {
	switch {
	case b.Name == machine.BuiltinOutput || b.Name == machine.BuiltinSegmentArena:
		return 0, nil
	case b.ratio.num == 0:
		return 0, nil
	}
	num, den := b.ratio.num, b.ratio.den
	if minimum := (num*b.ComponentInstances() + den - 1) / den; steps < minimum {
		return 0, insufficientf("number of steps must be at least %d for the %s builtin", minimum, b.Name)
	}
	if steps*den%num != 0 {
		return 0, fmt.Errorf("cairo0: %d steps do not make a whole number of %s instances (%d/%d)", steps, b.Name, num, den)
	}
	return steps * den / num, nil
}

// leastInstances is the least number of instances in a builtin segment that S-two proves.
const leastInstances = 16

// extendedSize returns the size of the builtin's segment for S-two: a power of two of instances, at least 16, or 0 without instances.
func (b *builtin) extendedSize(sizes []uint64) uint64 {
	if n := b.usedInstances(sizes); n > 0 && b.InstanceCells() > 0 {
		return max(leastInstances, nextPowerOfTwo(n)) * b.InstanceCells()
	}
	return b.usedCells(sizes)
}

func nextPowerOfTwo(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	p := uint64(1)
	for p < n {
		p <<= 1
	}
	return p
}

// usedAndAllocated returns the number of cells that the builtin uses and the number that the layout allocates for it.
func (b *builtin) usedAndAllocated(steps uint64, sizes []uint64) (used, allocated uint64, err error) {
	used = b.usedCells(sizes)
	if b.Name == machine.BuiltinOutput || b.Name == machine.BuiltinSegmentArena {
		return used, used, nil
	}
	n, err := b.allocatedInstances(steps, sizes)
	if err != nil {
		return 0, 0, err
	}
	allocated = n * b.InstanceCells()
	if used > allocated {
		return 0, 0, insufficientf("the %s builtin used %d cells but the capacity is %d", b.Name, used, allocated)
	}
	return used, allocated, nil
}

// dilutedUnits returns the number of cells of the diluted pool that an instance uses.
func (b *builtin) dilutedUnits() uint64 {
	switch b.Name {
	case machine.BuiltinBitwise:
		const bits = 251
		partition, trimmed := uint64(0), uint64(0)
		for i := 0; i < bits; i += dilutedSpacing * dilutedBits {
			for j := 0; j < dilutedSpacing && i+j < bits; j++ {
				partition++
				if i+j+dilutedSpacing*(dilutedBits-1)+1 > bits {
					trimmed++
				}
			}
		}
		return 4*partition + trimmed
	case machine.BuiltinKeccak:
		return 4 * 64 * 1024 / dilutedBits
	}
	return 0
}
