// Package deps tests the architecture: which packages a package may import, which standard packages the deterministic ones must not
// import, and that every package has a comment. The table policy is the policy. A package without a row fails the test.
package deps

// everyone lists packages that every package may import, in addition to its row of the policy. They import no package of ours.
var everyone = []string{"starknet/constants"}

// policy lists, for each package of ours, the packages of ours that it may import. A name that ends in /... stands for a subtree; the row with
// the longest matching name applies.
var policy = map[string][]string{
	"crypto/felt":        {},
	"internal/...":       {},
	"internal/cairocli":  {"cairo", "cairo/cairo0", "internal/cli", "internal/runfiles"},
	"internal/cli":       {"internal/hint", "internal/terminal"},
	"internal/engines":   {"cairo", "cairo/vm", "cairo/native"},
	"internal/offchain":  {"crypto/felt", "cairo", "cairo/casm", "cairo/sierra", "cairo/compiler", "cairo/native", "starknet", "app/state", "app/executor", "internal/hint", "internal/terminal"},
	"internal/runfiles":  {"cairo"},
	"internal/stoneruns": {"crypto/felt", "cairo", "cairo/machine", "cairo/cairo0", "internal/golden"},
	"internal/tablefile": {"crypto/blake", "internal/parallel", "prover/stwo/m31", "prover/stwo/circle", "prover/stwo/channel", "prover/stwo/pcs", "prover/stwo/preprocessed"},
	"internal/wallet":    {"crypto/...", "cairo/sierra", "cairo/compiler", "starknet", "rpc", "rpc/client"},
	"explorer":           {},
	"contracts":          {},
	"crypto/starkcurve":  {"crypto/felt", "internal/parallel"},
	"crypto/pedersen":    {"crypto/felt", "crypto/starkcurve"},
	"crypto/poseidon":    {"crypto/felt", "crypto/starkcurve"},
	"crypto/keccak":      {"crypto/felt", "crypto/starkcurve"},
	"crypto/blake":       {"crypto/felt", "crypto/starkcurve"},
	"crypto/secp":        {},
	"crypto/sha2":        {},
	"crypto/zip215":      {},
	"cairo/sierra":       {"crypto/..."},
	"cairo/casm":         {"crypto/..."},
	"cairo/compiler":     {"crypto/...", "cairo/sierra", "cairo/casm"},
	"cairo":              {"crypto/...", "cairo/sierra", "cairo/casm"},
	"cairo/machine":      {"crypto/...", "cairo", "cairo/casm"},
	"cairo/vm":           {"crypto/...", "cairo", "cairo/casm", "cairo/machine"},
	"cairo/cairo0":       {"crypto/...", "cairo", "cairo/machine", "cairo/cairo0/pyhint"},
	"cairo/os":           {"crypto/...", "starknet", "cairo", "cairo/casm", "cairo/machine", "cairo/vm", "cairo/cairo0"},
	"cairo/native":       {"crypto/...", "cairo", "cairo/sierra"},
	"starknet":           {"crypto/...", "cairo/sierra", "cairo/casm", "internal/parallel"},
	"starknet/constants": {},
	"starknet/finality":  {"crypto/..."},
	"starknet/trie":      {"crypto/...", "internal/parallel"},
	"app/state":          {"crypto/felt", "starknet", "starknet/trie"},
	"app/executor":       {"crypto/...", "cairo", "cairo/sierra", "cairo/casm", "cairo/compiler", "starknet", "app/state"},
	"app":                {"crypto/...", "cairo", "starknet", "starknet/finality", "app/state", "app/executor", "internal/bounded", "internal/parallel"},
	"abci":               {"app", "starknet", "starknet/finality"},
	"rpc/jsonrpc":        {"internal/bounded"},
	"rpc":                {"crypto/felt", "starknet", "starknet/finality", "rpc/jsonrpc", "internal/bounded"},
	"rpc/client":         {"crypto/felt", "starknet", "rpc", "rpc/jsonrpc", "internal/bounded"},
	"prover/stone/field": {},
	// The parts of a STARK, from the bottom up. They hash with crypto (the felt channel is Poseidon over the same field) and split work with
	// internal/parallel: docs/decisions/design.md.
	"prover/stone/poly":       {"prover/stone/field", "internal/parallel"},
	"prover/stone/transcript": {"crypto/...", "prover/stone/field", "prover/stone/poly", "internal/parallel"},
	"prover/stone/merkle":     {"crypto/...", "prover/stone/field", "prover/stone/poly", "prover/stone/transcript", "internal/parallel"},
	"prover/stone/fri":        {"prover/stone/field", "prover/stone/poly", "prover/stone/merkle", "prover/stone/transcript", "internal/parallel"},
	"prover/stone/air":        {"prover/stone/field", "prover/stone/poly", "internal/parallel"},
	"prover/stone/stark":      {"prover/stone/field", "prover/stone/poly", "prover/stone/merkle", "prover/stone/transcript", "prover/stone/fri", "prover/stone/air", "internal/parallel"},
	"prover/stone/cairoair":   {"crypto/...", "cairo", "cairo/casm", "prover/stone/field", "prover/stone/air", "internal/parallel", "internal/bounded"},
	"prover/security":         {},
	"prover/stone":            {"crypto/felt", "cairo", "prover/security", "prover/stone/...", "internal/bounded"},
	// The parts of a circle STARK, from the bottom up. The components (cairoair) and the reader of runs (adapter) do not know each other's
	// Cairo: an adapter's input is plain data.
	"prover/stwo/m31":          {},
	"prover/stwo/circle":       {"prover/stwo/m31", "internal/parallel"},
	"prover/stwo/channel":      {"crypto/...", "prover/stwo/m31", "internal/parallel"},
	"prover/stwo/merkle":       {"crypto/...", "prover/stwo/m31", "prover/stwo/circle", "prover/stwo/channel", "internal/parallel"},
	"prover/stwo/fri":          {"prover/stwo/m31", "prover/stwo/circle", "prover/stwo/channel", "prover/stwo/merkle", "internal/parallel"},
	"prover/stwo/pcs":          {"crypto/blake", "prover/stwo/m31", "prover/stwo/circle", "prover/stwo/channel", "prover/stwo/merkle", "prover/stwo/fri", "internal/parallel"},
	"prover/stwo/wide":         {"crypto/felt", "prover/stwo/m31"},
	"prover/stwo/air":          {"prover/stwo/m31", "prover/stwo/circle", "internal/parallel"},
	"prover/stwo/adapter":      {"crypto/...", "prover/stwo/m31", "cairo", "cairo/casm", "internal/bounded", "internal/parallel"},
	"prover/stwo/preprocessed": {"crypto/...", "prover/stwo/m31", "prover/stwo/circle", "prover/stwo/merkle", "internal/parallel"},
	"prover/stwo/constraints":  {"prover/stwo/air"},
	"prover/stwo/cairoair":     {"crypto/...", "prover/stwo/m31", "prover/stwo/wide", "prover/stwo/air", "prover/stwo/adapter", "prover/stwo/preprocessed", "internal/parallel"},
	"prover/stwo":              {"crypto/...", "cairo", "prover/security", "prover/stwo/...", "internal/bounded", "internal/parallel"},
	"prover":                   {"crypto/...", "cairo", "prover/security", "prover/stone", "prover/stone/stark", "prover/stwo", "prover/stwo/adapter", "internal/bounded"},
	"prover/block":             {"crypto/felt", "cairo", "cairo/casm", "starknet", "prover", "prover/security", "prover/stone", "prover/stwo", "prover/block/statement", "internal/bounded", "internal/parallel"},
	"prover/block/statement":   {"crypto/...", "cairo/casm", "starknet", "starknet/finality", "starknet/trie", "internal/parallel"},
	"prover/block/headers":     {"crypto/felt", "crypto/zip215", "starknet", "prover/block", "prover/block/statement", "internal/bounded"},
	"watcher/proofstore":       {"watcher/blobs"},
	"watcher":                  {"crypto/felt", "cairo", "cairo/casm", "cairo/os", "starknet", "starknet/finality", "app/state", "app/executor", "app", "prover", "prover/security", "prover/stone", "prover/stwo", "prover/stwo/...", "prover/block/...", "watcher/proofstore", "watcher/job", "watcher/queue", "internal/bounded"},
	"config":                   {"internal/hint"},
	"watcher/blobs":            {},
	"watcher/queue":            {},
	"watcher/job":              {"crypto/felt", "cairo", "cairo/casm", "cairo/os"},
	// node assembles the other packages. node/home only reads and writes files.
	"node/home":         {"crypto/...", "starknet", "app", "config", "contracts", "internal/hint"},
	"node":              {"crypto/felt", "cairo", "cairo/vm", "cairo/native", "starknet", "starknet/trie", "app/...", "abci", "rpc", "rpc/jsonrpc", "prover", "prover/block", "prover/block/headers", "prover/block/statement", "prover/stone", "watcher", "watcher/proofstore", "watcher/queue", "explorer", "config", "node/home", "internal/hint", "internal/pebbledb", "internal/serve"},
	"cmd/verifier-wasm": {"crypto/felt", "prover", "prover/stone", "prover/stwo", "prover/block/...", "internal/bounded"},
	"cmd/starkd":        {"..."},
	"cmd/starkd-cairo":  {"internal/cairocli", "internal/cli"},
	"scripts/...":       {"..."},

	// pyhint interprets hints of untrusted programs, so it may only reach the machine.
	"cairo/cairo0/pyhint": {"crypto/...", "cairo/machine"},
}

