// Package zip215 verifies Ed25519 signatures by the rules of ZIP-215 (https://zips.z.cash/zip-0215), as CometBFT does. Other rules, such as
// those of the standard library, reject some signatures that CometBFT accepts. A node with such rules would reject blocks of other nodes.
//
// Every signature of a validator that our code verifies is verified here, so that one rule applies to all.
package zip215

import (
	"crypto/ed25519"

	"github.com/hdevalence/ed25519consensus"
)

// Verify reports whether signature is a valid signature of message by key. It accepts a key and a signature of any length.
func Verify(key ed25519.PublicKey, message, signature []byte) bool {
	return ed25519consensus.Verify(key, message, signature)
}
