package stwo

import (
	"encoding/hex"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// preprocessedRoots are the roots of the preprocessed traces. A verifier must compare the root of a proof with them: a dishonest prover could
// otherwise choose the tables of range checks, of xor and of points. The root depends on the parameters that decide the extended columns.
var preprocessedRoots = []struct {
	variant   preprocessed.Variant
	hash      channel.Hash
	logBlowup uint32
	lifting   uint32 // lifting_log_size, 0 for null
	root      string // in hexadecimal
}{
	{preprocessed.Canonical, channel.Blake2s, 1, 0, "a98e22423bf5d235981f0b36d939ae56ef3be2751c58b032b2831e6e24ba0364"},
	{preprocessed.Canonical, channel.Blake2s, 2, 0, "04e99470ad380a21ee6c6b12e87d0957a10d861cb104b7910a28cfc62315218a"},
	{preprocessed.Canonical, channel.Blake2s, 3, 0, "b979cb8416ad50b0847578694f277fcfc8929739ed7ff7ecfe888445acbc7be2"},
	{preprocessed.Canonical, channel.Blake2s, 4, 0, "77e73f80a067921d6dc383e3f04b1b2b9f96479af43e68cb47ca8e59f942db09"},
	{preprocessed.Canonical, channel.Blake2s, 5, 0, "d57ceebf85a19c42a70bd6a872e05638aae28db8c35bab121d2744de8a310025"},
	{preprocessed.CanonicalWithoutPedersen, channel.Blake2s, 1, 0, "4f36cc05752d9c55aa77938952c96e1b437b62edac6ff063ffea661c5a3f14a6"},
	{preprocessed.CanonicalWithoutPedersen, channel.Poseidon252, 1, 0, "001fdacd6e29834987926672fcac7fda0577adce49999ad96fb0195e745e9ce0"},
	{preprocessed.CanonicalWithoutPedersen, channel.Poseidon252, 2, 0, "014103a81a8417d83c41bc877194607103f9e1cb4cb188e5f21b75499709bbb6"},
	{preprocessed.CanonicalWithoutPedersen, channel.Poseidon252, 3, 0, "020861f94b3cf37baf1939d20691d38630596bce389dcee5f224ef1f5682e70f"},
	{preprocessed.CanonicalWithoutPedersen, channel.Poseidon252, 4, 0, "0026f3a39ddf7042fefdd2595bf4739063e044845418839b2b1ec556fdc1aecf"},
	{preprocessed.CanonicalWithoutPedersen, channel.Poseidon252, 5, 0, "002111b7db0f7fb2f629d493661207663b88609e5abebbe7e59c4f116dc3dac0"},
	{preprocessed.CanonicalSmall, channel.Blake2s, 1, 0, "068d1166c9f9f0ec247641ca391ee8396170e69343dfcacc632f9638670d2bec"},
	{preprocessed.CanonicalSmall, channel.Blake2s, 1, 22, "27a97d4eab58fe63fd37378d9b3be7c6b58d2f06ab55a4b730f16282454206b4"},
	{preprocessed.CanonicalSmall, channel.Blake2s, 2, 0, "25cbdd4f952c684b5974974cfd9a27aa71f740d62d10e9c702c7d0eed8a125c0"},
	{preprocessed.CanonicalSmall, channel.Blake2s, 2, 22, "25cbdd4f952c684b5974974cfd9a27aa71f740d62d10e9c702c7d0eed8a125c0"},
	{preprocessed.CanonicalSmall, channel.Blake2s, 3, 0, "84256087ea3e996e7870766bb16efd26a32173dd837b6d5a8f28560c0a00bb2c"},
	{preprocessed.CanonicalSmall, channel.Blake2sM31, 1, 0, "bfaf9a4ec4375775fdf1164133e5b40e5c7bd02d0316416ac4013d61dedbf358"},
	{preprocessed.CanonicalSmall, channel.Blake2sM31, 1, 21, "bfaf9a4ec4375775fdf1164133e5b40e5c7bd02d0316416ac4013d61dedbf358"},
	{preprocessed.CanonicalSmall, channel.Blake2sM31, 1, 22, "38cc9f2192f81c5f249a705cbe8bab5f3149bf07d607073606ea6e306e4b2c24"},
	{preprocessed.CanonicalSmall, channel.Blake2sM31, 2, 0, "4af56578c7ab185e03d48c58715f580cf1ebe9256445c1509c18487d5d59fc2a"},
	{preprocessed.CanonicalSmall, channel.Poseidon252, 1, 0, "05d30b4449ab831e534acb873ea09821c1f47668a44a577cc8c6949d7f3798c2"},
}

// preprocessedRoot returns the pinned root for a variant, hash and parameters, and whether there is one.
func preprocessedRoot(v preprocessed.Variant, h channel.Hash, c *pcs.Config) (root channel.Digest, ok bool) {
	lifting := uint32(0)
	if c.LiftingLogSize != nil {
		lifting = *c.LiftingLogSize
	}
	for _, r := range preprocessedRoots {
		if r.variant == v && r.hash == h && r.logBlowup == c.LogBlowup && r.lifting == lifting {
			_, err := hex.Decode(root[:], []byte(r.root))
			return root, err == nil
		}
	}
	return root, false
}

// preprocessedRoot returns the pinned root for the variant, hash and parameters of p, and whether there is one.
func (p *Proof) preprocessedRoot() (root channel.Digest, ok bool) {
	return preprocessedRoot(p.Preprocessed, p.Hash, &p.STARK.Config)
}
