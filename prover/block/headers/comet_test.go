//go:build !js

package headers_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
)

// These tests compare the package with CometBFT (reference_test.go).

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// randomHash returns a hash, nothing, or bytes that do not have the length of a hash.
func randomHash(r *rand.Rand) []byte {
	switch r.IntN(12) {
	case 0:
		return nil
	case 1:
		return randomBytes(r, r.IntN(40))
	}
	return randomBytes(r, 32)
}

func randomInt(r *rand.Rand) int64 {
	switch r.IntN(4) {
	case 0:
		return r.Int64N(300)
	case 1:
		return math.MaxInt64 - r.Int64N(3)
	}
	return r.Int64N(1 << r.IntN(62))
}

// randomTime returns a time in the years 1 to 9999.
func randomTime(r *rand.Rand) time.Time {
	t := time.Unix(-62135596800+r.Int64N(315537897600), 0).UTC()
	switch r.IntN(6) {
	case 0:
		return t
	case 1:
		return time.Unix(r.Int64N(2_000_000_000), r.Int64N(1000)*1_000_000).UTC()
	case 2:
		return time.Time{}
	case 3: // around the end of a February
		return time.Date(1+r.IntN(9999), time.Month(2+r.IntN(2)), 1+r.IntN(29), r.IntN(24), 59, 59, 999_999_999, time.UTC)
	}
	return t.Add(time.Duration(r.Int64N(1_000_000_000)))
}

func randomBlockID(r *rand.Rand) cmttypes.BlockID {
	return cmttypes.BlockID{Hash: randomHash(r), PartSetHeader: cmttypes.PartSetHeader{Total: r.Uint32N(3) * r.Uint32(), Hash: randomHash(r)}}
}

func randomHeader(r *rand.Rand) *cmttypes.Header {
	h := &cmttypes.Header{
		Version: cmtversion.Consensus{Block: 11, App: uint64(randomInt(r)) * uint64(r.IntN(2))}, ChainID: "chain <1> & \"é\""[:6+r.IntN(8)],
		Height: randomInt(r), Time: randomTime(r), LastBlockID: randomBlockID(r),
		LastCommitHash: randomHash(r), DataHash: randomHash(r), ValidatorsHash: randomBytes(r, 32), NextValidatorsHash: randomHash(r),
		ConsensusHash: randomHash(r), AppHash: randomBytes(r, r.IntN(70)), LastResultsHash: randomHash(r), EvidenceHash: randomHash(r),
		ProposerAddress: randomBytes(r, 20),
	}
	if r.IntN(8) == 0 {
		h.Version.Block = uint64(randomInt(r))
	}
	return h
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := cmtjson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ours converts a value of CometBFT to this package's type.
func ours(t testing.TB, s *cmttypes.SignedHeader) *headers.SignedHeader {
	t.Helper()
	data := encode(t, s)
	parsed, err := headers.ParseSignedHeader(data)
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return parsed
}

func TestHeaderHash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		theirs := randomHeader(r)
		got := ours(t, &cmttypes.SignedHeader{Header: theirs, Commit: &cmttypes.Commit{}}).Header.Hash()
		if want := theirs.Hash(); !bytes.Equal(got, want) {
			t.Fatalf("hash %X, want %X: %s", got, want, encode(t, theirs))
		}
	}
}