// never lists packages that packages of ours must not import, directly or indirectly. A name in what that ends in / stands for all packages of
// other modules with that prefix.
var never = []struct {
	who  []string
	what []string
}{
	{[]string{"app/...", "abci"}, []string{"prover/...", "watcher/...", "cairo/vm", "cairo/cairo0/...", "cairo/native"}},
	{[]string{"rpc/..."}, []string{"app/..."}},
	{[]string{"cairo"}, []string{"cairo/machine", "cairo/vm", "cairo/native"}},
	{[]string{"cairo/vm", "cairo/native"}, []string{"cairo/compiler"}},
	// The statement recomputes the secp syscalls with code that the engines do not use.
	{[]string{"cairo/vm", "cairo/native"}, []string{"crypto/secp"}},
	{[]string{"prover", "prover/stone/..."}, []string{"starknet", "starknet/trie", "prover/block/..."}},
	// It exists because it starts without the node's packages.
	{[]string{"cmd/starkd-cairo"}, []string{"app/...", "node/...", "prover/...", "watcher/...", "github.com/cometbft/", "github.com/tetratelabs/", "google.golang.org/"}},
	{[]string{"prover/...", "cmd/verifier-wasm"}, []string{"app/...", "abci", "rpc/...", "node/...", "watcher/...", "cairo/machine", "cairo/vm", "cairo/native", "github.com/cometbft/"}},
}

// deterministic lists packages that must not read a clock, randomness, the environment or the network.
var deterministic = []string{"app/...", "cairo/...", "starknet/...", "prover/..."}

// banned lists the standard packages that deterministic packages must not import.
var banned = []string{"time", "math/rand", "math/rand/v2", "crypto/rand", "os", "net", "net/http"}

// outside maps a prefix of import paths of other modules to the packages of ours that may import them.
var outside = map[string][]string{
	"github.com/cometbft/cometbft-db": {"app/state", "internal/pebbledb", "node", "watcher", "scripts/bench/transfers"},
	"github.com/cometbft/cometbft/":   {"abci", "watcher", "node", "node/home"},
	"github.com/cockroachdb/pebble":   {"internal/pebbledb"},
	"github.com/gorilla/websocket":    {"rpc/jsonrpc", "watcher"},
	"github.com/nats-io/":             {"watcher/queue"},
	"gocloud.dev/":                    {"watcher/blobs"},
	// Signatures are verified in one place, so that one rule applies to all.
	"github.com/hdevalence/ed25519consensus": {"crypto/zip215"},
}
