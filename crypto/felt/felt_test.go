package felt

import (
	"encoding/json"
	"math/big"
	"testing"
)

// TestHexForms checks the hexadecimal numbers that FromHex accepts and rejects.
func TestHexForms(t *testing.T) {
	for in, want := range map[string]string{
		"0x0": "0x0", "0x00": "0x0", "0xAb": "0xab", "0x0001": "0x1",
		"0x800000000000011000000000000000000000000000000000000000000000000": "0x800000000000011000000000000000000000000000000000000000000000000",
	} {
		f, err := FromHex(in)
		if err != nil || f.String() != want {
			t.Errorf("FromHex(%q) = %v, %v; want %s", in, f, err, want)
		}
	}
	for _, in := range []string{
		"", "0x", "12", "0X1", "0xg", "0x-1", "-0x1", "0x_1", " 0x1",
		"0x800000000000011000000000000000000000000000000000000000000000001",
		"0x10000000000000000000000000000000000000000000000000000000000000000",
	} {
		if f, err := FromHex(in); err == nil {
			t.Errorf("FromHex(%q) = %v, want an error", in, f)
		}
	}
}

// TestForms checks conversions between felts and their other forms.
func TestForms(t *testing.T) {
	minusOne := FromInt64(-1)
	if want := new(big.Int).Sub(Modulus(), big.NewInt(1)); minusOne.BigInt().Cmp(want) != 0 {
		t.Errorf("-1 is %v", minusOne)
	}
	if f := FromUint128(1, 2); f.BigInt().Cmp(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(2))) != 0 {
		t.Errorf("2^64+2 is %v", f)
	}
	if f := FromShortString("SN_MAIN"); f.String() != "0x534e5f4d41494e" {
		t.Errorf("SN_MAIN is %v", f)
	}
	comet := FromShortString("COMET_STARK")
	if s, err := comet.ShortString(); err != nil || s != "COMET_STARK" {
		t.Errorf("round trip of a short string: %q, %v", s, err)
	}
	if _, err := ParseShortString("12345678901234567890123456789012"); err == nil {
		t.Error("a short string of 32 characters is accepted")
	}
	limbs := minusOne.Limbs()
	if FromLimbs(limbs) != minusOne {
		t.Errorf("limbs of -1: %x", limbs)
	}
	b := minusOne.Bytes()
	if f, err := FromBytes(b[:]); err != nil || f != minusOne {
		t.Errorf("bytes of -1: %v, %v", f, err)
	}
	b[31]++
	if _, err := FromBytes(b[:]); err == nil {
		t.Error("P is accepted as bytes")
	}
	var fromJSON Felt
	if err := json.Unmarshal([]byte(`"0x10"`), &fromJSON); err != nil || fromJSON != FromUint64(16) {
		t.Errorf("JSON: %v, %v", fromJSON, err)
	}
	if _, err := FromDecimal(Modulus().String()); err == nil {
		t.Error("P is accepted as a decimal")
	}
}

// TestFromWideHex checks numbers below and above P, and malformed ones.
func TestFromWideHex(t *testing.T) {
	const p = "0x800000000000011000000000000000000000000000000000000000000000001"
	for _, c := range []struct {
		text string
		f    Felt
		wide string // hexadecimal, "" if the number is below P
	}{
		{"0x0", Felt{}, ""},
		{"0x00aF", FromUint64(0xaf), ""},
		{"0x+1", FromUint64(1), ""},
		{"0x1_0_", FromUint64(16), ""},
		{p[:len(p)-1] + "0", MustHex(p[:len(p)-1] + "0"), ""},
		{p, Felt{}, p},
		{"0x0" + p[2:len(p)-1] + "B", FromUint64(10), p[:len(p)-1] + "b"},
	} {
		f, wide, err := FromWideHex(c.text)
		got := ""
		if wide != nil {
			got = "0x" + wide.Text(16)
		}
		if err != nil || f != c.f || got != c.wide {
			t.Errorf("%s: %v, %q, %v, want %v, %q", c.text, f, got, err, c.f, c.wide)
		}
	}
	for _, text := range []string{"", "1", "0x", "0x+", "0x_1", "0x++1", "0x-1", "0xg", "0X1", "0x 1"} {
		if f, _, err := FromWideHex(text); err == nil {
			t.Errorf("%q is %v, want an error", text, f)
		}
	}
}

// FuzzFromHex checks that a decoded number survives its text form.
func FuzzFromHex(f *testing.F) {
	f.Add("0x0")
	f.Add("0x800000000000011000000000000000000000000000000000000000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		x, err := FromHex(s)
		if err != nil {
			return
		}
		y, err := FromHex(x.String())
		if err != nil || x != y {
			t.Errorf("%q → %v → %v, %v", s, x, y, err)
		}
	})
}

// TestBitLen checks that the length is that of the integer, not of its Montgomery form.
func TestBitLen(t *testing.T) {
	for n := range 252 {
		v := new(big.Int).Lsh(big.NewInt(1), uint(n))
		x := FromBigInt(v)
		if got := x.BitLen(); got != v.BitLen() {
			t.Errorf("2^%d: %d bits, want %d", n, got, v.BitLen())
		}
	}
	if got := (&Felt{}).BitLen(); got != 0 {
		t.Errorf("0: %d bits", got)
	}
}
