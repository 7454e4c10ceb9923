package rpc

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/starknet"
)

// hexUint64 is the specification's u64: a 0x-prefixed hexadecimal string.
type hexUint64 uint64

func (x hexUint64) MarshalText() ([]byte, error) {
	return strconv.AppendUint([]byte("0x"), uint64(x), 16), nil
}

func (x *hexUint64) UnmarshalText(b []byte) error {
	digits, ok := strings.CutPrefix(string(b), "0x")
	v, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		return fmt.Errorf("%.40q is not a 64-bit number in hexadecimal", b)
	}
	*x = hexUint64(v)
	return nil
}

// hexUint128 is the specification's u128.
type hexUint128 starknet.Uint128

func (x hexUint128) MarshalText() ([]byte, error) { return starknet.Uint128(x).Felt().MarshalText() }

func (x *hexUint128) UnmarshalText(b []byte) error {
	f, err := felt.FromHex(string(b))
	if err != nil {
		return err
	}
	v, err := starknet.Uint128FromFelt(f)
	*x = hexUint128(v)
	return err
}

// object reads the members of a JSON object. err is the first fault.
type object struct {
	members jsonObject
	err     error
}

func parseObject(what string, raw json.RawMessage) *object {
	members, err := bounded.Object(what, raw)
	return &object{members: members, err: err}
}

// jsonObject is a JSON object whose members are not decoded yet.
type jsonObject = map[string]json.RawMessage

// get decodes a required member.
func (o *object) get(name string, into any) {
	if o.err != nil {
		return
	}
	raw, ok := o.members[name]
	if !ok || bounded.IsNull(raw) {
		o.err = fmt.Errorf("%s is missing", name)
		return
	}
	if err := jsonv2.Unmarshal(raw, into, feltLists()); err != nil {
		o.err = fmt.Errorf("%s: %w", name, bounded.Brief(err))
	}
}

// maxFelts bounds the elements of a list of felts in a request, and of a list of such lists. No transaction may have so many, and a felt
// can take eight times the size of its text in memory.
const maxFelts = 1 << 17

// feltLists returns the option that bounds lists of felts by maxFelts.
var feltLists = sync.OnceValue(func() jsonv2.Options {
	return jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
		bounded.List[felt.Felt]("felts", maxFelts, len(`"0"`)),
		bounded.List[[]felt.Felt]("lists of felts", maxFelts, len("[]")),
	))
})

// optional decodes a member if it is present and not null.
func (o *object) optional(name string, into any) {
	if raw, ok := o.members[name]; o.err == nil && ok && !bounded.IsNull(raw) {
		o.get(name, into)
	}
}

// feltOrList is one felt or a list of felts.
type feltOrList []felt.Felt

func (x *feltOrList) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return jsonv2.Unmarshal(b, (*[]felt.Felt)(x), feltLists())
	}
	*x = make(feltOrList, 1)
	return jsonv2.Unmarshal(b, &(*x)[0])
}

// list returns xs, or an empty slice if xs is nil, so that its JSON is [].
func list[T any](xs []T) []T {
	if xs == nil {
		return []T{}
	}
	return xs
}

// mapped returns f of each element.
func mapped[T, U any](xs []T, f func(*T) U) []U {
	us := make([]U, len(xs))
	for i := range xs {
		us[i] = f(&xs[i])
	}
	return us
}
