// ABIs, which say whatever a class's declarer wrote: any JSON, of any size, or no JSON. Nothing here believes more than that.
import { batch } from './api.js';
import { canonical } from './format.js';
import { starknetKeccak } from './keccak.js';

const most = 300; // names that are hashed, of functions and of events each
const longest = 200; // characters of one

/** parseABI returns the functions and event names of an ABI, and the JSON itself, null where it is no list. */
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

/** signature is a function in a line, types without their paths. */
export function signature(f) {
  const type = (t) => String(t).replaceAll('::<', '<').replaceAll('@', '').replace(/[A-Za-z0-9_]+::/g, '');
  const list = (items) => (Array.isArray(items) ? items : []);
  const inputs = list(f.inputs).map((i) => `${i?.name}: ${type(i?.type)}`).join(', ');
  const outputs = list(f.outputs).map((o) => type(o?.type)).join(', ');
  return `${f.name}(${inputs})${outputs ? ` → ${outputs}` : ''}${f.state_mutability === 'view' ? ' view' : ''}`;
}

const contracts = 5; // whose classes are fetched for the names in one transaction; a class may have megabytes

/** namesOf asks for the classes of contracts, and answers with a function from a contract and a selector to a name, or undefined. */
export async function namesOf(addresses, block, signal) {
  const asked = [...new Set(addresses.map(canonical))].slice(0, contracts);
  const classes = await batch(asked.map((address) => ['getClassAt', { block_id: { block_number: block }, contract_address: address }]), signal);
  const known = new Map(asked.map((address, i) => [address, classes[i] instanceof Error ? null : parseABI(classes[i].abi).names]));
  return (address, selector) => known.get(canonical(address))?.get(canonical(selector));
}
