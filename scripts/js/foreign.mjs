// Tests classes of others with starknet.js. Declares and deploys an account class of the official repository, and with it declares,
// deploys and calls six contracts. Their results are compared with values computed here.
//
//   node foreign.mjs TESTNET_DIR CORPUS_DIR
//
// TESTNET_DIR holds accounts.json and endpoints.json of a running chain; CORPUS_DIR the test vectors (STARKD_CORPUS).
// Prints one JSON object. Exits with 1 and the reason on anything unexpected.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { p256 } from '@noble/curves/p256';
import { secp256k1 } from '@noble/curves/secp256k1';
import { keccak_256 } from '@noble/hashes/sha3';
import { Account, CallData, Contract, RpcProvider, cairo, ec, hash, num, shortString, stark } from 'starknet';

const [dir, corpus] = process.argv.slice(2);
const read = (...p) => JSON.parse(fs.readFileSync(path.join(...p), 'utf8'));
const [funded] = read(dir, 'accounts.json');
const { nodes } = read(dir, 'endpoints.json');
const STRK = '0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d';
const plain = (_, v) => (typeof v === 'bigint' ? `0x${v.toString(16)}` : v);

function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

function same(got, want, what) {
  const [a, b] = [got, want].map((v) => JSON.stringify(v, plain));
  expect(a === b, `${what} to answer ${b}, got ${a}`);
}

