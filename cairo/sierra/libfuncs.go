package sierra

import "sync"

// libfunc is a row of the tables: what a generic libfunc id means.
type libfunc struct {
	name string
	// since is the Sierra version from which deployed classes may use it.
	since admission
	// specialise gives the signature for the generic arguments.
	specialise func(s *specialisation) Signature
}

// admission says which classes may use a libfunc.
type admission uint8

const (
	audited      admission = iota // every class
	audited18                     // classes of Sierra 1.8 and newer
	audited19                     // classes of Sierra 1.9 and newer
	experimental                  // no class on a chain; the compiler knows it
	debugging                     // as experimental, and not on the official list of all libfuncs either
)

var libfuncs struct {
	once  sync.Once
	table map[string]*libfunc
}

// libfuncTable has all libfuncs by name; the rows are written by family in libfuncs_*.go. They are functions, and this is no
// sync.OnceValue, so that the linker leaves 750 kB of them out of the browser's verifier, which never asks.
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

// Audited reports whether classes on a chain may use the libfunc with the generic id, and from which Sierra version on.
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

// one returns the rule of libfuncs with one type as generic argument.
func one(signature func(s *specialisation, t TypeID) Signature) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		t := s.soleType()
		if s.err != "" {
			return Signature{}
		}
		return signature(s, t)
	}
}
