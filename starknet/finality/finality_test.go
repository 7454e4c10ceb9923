package finality_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/starknet/finality"
)

const chain = "TEST"

// key returns the private key of validator i.
func key(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
}

// chainOf returns a set of validators with the given powers, and their private keys in the order of the set.
func chainOf(t testing.TB, powers ...int64) (*finality.Set, []ed25519.PrivateKey) {
	t.Helper()
	var validators []finality.Validator
	secret := map[string]ed25519.PrivateKey{}
	for i, power := range powers {
		public := key(i).Public().(ed25519.PublicKey)
		validators = append(validators, finality.Validator{Key: public, Power: power})
		secret[string(public)] = key(i)
	}
	set, err := finality.NewSet(validators)
	if err != nil {
		t.Fatal(err)
	}
	var keys []ed25519.PrivateKey
	for _, v := range set.Validators() {
		keys = append(keys, secret[string(v.Key)])
	}
	return set, keys
}

// signed returns a statement with the signature that CometBFT's code makes.
func signed(secret ed25519.PrivateKey, voted int64, round int32, height uint64) *finality.Statement {
	message := cmttypes.VoteExtensionSignBytes(chain, &cmtproto.Vote{Height: voted, Round: round, Extension: finality.Extension(height)})
	s := &finality.Statement{Height: height}
	copy(s.Signature[:], ed25519.Sign(secret, message))
	return s
}

// none marks a validator without a statement in a table.
const none = math.MaxUint64

// TestThreshold compares the tally with tables worked out by hand: exactly two thirds of the power is not enough, more than two thirds is.
func TestThreshold(t *testing.T) {
	const voted, most = 12, 10
	for _, c := range []struct {
		name    string
		powers  []int64 // in the order of the set: falling
		heights []uint64
		want    uint64
	}{
		{"one validator", []int64{1}, []uint64{7}, 7},
		{"one validator, nothing proved", []int64{1}, []uint64{0}, 0},
		{"nobody voted", []int64{1, 1, 1}, []uint64{none, none, none}, 0},
		{"two of three are exactly two thirds", []int64{1, 1, 1}, []uint64{7, 7, none}, 0},
		{"three of three", []int64{1, 1, 1}, []uint64{7, 7, 7}, 7},
		{"three of three at three heights: the lowest", []int64{1, 1, 1}, []uint64{9, 3, 7}, 3},
		{"two of four are half", []int64{1, 1, 1, 1}, []uint64{7, none, 7, none}, 0},
		{"three of four are three quarters", []int64{1, 1, 1, 1}, []uint64{7, 7, none, 7}, 7},
		{"one of four is behind", []int64{1, 1, 1, 1}, []uint64{8, 0, 9, 7}, 7},
		{"two of four are behind", []int64{1, 1, 1, 1}, []uint64{8, 2, 9, 1}, 2},
		{"four of six are exactly two thirds", []int64{1, 1, 1, 1, 1, 1}, []uint64{5, 5, 5, 5, 4, 0}, 4},
		{"power 66 of 99", []int64{33, 33, 33}, []uint64{5, 5, 0}, 0},
		{"power 67 of 100", []int64{67, 33}, []uint64{5, 0}, 5},
		{"power 66 of 100", []int64{66, 34}, []uint64{5, 0}, 0},
		{"power 67 of 100 in two parts", []int64{40, 33, 27}, []uint64{5, 0, 6}, 5},
		{"the greatest total power", []int64{math.MaxInt64/8 - 1, 1}, []uint64{6, 2}, 6},
		{"a third of the greatest total power is missing", []int64{math.MaxInt64/8 - (math.MaxInt64/8)/3 - 1, (math.MaxInt64/8)/3 + 1}, []uint64{6, 2}, 2},
		{"the highest that may be stated", []int64{1}, []uint64{most}, most},
	} {
		set, keys := chainOf(t, c.powers...)
		commit := &finality.Commit{Round: 1, Statements: make([]*finality.Statement, len(keys))}
		for i, height := range c.heights {
			if height != none {
				commit.Statements[i] = signed(keys[i], voted, 1, height)
			}
		}
		got, err := set.Check(chain, voted, commit)
		if err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", c.name, got, err, c.want)
		}
	}
}

