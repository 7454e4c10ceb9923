package channel_test

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// A verifier that mixes what a prover sent draws the same challenges, if the prover has done the work.
func Example() {
	prover := channel.New(channel.Blake2s)
	prover.MixFelts(m31.NewQM31(1, 2, 3, 4))
	nonce, err := prover.Work(context.Background(), 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	prover.MixUint64(nonce)

	verifier := channel.New(channel.Blake2s)
	verifier.MixFelts(m31.NewQM31(1, 2, 3, 4))
	fmt.Println(verifier.CheckWork(10, nonce))
	verifier.MixUint64(nonce)
	fmt.Println(prover.DrawFelt() == verifier.DrawFelt())
	// Output:
	// true
	// true
}