// TestTimestamp checks that a time is read if and only if CometBFT writes that text for a time that protobuf can hold.
func TestTimestamp(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	accepted := 0
	check := func(text []byte) {
		t.Helper()
		var theirs time.Time
		again := []byte(nil)
		if err := cmtjson.Unmarshal(text, &theirs); err == nil && theirs.Year() >= 1 {
			again = encode(t, theirs)
		}
		var got headers.Timestamp
		err := got.UnmarshalJSON(text)
		if (err == nil) != (again != nil && bytes.Equal(again, text)) {
			t.Fatalf("%s: %v, CometBFT writes %s", text, err, again)
		}
		if err == nil {
			accepted++
		}
	}
	for range 20000 {
		text := encode(t, randomTime(r))
		check(text)
		text[r.IntN(len(text))] = "0123456789-:.TZ\""[r.IntN(16)]
		check(text)
	}
	for _, text := range []string{`""`, `"`, ``, `null`, `0`, `"2024-02-30T00:00:00Z"`, `"2023-02-29T00:00:00Z"`, `"2024-02-29T00:00:00Z"`, `"1900-02-29T00:00:00Z"`,
		`"2000-02-29T23:59:59.5Z"`, `"2000-02-29T23:59:60Z"`, `"2000-02-29T24:00:00Z"`, `"0000-12-31T00:00:00Z"`, `"9999-12-31T23:59:59.999999999Z"`,
		`"2000-01-01T00:00:00.10Z"`, `"2000-01-01T00:00:00.Z"`, `"2000-01-01T00:00:00.1234567890Z"`, `"2000-01-01T00:00:00+00:00"`, `"2000-00-01T00:00:00Z"`, `"2000-13-01T00:00:00Z"`} {
		check([]byte(text))
	}
	t.Logf("%d times accepted", accepted)
}

// signers holds CometBFT validators and their keys, in the set's order, and this package's set of the same validators.
type signers struct {
	theirs *cmttypes.ValidatorSet
	keys   []ed25519.PrivKey
	ours   *headers.ValidatorSet
}

func newSigners(t testing.TB, r *rand.Rand, n int) *signers {
	t.Helper()
	byAddress := map[string]ed25519.PrivKey{}
	var theirs []*cmttypes.Validator
	var our []headers.Validator
	for range n {
		key := ed25519.GenPrivKeyFromSecret(randomBytes(r, 32))
		power := 1 + r.Int64N(3)
		if r.IntN(8) == 0 {
			power = 1 + r.Int64N(1<<40)
		}
		v := cmttypes.NewValidator(key.PubKey(), power)
		byAddress[v.Address.String()] = key
		theirs = append(theirs, v)
		our = append(our, headers.Validator{Key: key.PubKey().Bytes(), Power: power})
	}
	set, err := headers.NewValidatorSet(our)
	if err != nil {
		t.Fatal(err)
	}
	s := &signers{theirs: cmttypes.NewValidatorSet(theirs), ours: set}
	for _, v := range s.theirs.Validators {
		s.keys = append(s.keys, byAddress[v.Address.String()])
	}
	return s
}

// commit returns a commit for a block in which the validators vote by the given flags.
func (s *signers) commit(t testing.TB, r *rand.Rand, chain string, height int64, round int32, id cmttypes.BlockID, flags []cmttypes.BlockIDFlag) *cmttypes.Commit {
	t.Helper()
	c := &cmttypes.Commit{Height: height, Round: round, BlockID: id, Signatures: make([]cmttypes.CommitSig, len(s.keys))}
	for i, flag := range flags {
		if flag == cmttypes.BlockIDFlagAbsent {
			c.Signatures[i] = cmttypes.NewCommitSigAbsent()
			continue
		}
		c.Signatures[i] = cmttypes.CommitSig{BlockIDFlag: flag, ValidatorAddress: s.theirs.Validators[i].Address, Timestamp: randomTime(r)}
		signature, err := s.keys[i].Sign(c.VoteSignBytes(chain, int32(i)))
		if err != nil {
			t.Fatal(err)
		}
		c.Signatures[i].Signature = signature
	}
	return c
}

func TestValidatorSetHash(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for range 300 {
		s := newSigners(t, r, 1+r.IntN(20))
		if got, want := s.ours.Hash(), s.theirs.Hash(); !bytes.Equal(got, want) {
			t.Fatalf("hash %X, want %X: %v", got, want, s.theirs)
		}
	}
}

