package field

// Domain is the coset Offset·⟨Gen⟩ of the subgroup of order Size = 2^Log. Element i is Offset·Gen^i.
type Domain struct {
	Log    uint
	Size   uint64
	Gen    Element
	Offset Element
}

// NewDomain returns the subgroup of order 2^log.
func NewDomain(log uint) Domain {
	return Domain{Log: log, Size: 1 << log, Gen: RootOfUnity(log), Offset: One()}
}

// Shift returns the domain with all elements multiplied by offset.
func (d Domain) Shift(offset Element) Domain {
	d.Offset.Mul(&d.Offset, &offset)
	return d
}

// At returns element i of the domain; i is taken modulo Size.
func (d Domain) At(i uint64) Element {
	x := Pow(d.Gen, i&(d.Size-1))
	x.Mul(&x, &d.Offset)
	return x
}

// Coset returns coset i, in d, of the subgroup of order Size/2^log: the elements whose index is i modulo 2^log, in order.
func (d Domain) Coset(i uint64, log uint) Domain {
	return Domain{Log: d.Log - log, Size: d.Size >> log, Gen: Pow(d.Gen, 1<<log), Offset: d.At(i)}
}
