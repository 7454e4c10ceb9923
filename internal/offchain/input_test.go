package offchain

import (
	"maps"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
)

func TestParseStorage(t *testing.T) {
	got, err := ParseStorage([]byte(`{"0x1": "42", "2": "'ab'", "3": " 0x4 "}`))
	want := map[felt.Felt]felt.Felt{
		felt.FromUint64(1): felt.FromUint64(42), felt.FromUint64(2): felt.FromUint64(0x6162), felt.FromUint64(3): felt.FromUint64(4),
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for in, want := range map[string]string{
		`{"0x1": "1", "1": "2"}`:   "appears twice",
		`{"0x1": "1", "0x1": "2"}`: "duplicate",
		`{"0x1": 1}`:               "json",
		`{"0x1": "one"}`:           "one",
		`{"` + "0x8" + strings.Repeat("0", 62) + `": "1"}`: "not a storage key",
	} {
		if _, err := ParseStorage([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestParseSelector(t *testing.T) {
	for in, want := range map[string]felt.Felt{"transfer": executor.Selector("transfer"), "0x10": felt.FromUint64(16), "7": felt.FromUint64(7)} {
		if got, err := ParseSelector(in); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", in, got, err, want)
		}
	}
	if _, err := ParseSelector(""); err == nil {
		t.Error("an empty name is a selector")
	}
}
