package cairoair

// poseidonComponents are poseidon_aggregator and what it calls.
var poseidonComponents = []*Component{}
