package sierra

import "sync"

// libfunc is a row of the tables: the rules of a generic libfunc.
type libfunc struct {
	name string
	// since says from which Sierra version deployed classes may use the libfunc.
	since admission
	// specialise returns the signature for the generic arguments.
	specialise func(s *specialisation) Signature
}

// admission says which classes may use a libfunc.
type admission uint8

const (
	audited      admission = iota // every class
	audited18                     // classes of Sierra 1.8 and newer
	audited19                     // classes of Sierra 1.9 and newer
	experimental                  // no class on a chain; the compiler supports it
	debugging                     // as experimental, and not on the official list of all libfuncs
)

var libfuncs struct {
	once  sync.Once
	table map[string]*libfunc
}

// libfuncTable returns all libfuncs by name. The rows are in libfuncs_*.go, by family. The families are functions and the
// table is not a sync.OnceValue, so that the linker can drop 750 kB from the browser's verifier, which does not use the
// table.
func libfuncTable() map[string]*libfunc {
	libfuncs.once.Do(func() { libfuncs.table = makeLibfuncs() })
	return libfuncs.table
}

func makeLibfuncs() map[string]*libfunc {
	table := make(map[string]*libfunc)
	for _, family := range [][]libfunc{
		flowLibfuncs(), memoryLibfuncs(), gasLibfuncs(), debugLibfuncs(),
		structLibfuncs(), enumLibfuncs(), boxLibfuncs(), arrayLibfuncs(), dictLibfuncs(),
		feltLibfuncs(), boolLibfuncs(), hashLibfuncs(), ecLibfuncs(), qm31Libfuncs(),
		intLibfuncs(), wideIntLibfuncs(), boundedIntLibfuncs(), castLibfuncs(),
		addressLibfuncs(), storageLibfuncs(), syscallLibfuncs(), secpLibfuncs(), shaLibfuncs(),
		circuitLibfuncs(),
	} {
		for i := range family {
			table[family[i].name] = &family[i]
		}
	}
	return table
}

// Audited reports whether classes on a chain may use the libfunc with the generic id, and from which Sierra version.
func Audited(generic string) (since Version, ok bool) {
	row := libfuncTable()[generic]
	if row == nil {
		return Version{}, false
	}
	switch row.since {
	case audited:
		return Version{}, true
	case audited18:
		return Version{Major: 1, Minor: 8}, true
	case audited19:
		return Version{Major: 1, Minor: 9}, true
	}
	return Version{}, false
}

// none returns the rule of libfuncs without generic arguments.
func none(signature func(s *specialisation) Signature) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		if !s.count(0) {
			return Signature{}
		}
		return signature(s)
	}
}

// one returns the rule of libfuncs with one generic argument, a type.
func one(signature func(s *specialisation, t TypeID) Signature) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		t := s.soleType()
		if s.err != "" {
			return Signature{}
		}
		return signature(s, t)
	}
}
