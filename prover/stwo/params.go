package stwo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// Params are the parameters of a prover.
type Params struct {
	Hash         channel.Hash // of the channel and of the trees
	Salt         uint32       // is mixed first
	Config       pcs.Config
	Preprocessed preprocessed.Variant
}

// ParseParams reads parameters in StarkWare's JSON. Their prover's switch store_polynomials_coefficients has no effect here, and
// include_all_preprocessed_columns must be off.
func ParseParams(text []byte) (*Params, error) {
	var file struct {
		Hash   string `json:"channel_hash"`
		Salt   uint32 `json:"channel_salt"`
		Config struct {
			PowBits uint32 `json:"pow_bits"`
			FRI     struct {
				LogBlowup uint32 `json:"log_blowup_factor"`
				LogLast   uint32 `json:"log_last_layer_degree_bound"`
				Queries   uint32 `json:"n_queries"`
				FoldStep  uint32 `json:"fold_step"`
			} `json:"fri_config"`
			LiftingLogSize *uint32 `json:"lifting_log_size"`
		} `json:"pcs_config"`
		Preprocessed string `json:"preprocessed_trace"`
		Store        bool   `json:"store_polynomials_coefficients"`
		IncludeAll   bool   `json:"include_all_preprocessed_columns"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("stwo: parameters: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("stwo: parameters: more than one value")
	}
	if file.IncludeAll {
		return nil, errors.New("stwo: parameters: include_all_preprocessed_columns is not supported")
	}
	hash, err := channel.ParseHash(file.Hash)
	if err != nil {
		return nil, fmt.Errorf("stwo: parameters: %w", err)
	}
	variant, err := preprocessed.ParseVariant(file.Preprocessed)
	if err != nil {
		return nil, fmt.Errorf("stwo: parameters: %w", err)
	}
	f := &file.Config.FRI
	p := &Params{Hash: hash, Salt: file.Salt, Preprocessed: variant, Config: pcs.Config{
		PowBits: file.Config.PowBits, LogBlowup: f.LogBlowup, LogLastLayerDegreeBound: f.LogLast, Queries: f.Queries, FoldStep: f.FoldStep,
		LiftingLogSize: file.Config.LiftingLogSize,
	}}
	return p, p.Config.Validate()
}
