package home

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/starknet"
)

// Account is a Stark key and the address of its account contract, as in accounts.json.
type Account struct {
	Address    felt.Felt `json:"address"`
	PrivateKey felt.Felt `json:"private_key"`
	PublicKey  felt.Felt `json:"public_key"`
}

// NewAccount derives the account of a private key. The contract is of the embedded account class; its salt and its constructor argument
// are the public key.
func NewAccount(priv felt.Felt) (Account, error) {
	pub, err := starkcurve.PublicKey(priv)
	if err != nil {
		return Account{}, err
	}
	class, err := embeddedClassHash(contracts.Account)
	if err != nil {
		return Account{}, err
	}
	return Account{
		Address:    starknet.ContractAddress(felt.Zero, pub, class, []felt.Felt{pub}),
		PrivateKey: priv,
		PublicKey:  pub,
	}, nil
}

// RandomKey returns a private key of 250 random bits.
func RandomKey() (felt.Felt, error) {
	for {
		var b [32]byte
		if _, err := rand.Read(b[:]); err != nil {
			return felt.Felt{}, err
		}
		b[0] &= 3
		if key := felt.FromBytesReduce(b[:]); !key.IsZero() {
			return key, nil
		}
	}
}

// embeddedClassHash returns the hash of an embedded class.
func embeddedClassHash(name string) (felt.Felt, error) {
	data, err := contracts.ClassJSON(name)
	if err != nil {
		return felt.Felt{}, err
	}
	var class starknet.ContractClass
	if err := class.UnmarshalJSON(data); err != nil {
		return felt.Felt{}, err
	}
	return class.Hash(), nil
}

// maxKeyFile is the largest size of a key file, in bytes.
const maxKeyFile = 4 << 10

// ReadKey reads the private key in a file, or on stdin for "-": 0x and hexadecimal digits, or an Account as JSON. Only the owner may have
// permissions on the file. Errors do not contain the file's content.
func ReadKey(path string, stdin io.Reader) (felt.Felt, error) {
	in := stdin
	if path != "-" {
		if err := CheckSecret(path); err != nil {
			return felt.Felt{}, err
		}
		file, err := os.Open(path)
		if err != nil {
			return felt.Felt{}, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if err != nil {
		return felt.Felt{}, err
	}
	if len(data) > maxKeyFile {
		return felt.Felt{}, fmt.Errorf("%s: more than %d bytes, a key has 66", path, maxKeyFile)
	}
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "{") {
		var a Account
		if err := jsonv2.Unmarshal(data, &a); err != nil {
			return felt.Felt{}, fmt.Errorf("%s: %w", path, err)
		}
		return a.PrivateKey, nil
	}
	key, err := felt.FromHex(text)
	if err != nil { // err quotes the secret
		return felt.Felt{}, hint.With(fmt.Errorf("%s: %d bytes that are not a private key", path, len(data)), "a private key is 0x and hexadecimal digits, below the curve's order")
	}
	return key, nil
}
