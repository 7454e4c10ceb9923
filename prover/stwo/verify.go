package stwo

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
)

// interactionWork is the number of bits of the proof of work before the challenges of the lookups.
const interactionWork = 24

// Check makes all checks of Verify that need no hashing: the claim describes a whole run, the parameters are within their bounds, the
// preprocessed columns are the pinned ones, and the numbers of values are those that the claim and the parameters demand.
func (p *Proof) Check() error {
	_, err := p.check()
	return err
}

// checked is what check returns.
type checked struct {
	columns [trees][]pcs.Column // of each tree
	reads   [][]int             // preprocessed columns that each table reads
	stark   *pcs.Checked
}

// maxPermutations is the largest number of permutations of Poseidon252 in a verification. docs/limits.md has the reason.
const maxPermutations = 1 << 18

// checkPermutations returns an error if the hash function is Poseidon252 and a verification can take more than maxPermutations. openings is the number of
// those after the claim was mixed.
func (p *Proof) checkPermutations(openings int) error {
	claim := p.Claim.permutations()
	if p.Hash != channel.Poseidon252 || claim+openings <= maxPermutations {
		return nil
	}
	return fmt.Errorf("stwo: verifying takes up to %d permutations of %v, want at most %d: %d for a program of %d words and an output of %d, %d for the openings",
		claim+openings, p.Hash, maxPermutations, claim, len(p.Claim.Public.Program), len(p.Claim.Public.Output), openings)
}

// check does the same as Check.
func (p *Proof) check() (*checked, error) {
	if p.Hash > channel.Poseidon252 || p.Preprocessed < 0 || int(p.Preprocessed) >= len(variantNames) {
		return nil, errors.New("stwo: unknown hash function or preprocessed trace")
	}
	if err := p.STARK.Config.Validate(); err != nil {
		return nil, err
	}
	if err := p.Claim.check(); err != nil {
		return nil, err
	}
	if len(p.Sums) != len(p.Claim.Tables) {
		return nil, fmt.Errorf("stwo: %d claimed sums, want %d", len(p.Sums), len(p.Claim.Tables))
	}
	for i := range p.Sums {
		for _, v := range p.Sums[i].Coordinates() {
			if v >= m31.P {
				return nil, fmt.Errorf("stwo: claimed sum %d has the coordinate %d, want less than %d", i, v, m31.P)
			}
		}
	}
	c := new(checked)
	var err error
	if c.columns, c.reads, err = p.columns(); err != nil {
		return nil, err
	}
	if c.stark, err = p.STARK.Check(p.Hash, c.columns[:]); err != nil {
		return nil, err
	}
	if err := p.checkPermutations(c.stark.Permutations()); err != nil {
		return nil, err
	}
	switch root, ok := p.preprocessedRoot(); {
	case !ok:
		return nil, fmt.Errorf("stwo: the root of the preprocessed trace %v is not known for these parameters (hash %v, blowup 2^%d)", p.Preprocessed, p.Hash, p.STARK.Config.LogBlowup)
	case root != p.STARK.Commitments[0]:
		return nil, fmt.Errorf("stwo: the preprocessed columns have the root %x, want %x", p.STARK.Commitments[0], root)
	}
	return c, nil
}

// Verify checks the proof. The proof may come from an untrusted source. Cheap checks come first: see Check.
//
// It does not judge the security that the parameters give; see Security.
func (p *Proof) Verify() error { return p.verify(nil, nil) }

// VerifyIf does what Verify does, with a condition: it calls admit once, when Check's checks have passed and before anything is hashed. If admit returns an
// error, that is the result.
func (p *Proof) VerifyIf(admit func() error) error { return p.verify(admit, nil) }

// observer is called with intermediate values of a verification, in tests.
type observer func(what string, v m31.QM31)

func (o observer) see(what string, v m31.QM31) {
	if o != nil {
		o(what, v)
	}
}

