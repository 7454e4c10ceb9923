package bytesize

import (
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "17": 17, "17B": 17, "1KiB": 1024, "3 MiB": 3 << 20, "2GiB": 2 << 30, "1TiB": 1 << 40, "5kB": 5000, "6MB": 6e6, "7GB": 7e9, "1TB": 1e12,
		"9223372036854775807": math.MaxInt64, "8388607TiB": 8388607 << 40,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: got %d (%v), want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "not a whole number", "GiB": "not a whole number", "-1": "not a whole number", "1.5GiB": "not a whole number", "2gib": "not a whole number",
		"1GiB2": "not a whole number", "0x10": "not a whole number", "9223372036854775808": "more than 2^63", "8388608TiB": "more than 2^63",
		"18446744073709551616": "not a whole number",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %d (%v), want an error with %q", text, got, err, want)
		}
	}
}
