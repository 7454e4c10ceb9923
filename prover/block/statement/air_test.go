package statement_test

import (
	"os"
	"testing"

	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/field"
)

// The trace of the whole story satisfies every constraint of the Cairo AIR, on every row.
func TestStorySatisfiesTheAIR(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("two million rows: set STARKD_FULL=1 (make test-full)")
	}
	c := tell(t)
	_, trace, err := c.run(0, len(c.recorded))
	if err != nil {
		t.Fatal(err)
	}
	witness, err := cairoair.NewWitness(trace)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := witness.First(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	challenges := field.Powers(field.New(0x1234567), witness.System().Challenges+1)[1:]
	second, err := witness.Second(t.Context(), challenges)
	if err != nil {
		t.Fatal(err)
	}
	values, err := witness.Values(challenges)
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range witness.System().CheckRows(append(columns, second...), values, 3) {
		t.Error(failure)
	}
}
