package fri

import (
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Verify checks the messages that Prove sent, for a first layer of 2^log positions. checkFirst checks the openings of the first
// layer's oracle at the given positions and returns its values. Validate must have accepted the parameters.
func Verify(ch *transcript.Verifier, p *Params, log uint, checkFirst func(positions []uint64) ([]field.Element, error)) error {
	// Commitment phase.
	leave := ch.Scope("Commitment")
	alphas := make([]field.Element, len(p.Steps))
	tables := make([]*merkle.Commitment, len(p.Steps)) // nil for layer 0
	for i, step := range p.Steps {
		leaveLayer := ch.Scope(layerName(i + 1))
		if step > 0 {
			alphas[i] = ch.Draw("Evaluation point")
		}
		if i+1 < len(p.Steps) {
			_, shape := p.layer(i+1, log)
			var err error
			if tables[i+1], err = merkle.ReadCommitment(ch, p.Merkle, shape); err != nil {
				return err
			}
		}
		leaveLayer()
	}
	leaveLast := ch.Scope("Last Layer")
	coeffs, err := ch.ReadElements("Coefficients", int(p.LastBound))
	if err != nil {
		return err
	}
	leaveLast()
	leave()

	// Query phase.
	if err := ch.ProofOfWork(p.PowBits); err != nil {
		return err
	}
	queries := p.drawQueries(ch, log)

	// Decommitment phase.
	defer ch.Scope("Decommitment")()
	leaveFirst := ch.Scope(layerName(0))
	first, err := checkFirst(p.firstPositions(queries))
	if err != nil {
		return err
	}
	leaveFirst()
	results := make([]field.Element, len(queries)) // value of each query in the next layer
	size := uint64(1) << p.Steps[0]
	for k, q := range queries {
		results[k] = foldCoset(first[uint64(k)*size:uint64(k+1)*size], alphas[0], q, log)
	}
	for i := 1; i < len(p.Steps); i++ {
		leaveLayer := ch.Scope(layerName(i))
		at, rows := p.positions(queries, i)
		computed := make(map[uint64]field.Element, len(at))
		for k, pos := range at {
			// Two queries can reach the same position. If their values differ, one of them contradicts the table.
			if x, ok := computed[pos]; ok && x != results[k] {
				return ch.Errorf("queries disagree at position %d", pos)
			}
			computed[pos] = results[k]
		}
		step := p.Steps[i]
		values, err := tables[i].Check(ch, rows, func(row uint64, column int) (field.Element, bool) {
			x, ok := computed[row<<step|uint64(column)]
			return x, ok
		})
		if err != nil {
			return err
		}
		byRow := make(map[uint64][]field.Element, len(rows))
		for k, r := range rows {
			byRow[r] = values[k]
		}
		logLayer, _ := p.layer(i, log)
		for k, pos := range at {
			results[k] = foldCoset(byRow[pos>>step], alphas[i], pos>>step, logLayer)
		}
		leaveLayer()
	}

	// Last layer.
	sum := p.sum(len(p.Steps) - 1)
	d := field.NewDomain(log - sum)
	for k, q := range queries {
		pos := q >> (sum - p.Steps[0])
		x := d.At(field.BitReverse(pos, d.Log))
		var want field.Element
		for i := len(coeffs) - 1; i >= 0; i-- {
			want.Mul(&want, &x)
			want.Add(&want, &coeffs[i])
		}
		if results[k] != want {
			return ch.Errorf("query %d is not on the polynomial of the last layer", k)
		}
	}
	return nil
}

// foldCoset folds row r, consecutive positions of a layer of 2^log, to one value of a later layer. Positions 2j and 2j+1 of a
// layer are x and -x.
func foldCoset(row []field.Element, alpha field.Element, r uint64, log uint) field.Element {
	values := append([]field.Element(nil), row...)
	gen := field.RootOfUnity(log)
	for len(values) > 1 {
		for j := 0; j < len(values); j += 2 {
			pos := r*uint64(len(values)) + uint64(j)
			x := field.Pow(gen, field.BitReverse(pos, log))
			x.Inverse(&x)
			var sum, diff field.Element
			sum.Add(&values[j], &values[j+1])
			diff.Sub(&values[j], &values[j+1])
			diff.Mul(&diff, &x)
			diff.Mul(&diff, &alpha)
			values[j/2].Add(&sum, &diff)
		}
		values = values[:len(values)/2]
		alpha.Square(&alpha)
		gen.Square(&gen)
		log--
	}
	return values[0]
}
