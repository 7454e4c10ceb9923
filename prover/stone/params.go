package stone

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/fri"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/stark"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Parameters are Stone's proof parameters. Hashes have Stone's names.
type Parameters struct {
	Channel         transcript.Hash // channel_hash; default keccak256
	Commitment      transcript.Hash // commitment_hash; default keccak256_masked160_msb
	Friendly        transcript.Hash // verifier_friendly_commitment_hash; default Commitment
	FriendlyLayers  uint64          // n_verifier_friendly_commitment_layers
	FriendlyUpdates bool            // verifier_friendly_channel_updates
	PowHash         transcript.Hash // pow_hash, of the poseidon3 channel; default blake256
	PageHash        string          // statement.page_hash: keccak256 (default) or pedersen

	LogBlowup uint   // stark.log_n_cosets
	FRISteps  []uint // stark.fri.fri_step_list
	LastBound uint64 // stark.fri.last_layer_degree_bound
	Queries   int    // stark.fri.n_queries
	PowBits   uint   // stark.fri.proof_of_work_bits
}

// DefaultParameters returns the parameters of starkd's proofs (P* in docs) for a number of Cairo steps, which determines the
// FRI steps. Stone, swiftness, integrity and the verifiers in Cairo accept them. They give 96 bits of conjectured security (see
// Parameters.Security) and 57 proven. 20 proof-of-work bits and 38 queries are quick to compute; verifiers in Cairo need
// StandardParameters.
func DefaultParameters(steps uint64) Parameters {
	return parametersFor(steps, 38, 20)
}

// StandardParameters returns DefaultParameters with 30 proof-of-work bits, the minimum of the verifiers in Cairo, and 33
// queries: also 96 bits of conjectured security, and 62 proven.
func StandardParameters(steps uint64) Parameters {
	return parametersFor(steps, 33, 30)
}

// ProvenParameters returns DefaultParameters with 78 queries, for 96 bits of proven security. Verifiers in Cairo accept at most
// 48 queries.
func ProvenParameters(steps uint64) Parameters {
	return parametersFor(steps, 78, 20)
}

func parametersFor(steps uint64, queries int, work uint) Parameters {
	p := Parameters{
		Channel: transcript.Poseidon3, Commitment: transcript.Blake256Masked248LSB, Friendly: transcript.Poseidon3,
		FriendlyUpdates: true, PowHash: transcript.Blake256, PageHash: "pedersen",
		LogBlowup: 2, Queries: queries, PowBits: work,
	}
	p.setFRI(steps)
	return p
}

// Bounds of the official verifiers (swiftness and those in Cairo). Within them, queries and proof-of-work bits may be added up
// to the security.
const (
	minPowBits   = 20
	maxPowBits   = 50
	maxLogBlowup = 4
)

// CheckBounds returns an error unless the proof-of-work bits and the blowup are within the official verifiers' bounds.
func (p *Parameters) CheckBounds() error {
	switch {
	case p.PowBits < minPowBits || p.PowBits > maxPowBits:
		return fmt.Errorf("%d bits of proof of work, want %d to %d", p.PowBits, minPowBits, maxPowBits)
	case p.LogBlowup < 1 || p.LogBlowup > maxLogBlowup:
		return fmt.Errorf("blowup 2^%d, want 2 to %d", p.LogBlowup, 1<<maxLogBlowup)
	}
	return nil
}

// setFRI sets the FRI steps and the last layer for a number of Cairo steps. The last layer has a degree below 128. There are as
// few layers as folding by at most 16 allows, with steps as equal as possible.
func (p *Parameters) setFRI(steps uint64) {
	const rowsPerStep, lastLog, maxStep = 4, 7, 4 // log2 of rows per step, of the last layer's bound, and of the largest folding factor
	log := uint(rowsPerStep)
	for 1<<log < steps<<rowsPerStep && log < 64 {
		log++
	}
	last := min(uint(lastLog), log-1)
	p.LastBound = 1 << last
	rest := log - last
	layers := (rest + maxStep - 1) / maxStep
	p.FRISteps = []uint{0}
	for ; layers > 0; layers-- {
		step := (rest + layers - 1) / layers
		p.FRISteps = append(p.FRISteps, step)
		rest -= step
	}
}

