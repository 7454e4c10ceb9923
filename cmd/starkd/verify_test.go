package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/pebbledb"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/watcher"
)

// verifyAndRefuse checks that verify accepts the proof of a block and refuses changed ones. It stops the watcher.
func verifyAndRefuse(t *testing.T, n *testnet, l *load) {
	height, other := l.blocks[len(l.blocks)-1], l.blocks[0]
	data, otherData := n.bundle(t, height), n.bundle(t, other)
	var tx, otherTx felt.Felt
	for hash := range l.sent {
		_, number, err := n.client(1).Receipt(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		switch number {
		case height:
			tx = hash
		case other:
			otherTx = hash
		}
	}
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	next := int64(height + 1)
	commit, err := n.comet(t, 1).Commit(t.Context(), &next)
	if err != nil {
		t.Fatal(err)
	}
	trusted := commit.Hash().String()
	path := file("proof.json", data)
	accepted := func(name string, args ...string) {
		t.Helper()
		stdout, stderr, code := command(t, append([]string{"verify"}, args...)...)
		if code != 0 || !strings.HasPrefix(stdout, fmt.Sprintf("valid: block %d of chain %s\n", height, n.ChainID)) || !strings.Contains(stdout, tx.String()) {
			t.Errorf("%s: status %d\n%s%s", name, code, stdout, stderr)
		}
	}
	refused := func(name, want string, args ...string) {
		t.Helper()
		stdout, stderr, code := command(t, append([]string{"verify"}, args...)...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "refused: ") || !strings.Contains(stderr, want) || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("%s: status %d, want 1 and %q\n%s%s", name, code, want, stdout, stderr)
		}
	}
	unchecked := func(name, want string, args ...string) {
		t.Helper()
		stdout, stderr, code := command(t, append([]string{"verify"}, args...)...)
		if code != 3 || stdout != "" || !strings.HasPrefix(stderr, "could not check: ") || !strings.Contains(stderr, want) || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("%s: status %d, want 3 and %q\n%s%s", name, code, want, stdout, stderr)
		}
	}
	accepted("by validators", "--validators", n.genesis(), path)
	accepted("by URL", "--validators", n.genesis(), "--tx", tx.String(), fmt.Sprintf("%s/v1/proofs/%v/raw", n.Watcher.REST, tx))
	accepted("by header", "--trusted-header", trusted, path)
	accepted("with everything demanded", "--validators", n.genesis(), "--trusted-header", trusted, "--chain-id", n.ChainID, "--block", fmt.Sprint(height), "--tx", tx.String(), path)

	refused("another transaction", "does not cover transaction", "--validators", n.genesis(), "--tx", otherTx.String(), path)
	refused("another block", fmt.Sprintf("of block %d, not of %d", height, height+1), "--validators", n.genesis(), "--block", fmt.Sprint(height+1), path)
	refused("another chain", "of chain", "--validators", n.genesis(), "--chain-id", "ANOTHER_CHAIN", path)
	refused("another header", "trusted is", "--trusted-header", strings.Repeat("ab", 32), path)
	accepted("with its program named", "--validators", n.genesis(), "--program", statement.FormatStwo.ProgramHash().String(), "--min-proven-security", "57", path)
	refused("another program", "demanded is 0x123", "--validators", n.genesis(), "--program", "0x123", path)
	refused("more proven security than it has", "bits of proven security, 60 are demanded", "--validators", n.genesis(), "--min-proven-security", "60", path)
	refused("more security than it has", "bits of conjectured security", "--validators", n.genesis(), "--min-security", "97", path)
	stranger := filepath.Join(dir, "stranger")
	if _, stderr, code := command(t, "testnet", "--validators", "4", "--output", stranger); code != 0 {
		t.Fatal(stderr)
	}
	refused("validators of another genesis", "has validators", "--validators", filepath.Join(stranger, "watcher", "config", "genesis.json"), path)
	foreign := filepath.Join(dir, "foreign")
	if _, stderr, code := command(t, "init", "--chain-id", "ANOTHER_CHAIN", "--home", foreign); code != 0 {
		t.Fatal(stderr)
	}
	unchecked("the genesis of another chain", `the genesis is of chain "ANOTHER_CHAIN"`, "--validators", filepath.Join(foreign, "config", "genesis.json"), path)
	unchecked("a genesis that is none", "--validators", "--validators", path, path)
	unchecked("a genesis that is missing", "--validators", "--validators", filepath.Join(dir, "nosuch.json"), path)
	unchecked("no file", "no such file", "--validators", n.genesis(), filepath.Join(dir, "nosuch.json"))
	unchecked("a file that is no proof", "neither a block's proof nor", "--validators", n.genesis(), n.genesis())
	unchecked("a block that has no proof", "404", "--validators", n.genesis(), n.Watcher.REST+"/v1/blocks/999999/proof")
	// A trusted header binds the block whether validators signed it or not, and the output does not say that they did.
	unsigned, err := block.Parse(bytes.Clone(data))
	if err != nil {
		t.Fatal(err)
	}
	for which := range unsigned.Headers {
		changeHeader(t, unsigned, which, func(l *cmttypes.SignedHeader) {
			for i := range l.Commit.Signatures {
				if sig := &l.Commit.Signatures[i]; len(sig.Signature) > 0 { // a validator that was down has none
					sig.Signature = bytes.Repeat([]byte{1}, 64)
				}
			}
		})
	}
	if data, err := unsigned.Encode(); err != nil {
		t.Error(err)
	} else {
		path := file("unsigned.json", data)
		accepted("unsigned, by header", "--trusted-header", trusted, path)
		stdout, _, _ := command(t, "verify", "--trusted-header", trusted, path)
		if strings.Contains(stdout, "signed by") || !strings.Contains(stdout, "signatures were not checked") {
			t.Errorf("by header:\n%s", stdout)
		}
		refused("unsigned, by validators", "not signed by", "--validators", n.genesis(), path)
	}
	if _, _, code := command(t, "verify", path); code != 2 {
		t.Errorf("with nothing to trust: status %d, want 2", code)
	}
	refused("a proof that is cut", "", "--validators", n.genesis(), file("cut.json", data[:len(data)-1]))
	refused("a proof with a byte more", "", "--validators", n.genesis(), file("more.json", append(data[:len(data):len(data)], '\n')))

	j := newJudge(t, n.genesis())
	if err := j.judge(data); err != nil {
		t.Fatal(err)
	}
	t.Run("any byte", func(t *testing.T) { anyByte(t, j, data, refused, file) })
	t.Run("any part", func(t *testing.T) { anyPart(t, j, data) })
	t.Run("another block's parts", func(t *testing.T) { otherParts(t, j, data, otherData) })
	t.Run("other validators", func(t *testing.T) { otherValidators(t, j, data) })
	t.Run("in the browser", func(t *testing.T) { inBrowser(t, path, n.genesis(), trusted, height, tx, otherTx, j.refused) })

	// The state of the replica can be opened once the watcher has ended.
	n.watcher.stop(t)
	forged := forge(t, n, j, data)
	refused("a proof of a changed storage answer", "StorageRead", "--validators", n.genesis(), file("forged.json", forged))
}

