package native_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
)

// wideText returns a function with many live variables, all of which are moved at each of many merge points.
func wideText(live, merges int) string {
	var b strings.Builder
	b.WriteString("type felt252 = felt252;\ntype NZ = NonZero<felt252>;\n\n")
	for _, l := range []string{"dup<felt252>", "felt252_is_zero", "branch_align", "jump", "drop<NZ>", "store_temp<felt252>", "drop<felt252>"} {
		fmt.Fprintf(&b, "libfunc %s = %s;\n", l, l)
	}
	b.WriteString("\nF0:\n")
	x, v := 1, 1000
	for k := range merges {
		fmt.Fprintf(&b, "dup<felt252>([%d]) -> ([%d], [%d]);\n", x, v, v+1)
		fmt.Fprintf(&b, "felt252_is_zero([%d]) { fallthrough() F0_A%d([%d]) };\nbranch_align() -> ();\njump() { F0_B%d() };\n", v+1, k, v+2, k)
		fmt.Fprintf(&b, "F0_A%d:\nbranch_align() -> ();\ndrop<NZ>([%d]) -> ();\nF0_B%d:\n", k, v+2, k)
		x, v = v, v+3
	}
	for i := 2; i <= live; i++ {
		fmt.Fprintf(&b, "drop<felt252>([%d]) -> ();\n", i)
	}
	fmt.Fprintf(&b, "store_temp<felt252>([%d]) -> ([%d]);\nreturn([%d]);\n\ntest::f@F0(", x, v, v)
	for i := 1; i <= live; i++ {
		if i > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "[%d]: felt252", i)
	}
	b.WriteString(") -> (felt252);\n")
	return b.String()
}

// bigTypeText returns a function that takes a struct of 2^n members.
func bigTypeText(n int) string {
	var b strings.Builder
	b.WriteString("type felt252 = felt252;\ntype T0 = Struct<ut@T0, felt252, felt252>;\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "type T%d = Struct<ut@T%d, T%d, T%d>;\n", i, i, i-1, i-1)
	}
	fmt.Fprintf(&b, "\nlibfunc store = store_temp<T%d>;\n\nF0:\nstore([1]) -> ([1]);\nreturn([1]);\n\ntest::f@F0([1]: T%d) -> (T%d);\n", n-1, n-1, n-1)
	return b.String()
}

// TestHostile checks that programs whose modules would be very large or slow to compile are rejected, and fast.
func TestHostile(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		name, text, unsupported string
	}{
		{"60 merges of 800 slots", wideText(200, 60), ""},
		{"100 merges of 800 slots", wideText(200, 100), "locals"},
		{"3000 merges of 800 slots", wideText(200, 3000), "bytes"},
		{"parameters of 1200 slots", wideText(300, 1), "slots"},
		{"a struct of 128 slots", bigTypeText(5), ""},
		{"a struct of 1024 slots", bigTypeText(8), "slots"},
	} {
		p, err := sierra.ParseText(c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r, err := sierra.NewRegistry(p)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		info, err := compiler.GasInfoOf(r, sierra.EntryPoints{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		start := time.Now()
		code, size, err := native.CompileAll(p, info)
		if err == nil {
			var f *native.Functions
			if f, err = e.Functions(p, info); err == nil {
				f.Close()
			}
		}
		took := time.Since(start)
		if (err == nil) != (c.unsupported == "") || err != nil && !strings.Contains(err.Error(), c.unsupported) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.unsupported)
		}
		if took > 20*time.Second {
			t.Errorf("%s takes %v, want at most 20 s", c.name, took)
		}
		t.Logf("%s: %d bytes, %v, %v", c.name, size, took, err)
		_ = code
	}
}