func (p *Parameters) stark() stark.Params {
	return stark.Params{
		LogBlowup: p.LogBlowup,
		FRI: fri.Params{
			Steps: p.FRISteps, LastBound: p.LastBound, Queries: p.Queries, PowBits: p.PowBits,
			Merkle: merkle.Params{Hash: p.Commitment, Friendly: p.Friendly, FriendlyLayers: p.FriendlyLayers},
		},
		Channel:         transcript.Config{Channel: p.Channel, PowHash: p.PowHash},
		FriendlyUpdates: p.FriendlyUpdates,
		Statement:       "cpu air",
	}
}

// seed returns the channel's initial state, the hash of the serialised public input.
func (p *Parameters) seed(a *cairoair.AIR, version Version) (transcript.Digest, error) {
	b, err := cairoair.Seed(a.Public(), cairoair.SeedParams{
		Stone6: version == V6, FriendlyLayers: p.FriendlyLayers, PageHash: p.PageHash,
	})
	if err != nil {
		return transcript.Digest{}, err
	}
	h := p.Channel
	if p.FriendlyUpdates {
		h = p.Friendly
	}
	return h.Sum(b)
}

// parametersJSON is Stone's parameter file, which is also the member proof_parameters of a proof file.
type parametersJSON struct {
	ChannelHash     string         `json:"channel_hash,omitempty"`
	CommitmentHash  string         `json:"commitment_hash,omitempty"`
	Field           string         `json:"field"`
	FriendlyLayers  *uint64        `json:"n_verifier_friendly_commitment_layers,omitzero"`
	PowHash         string         `json:"pow_hash,omitempty"`
	Stark           starkJSON      `json:"stark"`
	Statement       *statementJSON `json:"statement,omitzero"`
	ExtensionField  bool           `json:"use_extension_field"`
	FriendlyUpdates bool           `json:"verifier_friendly_channel_updates,omitzero"`
	FriendlyHash    string         `json:"verifier_friendly_commitment_hash,omitempty"`
}

type starkJSON struct {
	FRI       friJSON `json:"fri"`
	LogBlowup uint    `json:"log_n_cosets"`
}

type friJSON struct {
	Steps     stepsJSON `json:"fri_step_list"`
	LastBound uint64    `json:"last_layer_degree_bound"`
	Queries   int       `json:"n_queries"`
	PowBits   uint      `json:"proof_of_work_bits"`
}

// stepsJSON is the member fri_step_list.
type stepsJSON []uint

// maxFRISteps bounds fri_step_list: each step at least halves the trace, which has at most 2^40 rows.
const maxFRISteps = 64

// UnmarshalJSONFrom reads at most maxFRISteps steps.
func (s *stepsJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '[' {
		return fmt.Errorf("fri_step_list: want a list, got a JSON %v", t.Kind())
	}
	*s = stepsJSON{}
	for d.PeekKind() != ']' {
		if len(*s) == maxFRISteps {
			return fmt.Errorf("fri_step_list: more than %d steps", maxFRISteps)
		}
		var step uint
		if err := json.UnmarshalDecode(d, &step); err != nil {
			return err
		}
		*s = append(*s, step)
	}
	_, err := d.ReadToken()
	return err
}

type statementJSON struct {
	PageHash string `json:"page_hash,omitempty"`
}

// ParseParameters reads Stone's parameter file. It rejects unknown members, since they could change the meaning.
func ParseParameters(b []byte) (Parameters, error) {
	var j parametersJSON
	if err := json.Unmarshal(b, &j, json.RejectUnknownMembers(true)); err != nil {
		return Parameters{}, fmt.Errorf("stone: parameters: %w", bounded.Fault(err))
	}
	return j.parameters()
}

