package home

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	cmtconfig "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/viper"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
)

// Genesis reads the genesis file of the home dir and checks its app_state, so that a fault is reported before anything starts.
func Genesis(dir string) (*cmttypes.GenesisDoc, error) {
	path := filepath.Join(dir, "config", "genesis.json")
	// CometBFT takes the last of two members with one name; every reader of this file must see the same one.
	if data, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(data, new(jsontext.Value)); err != nil {
			return nil, hint.With(fmt.Errorf("%s: %w", path, err), "every node of a chain has the same genesis.json; starkd init shows a good one")
		}
	}
	genesis, err := cmttypes.GenesisDocFromFile(path)
	if err != nil {
		return nil, hint.With(err, "a home holds its chain's genesis.json in config/: starkd init or testnet makes one; to join a chain, copy its own")
	}
	if _, err := app.ParseGenesis(genesis.ChainID, genesis.AppState); err != nil {
		return nil, hint.With(fmt.Errorf("%s: app_state: %w", path, err), "every node of a chain has the same genesis.json; starkd init shows a good one")
	}
	return genesis, nil
}

// Comet reads CometBFT's settings, config.toml of the home dir.
func Comet(dir string) (*cmtconfig.Config, error) {
	path := filepath.Join(dir, "config", "config.toml")
	v := viper.New()
	v.SetConfigFile(path)
	if err := v.ReadInConfig(); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %w", path, err), "starkd init or starkd testnet makes a home")
	}
	c := cmtconfig.DefaultConfig()
	advice := "CometBFT's documentation and the comments in the file say what it takes; starkd init makes a good one"
	if err := v.UnmarshalExact(c); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %s", path, config.DecodeFaults(v, err)), "%s", advice)
	}
	c.SetRoot(dir)
	if err := c.ValidateBasic(); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %w", path, err), "%s", advice)
	}
	return c, nil
}

// CheckSecret refuses a file with a private key that others than its owner may read or write. Windows has no such bits.
func CheckSecret(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return hint.With(fmt.Errorf("%s: mode %04o lets others at a private key", path, mode), "chmod 600 %s", path)
	}
	return nil
}

// Signer reads the validator's key and what it has signed. It returns nil if config.toml names a remote signer.
func Signer(c *cmtconfig.Config) (cmttypes.PrivValidator, error) {
	if c.PrivValidatorListenAddr != "" {
		return nil, nil
	}
	keyFile, stateFile := c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()
	advice := "starkd init or testnet makes a validator's keys; restore them from a copy"
	if err := CheckSecret(keyFile); err != nil {
		return nil, adviseFile(err, advice)
	}
	// CometBFT's own function ends the process on what it cannot read.
	var key privval.FilePVKey
	if err := readCometJSON(keyFile, &key); err != nil {
		return nil, adviseFile(err, advice)
	}
	if key.PrivKey == nil || key.PubKey == nil || len(key.Address) == 0 {
		return nil, hint.With(fmt.Errorf("%s: priv_key, pub_key or address is missing", keyFile), "%s", advice)
	}
	if key.PubKey = key.PrivKey.PubKey(); !bytes.Equal(key.PubKey.Address(), key.Address) {
		return nil, hint.With(fmt.Errorf("%s: address %s is not the key's, %s", keyFile, key.Address, key.PubKey.Address()), "%s", advice)
	}
	var state privval.FilePVLastSignState
	if err := readCometJSON(stateFile, &state); err != nil {
		return nil, adviseFile(err, "what this validator has signed is in that file: restore the newest copy; a validator that forgets it may sign twice")
	}
	return privval.LoadFilePV(keyFile, stateFile), nil
}

func readCometJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := cmtjson.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func adviseFile(err error, advice string) error {
	if _, hinted := hint.Of(err); hinted {
		return err
	}
	return hint.With(err, "%s", advice)
}

// Sweep removes the temporary files that CometBFT's atomic writes leave in the home dir when the process ends in the middle of one. The
// home must not be in use.
func Sweep(dir string) error {
	for _, sub := range []string{"config", "data"} {
		left, err := filepath.Glob(filepath.Join(dir, sub, "write-file-atomic-*"))
		if err != nil {
			return err
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