func (p *Proof) verify(admit func() error, o observer) error {
	checked, err := p.check()
	if err != nil {
		return err
	}
	if admit != nil {
		if err := admit(); err != nil {
			return err
		}
	}
	commitments := p.STARK.Commitments
	ch := channel.New(p.Hash)

	// Parameters, preprocessed columns and claim.
	ch.MixFelts(m31.FromM31(m31.New(uint64(p.Salt))))
	p.STARK.Config.Mix(ch)
	ch.MixDigest(commitments[0])
	p.Claim.mix(ch)

	// Base columns.
	ch.MixDigest(commitments[1])

	// Proof of work, and the challenges of the lookups.
	if !ch.CheckWork(interactionWork, p.InteractionNonce) {
		return fmt.Errorf("stwo: %d is not a proof of work of %d bits", p.InteractionNonce, interactionWork)
	}
	ch.MixUint64(p.InteractionNonce)
	drawn := ch.DrawFelts(2)
	o.see("z", drawn[0])
	o.see("alpha", drawn[1])
	challenges := air.NewChallenges(drawn[0], drawn[1])

	// The sums of all lookups cancel.
	total, err := p.Claim.Public.lookups(challenges)
	if err != nil {
		return err
	}
	o.see("public_logup_sum", total)
	for _, sum := range p.Sums {
		total = total.Add(sum)
	}
	if !total.IsZero() {
		return fmt.Errorf("stwo: the lookups of the public data and of all tables add up to %v, want 0", total)
	}
	ch.MixFelts(p.Sums...)

	// Interaction columns and composition.
	ch.MixDigest(commitments[2])
	coefficient := ch.DrawFelt()
	o.see("composition_random_coefficient", coefficient)
	ch.MixDigest(commitments[3])

	// The constraints at a random point: the composition is their sum divided by the polynomial that vanishes on all rows.
	point := pcs.DrawPoint(ch)
	logRows := checked.columns[3][0].Log
	vanishing := circle.Vanishing(logRows, point)
	if vanishing.IsZero() {
		return errors.New("stwo: the random point is a row")
	}
	composition, err := pcs.Composition(p.STARK.SampledValues[3], point, logRows)
	if err != nil {
		return err
	}
	if got := p.constraints(checked.reads, challenges, coefficient, o); got != composition.Mul(vanishing) {
		return fmt.Errorf("stwo: the constraints at the random point add up to %v, the composition is %v", got, composition)
	}

	// The samples and the degrees of the columns.
	return checked.stark.Verify(ch, point)
}

// constraints returns Σ coefficient^(n-1-i)·C_i over the values C_i of all n constraints at the random point.
func (p *Proof) constraints(reads [][]int, challenges *air.Challenges, coefficient m31.QM31, o observer) m31.QM31 {
	samples := p.STARK.SampledValues
	base, interaction := samples[1], samples[2]
	var sum m31.QM31
	ids := uint32(0) // of the tables of memory_id_to_big so far
	var mask air.Mask
	for i, t := range p.Claim.Tables {
		c := t.Component
		mask = air.Mask{
			LogSize:      t.LogSize,
			Columns:      mask.Columns[:0],
			Preprocessed: mask.Preprocessed[:0],
			Interaction:  mask.Interaction[:0],
			Shift:        p.Sums[i].Scale(m31.New(1 << t.LogSize).Inverse()),
		}
		switch {
		case c.SegmentStart:
			mask.Parameter = m31.M31(t.Start)
		case c.FirstID:
			mask.Parameter = m31.M31(ids)
			ids += 1 << t.LogSize
		}
		for _, k := range reads[i] {
			mask.Preprocessed = append(mask.Preprocessed, samples[0][k][0])
		}
		for k := range c.Columns {
			mask.Columns = append(mask.Columns, base[k][0])
		}
		n := c.InteractionColumns()
		for k := 0; k < n; k += 4 {
			last := len(interaction[k]) - 1
			mask.Interaction = append(mask.Interaction, secureValue(interaction[k:k+4], last))
		}
		mask.Previous = secureValue(interaction[n-4:n], 0)
		base, interaction = base[len(c.Columns):], interaction[n:]
		c.Evaluate(&mask, challenges, func(v m31.QM31) { sum = sum.Mul(coefficient).Add(v) })
		o.see(t.Component.Name, sum)
	}
	return sum
}

// secureValue returns the value at a point of the column of the secure field whose coordinates are the four columns. sample is the number of
// the point.
func secureValue(columns [][]m31.QM31, sample int) m31.QM31 {
	var v m31.QM31
	for k, unit := range [4]m31.QM31{m31.NewQM31(1, 0, 0, 0), m31.NewQM31(0, 1, 0, 0), m31.NewQM31(0, 0, 1, 0), m31.NewQM31(0, 0, 0, 1)} {
		v = v.Add(unit.Mul(columns[k][sample]))
	}
	return v
}