// The contracts: how to call each, and the expected results. call encodes and decodes with the ABI, raw does not.
const contracts = {
  // Squashed keys are in order, each with 0 before and the sum of its positions after.
  async d_dict({ call }) {
    const keys = [9, 3, 9, 1, 7, 3, 9, 2 ** 40];
    const sums = new Map();
    keys.forEach((k, i) => sums.set(k, (sums.get(k) ?? 0) + i + 1));
    const want = [...sums].sort(([a], [b]) => a - b).map(([k, n]) => [BigInt(k), 0n, BigInt(n)]);
    same((await call('uniq', keys)).map((e) => Object.values(e)), want, 'uniq');
    same(await call('has', keys, 7), true, 'has 7');
    same(await call('has', keys, 8), false, 'has 8');
    same(await call('nul', [1, 2, 3], 1), 3n, 'nul of a present key');
    same(await call('nul', [1, 2, 3], 2), 0n, 'nul of an absent key');
  },

  async d_digest({ call }) {
    const [n, text, k] = [20, 'The quick brown fox jumps over the lazy dog', 2n ** 200n + 5n];
    const words = Buffer.alloc(4 * n);
    for (let i = 0; i < n; i++) words.writeUInt32BE(3 * i, 4 * i);
    const sha256 = crypto.createHash('sha256').update(words).digest().readUInt32BE(0);
    const sha512 = crypto.createHash('sha512').update(text).digest().readBigUInt64BE(24);
    const input = Buffer.concat([k, 1n].map((v) => Buffer.from(v.toString(16).padStart(64, '0'), 'hex').reverse()));
    const keccak = BigInt(`0x${Buffer.from(keccak_256(input)).reverse().toString('hex')}`);
    same(Object.values(await call('all', n, text, cairo.uint256(k))), [BigInt(sha256), sha512, keccak], 'all');
  },

  async d_secp({ call }) {
    const G = p256.ProjectivePoint.BASE;
    const [d, k] = [123456789n, 2n ** 200n + 17n];
    const P = G.multiply(d).toAffine();
    const sum = G.multiply(d * k % p256.CURVE.n).add(G).toAffine();
    const u = cairo.uint256;
    same(Object.values(await call('r1', u(P.x), u(P.y), u(k))), [sum.x, sum.y], 'r1');
    same(Object.values(await call('r1', u(P.x), u(P.y + 1n), u(k))), [G.toAffine().x, G.toAffine().y], 'r1 of no point');

    // The contract recovers only secp256k1 signatures with a small s whose nonce point has an odd y.
    const { ProjectivePoint: Point, CURVE: { n: order } } = secp256k1;
    const [h, secret] = [2n ** 250n + 99n, 987654321n];
    let [nonce, r, s] = [1000n, 0n, order];
    for (let odd = false; !odd || s > order / 2n; nonce++) {
      const R = Point.BASE.multiply(nonce).toAffine();
      [odd, r, s] = [R.y % 2n === 1n, R.x % order, divide(h + (R.x % order) * secret, nonce, order)];
    }
    const key = Point.BASE.multiply(secret).toAffine();
    const found = await call('k1', u(h), u(r), u(s));
    expect(found.isSome(), 'k1 to recover a key');
    same(Object.values(found.unwrap()), [key.x, key.y], 'k1');
    expect((await call('k1', u(h), u(0), u(s))).isNone(), 'k1 to find no key for r = 0');
  },

  async d_circuit({ raw }) {
    const m = 0xffffffff00000001n + (1n << 288n);
    const mod = (v) => ((v % m) + m) % m;
    const halves = (v) => [v & (2n ** 192n - 1n), v >> 192n]; // Cairo's serialisation of u384
    for (const [x, y] of [[5n, 7n], [2n ** 300n + 1n, 2n ** 288n - 12345n], [0n, 1n], [4n, 0n]]) {
      const [none, low, high] = await raw('f', [...halves(x), ...halves(y)]);
      const inverse = invert(y, m);
      if (inverse === null) {
        same(none, 1n, `f(${x}, ${y}), for ${y} has no inverse`);
        continue;
      }
      const c = mod((x + y) * x - inverse);
      same([none, low + (high << 192n)], [0n, mod(c * c * y)], `f(${x}, ${y})`);
    }
  },

  async d_curve({ call }) {
    const Point = ec.starkCurve.ProjectivePoint;
    const k = 2n ** 100n + 3n;
    let [found, missed] = [0, 0];
    for (let i = 2n; found === 0 || missed === 0; i++) {
      const P = Point.BASE.multiply(i).toAffine();
      const y = liftX(P.x + 1n);
      if ((y === null ? missed++ : found++) > 0) continue;
      const got = await call('f', P.x, P.y, k);
      if (y === null) {
        expect(got.isErr() && shortString.decodeShortString(num.toHex(got.unwrap())) === 'Q', 'f to find no second point');
        continue;
      }
      // The contract uses one of the two points with this x.
      const results = [y, PRIME - y].map((v) => {
        const r = Point.fromAffine(P).multiply(k).subtract(Point.fromAffine({ x: P.x + 1n, y: v }));
        const t = r.double().negate().toAffine();
        return JSON.stringify([t.x, t.y], plain);
      });
      const text = JSON.stringify(Object.values(got.unwrap()), plain);
      expect(got.isOk() && results.includes(text), `f to answer one of ${results}, got ${text}`);
    }
    expect((await call('f', 1, 1, k)).isErr(), 'f to refuse what is no point');
    same(await call('g', 12, 5), divide(144n, 5n, PRIME), 'g');
    same(await call('g', 12, 0), divide(12n, 3n, PRIME), 'g of zero');
  },

  // The contract that writes: called from the foreign account, and read through the contract and the node.
  async d_store({ call, invoke, provider, address }) {
    await invoke('w', CallData.compile([PRIME - 5n, 3, 44, cairo.uint256(2n ** 130n)]));
    await invoke('w', CallData.compile([7, 3, 45, cairo.uint256(1)]));
    const stored = async (variable) => {
      const answer = await provider.getStorageAt(address, hash.getSelectorFromName(variable));
      return BigInt(answer.value ?? answer);
    };
    same(await stored('c'), BigInt(shortString.encodeShortString('x')), 'the stored c');
    same(await stored('b'), 2n, 'the stored length of b');
    const c = BigInt(hash.getSelectorFromName('c'));
    same(await call('r', c, 0), BigInt(shortString.encodeShortString('x')) + c, 'r');
  },
};

const PRIME = 2n ** 251n + 17n * 2n ** 192n + 1n;

function power(base, e, p) {
  let result = 1n;
  for (base %= p; e; e >>= 1n, base = (base * base) % p) if (e & 1n) result = (result * base) % p;
  return result;
}

// invert returns 1/v modulo m, or null if v has no inverse.
function invert(v, m) {
  let [a, b, x, y] = [v % m, m, 1n, 0n];
  while (b) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return a === 1n ? ((x % m) + m) % m : null;
}

// divide returns a/b modulo a prime.
function divide(a, b, p) {
  return (a % p) * power(b, p - 2n, p) % p;
}

