// Package native is engine 2: it lowers Sierra straight to WebAssembly, which wazero compiles to machine code. Its results
// equal those of cairo/vm, the reference, to the last unit of gas and the last felt of panic data. What it cannot do falls
// back to the VM: before the run when the class is the reason (a libfunc that is not lowered, a module that would be too
// large), and in its midst with cairo.ErrFallback when only the run is (the limit of stack or memory).
//
// The model: a class is one wasm module with the functions that its entry points reach. Every value is flattened to
// 64-bit slots (layout.go): a felt252 is its four Montgomery limbs, as in crypto/felt; an integer one or two; a struct its members;
// an enum a tag and the union of its payloads; an array start, end and capacity in linear memory; a box an address.
// Values in memory are the same slots, eight bytes each. Variables are wasm locals, or constants known when compiling; moving,
// renaming and destructuring cost nothing. Bodies are graphs without cycles, laid out as nested blocks by dominators (body.go);
// a self call in tail position is a loop. The calls of a transaction share a memory (session.go, arena.go): a frame takes what it needs
// above its caller's, frees nothing before it ends, and reads nothing but what it has written or was passed.
package native
