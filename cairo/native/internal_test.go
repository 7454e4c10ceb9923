package native

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// onVM lists the audited libfuncs that are not lowered. Classes that use them run on the VM.
var onVM = []string{}

// TestLibfuncTable checks that every audited libfunc is either lowered or listed in onVM.
func TestLibfuncTable(t *testing.T) {
	data, err := os.ReadFile(golden.Corpus(t, "libfunc-lists/audited.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Allowed map[string]json.RawMessage `json:"allowed_libfuncs"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	lowered := 0
	for name := range list.Allowed {
		is := lowerings()[name] != nil
		if is {
			lowered++
		}
		if is == slices.Contains(onVM, name) {
			t.Errorf("%s: lowered is %t", name, is)
		}
	}
	t.Logf("%d of %d audited libfuncs are lowered", lowered, len(list.Allowed))
}

// TestDivMod compares divMod with math/big, on words that are zero, all ones, 2^63, small or random.
func TestDivMod(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() uint64 {
		switch r.IntN(5) {
		case 0:
			return 0
		case 1:
			return ^uint64(0)
		case 2:
			return 1 << 63
		case 3:
			return uint64(r.IntN(3))
		}
		return r.Uint64()
	}
	for range 200_000 {
		u, v := make([]uint64, 2+2*r.IntN(4)), []uint64{0, 0}
		if len(u) > 2 {
			v = make([]uint64, 4)
		}
		for i := range u {
			u[i] = word()
		}
		for i := range v {
			v[i] = word()
		}
		x, y := bigOf(u), bigOf(v)
		if y.Sign() == 0 {
			continue
		}
		divMod(u, v)
		q, m := new(big.Int).QuoRem(x, y, new(big.Int))
		if bigOf(u).Cmp(q) != 0 || bigOf(v).Cmp(m) != 0 {
			t.Fatalf("%x / %x: got %x, remainder %x, want %x, remainder %x", x, y, bigOf(u), bigOf(v), q, m)
		}
	}
}
