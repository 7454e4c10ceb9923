//go:build !js

package headers_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/prover/block/headers"
)

// TestParseGenesis compares ParseGenesis with CometBFT's reader and validator set, and with the application's reader of
// app_state.
func TestParseGenesis(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 1))
	base := newSignedBlock(t, r, 3).genesis
	validator := func(change func(v map[string]any)) func(map[string]any) {
		return func(doc map[string]any) { change(doc["validators"].([]any)[1].(map[string]any)) }
	}
	state := func(text string) func(map[string]any) {
		return func(doc map[string]any) { doc["app_state"] = json.RawMessage(text) }
	}
	first := strings.ToLower(base.Validators[0].Address.String())
	for name, c := range map[string]struct {
		change func(doc map[string]any)
		want   bool
	}{
		"unchanged":            {func(doc map[string]any) {}, true},
		"no app_state":         {func(doc map[string]any) { delete(doc, "app_state") }, true},
		"null app_state":       {state("null"), true},
		"no chain":             {func(doc map[string]any) { doc["chain_id"] = "" }, false},
		"a long chain":         {func(doc map[string]any) { doc["chain_id"] = strings.Repeat("a", 51) }, false},
		"no address":           {validator(func(v map[string]any) { delete(v, "address") }), true},
		"an empty address":     {validator(func(v map[string]any) { v["address"] = "" }), true},
		"null address":         {validator(func(v map[string]any) { v["address"] = nil }), true},
		"another address":      {validator(func(v map[string]any) { v["address"] = strings.Repeat("AB", 20) }), false},
		"no power":             {validator(func(v map[string]any) { v["power"] = "0" }), false},
		"negative power":       {validator(func(v map[string]any) { v["power"] = "-1" }), false},
		"power as a number":    {validator(func(v map[string]any) { v["power"] = 1 }), false},
		"power beyond 64 bits": {validator(func(v map[string]any) { v["power"] = "9223372036854775808" }), false},
		"too much power":       {validator(func(v map[string]any) { v["power"] = "1152921504606846976" }), false},
		"too much in sum":      {validator(func(v map[string]any) { v["power"] = "1152921504606846975" }), false},
		"a short key":          {validator(func(v map[string]any) { v["pub_key"].(map[string]any)["value"] = "AAAA" }), false},
		"a key of no type":     {validator(func(v map[string]any) { v["pub_key"].(map[string]any)["type"] = "tendermint/Unknown" }), false},
		"twice":                {func(doc map[string]any) { v := doc["validators"].([]any); doc["validators"] = append(v, v[0]) }, false},
		"fee token":            {state(`{"fee_token":"0x5"}`), true},
		"fee token not a felt": {state(`{"fee_token":"0x800000000000011000000000000000000000000000000000000000000000001"}`), false},
		"fee recipient":        {state(`{"fee_recipients":{"` + first + `":"0x5"}}`), true},
		"upper-case recipient": {state(`{"fee_recipients":{"` + strings.ToUpper(first) + `":"0x5"}}`), false},
		"recipient 0":          {state(`{"fee_recipients":{"` + first + `":"0x0"}}`), false},
		"largest recipient":    {state(`{"fee_recipients":{"` + first + `":"0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}}`), true},
		"recipient too large":  {state(`{"fee_recipients":{"` + first + `":"0x800000000000000000000000000000000000000000000000000000000000000"}}`), false},
		"short proposer":       {state(`{"fee_recipients":{"ab":"0x5"}}`), false},
		"app_state's chain":    {state(`{"chain_id":"TEST"}`), true},
		"app_state of another": {state(`{"chain_id":"OTHER"}`), false},
		"app_state a list":     {state(`[]`), false},
	} {
		t.Run(name, func(t *testing.T) {
			var doc map[string]any
			if err := json.Unmarshal(encode(t, base), &doc); err != nil {
				t.Fatal(err)
			}
			c.change(doc)
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			var theirHash []byte
			theirErr := theirVerdict(func() error {
				theirs, err := cmttypes.GenesisDocFromJSON(data)
				if err != nil {
					return err
				}
				theirHash = theirs.ValidatorHash()
				_, err = app.ParseGenesis(theirs.ChainID, theirs.AppState)
				return err
			})
			got, err := headers.ParseGenesis(data)
			if (err == nil) != c.want || (theirErr == nil) != c.want {
				t.Fatalf("ours: %v, theirs: %v, want accepted %v", err, theirErr, c.want)
			}
			if err == nil && !bytes.Equal(got.Validators.Hash(), theirHash) {
				t.Errorf("validators %X, want %X", got.Validators.Hash(), theirHash)
			}
		})
	}
	if _, err := headers.ParseGenesis([]byte(`{"chain_id":"TEST"}`)); err == nil {
		t.Error("a genesis without validators is accepted: nobody could sign")
	}
	if _, err := headers.NewValidatorSet([]headers.Validator{{Key: make([]byte, 32), Power: math.MaxInt64}}); err == nil {
		t.Error("a power of 2^63 - 1 is accepted")
	}
}
