// The view of a contract (its class, nonce, balance and storage) and that of a class (its entry points and ABI).
import { parseABI, signature } from './abi.js';
import { ApiError, batch, chain, isAbsent, rpc } from './api.js';
import { code, facts, fold, h, replace, section, table } from './dom.js';
import { amount, canonical, integer, isFelt, plural, shortString, size } from './format.js';
import { starknetKeccak } from './keccak.js';
import { classLink, contractLink, hashText } from './parts.js';

export async function contractView([given], signal) {
  const address = canonical(given);
  const { block_number: number } = await rpc('blockHashAndNumber', undefined, signal);
  const at = { block_number: number }; // the same block for all requests
  const about = await chain();
  const [classHash, nonce, balance, definition] = await batch([
    ['getClassHashAt', { block_id: at, contract_address: address }],
    ['getNonce', { block_id: at, contract_address: address }],
    ['call', { block_id: at, request: { contract_address: about.fee_token, entry_point_selector: starknetKeccak('balanceOf'), calldata: [address] } }],
    ['getClassAt', { block_id: at, contract_address: address }],
  ], signal);
  if (classHash instanceof Error) throw classHash;
  return h('div', null,
    h('h1', null, 'Contract'),
    facts(
      ['Address', hashText(address)],
      ['Class', classLink(classHash, true)],
      ['Nonce', nonce instanceof Error ? nonce.message : integer(nonce)],
      ['Balance', [balanceText(balance), ' of ', contractLink(about.fee_token)]],
      ['State', ['after block ', integer(number)]]),
    storagePart(address, number, signal),
    definition instanceof Error ? h('p', { class: 'problem' }, definition.message) : classParts(definition));
}

export async function classView([given], signal) {
  const hash = canonical(given);
  const definition = await rpc('getClass', { block_id: 'latest', class_hash: hash }, signal);
  return h('div', null, h('h1', null, 'Class'), facts(['Hash', hashText(hash)]), classParts(definition));
}

/** balanceText formats the u256 that balanceOf returns, the low and the high half. */
function balanceText(result) {
  if (result instanceof Error) return isAbsent(result) || result instanceof ApiError ? `unknown (${result.message})` : String(result);
  if (!Array.isArray(result) || result.length !== 2 || !result.every(isFelt)) return 'unknown: the token contract returned something else';
  return amount(BigInt(result[0]) + (BigInt(result[1]) << 128n));
}

function storagePart(address, number, signal) {
  const out = h('div', { 'aria-live': 'polite', id: 'slot' });
  const input = h('input', { name: 'key', id: 'slot-key', type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: '0x… or a variable’s name', maxlength: 100, required: true });
  const form = h('form', {
    class: 'line',
    onsubmit: async (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!isFelt(text) && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) {
        replace(out, h('p', { class: 'problem' }, `“${text}” is neither a slot (0x and up to 64 hexadecimal digits) nor the name of a variable.`));
        return;
      }
      const key = isFelt(text) ? canonical(text) : starknetKeccak(text);
      try {
        const [value, proof] = await batch([
          ['getStorageAt', { block_id: { block_number: number }, contract_address: address, key }],
          ['getStorageProof', { block_id: { block_number: number }, contract_addresses: [address], contracts_storage_keys: [{ contract_address: address, storage_keys: [key] }] }],
        ], signal);
        if (value instanceof Error) throw value;
        const decoded = shortString(value);
        replace(out,
          facts(['Slot', hashText(key)], ['Value', [hashText(value), decoded !== null && h('span', { class: 'text' }, `“${decoded}”`)]], ['State', `after block ${integer(number)}`]),
          !(proof instanceof Error) && fold(
            `Merkle proof: ${plural(proof.contracts_proof.nodes.length, 'node')} of the contracts’ trie, ${plural((proof.contracts_storage_proofs[0] ?? []).length, 'node')} of the contract’s`,
            h('p', { class: 'muted' }, 'The watcher supplies this proof, and the page does not check it. The block’s state root, which validators sign, is a hash of the proof’s roots.'),
            code(JSON.stringify(proof, null, 2))));
      } catch (error) {
        if (!signal.aborted) replace(out, h('p', { class: 'problem' }, error.message));
      }
    },
  }, h('label', { for: 'slot-key' }, 'Slot'), input, h('button', { type: 'submit' }, 'Read'));
  return section('Storage', form, out);
}

const most = 300; // greatest number of entry points that are shown

function classParts(definition) {
  const { json, functions, names } = parseABI(definition.abi);
  const entryPoints = Object.entries(definition.entry_points_by_type ?? {}).flatMap(([kind, list]) => list.map((e) => [kind, e]));
  return [
    section('Entry points', table('Entry points', [['Kind'], ['Function'], ['Selector', 'wide']],
      entryPoints.slice(0, most).map(([kind, e]) => [kind.toLowerCase().replace('_', ' '), names.get(canonical(e.selector)) ?? h('span', { class: 'muted' }, 'not in the ABI'), h('span', { class: 'mono', title: e.selector }, e.selector)]),
      'The class has no entry points.')),
    functions.length > 0 && section('Functions', h('ul', { class: 'signatures' }, functions.map((f) => h('li', { class: 'mono' }, signature(f))))),
    section('Class', facts(
      ['Sierra', `${integer(definition.sierra_program?.length ?? 0)} felts`],
      ['Class version', definition.contract_class_version],
      ['ABI', json === null ? 'not a JSON list; see below' : size(String(definition.abi).length)]),
    fold('ABI as declared', code(json === null ? String(definition.abi) : JSON.stringify(json, null, 2)))),
    h('p', { class: 'muted' }, 'The declarer of a class writes its ABI. The chain does not check it, so names in it may be wrong.'),
  ];
}