// theirVerdict returns the verdict of CometBFT. A panic counts as an error.
func theirVerdict(check func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	return check()
}

// commitMutations change a commit, or the chain that it is checked for.
var commitMutations = map[string]func(r *rand.Rand, c *cmttypes.Commit, chain *string){
	"none":        func(r *rand.Rand, c *cmttypes.Commit, chain *string) {},
	"chain":       func(r *rand.Rand, c *cmttypes.Commit, chain *string) { *chain += "x" },
	"height":      func(r *rand.Rand, c *cmttypes.Commit, chain *string) { c.Height++ },
	"round":       func(r *rand.Rand, c *cmttypes.Commit, chain *string) { c.Round++ },
	"block hash":  func(r *rand.Rand, c *cmttypes.Commit, chain *string) { c.BlockID.Hash = randomHash(r) },
	"parts total": func(r *rand.Rand, c *cmttypes.Commit, chain *string) { c.BlockID.PartSetHeader.Total ^= 1 },
	"parts hash":  func(r *rand.Rand, c *cmttypes.Commit, chain *string) { c.BlockID.PartSetHeader.Hash = randomHash(r) },
	"no block":    func(r *rand.Rand, c *cmttypes.Commit, chain *string) { c.BlockID = cmttypes.BlockID{} },
	"time": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		s := pick(r, c)
		s.Timestamp = s.Timestamp.Add(1)
	},
	"zero time": func(r *rand.Rand, c *cmttypes.Commit, chain *string) { pick(r, c).Timestamp = time.Time{} },
	"flag": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		pick(r, c).BlockIDFlag = cmttypes.BlockIDFlag(r.IntN(5))
	},
	"address": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		pick(r, c).ValidatorAddress = randomBytes(r, 20)
	},
	"short address": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		pick(r, c).ValidatorAddress = randomBytes(r, r.IntN(20))
	},
	"signature bit": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		if s := pick(r, c); len(s.Signature) > 0 {
			s.Signature[r.IntN(len(s.Signature))] ^= 1 << r.IntN(8)
		}
	},
	"signature length": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		s := pick(r, c)
		s.Signature = append(s.Signature, randomBytes(r, r.IntN(3400))...)
	},
	"no signature": func(r *rand.Rand, c *cmttypes.Commit, chain *string) { pick(r, c).Signature = nil },
	"absent":       func(r *rand.Rand, c *cmttypes.Commit, chain *string) { *pick(r, c) = cmttypes.NewCommitSigAbsent() },
	"swapped":      func(r *rand.Rand, c *cmttypes.Commit, chain *string) { a, b := pick(r, c), pick(r, c); *a, *b = *b, *a },
	"vote twice":   func(r *rand.Rand, c *cmttypes.Commit, chain *string) { *pick(r, c) = *pick(r, c) },
	"one more": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		c.Signatures = append(c.Signatures, *pick(r, c))
	},
	"one less": func(r *rand.Rand, c *cmttypes.Commit, chain *string) {
		c.Signatures = append([]cmttypes.CommitSig(nil), c.Signatures[1:]...)
	},
}

func pick(r *rand.Rand, c *cmttypes.Commit) *cmttypes.CommitSig {
	return &c.Signatures[r.IntN(len(c.Signatures))]
}