// TestTallyAsDefined compares the tally with its definition, tried for every height.
func TestTallyAsDefined(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 12))
	for range 300 {
		powers := make([]int64, 1+r.IntN(7))
		for i := range powers {
			powers[i] = 1 + r.Int64N(9)
		}
		set, keys := chainOf(t, powers...)
		const voted, most = 8, 6
		commit := &finality.Commit{Statements: make([]*finality.Statement, len(keys))}
		var total int64
		for i, v := range set.Validators() {
			total += v.Power
			if r.IntN(5) > 0 {
				commit.Statements[i] = signed(keys[i], voted, 0, r.Uint64N(most+1))
			}
		}
		want := uint64(0)
		for h := uint64(1); h <= most; h++ {
			var power int64
			for i, v := range set.Validators() {
				if s := commit.Statements[i]; s != nil && s.Height >= h {
					power += v.Power
				}
			}
			if float64(power) > float64(total)*2/3+1e-9 {
				want = h
			}
		}
		if got, err := set.Check(chain, voted, commit); err != nil || got != want {
			t.Fatalf("%v: %d, %v, want %d", powers, got, err, want)
		}
	}
}

// TestStatementsRefused checks that a commit with one statement that is not a validator's own about this vote is refused as a whole.
func TestStatementsRefused(t *testing.T) {
	const voted, round = 12, 1
	set, keys := chainOf(t, 4, 3, 2, 1)
	good := func() *finality.Commit {
		c := &finality.Commit{Round: round}
		for i := range keys {
			c.Statements = append(c.Statements, signed(keys[i], voted, round, 9))
		}
		return c
	}
	if got, err := set.Check(chain, voted, good()); err != nil || got != 9 {
		t.Fatalf("%d, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(*finality.Commit)
		want   string
	}{
		"a height above the chain's":      {func(c *finality.Commit) { c.Statements[2] = signed(keys[2], voted, round, 11) }, "the highest is 10"},
		"the greatest height":             {func(c *finality.Commit) { c.Statements[2] = signed(keys[2], voted, round, math.MaxUint64) }, "the highest is 10"},
		"a vote for the block before":     {func(c *finality.Commit) { c.Statements[0] = signed(keys[0], voted-1, round, 9) }, "did not sign at height 12"},
		"a vote for the block after":      {func(c *finality.Commit) { c.Statements[0] = signed(keys[0], voted+1, round, 9) }, "did not sign"},
		"the round before":                {func(c *finality.Commit) { c.Statements[0] = signed(keys[0], voted, round-1, 9) }, "in round 1"},
		"another round of the commit":     {func(c *finality.Commit) { c.Round++ }, "in round 2"},
		"a changed height":                {func(c *finality.Commit) { c.Statements[1].Height = 10 }, "did not sign"},
		"a changed signature":             {func(c *finality.Commit) { c.Statements[1].Signature[40] ^= 1 }, "did not sign"},
		"no signature":                    {func(c *finality.Commit) { c.Statements[1].Signature = [64]byte{} }, "did not sign"},
		"one validator's statement twice": {func(c *finality.Commit) { c.Statements[1] = c.Statements[0] }, "did not sign"},
		"two validators swapped":          {func(c *finality.Commit) { c.Statements[0], c.Statements[1] = c.Statements[1], c.Statements[0] }, "did not sign"},
		"a key that is no validator's":    {func(c *finality.Commit) { c.Statements[3] = signed(key(9), voted, round, 9) }, "did not sign"},
		"one validator too few":           {func(c *finality.Commit) { c.Statements = c.Statements[:3] }, "statements of 3 validators, the chain has 4"},
		"one validator too many":          {func(c *finality.Commit) { c.Statements = append(c.Statements, nil) }, "statements of 5 validators, the chain has 4"},
	} {
		commit := good()
		c.change(commit)
		if got, err := set.Check(chain, voted, commit); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %d, %v, want %q", name, got, err, c.want)
		}
	}
	if _, err := set.Check("OTHER", voted, good()); err == nil {
		t.Error("accepted on another chain")
	}
	if _, err := set.Check(chain, 0, good()); err == nil {
		t.Error("accepted in block 1")
	}
}

