package compiler_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
)

// ExampleCompile compiles a function that doubles its argument unless it is zero. Both branches leave one new cell on the
// stack.
func ExampleCompile() {
	program, err := sierra.ParseText(`
type felt252 = felt252;
type NonZero<felt252> = NonZero<felt252>;
libfunc dup = dup<felt252>;
libfunc drop = drop<NonZero<felt252>>;
libfunc is_zero = felt252_is_zero;
libfunc align = branch_align;
libfunc add = felt252_add;
libfunc store = store_temp<felt252>;

dup([0]) -> ([0], [1]);
is_zero([1]) { fallthrough() 5([2]) };
align() -> ();
store([0]) -> ([0]);
return([0]);
align() -> ();
drop([2]) -> ();
dup([0]) -> ([0], [1]);
add([0], [1]) -> ([0]);
store([0]) -> ([0]);
return([0]);

double@0([0]: felt252) -> (felt252);`)
	if err != nil {
		panic(err)
	}
	registry, err := sierra.NewRegistry(program)
	if err != nil {
		panic(err)
	}
	compiled, err := compiler.Compile(registry, compiler.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Print(compiled)
	fmt.Println("cost", compiled.Metadata.FunctionCosts[0][compiler.Const], "ap", compiled.Metadata.FunctionAPChange[0])
	// Output:
	// jmp rel 4 if [fp + -3] != 0;
	// [ap + 0] = [fp + -3], ap++;
	// ret;
	// [ap + 0] = [fp + -3] + [fp + -3], ap++;
	// ret;
	// cost 200 ap 1
}
