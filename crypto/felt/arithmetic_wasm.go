package felt

func add(z, x, y *Felt) { addLimbs(z, x, y) }

func sub(z, x, y *Felt) { subLimbs(z, x, y) }

func double(z, x *Felt) { addLimbs(z, x, x) }

func mul(z, x, y *Felt) { mulLimbs(z, x, y) }

func square(z, x *Felt) { squareLimbs(z, x) }

// words returns the integer in [0, P) that z stands for, least significant word first.
func words(z *Felt) [4]uint64 { return fromMontgomeryLimbs(z) }
