package stark

import (
	"strconv"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/fri"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Verify checks a proof of the AIR's statement. seed is the hash of the public input. If log is not nil, it receives
// annotations. The proof may be any bytes: Verify returns an error unless they are a valid proof, without trailing bytes.
func Verify(a air.AIR, p *Params, seed transcript.Digest, proof []byte, log *transcript.Annotations) error {
	if err := p.Validate(a); err != nil {
		return err
	}
	system, s := a.System(), p.sizes(a)
	ch, err := transcript.NewVerifier(p.Channel, seed, proof)
	if err != nil {
		return err
	}
	ch.Annotate(log)
	defer ch.Scope(p.Statement)()
	defer ch.Scope("STARK")()
	var tables []*merkle.Commitment // main trace, interaction trace, composition
	readTable := func(columns int) error {
		defer ch.Scope("Commit on Trace")()
		table, err := merkle.ReadCommitment(ch, p.FRI.Merkle, s.shape(columns))
		tables = append(tables, table)
		return err
	}

	// Main trace.
	leave := ch.Scope("Original")
	if err := readTable(system.Main); err != nil {
		return err
	}
	leave()

	// Interaction elements and interaction trace.
	leave = ch.Scope("Interaction")
	challenges := drawChallenges(ch, system.Challenges)
	if system.Interaction > 0 {
		if err := readTable(system.Interaction); err != nil {
			return err
		}
	}
	leave()
	values, err := a.Values(challenges)
	if err != nil {
		return err
	}

	// Composition.
	leave = ch.Scope("Original")
	alpha := ch.Draw(compositionLabel)
	leave()
	leave = ch.Scope("Out Of Domain Sampling")
	if err := readTable(air.CompositionColumns); err != nil {
		return err
	}

	// Out-of-domain sampling.
	leaveValues := ch.Scope("OODS values")
	z := ch.Draw("Evaluation point")
	sampled, err := readSamples(ch, len(system.Mask)+air.CompositionColumns, p.FriendlyUpdates)
	if err != nil {
		return err
	}
	leaveValues()
	mask, h := sampled[:len(system.Mask)], sampled[len(system.Mask):]
	want, err := system.EvalPoint(z, a.TraceLength(), mask, values, alpha)
	if err != nil {
		return err
	}
	var got field.Element // h0(z²) + z·h1(z²)
	for j := len(h) - 1; j >= 0; j-- {
		got.Mul(&got, &z)
		got.Add(&got, &h[j])
	}
	if got != want {
		return ch.Errorf("composition at the out-of-domain point is %s, the constraints give %s", got.String(), want.String())
	}

	// DEEP quotients and their low-degree test.
	gamma := ch.Draw(compositionLabel)
	leave()
	places := samples(system, &s, z, sampled)
	defer ch.Scope("FRI")()
	err = fri.Verify(ch, &p.FRI, s.eval.Log, func(positions []uint64) ([]field.Element, error) {
		defer ch.Scope("Virtual Oracle")()
		rows := distinct(positions)
		columns := make([][]field.Element, len(rows))
		for i, table := range tables {
			leave := ch.Scope("Trace " + strconv.Itoa(i))
			values, err := table.Check(ch, rows, nil)
			if err != nil {
				return nil, err
			}
			for k := range rows {
				columns[k] = append(columns[k], values[k]...)
			}
			leave()
		}
		quotients := make(map[uint64]field.Element, len(rows))
		for k, row := range rows {
			q, ok := deepQuotient(places, columns[k], s.at(row), gamma)
			if !ok {
				return nil, ch.Errorf("position %d is an out-of-domain point", row)
			}
			quotients[row] = q
		}
		out := make([]field.Element, len(positions))
		for k, pos := range positions {
			out[k] = quotients[pos]
		}
		return out, nil
	})
	if err != nil {
		return err
	}
	return ch.End()
}

// readSamples reads the out-of-domain values, as one message if together is true, otherwise one by one.
func readSamples(ch *transcript.Verifier, n int, together bool) ([]field.Element, error) {
	if together {
		return ch.ReadElements("", n)
	}
	out := make([]field.Element, n)
	for i := range out {
		var err error
		if out[i], err = ch.ReadElement(strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// deepQuotient returns Σ γ^i·(f_i(x) - v_i)/(x - x_i) over the samples v_i = f_i(x_i), and false if x is one of the points x_i.
func deepQuotient(places []sample, columns []field.Element, x, gamma field.Element) (field.Element, bool) {
	den := make([]field.Element, len(places))
	for i := range places {
		den[i].Sub(&x, &places[i].point)
		if den[i].IsZero() {
			return field.Element{}, false
		}
	}
	field.BatchInvert(den, nil)
	var sum field.Element
	power := field.One()
	for i := range places {
		var t field.Element
		t.Sub(&columns[places[i].column], &places[i].value)
		t.Mul(&t, &den[i])
		t.Mul(&t, &power)
		sum.Add(&sum, &t)
		power.Mul(&power, &gamma)
	}
	return sum, true
}

// Both ends of the channel must implement drawer.
var _ = []drawer{(*transcript.Prover)(nil), (*transcript.Verifier)(nil)}