func (j *parametersJSON) parameters() (Parameters, error) {
	if j.Field != "PrimeField0" || j.ExtensionField {
		return Parameters{}, fmt.Errorf("stone: parameters: field %q (extension %v), want PrimeField0", j.Field, j.ExtensionField)
	}
	p := Parameters{
		FriendlyUpdates: j.FriendlyUpdates, PageHash: "keccak256",
		LogBlowup: j.Stark.LogBlowup, FRISteps: j.Stark.FRI.Steps, LastBound: j.Stark.FRI.LastBound,
		Queries: j.Stark.FRI.Queries, PowBits: j.Stark.FRI.PowBits,
	}
	if j.FriendlyLayers != nil {
		p.FriendlyLayers = *j.FriendlyLayers
	}
	if j.Statement != nil && j.Statement.PageHash != "" {
		p.PageHash = j.Statement.PageHash
	}
	if p.PageHash != "keccak256" && p.PageHash != "pedersen" {
		return Parameters{}, fmt.Errorf("stone: parameters: page_hash %q, want keccak256 or pedersen", p.PageHash)
	}
	for _, h := range []struct {
		dst  *transcript.Hash
		name string
		none transcript.Hash
	}{
		{&p.Channel, j.ChannelHash, transcript.Keccak256},
		{&p.Commitment, j.CommitmentHash, transcript.Keccak256Masked160MSB},
		{&p.PowHash, j.PowHash, transcript.Blake256},
	} {
		*h.dst = h.none
		if h.name != "" {
			var err error
			if *h.dst, err = transcript.ParseHash(h.name); err != nil {
				return Parameters{}, fmt.Errorf("stone: parameters: %w", bounded.Fault(err))
			}
		}
	}
	p.Friendly = p.Commitment
	if j.FriendlyHash != "" {
		var err error
		if p.Friendly, err = transcript.ParseHash(j.FriendlyHash); err != nil {
			return Parameters{}, fmt.Errorf("stone: parameters: %w", bounded.Fault(err))
		}
	}
	return p, nil
}

// MarshalJSON returns Stone's parameter file.
func (p Parameters) MarshalJSON() ([]byte, error) { return json.Marshal(p.json()) }

func (p *Parameters) json() *parametersJSON {
	return &parametersJSON{
		ChannelHash: p.Channel.String(), CommitmentHash: p.Commitment.String(), Field: "PrimeField0",
		FriendlyLayers: &p.FriendlyLayers, PowHash: p.PowHash.String(),
		Stark: starkJSON{
			FRI:       friJSON{Steps: p.FRISteps, LastBound: p.LastBound, Queries: p.Queries, PowBits: p.PowBits},
			LogBlowup: p.LogBlowup,
		},
		Statement:       &statementJSON{PageHash: p.PageHash},
		FriendlyUpdates: p.FriendlyUpdates, FriendlyHash: p.Friendly.String(),
	}
}

// Config is Stone's prover configuration, which controls the use of memory. Neither Stone's proofs nor ours depend on it.
// ParseConfig checks that a file is valid, and proofs contain it.
type Config struct {
	CachedLDE struct {
		StoreFullLDE  bool `json:"store_full_lde"`
		UseFFTForEval bool `json:"use_fft_for_eval"`
	} `json:"cached_lde_config"`
	ConstraintTaskSize uint64 `json:"constraint_polynomial_task_size"`
	OutOfMemoryLayers  uint64 `json:"n_out_of_memory_merkle_layers"`
	TasksPerSegment    uint64 `json:"table_prover_n_tasks_per_segment"`
	FRI                *struct {
		MaxNonChunked uint64 `json:"max_non_chunked_layer_size,omitzero"`
		Chunks        uint64 `json:"n_chunks_between_layers,omitzero"`
		LogInMemory   uint64 `json:"log_n_max_in_memory_fri_layer_elements,omitzero"`
	} `json:"fri_prover,omitzero"`
}

// DefaultConfig returns the configuration in Stone's examples, which Prove writes into proofs.
func DefaultConfig() Config {
	c := Config{ConstraintTaskSize: 256, OutOfMemoryLayers: 1, TasksPerSegment: 32}
	return c
}

// ParseConfig reads Stone's prover configuration file.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := json.Unmarshal(b, &c, json.RejectUnknownMembers(true)); err != nil {
		return c, fmt.Errorf("stone: prover configuration: %w", bounded.Fault(err))
	}
	return c, c.check()
}

func (c *Config) check() error {
	if _, ok := field.Log2(c.TasksPerSegment); !ok {
		return fmt.Errorf("stone: prover configuration: table_prover_n_tasks_per_segment %d is not a power of two", c.TasksPerSegment)
	}
	return nil
}
