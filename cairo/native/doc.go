// Package native is the second Cairo engine. It lowers Sierra to WebAssembly, which wazero compiles to machine code. Its results
// equal those of cairo/vm, the reference engine, including gas and panic data. Calls that it cannot run fall back to the VM: before
// the run if the class is the reason (a libfunc that is not lowered, a module that would be too large), or during the run, with
// cairo.ErrFallback, if the run reaches the limit of stack or memory.
//
// The model: a class is one WebAssembly module with the functions that its entry points reach. Every value is flattened to 64-bit
// slots (layout.go): a felt252 is four Montgomery limbs, as in crypto/felt; an integer is one or two words; a struct is its
// members; an enum is a tag and the union of its payloads; an array is start, end and capacity in linear memory; a box is an
// address. Values in memory are the same slots, eight bytes each. Variables are WebAssembly locals, or constants known at compile
// time; moving, renaming and destructuring cost nothing. Function bodies are acyclic graphs, laid out as nested blocks by
// dominators (body.go); a self call in tail position is a loop. The calls of a transaction share a memory (session.go, arena.go):
// a frame allocates above its caller's memory, frees nothing before it ends, and reads only what it has written or was passed.
package native