// TestMost checks the bound on a stated height near the beginning of the chain.
func TestMost(t *testing.T) {
	for voted, want := range map[uint64]uint64{0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 1000: 998} {
		if got := finality.Most(voted); got != want {
			t.Errorf("vote %d: %d, want %d", voted, got, want)
		}
	}
}

// TestSignBytes compares the bytes that a validator signs with CometBFT's.
func TestSignBytes(t *testing.T) {
	for _, height := range []uint64{0, 1, 300, math.MaxInt64} {
		for _, round := range []uint32{0, 1, 200, math.MaxInt32} {
			for _, extension := range [][]byte{nil, {1}, finality.Extension(0), bytes.Repeat([]byte{7}, 300)} {
				for _, id := range []string{"", "A", strings.Repeat("x", 200)} {
					want := cmttypes.VoteExtensionSignBytes(id, &cmtproto.Vote{Height: int64(height), Round: int32(round), Extension: extension})
					if got := finality.SignBytes(id, height, round, extension); !bytes.Equal(got, want) {
						t.Errorf("%q, %d, %d, %x: %x, CometBFT has %x", id, height, round, extension, got, want)
					}
				}
			}
		}
	}
}

// TestOrderAsComet compares the order and the addresses of a set with CometBFT's validator set.
func TestOrderAsComet(t *testing.T) {
	set, _ := chainOf(t, 3, 9, 3, 3, 1, 9, 3)
	var validators []*cmttypes.Validator
	for _, v := range set.Validators() {
		validators = append(validators, cmttypes.NewValidator(cmted25519.PubKey(v.Key), v.Power))
	}
	for i, v := range cmttypes.NewValidatorSet(validators).Validators {
		ours := set.Validators()[i]
		if !bytes.Equal(ours.Key, v.PubKey.Bytes()) || ours.Power != v.VotingPower || !bytes.Equal(ours.Address(), v.Address) {
			t.Errorf("validator %d is %X of power %d, CometBFT has %X of power %d", i, ours.Address(), ours.Power, v.Address, v.VotingPower)
		}
	}
}

