// ABIs. The declarer of a class writes its ABI, so it may be any JSON of any size, or not JSON.
import { batch } from './api.js';
import { canonical } from './format.js';
import { starknetKeccak } from './keccak.js';

const most = 300; // greatest number of functions, and of events, whose names are hashed
const longest = 200; // greatest length of a name in characters

/** parseABI returns the JSON of an ABI (null if it is not a list), its functions, and a map from selectors to names of functions and events. */
export function parseABI(text) {
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (!Array.isArray(json)) json = null;
  const items = (json ?? []).flatMap((item) => (item?.type === 'interface' && Array.isArray(item.items) ? item.items : [item]))
    .filter((item) => item && typeof item === 'object' && typeof item.name === 'string' && item.name.length <= longest);
  const functions = items.filter((item) => ['function', 'constructor', 'l1_handler'].includes(item.type)).slice(0, most);
  const events = items.filter((item) => item.type === 'event' && item.kind === 'struct').map((item) => item.name.split('::').at(-1)).slice(0, most);
  return { json, functions, names: new Map([...functions.map((f) => f.name), ...events].map((name) => [starknetKeccak(name), name])) };
}

/** signature returns a function as one line, with types without their paths. */
export function signature(f) {
  const type = (t) => String(t).replaceAll('::<', '<').replaceAll('@', '').replace(/[A-Za-z0-9_]+::/g, '');
  const list = (items) => (Array.isArray(items) ? items : []);
  const inputs = list(f.inputs).map((i) => `${i?.name}: ${type(i?.type)}`).join(', ');
  const outputs = list(f.outputs).map((o) => type(o?.type)).join(', ');
  return `${f.name}(${inputs})${outputs ? ` → ${outputs}` : ''}${f.state_mutability === 'view' ? ' view' : ''}`;
}

const contracts = 5; // greatest number of classes that are fetched for the names in a transaction; a class may have megabytes

/** namesOf fetches the classes of contracts. It returns a function that maps a contract and a selector to a name, or undefined. */
export async function namesOf(addresses, block, signal) {
  const asked = [...new Set(addresses.map(canonical))].slice(0, contracts);
  const classes = await batch(asked.map((address) => ['getClassAt', { block_id: { block_number: block }, contract_address: address }]), signal);
  const known = new Map(asked.map((address, i) => [address, classes[i] instanceof Error ? null : parseABI(classes[i].abi).names]));
  return (address, selector) => known.get(canonical(address))?.get(canonical(selector));
}
