package cairoair

// builtinComponents are the components whose rows are the instances of a builtin's segment, ec_op_builtin excepted.
var builtinComponents = []*Component{}