// TestSetBounds checks the bounds on the validators of a chain.
func TestSetBounds(t *testing.T) {
	one := key(0).Public().(ed25519.PublicKey)
	two := key(1).Public().(ed25519.PublicKey)
	const total = math.MaxInt64 / 8
	for name, c := range map[string]struct {
		validators []finality.Validator
		want       string
	}{
		"the greatest total":   {[]finality.Validator{{one, total - 1}, {two, 1}}, ""},
		"above the total":      {[]finality.Validator{{one, total - 1}, {two, 2}}, "has power 2"},
		"power 0":              {[]finality.Validator{{one, 0}}, "has power 0"},
		"a negative power":     {[]finality.Validator{{one, -1}}, "has power -1"},
		"a validator twice":    {[]finality.Validator{{one, 1}, {one, 1}}, "occurs twice"},
		"a short key":          {[]finality.Validator{{one[:31], 1}}, "key of 31 bytes, want 32"},
		"no validators":        {nil, "0 validators, want 1"},
		"more than CometBFT's": {make([]finality.Validator, finality.MaxValidators+1), "10001 validators"},
	} {
		_, err := finality.NewSet(c.validators)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSetJSON checks that a set's JSON form is read back, in any order, and that members are strict.
func TestSetJSON(t *testing.T) {
	set, _ := chainOf(t, 2, 5, 5)
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	again := new(finality.Set)
	if err := json.Unmarshal(data, again); err != nil || !again.Equal(set) {
		t.Errorf("%s: %v", data, err)
	}
	other, _ := chainOf(t, 2, 5, 4)
	if other.Equal(set) {
		t.Error("sets with other powers are equal")
	}
	for _, bad := range []string{`[]`, `[{"pub_key":"zz","power":1}]`, `[{"pub_key":"00","power":1}]`, `[{"key":"00"}]`, `{}`, `[null]`} {
		if err := json.Unmarshal([]byte(bad), new(finality.Set)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// TestEncoding checks the forms byte by byte, and that other lengths, versions and flags are errors.
func TestEncoding(t *testing.T) {
	s := &finality.Statement{Height: 0x0102}
	s.Signature[0], s.Signature[63] = 0xaa, 0xbb
	commit := &finality.Commit{Round: 3, Statements: []*finality.Statement{nil, s}}
	raw := commit.Encode()
	want := fmt.Sprintf("f001"+"00000003"+"0002"+"00"+"01"+"0000000000000102"+"aa%sbb", strings.Repeat("00", 62))
	if got := fmt.Sprintf("%x", raw); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	again, err := finality.ParseCommit(raw, 2)
	if err != nil || again.Round != 3 || again.Statements[0] != nil || *again.Statements[1] != *s || !finality.IsCommit(raw) {
		t.Errorf("%+v, %v", again, err)
	}
	with := func(i int, b byte) []byte {
		changed := bytes.Clone(raw)
		changed[i] = b
		return changed
	}
	for name, c := range map[string]struct {
		raw  []byte
		n    int
		want string
	}{
		"nothing":            {nil, 2, "0 bytes"},
		"a transaction":      {[]byte{1, 1, 0, 0, 0, 3, 0, 2, 0, 0}, 2, "that begin with 0xf0"},
		"another version":    {with(1, 2), 2, "version 2, want 1"},
		"a negative round":   {with(2, 0x80), 2, "round 2147483651, above"},
		"other validators":   {raw, 3, "2 validators, the chain has 3"},
		"another flag":       {with(8, 2), 2, "begins with 2"},
		"cut short":          {raw[:len(raw)-1], 2, "cut short"},
		"only the header":    {raw[:8], 2, "0 bytes of statements"},
		"a byte after":       {append(bytes.Clone(raw), 0), 2, "1 bytes after"},
		"far too many bytes": {append(bytes.Clone(raw), make([]byte, 1<<20)...), 2, "bytes of statements for 2 validators"},
	} {
		if _, err := finality.ParseCommit(c.raw, c.n); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, bad := range [][]byte{nil, {1}, append(finality.Extension(5), 0), {2, 0, 0, 0, 0, 0, 0, 0, 5}, make([]byte, 1<<20)} {
		if _, err := finality.ParseExtension(bad); err == nil || len(err.Error()) > 100 {
			t.Errorf("extension %.20x: %v", bad, err)
		}
	}
	if h, err := finality.ParseExtension(finality.Extension(math.MaxUint64)); err != nil || h != math.MaxUint64 {
		t.Errorf("%d, %v", h, err)
	}
	if h, err := finality.ParseResult(finality.Result(12)); err != nil || h != 12 {
		t.Errorf("%d, %v", h, err)
	}
	if _, err := finality.ParseResult(make([]byte, 9)); err == nil {
		t.Error("a result of 9 bytes is accepted")
	}
}

func FuzzParseCommit(f *testing.F) {
	set, keys := chainOf(f, 2, 1)
	f.Add((&finality.Commit{Round: 1, Statements: []*finality.Statement{nil, signed(keys[1], 7, 1, 3)}}).Encode())
	f.Add((&finality.Commit{Statements: make([]*finality.Statement, 2)}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := finality.ParseCommit(data, 2)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Encode(), data) {
			t.Fatalf("%x is read as %x", data, c.Encode())
		}
		set.Check(chain, 7, c)
	})
}

func FuzzParseExtension(f *testing.F) {
	f.Add(finality.Extension(9))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := finality.ParseExtension(data); err == nil && !bytes.Equal(finality.Extension(h), data) {
			t.Fatalf("%x is read as %d", data, h)
		}
	})
}
