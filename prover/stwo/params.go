package stwo

// Parameters are the parameters of the commitment scheme.
type Parameters struct {
	PowBits   uint32 // proof of work before the queries
	LogBlowup uint32
	LogLast   uint32 // log2 of the degree bound of the last layer of FRI
	Queries   uint32
	FoldStep  uint32 // log2 of the folding factor of a layer of FRI
	// LogLifting is log2 of the size of the largest domain, or 0 for the smallest that the columns allow.
	LogLifting uint32
}

// visit visits the parameters. The form for Cairo verifiers has no LogLifting.
func (p *Parameters) visit(f form) {
	f.open()
	f.member("pow_bits")
	number32(f, &p.PowBits, 1<<32)
	f.member("fri_config")
	f.open()
	f.member("log_blowup_factor")
	number32(f, &p.LogBlowup, 1<<32)
	f.member("log_last_layer_degree_bound")
	number32(f, &p.LogLast, 1<<32)
	f.member("n_queries")
	queries := f.long(uint64(p.Queries))
	if queries > maxQueries {
		f.fail("%d queries, want at most %d", queries, maxQueries)
	}
	p.Queries = uint32(queries)
	f.member("fold_step")
	number32(f, &p.FoldStep, 1<<32)
	f.close()
	if !f.cairo() {
		f.member("lifting_log_size")
		if f.optional(p.LogLifting != 0) {
			number32(f, &p.LogLifting, 1<<32)
			if p.LogLifting == 0 {
				f.fail("lifting_log_size is 0, want null or a size")
			}
		}
	}
	f.close()
}