func TestVerifyCommit(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for _, name := range slices.Sorted(maps.Keys(commitMutations)) {
		mutate, accepted := commitMutations[name], 0
		for range 60 {
			s := newSigners(t, r, 1+r.IntN(7))
			flags := make([]cmttypes.BlockIDFlag, len(s.keys))
			for i := range flags {
				flags[i] = cmttypes.BlockIDFlagCommit
				if r.IntN(6) == 0 {
					flags[i] = cmttypes.BlockIDFlag(1 + r.IntN(3))
				}
			}
			chain, id := "CHAIN", cmttypes.BlockID{Hash: randomBytes(r, 32), PartSetHeader: cmttypes.PartSetHeader{Total: r.Uint32N(4), Hash: randomBytes(r, 32)}}
			c := s.commit(t, r, chain, 1+r.Int64N(1<<40), r.Int32N(3), id, flags)
			mutate(r, c, &chain)
			want := theirVerdict(func() error {
				if err := c.ValidateBasic(); err != nil {
					return err
				}
				return s.theirs.VerifyCommit(chain, c.BlockID, c.Height, c)
			})
			parsed := ours(t, &cmttypes.SignedHeader{Header: randomHeader(r), Commit: c})
			got := s.ours.VerifyCommit(chain, parsed.Commit)
			if (got == nil) != (want == nil) {
				t.Fatalf("%s: %v, CometBFT says %v: %s", name, got, want, encode(t, c))
			}
			if got == nil {
				accepted++
			}
		}
		t.Logf("%s: %d of 60 accepted", name, accepted)
		if name == "none" && (accepted == 0 || accepted == 60) {
			t.Errorf("%d of 60 unchanged commits accepted, want some", accepted)
		}
	}
}

func TestHashesOfLists(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for n := range 70 {
		var txs []statement.HexBytes
		var results []statement.Result
		for range n {
			txs = append(txs, randomBytes(r, r.IntN(100)))
			results = append(results, statement.Result{
				Code: r.Uint32() * r.Uint32N(2), Data: randomBytes(r, r.IntN(50)), GasWanted: randomInt(r) * int64(r.IntN(3)-1), GasUsed: randomInt(r) * int64(r.IntN(3)-1),
			})
		}
		if got, want := headers.DataHash(txs), referenceDataHash(txs); !bytes.Equal(got, want) {
			t.Errorf("data hash of %d: %X, want %X", n, got, want)
		}
		if got, want := headers.ResultsHash(results), referenceResultsHash(results); !bytes.Equal(got, want) {
			t.Errorf("results hash of %d: %X, want %X", n, got, want)
		}
	}
}

// signedBlock is a block proof with only headers, transactions and results, and the genesis of its chain.
type signedBlock struct {
	proof   *block.Bundle
	headers [2]*cmttypes.SignedHeader
	genesis *cmttypes.GenesisDoc
	signers *signers
}

func newSignedBlock(t testing.TB, r *rand.Rand, n int) *signedBlock {
	t.Helper()
	s := newSigners(t, r, n)
	const chain = "TEST"
	b := &signedBlock{signers: s, proof: &block.Bundle{Chain: chain, Block: uint64(1 + r.IntN(1000))}}
	state := map[string]any{"gas_prices": map[string]any{}}
	if r.IntN(2) == 0 {
		state["fee_token"] = "0x77"
		state["fee_recipients"] = map[string]string{hex.EncodeToString(s.theirs.Validators[0].Address): "0x1234"}
	}
	appState, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	b.genesis = &cmttypes.GenesisDoc{ChainID: chain, GenesisTime: time.Unix(1_700_000_000, 0).UTC(), InitialHeight: 1, AppState: appState}
	for _, i := range r.Perm(n) {
		v := s.theirs.Validators[i]
		b.genesis.Validators = append(b.genesis.Validators, cmttypes.GenesisValidator{Address: v.Address, PubKey: v.PubKey, Power: v.VotingPower})
	}
	w := &b.proof.Witness
	for range r.IntN(5) {
		w.Transactions = append(w.Transactions, randomBytes(r, 50))
		w.Results = append(w.Results, statement.Result{Data: randomBytes(r, 9), GasWanted: 5, GasUsed: 4})
	}
	last := cmttypes.BlockID{Hash: randomBytes(r, 32), PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: randomBytes(r, 32)}}
	for i := range b.headers {
		h := randomHeader(r)
		h.Version.Block, h.ChainID, h.Height, h.LastBlockID = 11, chain, int64(b.proof.Block)+int64(i), last
		h.LastCommitHash, h.EvidenceHash, h.NextValidatorsHash, h.ConsensusHash = randomBytes(r, 32), randomBytes(r, 32), s.theirs.Hash(), randomBytes(r, 32)
		h.ValidatorsHash, h.AppHash = s.theirs.Hash(), append([]byte{0}, randomBytes(r, 31)...)
		h.DataHash, h.LastResultsHash = referenceDataHash(w.Transactions), referenceResultsHash(w.Results)
		h.ProposerAddress = s.theirs.Validators[r.IntN(n)].Address
		b.headers[i] = b.sign(t, r, h)
		last = b.headers[i].Commit.BlockID
	}
	b.write(t)
	return b
}