// liftX returns a y of the STARK curve for x, or null, by the algorithm of Tonelli and Shanks: the prime is 2^192 q + 1, and 3 is not a square.
function liftX(x) {
  const n = (x * x * x + x + 0x6f21413efbe40de150e596d72f7a8c5609ad26c15c915c1f4cdfcb99cee9e89n) % PRIME;
  if (power(n, (PRIME - 1n) / 2n, PRIME) !== 1n) return null;
  const q = (PRIME - 1n) >> 192n;
  let [m, c, t, r] = [192n, power(3n, q, PRIME), power(n, q, PRIME), power(n, (q + 1n) / 2n, PRIME)];
  while (t !== 1n) {
    let i = 0n;
    for (let s = t; s !== 1n; s = (s * s) % PRIME) i++;
    const b = power(c, 1n << (m - i - 1n), PRIME);
    [m, c, t, r] = [i, (b * b) % PRIME, (((t * b) % PRIME) * b) % PRIME, (r * b) % PRIME];
  }
  return r;
}

async function main() {
  const provider = await RpcProvider.create({ nodeUrl: `${nodes[0].rpc}/rpc`, transactionRetryIntervalFallback: 300, retries: 400 });
  const wait = async (tx, what) => {
    const receipt = await provider.waitForTransaction(tx, { retryInterval: 300 });
    expect(receipt.isSuccess(), `${what} ${tx} to succeed: ${JSON.stringify(receipt.value ?? receipt, plain)}`);
    return receipt;
  };
  const first = new Account({ provider, address: funded.address, signer: funded.private_key });
  const out = { contracts: {} };
  const declare = async (account, folder, name) => {
    const [contract, casm] = [`${name}.contract_class.json`, `${name}.compiled_contract_class.json`].map((f) => read(corpus, folder, f));
    const declared = await account.declareIfNot({ contract, casm });
    if (declared.transaction_hash) await wait(declared.transaction_hash, `the declaration of ${name}`);
    return { classHash: declared.class_hash, abi: contract.abi };
  };

  // The official repository's example account.
  const { classHash } = await declare(first, 'sierra-casm', 'account__account');
  out.account_class = classHash;
  const key = stark.randomAddress();
  const publicKey = ec.starkCurve.getStarkKey(key);
  const constructorCalldata = CallData.compile({ public_key_: publicKey });
  const address = hash.calculateContractAddressFromHash(publicKey, classHash, constructorCalldata, 0);
  const fund = await first.execute({ contractAddress: STRK, entrypoint: 'transfer', calldata: [address, 10n ** 20n, 0] });
  await wait(fund.transaction_hash, 'funding');
  const foreign = new Account({ provider, address, signer: key });
  const deployed = await foreign.deployAccount({ classHash, constructorCalldata, addressSalt: publicKey });
  await wait(deployed.transaction_hash, 'the deployment of the account');
  out.account = address;

  // A signature by another key is rejected.
  const forger = new Account({ provider, address, signer: stark.randomAddress() });
  let refused = '';
  try {
    await forger.execute({ contractAddress: STRK, entrypoint: 'transfer', calldata: [funded.address, 1, 0] });
  } catch (e) {
    refused = String(e.message);
  }
  expect(refused !== '', 'a forged signature to be refused');

  for (const [name, check] of Object.entries(contracts)) {
    const { classHash: contractClass, abi } = await declare(foreign, 'contracts/sierra-casm', name);
    const { transaction_hash, contract_address, address: other } = await foreign.deployContract({ classHash: contractClass });
    await wait(transaction_hash, `the deployment of ${name}`);
    const at = contract_address ?? other;
    const contract = new Contract({ abi, address: at, providerOrAccount: provider });
    await check({
      provider,
      address: at,
      call: (method, ...args) => contract.call(method, args),
      raw: async (entrypoint, calldata) => (await provider.callContract({ contractAddress: at, entrypoint, calldata })).map(BigInt),
      invoke: async (entrypoint, calldata) => {
        const tx = await foreign.execute({ contractAddress: at, entrypoint, calldata });
        return wait(tx.transaction_hash, `${name}.${entrypoint}`);
      },
    });
    out.contracts[name] = at;
  }
  console.log(JSON.stringify(out, plain));
}

main().catch((e) => {
  console.error(e.stack ?? e);
  process.exit(1);
});
