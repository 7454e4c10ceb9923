package vm

// programHints are the hints of the Cairo common library by their code, as the compiler copies it into programs. A hint
// must have the effect of its Python code on memory; what it asserts there it asserts here.
var programHints = map[string]ProgramHint{}