// sign returns the header with a commit signed by all validators.
func (b *signedBlock) sign(t testing.TB, r *rand.Rand, h *cmttypes.Header) *cmttypes.SignedHeader {
	t.Helper()
	all := slices.Repeat([]cmttypes.BlockIDFlag{cmttypes.BlockIDFlagCommit}, len(b.signers.keys))
	id := cmttypes.BlockID{Hash: h.Hash(), PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: randomBytes(r, 32)}}
	return &cmttypes.SignedHeader{Header: h, Commit: b.signers.commit(t, r, h.ChainID, h.Height, r.Int32N(2), id, all)}
}

// write copies the headers into the proof.
func (b *signedBlock) write(t testing.TB) {
	t.Helper()
	for i, h := range b.headers {
		b.proof.Headers[i] = encode(t, h)
	}
}

// compare checks that this package and the reference agree on a proof: both return equal anchors, or both an error. If the text
// of a header is not the one that CometBFT writes, this package may reject the proof alone.
func (b *signedBlock) compare(t *testing.T, name string, byHeader []byte) (accepted bool) {
	t.Helper()
	genesis, err := headers.ParseGenesis(encode(t, b.genesis))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	trust, theirTrust := &headers.Trust{Genesis: genesis}, &referenceTrust{genesis: b.genesis}
	if byHeader != nil {
		trust, theirTrust = &headers.Trust{Header: byHeader}, &referenceTrust{header: byHeader}
	}
	got, gotErr := headers.Verify(b.proof, trust)
	want, wantErr := referenceVerify(b.proof, theirTrust)
	if gotErr != nil && wantErr == nil && !b.canonical(t) {
		return false
	}
	if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: %+v, %v; CometBFT: %+v, %v\n%s\n%s", name, got, gotErr, want, wantErr, b.proof.Headers[0], b.proof.Headers[1])
	}
	return gotErr == nil
}

func (b *signedBlock) canonical(t *testing.T) bool {
	for _, raw := range b.proof.Headers {
		var h cmttypes.SignedHeader
		if cmtjson.Unmarshal(raw, &h) != nil || !bytes.Equal(encode(t, &h), raw) {
			return false
		}
	}
	return true
}

func TestVerify(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	for range 40 {
		b := newSignedBlock(t, r, 1+r.IntN(5))
		if !b.compare(t, "unchanged", nil) {
			t.Fatal("an unchanged block is rejected")
		}
		if next := b.headers[1].Hash(); !b.compare(t, "by header", next) {
			t.Fatal("an unchanged block is rejected by its header")
		}
		if b.compare(t, "another header", randomBytes(r, 32)) {
			t.Fatal("accepted by a header of another block")
		}
		for _, name := range slices.Sorted(maps.Keys(commitMutations)) {
			changed := b.clone(t)
			chain := ""
			commitMutations[name](r, changed.headers[r.IntN(2)].Commit, &chain)
			changed.write(t)
			changed.compare(t, name, nil)
			changed.compare(t, name+", by header", b.headers[1].Hash())
		}
	}
}

