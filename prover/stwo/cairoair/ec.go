package cairoair

// ecComponents are the components that add points of the Stark curve: pedersen's, ec_op_builtin, and what they call.
var ecComponents = []*Component{}
