package statement_test

import (
	"os"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
)

// TestProofOfTheStory proves the walkthrough's block and checks that the statement accepts the proof, for this block only.
func TestProofOfTheStory(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of 131,072 steps: set STARKD_FULL=1 (make test-full)")
	}
	c := executeWalkthrough(t)
	_, trace, err := c.run(0, len(c.recorded))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := prover.Prove(t.Context(), trace, stone.Parameters{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := prover.Verify(proof, prover.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v, %d bytes", verified.Security, len(proof.Bytes))
	claim, err := statement.ReadClaim(publicInput(&cairo.Trace{Public: *proof.PublicInput}))
	if err != nil {
		t.Fatal(err)
	}
	c.check(claim)

	block := c.statementBlock()
	block.ChainID = n(1)
	if _, err := statement.Check([]*statement.Claim{claim}, block, c.before); err == nil {
		t.Error("accepted for another chain")
	}
	word := &proof.PublicInput.Memory[len(proof.PublicInput.Memory)-1].Value
	one := n(1)
	word.Add(word, &one)
	if _, err := prover.Verify(proof, prover.Policy{}); err == nil {
		t.Error("accepted with another word in the output")
	}
}
