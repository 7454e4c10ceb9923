package sierra_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/sierra"
)

// Example parses a program and prints properties from its registry.
func Example() {
	p, err := sierra.ParseText(`
type felt252 = felt252;
type NonZero<felt252> = NonZero<felt252>;
type Pair = Struct<ut@Tuple, felt252, felt252>;
libfunc felt252_is_zero = felt252_is_zero;
return([0]);
id@0([0]: felt252) -> (felt252);
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := sierra.NewRegistry(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	pair := r.Type(2)
	fmt.Println(pair.Generic, pair.Size, pair.Info.Duplicatable)
	for _, branch := range r.Libfunc(0).Signature.Branches {
		fmt.Println(len(branch.Vars), "results")
	}
	// Output:
	// Struct 2 true
	// 0 results
	// 1 results
}