// clone returns a copy that shares nothing that the tests change.
func (b *signedBlock) clone(t testing.TB) *signedBlock {
	t.Helper()
	c := *b
	proof := *b.proof
	c.proof = &proof
	for i, raw := range b.proof.Headers {
		c.headers[i] = new(cmttypes.SignedHeader)
		if err := cmtjson.Unmarshal(raw, c.headers[i]); err != nil {
			t.Fatal(err)
		}
	}
	return &c
}

// TestVerifyFields changes every field of either header in turn, and signs the header again or not.
func TestVerifyFields(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	fields := reflect.TypeFor[cmttypes.Header]().NumField()
	accepted := map[string]int{}
	for range 12 {
		b := newSignedBlock(t, r, 1+r.IntN(4))
		for i := range 2 * fields * 2 {
			changed := b.clone(t)
			which, signed := i/2%2, i%2 == 1
			h := changed.headers[which].Header
			name := changeField(r, h, i/4)
			if signed && len(h.ValidatorsHash) > 0 {
				changed.headers[which] = changed.sign(t, r, h)
				if which == 0 { // keep the next header linked to this one
					next := changed.headers[1].Header
					next.LastBlockID = changed.headers[0].Commit.BlockID
					changed.headers[1] = changed.sign(t, r, next)
				}
			}
			changed.write(t)
			label := fmt.Sprintf("%s of header %d, signed again %v", name, which, signed)
			if changed.compare(t, label, nil) {
				accepted[label]++
				if !signed {
					t.Errorf("%s: accepted", label)
				}
			}
			changed.compare(t, label+", by header", changed.headers[1].Hash())
		}
	}
	for _, want := range []string{"Time of header 0, signed again true", "AppHash of header 1, signed again true"} {
		if accepted[want] == 0 {
			t.Errorf("%s is never accepted: the test does not reach what it is for; %v", want, accepted)
		}
	}
}

// changeField changes one field of a header.
func changeField(r *rand.Rand, h *cmttypes.Header, i int) string {
	other := randomHeader(r)
	field := reflect.ValueOf(h).Elem().Field(i)
	name := reflect.TypeFor[cmttypes.Header]().Field(i).Name
	switch value := reflect.ValueOf(other).Elem().Field(i); {
	case name == "AppHash" && r.IntN(2) == 0:
		h.AppHash = append([]byte{0}, randomBytes(r, 31)...)
	case reflect.DeepEqual(field.Interface(), value.Interface()):
		h.Version.App++
	default:
		field.Set(value)
	}
	return name
}

// TestVerifyBytes changes bytes of the headers' text. Both implementations must agree, and reject every changed text.
func TestVerifyBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	for range 20 {
		b := newSignedBlock(t, r, 1+r.IntN(3))
		for range 200 {
			changed := b.clone(t)
			which := r.IntN(2)
			raw := bytes.Clone(changed.proof.Headers[which])
			switch at := r.IntN(len(raw)); r.IntN(4) {
			case 0:
				raw[at] ^= byte(1 + r.IntN(255))
			case 1:
				raw = append(raw[:at], raw[at+1:]...)
			case 2:
				raw[at] = "0123456789ABCDEFabcdef\" ,:{}"[r.IntN(28)]
			case 3:
				to := at + r.IntN(min(len(raw)-at, 40))
				raw = append(raw[:to], b.proof.Headers[which][at:]...)
			}
			changed.proof.Headers[which] = raw
			if changed.compare(t, "changed bytes", nil) && !bytes.Equal(raw, b.proof.Headers[which]) {
				t.Errorf("accepted: %s", raw)
			}
		}
		lower := b.clone(t)
		lower.proof.Headers[0] = []byte(strings.ToLower(string(lower.proof.Headers[0])))
		lower.compare(t, "lower case", nil)
	}
}