// judge runs `starkd verify --validators` in this process.
type judge struct {
	genesis *cmttypes.GenesisDoc
	trust   *headers.Trust
	refused [][]byte // the first files that were refused
}

func newJudge(t *testing.T, genesis string) *judge {
	t.Helper()
	doc, err := cmttypes.GenesisDocFromFile(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return judgeOf(t, doc)
}

func judgeOf(t *testing.T, doc *cmttypes.GenesisDoc) *judge {
	t.Helper()
	data, err := cmtjson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := headers.ParseGenesis(data)
	if err != nil {
		t.Fatal(err)
	}
	return &judge{genesis: doc, trust: &headers.Trust{Genesis: genesis}}
}

func (j *judge) judge(data []byte) error {
	err := j.verify(data)
	if err != nil && len(j.refused) < 24 {
		j.refused = append(j.refused, data)
	}
	return err
}

func (j *judge) verify(data []byte) error {
	proof, err := block.Parse(bytes.Clone(data))
	if err != nil {
		return err
	}
	anchor, err := headers.Verify(proof, j.trust)
	if err != nil {
		return err
	}
	_, err = block.Verify(proof, anchor, prover.Policy{})
	return err
}

// positions returns the numbers of random changes: those that are cheap to refuse, and those that need a verification.
func positions() (cheap, dear int) {
	if os.Getenv("STARKD_FULL") == "" {
		return 200, 60
	}
	return 1000, 400
}

// anyByte changes one byte of the file.
func anyByte(t *testing.T, j *judge, data []byte, refused func(name, want string, args ...string), file func(string, []byte) string) {
	r := rand.New(rand.NewPCG(1, 2))
	cheap, _ := positions()
	for range cheap {
		at, by := r.IntN(len(data)), byte(1+r.IntN(255))
		changed := bytes.Clone(data)
		changed[at] ^= by
		if err := j.judge(changed); err == nil {
			t.Errorf("accepted with byte %d changed by %#x", at, by)
		}
	}
	changed := bytes.Clone(data)
	changed[len(data)/2] ^= 1
	refused("one bit", "", "--trusted-header", strings.Repeat("ab", 32), file("bit.json", changed))
}

// anyPart changes one thing inside the file and sets the digest of the changed body.
func anyPart(t *testing.T, j *judge, data []byte) {
	r := rand.New(rand.NewPCG(3, 4))
	one := felt.One
	plusOne := func(x *felt.Felt) { x.Add(x, &one) }
	flip := func(b []byte) { b[r.IntN(len(b))] ^= 1 << r.IntN(8) }
	parts := []struct {
		name   string
		change func(b *block.Bundle)
	}{
		{"a value of the proof", stwoChange(func(p *stwo.Proof) {
			switch r.IntN(5) {
			case 0:
				flip(p.STARK.Commitments[r.IntN(len(p.STARK.Commitments))][:])
			case 1:
				p.InteractionNonce++
			case 2:
				p.Sums[r.IntN(len(p.Sums))].A.A ^= 1
			case 3:
				samples := p.STARK.SampledValues[r.IntN(len(p.STARK.SampledValues))]
				if column := samples[r.IntN(len(samples))]; len(column) > 0 {
					column[r.IntN(len(column))].B.A ^= 1
				} else {
					p.STARK.ProofOfWork++
				}
			default:
				p.STARK.ProofOfWork++
			}
		})},
		{"public memory", stwoChange(func(p *stwo.Proof) {
			cells := [][]stwo.Cell{p.Claim.Public.Output, p.Claim.Public.Program}[r.IntN(2)]
			plusOne(&cells[r.IntN(len(cells))].Value)
		})},
		{"ids of the public memory", stwoChange(func(p *stwo.Proof) {
			cells := [][]stwo.Cell{p.Claim.Public.Output, p.Claim.Public.Program}[r.IntN(2)]
			cells[r.IntN(len(cells))].ID++
		})},
		{"registers", stwoChange(func(p *stwo.Proof) { p.Claim.Public.Final.AP++ })},
		{"a file's byte", func(b *block.Bundle) { flip(b.Proofs[0].Stwo) }},
		{"transactions", func(b *block.Bundle) { flip(b.Witness.Transactions[r.IntN(len(b.Witness.Transactions))]) }},
		{"results", func(b *block.Bundle) { flip(b.Witness.Results[r.IntN(len(b.Witness.Results))].Data) }},
		{"result numbers", func(b *block.Bundle) {
			result := &b.Witness.Results[r.IntN(len(b.Witness.Results))]
			switch r.IntN(3) {
			case 0:
				result.Code++
			case 1:
				result.GasUsed++
			default:
				result.GasWanted++
			}
		}},
		{"class code", func(b *block.Bundle) {
			class := b.Witness.Classes[r.IntN(len(b.Witness.Classes))].Class
			start := bytes.Index(class, []byte(`"bytecode":[`))
			end := start + bytes.IndexByte(class[start:], ']')
			at := start + len(`"bytecode":[`) + r.IntN(end-start-len(`"bytecode":[`))
			for class[at] < '1' || class[at] > '8' {
				if at++; at >= end {
					at = start + len(`"bytecode":[`)
				}
			}
			class[at]++
		}},
		{"class hashes", func(b *block.Bundle) { plusOne(&b.Witness.Classes[r.IntN(len(b.Witness.Classes))].Hash) }},
		{"prestate roots", func(b *block.Bundle) {
			if r.IntN(2) == 0 {
				plusOne(&b.Witness.Prestate.ContractsRoot)
			} else {
				plusOne(&b.Witness.Prestate.ClassesRoot)
			}
		}},
		{"prestate leaves", func(b *block.Bundle) {
			leaf := &b.Witness.Prestate.Contracts[r.IntN(len(b.Witness.Prestate.Contracts))]
			plusOne([]*felt.Felt{&leaf.Address, &leaf.ClassHash, &leaf.StorageRoot, &leaf.Nonce}[r.IntN(4)])
		}},
		{"prestate nodes", func(b *block.Bundle) {
			node := &b.Witness.Prestate.Pedersen[r.IntN(len(b.Witness.Prestate.Pedersen))]
			if node.Length == 0 {
				plusOne([]*felt.Felt{&node.Left, &node.Right}[r.IntN(2)])
			} else {
				plusOne(&node.Child)
			}
		}},
		{"a prestate node less", func(b *block.Bundle) {
			nodes := b.Witness.Prestate.Pedersen
			at := r.IntN(len(nodes))
			b.Witness.Prestate.Pedersen = append(nodes[:at:at], nodes[at+1:]...)
		}},
		{"the block's number", func(b *block.Bundle) { b.Block++ }},
		{"the chain's name", func(b *block.Bundle) { b.Chain += "X" }},
		{"a proof less", func(b *block.Bundle) { b.Proofs = b.Proofs[1:] }},
		{"a proof twice", func(b *block.Bundle) { b.Proofs = append(b.Proofs, b.Proofs[0]) }},
		{"size of a table", stwoChange(func(p *stwo.Proof) {
			// The size of a fixed table is not part of the file.
			var sized []int
			for i := range p.Claim.Tables {
				if !p.Claim.Tables[i].Component.Fixed {
					sized = append(sized, i)
				}
			}
			p.Claim.Tables[sized[r.IntN(len(sized))]].LogSize++
		})},
		{"queries", stwoChange(func(p *stwo.Proof) { p.STARK.Config.Queries++ })},
		{"a signed app hash", func(b *block.Bundle) {
			changeHeader(t, b, r.IntN(2), func(l *cmttypes.SignedHeader) { flip(l.AppHash) })
		}},
		{"a signature", func(b *block.Bundle) {
			changeHeader(t, b, r.IntN(2), func(l *cmttypes.SignedHeader) {
				for {
					if s := &l.Commit.Signatures[r.IntN(len(l.Commit.Signatures))]; len(s.Signature) > 0 {
						flip(s.Signature)
						return
					}
				}
			})
		}},
	}
	_, dear := positions()
	for i := range max(dear, len(parts)) {
		// Every third change is one of the STARK, which is the larger part.
		part := parts[i%len(parts)]
		if i >= len(parts) && i%3 == 0 {
			part = parts[r.IntN(2)]
		}
		proof, err := block.Parse(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		part.change(proof)
		changed, err := proof.Encode()
		if err != nil {
			continue // it cannot be encoded
		}
		if bytes.Equal(changed, data) {
			t.Fatalf("%s: nothing changed", part.name)
		}
		if err := j.judge(changed); err == nil {
			t.Errorf("accepted with %s changed (change %d)", part.name, i)
		}
	}
}

// stwoChange returns a function that changes the first proof of a bundle, a proof of S-two.
func stwoChange(change func(*stwo.Proof)) func(*block.Bundle) {
	return func(b *block.Bundle) {
		p, err := stwo.ParseBinary(b.Proofs[0].Stwo)
		if err != nil {
			panic(err)
		}
		change(p)
		b.Proofs[0] = block.NewStwo(p)
	}
}

func changeHeader(t *testing.T, b *block.Bundle, which int, change func(*cmttypes.SignedHeader)) {
	t.Helper()
	header := new(cmttypes.SignedHeader)
	if err := cmtjson.Unmarshal(b.Headers[which], header); err != nil {
		t.Fatal(err)
	}
	change(header)
	raw, err := cmtjson.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	b.Headers[which] = raw
}

// otherParts puts parts of one bundle into another.
func otherParts(t *testing.T, j *judge, data, otherData []byte) {
	for name, mix := range map[string]func(b, other *block.Bundle){
		"its proofs":              func(b, other *block.Bundle) { b.Proofs = other.Proofs },
		"its headers":             func(b, other *block.Bundle) { b.Headers = other.Headers },
		"its headers and number":  func(b, other *block.Bundle) { b.Headers, b.Block = other.Headers, other.Block },
		"its witness":             func(b, other *block.Bundle) { b.Witness = other.Witness },
		"its prestate":            func(b, other *block.Bundle) { b.Witness.Prestate = other.Witness.Prestate },
		"all but its proofs":      func(b, other *block.Bundle) { p := b.Proofs; *b = *other; b.Proofs = p },
		"its second header":       func(b, other *block.Bundle) { b.Headers[1] = other.Headers[1] },
		"its first header for it": func(b, _ *block.Bundle) { b.Headers[1] = b.Headers[0] },
	} {
		b, err := block.Parse(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		other, err := block.Parse(bytes.Clone(otherData))
		if err != nil {
			t.Fatal(err)
		}
		mix(b, other)
		changed, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := j.judge(changed); err == nil {
			t.Errorf("accepted with %s", name)
		}
	}
}

// otherValidators signs the headers of the block with keys of other validators, and changes them in other ways.
func otherValidators(t *testing.T, j *judge, data []byte) {
	var keys []ed25519.PrivKey
	var list []*cmttypes.Validator
	for range 4 {
		key := ed25519.GenPrivKey()
		keys = append(keys, key)
		list = append(list, cmttypes.NewValidator(key.PubKey(), 1))
	}
	strangers := cmttypes.NewValidatorSet(list)
	sign := func(l *cmttypes.SignedHeader) {
		l.Commit.BlockID.Hash = l.Hash()
		l.Commit.Signatures = make([]cmttypes.CommitSig, len(strangers.Validators))
		for i, v := range strangers.Validators {
			l.Commit.Signatures[i] = cmttypes.CommitSig{BlockIDFlag: cmttypes.BlockIDFlagCommit, ValidatorAddress: v.Address, Timestamp: l.Time}
		}
		for i, v := range strangers.Validators {
			for _, key := range keys {
				if !bytes.Equal(key.PubKey().Address(), v.Address) {
					continue
				}
				signature, err := key.Sign(l.Commit.VoteSignBytes(l.ChainID, int32(i)))
				if err != nil {
					t.Fatal(err)
				}
				l.Commit.Signatures[i].Signature = signature
			}
		}
	}
	// lie replaces both headers. With honest, a verifier that trusts the other validators must accept the result.
	lie := func(change func(l *cmttypes.SignedHeader)) []byte {
		b, err := block.Parse(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		var previous cmttypes.BlockID
		for which := range b.Headers {
			changeHeader(t, b, which, func(l *cmttypes.SignedHeader) {
				if which == 1 {
					l.LastBlockID = previous
				}
				change(l)
				previous = l.Commit.BlockID
			})
		}
		changed, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	replaced := lie(func(l *cmttypes.SignedHeader) {
		l.ValidatorsHash, l.NextValidatorsHash = strangers.Hash(), strangers.Hash()
		sign(l)
	})
	if err := j.judge(replaced); err == nil {
		t.Error("accepted with headers of other validators")
	}
	// A verifier that trusts the other validators accepts the same file.
	doc := *j.genesis
	doc.Validators = nil
	for _, v := range strangers.Validators {
		doc.Validators = append(doc.Validators, cmttypes.GenesisValidator{Address: v.Address, PubKey: v.PubKey, Power: v.VotingPower})
	}
	if err := judgeOf(t, &doc).judge(replaced); err != nil {
		t.Errorf("headers signed by the strangers, to those who trust them: %v", err)
	}
	if err := j.judge(lie(sign)); err == nil {
		t.Error("accepted with the validators' headers and other signatures")
	}
	// Too few signatures of the right validators.
	if err := j.judge(lie(func(l *cmttypes.SignedHeader) {
		for i := range l.Commit.Signatures {
			if i > 0 {
				l.Commit.Signatures[i] = cmttypes.NewCommitSigAbsent()
			}
		}
	})); err == nil {
		t.Error("accepted with one signature of four")
	}
}

// forge proves the block again with another answer to one storage read: a valid run of the OS program with a valid STARK. It returns
// the bundle with that proof in it.
func forge(t *testing.T, n *testnet, j *judge, data []byte) []byte {
	b, err := block.Parse(bytes.Clone(data))
	if err != nil {
		t.Fatal(err)
	}
	db, err := pebbledb.Open("starknet", filepath.Join(n.Watcher.Home, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := state.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	replica, err := app.New(store, vm.NewEngine(), nil, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer replica.Close()
	trace, err := replica.TraceCalls(t.Context(), b.Block, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	replayed := &cairoos.Block{
		ChainID: trace.ChainID, Number: trace.Header.Number, Timestamp: trace.Header.Timestamp, Sequencer: trace.Header.Sequencer,
	}
	lied := false
	for i := range trace.Transactions {
		r := &trace.Transactions[i]
		for _, call := range r.Calls {
			lied = lied || call.Call.Selector == wallet.Selector("__execute__") && answerOtherwise(call)
		}
		replayed.Transactions = append(replayed.Transactions, cairoos.Transaction{Info: *r.Info, Reverted: r.Outcome.Receipt.Reverted, Calls: r.Calls})
	}
	if !lied {
		t.Fatal("no storage is read in the block")
	}
	b.Proofs = nil
	options := cairoos.Options{Layout: cairoos.LayoutStwo, MaxSteps: 1 << 18}
	excluded, err := cairoos.RunParts([]*cairoos.Block{replayed}, options, func(part cairoos.Part) error {
		input, err := adapter.FromTrace(part.Trace)
		if err != nil {
			return err
		}
		powBits, queries := config.Default().Watch.Proofs()
		maker, err := stwo.NewProver(t.Context(), watcher.StwoParams(powBits, queries))
		if err != nil {
			return err
		}
		proof, err := prover.ProveStwo(t.Context(), maker, input, nil)
		if err != nil {
			return err
		}
		b.Proofs = append(b.Proofs, block.NewStwo(proof))
		_, err = prover.VerifyStwo(proof, prover.Policy{})
		return err
	})
	if err != nil || len(excluded) > 0 {
		t.Fatalf("the lie cannot be proved: %v %v", excluded, err)
	}
	forged, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := j.judge(forged); err == nil || !strings.Contains(err.Error(), "StorageRead") {
		t.Errorf("a proof of a changed storage answer: %v", err)
	} else {
		t.Logf("refused: %v", err)
	}
	return forged
}

// answerOtherwise adds 1 to the first balance that a call reads.
func answerOtherwise(e *cairo.CallTrace) bool {
	for i := range e.Syscalls {
		s := &e.Syscalls[i]
		if s.Selector == cairo.StorageRead && len(s.Response) == 1 && !s.Response[0].IsZero() {
			one := felt.One
			s.Response[0].Add(&s.Response[0], &one)
			return true
		}
		if s.Inner != nil && answerOtherwise(s.Inner) {
			return true
		}
	}
	return false
}
