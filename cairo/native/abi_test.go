package native_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
)

// abi makes calldata that the class can deserialize, from the class's ABI.
type abi struct {
	functions map[felt.Felt][]abiField // by selector
	structs   map[string][]abiField
	enums     map[string][]abiField
}

type abiField struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type abiItem struct {
	Kind     string          `json:"type"`
	Name     string          `json:"name"`
	Inputs   []abiField      `json:"inputs"`
	Members  json.RawMessage `json:"members"`
	Variants json.RawMessage `json:"variants"`
	Items    []abiItem       `json:"items"`
}

// parseABI returns a class's ABI, an empty one if text is not an ABI.
func parseABI(text string) *abi {
	a := &abi{map[felt.Felt][]abiField{}, map[string][]abiField{}, map[string][]abiField{}}
	var items []abiItem
	if json.Unmarshal([]byte(text), &items) != nil {
		return a
	}
	var add func(items []abiItem)
	add = func(items []abiItem) {
		for _, it := range items {
			var fields []abiField
			switch it.Kind {
			case "function", "constructor", "l1_handler":
				a.functions[selector(it.Name)] = it.Inputs
			case "struct":
				_ = json.Unmarshal(it.Members, &fields)
				a.structs[it.Name] = fields
			case "enum":
				_ = json.Unmarshal(it.Variants, &fields)
				a.enums[it.Name] = fields
			case "interface":
				add(it.Items)
			}
		}
	}
	add(items)
	return a
}

// arguments returns random calldata for a function; ok is false if the function is not in the ABI.
func (a *abi) arguments(r *rand.Rand, selector felt.Felt) (out []felt.Felt, ok bool) {
	inputs, ok := a.functions[selector]
	for _, in := range inputs {
		out = a.value(r, out, in.Type, 0)
	}
	return out, ok
}

var intBits = map[string]int{
	"u8": 8, "u16": 16, "u32": 32, "u64": 64, "u128": 128, "usize": 32, "i8": -8, "i16": -16, "i32": -32, "i64": -64, "i128": -128,
}

// integer returns a random number of a width, which is negative for signed numbers: a small one, one at an edge, or any.
func integer(r *rand.Rand, bits int) felt.Felt {
	n := uint(max(bits, -bits))
	v := new(big.Int)
	switch r.IntN(4) {
	case 0:
		v.SetInt64(int64(r.IntN(10)))
	case 1: // near an end of the range, its middle or a power of two
		v.Lsh(big.NewInt(1), []uint{0, n / 2, n - 1, n}[r.IntN(4)])
		v.Add(v, big.NewInt(int64(r.IntN(5)-2)))
	default:
		for range 4 {
			v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(r.Uint64()))
		}
		v.Rsh(v, uint(256-int(n))+uint(r.IntN(int(n))))
	}
	v.And(v, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), n), big.NewInt(1)))
	if bits < 0 && v.Bit(int(n)-1) == 1 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), n))
	}
	return felt.FromBigInt(v)
}

// value appends a random value of a type to out.
func (a *abi) value(r *rand.Rand, out []felt.Felt, typ string, depth int) []felt.Felt {
	typ = strings.TrimPrefix(typ, "@")
	base, args := typ, ""
	if i := strings.Index(typ, "::<"); i >= 0 {
		base, args = typ[:i], strings.TrimSuffix(typ[i+3:], ">")
	}
	last := base[strings.LastIndex(base, ":")+1:]
	switch {
	case strings.HasPrefix(typ, "("):
		for _, t := range splitTypes(typ[1 : len(typ)-1]) {
			out = a.value(r, out, t, depth)
		}
		return out
	case strings.HasPrefix(typ, "["):
		i := strings.LastIndex(typ, ";")
		n, _ := strconv.Atoi(strings.TrimSpace(typ[i+1 : len(typ)-1]))
		for range n {
			out = a.value(r, out, strings.TrimSpace(typ[1:i]), depth)
		}
		return out
	case last == "Array" || last == "Span":
		n := r.IntN(5)
		if depth == 0 && r.IntN(4) == 0 {
			n = r.IntN(40)
		}
		out = append(out, felt.FromUint64(uint64(n)))
		for range n {
			out = a.value(r, out, args, depth+1)
		}
		return out
	case a.structs[typ] != nil:
		for _, m := range a.structs[typ] {
			out = a.value(r, out, m.Type, depth)
		}
		return out
	case a.enums[typ] != nil:
		variants := a.enums[typ]
		i := r.IntN(len(variants))
		return a.value(r, append(out, felt.FromUint64(uint64(i))), variants[i].Type, depth)
	case intBits[last] != 0:
		return append(out, integer(r, intBits[last]))
	case last == "u256":
		return append(out, integer(r, 128), integer(r, 128))
	case last == "u512":
		return append(out, integer(r, 128), integer(r, 128), integer(r, 128), integer(r, 128))
	case last == "u384":
		return append(out, integer(r, 96), integer(r, 96), integer(r, 96), integer(r, 96))
	case last == "bool":
		return append(out, felt.FromUint64(uint64(r.IntN(2))))
	case last == "ContractAddress", last == "ClassHash", last == "StorageAddress":
		return append(out, integer(r, 250))
	case last == "EthAddress":
		return append(out, integer(r, 160))
	case last == "bytes31":
		return append(out, integer(r, 248))
	case last == "Option":
		if r.IntN(2) == 0 {
			return append(out, felt.One)
		}
		return a.value(r, append(out, felt.Zero), args, depth)
	case last == "ByteArray":
		n := r.IntN(3)
		out = append(out, felt.FromUint64(uint64(n)))
		for range n {
			out = append(out, integer(r, 248))
		}
		pending := r.IntN(31)
		return append(out, integer(r, max(1, 8*pending)), felt.FromUint64(uint64(pending)))
	}
	return append(out, randomFelt(r))
}

// splitTypes splits a list of types at the commas outside of brackets.
func splitTypes(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range s {
		switch c {
		case '(', '<', '[':
			depth++
		case ')', '>', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	if rest := strings.TrimSpace(s[from:]); rest != "" {
		out = append(out, rest)
	}
	return out
}
