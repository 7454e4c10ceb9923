package statement_test

import (
	"os"
	"testing"

	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/field"
)

// TestStorySatisfiesTheAIR checks that the trace of the whole walkthrough satisfies every constraint of the Cairo AIR on every
// row.
func TestStorySatisfiesTheAIR(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("two million rows: set STARKD_FULL=1 (make test-full)")
	}
	c := executeWalkthrough(t)
	_, trace, err := c.run(0, len(c.recorded))
	if err != nil {
		t.Fatal(err)
	}
	air, err := cairoair.NewTrace(trace)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := air.Main(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	challenges := field.Powers(field.New(0x1234567), air.System().Challenges+1)[1:]
	interaction, err := air.Interaction(t.Context(), challenges)
	if err != nil {
		t.Fatal(err)
	}
	values, err := air.Values(challenges)
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range air.System().CheckRows(append(columns, interaction...), values, 3) {
		t.Error(failure)
	}
}
