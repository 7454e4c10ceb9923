package pcs

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// mutate changes one place of the value v, which r selects, and describes it. It never changes the memory of slices.
func mutate(r *rand.Rand, v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		i := r.IntN(v.NumField())
		return "." + v.Type().Field(i).Name + mutate(r, v.Field(i))
	case reflect.Array:
		i := r.IntN(v.Len())
		return fmt.Sprintf("[%d]", i) + mutate(r, v.Index(i))
	case reflect.Slice:
		n := v.Len()
		clone := reflect.MakeSlice(v.Type(), n, n+1)
		reflect.Copy(clone, v)
		switch kind := r.IntN(16); {
		case kind == 0 || n == 0:
			v.Set(reflect.Append(clone, reflect.Zero(v.Type().Elem())))
			return ": one more"
		case kind == 1:
			v.Set(clone.Slice(0, n-1))
			return ": one less"
		case kind == 2:
			v.Set(reflect.Zero(v.Type()))
			return ": none"
		case kind == 3 && n > 1:
			i := r.IntN(n - 1)
			a, b := clone.Index(i).Interface(), clone.Index(i+1).Interface()
			if reflect.DeepEqual(a, b) {
				return ""
			}
			clone.Index(i).Set(reflect.ValueOf(b))
			clone.Index(i + 1).Set(reflect.ValueOf(a))
			v.Set(clone)
			return fmt.Sprintf(": %d and %d swapped", i, i+1)
		}
		i := r.IntN(n)
		what := mutate(r, clone.Index(i))
		v.Set(clone)
		return fmt.Sprintf("[%d]", i) + what
	case reflect.Pointer:
		clone := reflect.New(v.Type().Elem())
		clone.Elem().SetUint(r.Uint64() >> r.IntN(64) & 0xffff_ffff)
		v.Set(clone)
		return fmt.Sprintf(" = %d", clone.Elem().Uint())
	default:
		old := v.Uint()
		switch r.IntN(5) {
		case 0:
			v.SetUint(old ^ 1)
		case 1:
			v.SetUint(0)
		case 2:
			v.SetUint(m31.P & (1<<v.Type().Bits() - 1))
		case 3:
			v.SetUint((old + m31.P) & (1<<v.Type().Bits() - 1))
		case 4:
			v.SetUint(1<<v.Type().Bits() - 1)
		}
		if v.Uint() == old {
			return ""
		}
		return fmt.Sprintf(" = %d", v.Uint())
	}
}

// tamper verifies the proof with one change at a time. None may be accepted, but changes of the parameters, which the caller has mixed before.
func tamper(t *testing.T, s *starkwareProof, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		proof, ch := *s.proof, *s.ch
		what := mutate(r, reflect.ValueOf(&proof).Elem())
		if what == "" || reflect.DeepEqual(&proof, s.proof) {
			continue
		}
		if err := Verify(&ch, s.trees, s.point, &proof); err == nil && reflect.DeepEqual(proof.Config, s.proof.Config) {
			t.Errorf("%s is accepted", what)
		}
	}
}

func TestTamperStarkware(t *testing.T) {
	for _, name := range []string{"c01_nothing", "c04_rc_bitwise"} {
		t.Run(name, func(t *testing.T) { tamper(t, readStarkware(t, name), 500) })
	}
}
