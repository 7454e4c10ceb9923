package cairoair

// blakeComponents are the components of the Blake2s opcodes: blake_compress_opcode and what it calls.
var blakeComponents = []*Component{}