// TestVerifyLists changes the parts of a proof that the headers commit to.
func TestVerifyLists(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	b := newSignedBlock(t, r, 4)
	for name, change := range map[string]func(c *signedBlock){
		"another chain": func(c *signedBlock) { c.proof.Chain = "OTHER" },
		"another block": func(c *signedBlock) { c.proof.Block++ },
		"a transaction more": func(c *signedBlock) {
			c.proof.Witness.Transactions = append(c.proof.Witness.Transactions[:0:0], statement.HexBytes{1})
		},
		"a result more": func(c *signedBlock) {
			c.proof.Witness.Results = append(c.proof.Witness.Results[:0:0], statement.Result{Code: 1})
		},
		"headers swapped":     func(c *signedBlock) { c.proof.Headers[0], c.proof.Headers[1] = c.proof.Headers[1], c.proof.Headers[0] },
		"the same twice":      func(c *signedBlock) { c.proof.Headers[1] = c.proof.Headers[0] },
		"no headers":          func(c *signedBlock) { c.proof.Headers = [2]json.RawMessage{} },
		"a header is null":    func(c *signedBlock) { c.proof.Headers[0] = json.RawMessage("null") },
		"a commit is missing": func(c *signedBlock) { c.headers[0].Commit = nil; c.write(t) },
		"genesis of another":  func(c *signedBlock) { g := *c.genesis; g.ChainID = "OTHER"; c.genesis = &g },
		"a validator is gone": func(c *signedBlock) { g := *c.genesis; g.Validators = g.Validators[1:]; c.genesis = &g },
		"other validators":    func(c *signedBlock) { c.genesis = newSignedBlock(t, r, 4).genesis },
		"a power is different": func(c *signedBlock) {
			g := *c.genesis
			g.Validators = append(g.Validators[:0:0], g.Validators...)
			g.Validators[0].Power++
			c.genesis = &g
		},
	} {
		changed := b.clone(t)
		change(changed)
		if changed.compare(t, name, nil) {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := headers.Verify(b.proof, &headers.Trust{}); err == nil || !strings.Contains(err.Error(), "neither a genesis nor a header") {
		t.Errorf("nothing trusted: %v", err)
	}
	if _, err := headers.Verify(b.proof, &headers.Trust{ChainID: "OTHER", Header: b.headers[1].Hash()}); err == nil || !strings.Contains(err.Error(), `not of "OTHER"`) {
		t.Errorf("another chain demanded: %v", err)
	}
}

// TestRefusals checks that an error names the check that failed.
func TestRefusals(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	b, other := newSignedBlock(t, r, 4), newSignedBlock(t, r, 4)
	for name, c := range map[string]struct {
		change func(c *signedBlock)
		want   string
	}{
		"another block":       {func(c *signedBlock) { c.proof.Block++ }, "headers of heights"},
		"another genesis":     {func(c *signedBlock) { c.genesis = other.genesis }, "genesis has"},
		"another transaction": {func(c *signedBlock) { c.proof.Witness.Transactions = []statement.HexBytes{{7}} }, "the transactions hash to"},
		"another result":      {func(c *signedBlock) { c.proof.Witness.Results = []statement.Result{{Code: 7}} }, "the results hash to"},
		"a foreign header":    {func(c *signedBlock) { c.proof.Headers[1] = other.proof.Headers[1] }, "headers of heights"},
		"no header":           {func(c *signedBlock) { c.proof.Headers[1] = json.RawMessage("{}") }, "header or commit is missing"},
		"a forged signature": {func(c *signedBlock) {
			s := c.headers[1].Commit.Signatures
			s[0].Signature, s[1].Signature = s[1].Signature, s[0].Signature
			c.write(t)
		}, "is not signed by the genesis validators"},
		"the weakest alone": {func(c *signedBlock) {
			s := c.headers[1].Commit.Signatures
			for i := range s[:3] {
				s[i] = cmttypes.NewCommitSigAbsent()
			}
			c.write(t)
		}, "needed"},
	} {
		changed := b.clone(t)
		c.change(changed)
		genesis, err := headers.ParseGenesis(encode(t, changed.genesis))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := headers.Verify(changed.proof, &headers.Trust{Genesis: genesis}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
