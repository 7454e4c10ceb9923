package home

import (
	"crypto/rand"

	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
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
