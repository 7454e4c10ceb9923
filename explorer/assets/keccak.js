// Starknet's keccak of a name, which is the selector of an entry point or the address of a storage variable: the permutation of FIPS 202 with
// the original padding of Keccak, truncated to 250 bits.

const mask = (1n << 64n) - 1n;
const rotate = (x, n) => ((x << n) | (x >> (64n - n))) & mask;

// The rotations of ρ in the order of π, and the constants of ι, which a linear feedback shift register generates (section 3.2.5).
const [rotations, constants] = (() => {
  const offsets = [];
  for (let t = 1; t <= 24; t++) offsets.push(BigInt((t * (t + 1) / 2) % 64));
  const rounds = [];
  let r = 1;
  for (let round = 0; round < 24; round++) {
    let c = 0n;
    for (let j = 0; j <= 6; j++) {
      if (r & 1) c |= 1n << BigInt((1 << j) - 1);
      r = (r << 1) ^ (r & 0x80 ? 0x171 : 0);
    }
    rounds.push(c);
  }
  return [offsets, rounds];
})();

function permute(a) {
  for (const constant of constants) {
    const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]); // θ
    for (let x = 0; x < 5; x++) {
      const d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1n);
      for (let y = 0; y < 25; y += 5) a[x + y] ^= d;
    }
    let [x, y] = [1, 0]; // ρ and π
    let moved = a[1];
    for (const offset of rotations) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      [moved, a[x + 5 * y]] = [a[x + 5 * y], rotate(moved, offset)];
    }
    for (let row = 0; row < 25; row += 5) { // χ
      const b = a.slice(row, row + 5);
      for (let i = 0; i < 5; i++) a[row + i] = b[i] ^ (~b[(i + 1) % 5] & mask & b[(i + 2) % 5]);
    }
    a[0] ^= constant; // ι
  }
}

const rate = 136; // bytes

/** starknetKeccak returns the hash of a text as a felt. */
export function starknetKeccak(text) {
  const input = new TextEncoder().encode(text);
  const padded = new Uint8Array((Math.floor(input.length / rate) + 1) * rate);
  padded.set(input);
  padded[input.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const state = new Array(25).fill(0n);
  const view = new DataView(padded.buffer);
  for (let block = 0; block < padded.length; block += rate) {
    for (let i = 0; i < rate / 8; i++) state[i] ^= view.getBigUint64(block + 8 * i, true);
    permute(state);
  }
  let hash = 0n;
  for (let i = 0; i < 32; i++) hash = (hash << 8n) | ((state[i >> 3] >> BigInt(8 * (i & 7))) & 0xffn);
  return `0x${(hash & ((1n << 250n) - 1n)).toString(16)}`;
}
