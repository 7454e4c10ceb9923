// Elements that several views use: links to parts of the chain, and the state of proofs.
import { h } from './dom.js';
import { integer, isFelt, short, size } from './format.js';

/** link makes a link to a view by a hash, which is not shortened if long is set. It shows a malformed hash as text. */
function link(view, hash, long) {
  if (!isFelt(hash)) return h('span', { class: 'mono' }, String(hash));
  return h('a', { href: `#/${view}/${hash}`, class: long ? 'mono long' : 'mono', title: hash }, long ? hash : short(hash));
}

export const transactionLink = (hash, long) => link('tx', hash, long);
export const contractLink = (address, long) => link('contract', address, long);
export const classLink = (hash, long) => link('class', hash, long);
export const blockLink = (number) => h('a', { href: `#/block/${Number(number)}` }, integer(number));

/** hashText shows a hash or a felt without a link. */
export const hashText = (hash) => h('span', { class: 'mono long' }, String(hash));

const words = {
  proved: ['good', 'proved'],
  partly: ['part', 'partly proved'],
  empty: ['idle', 'empty'],
  not_provable: ['bad', 'not provable'],
  waiting: ['wait', 'waiting'],
  proving: ['wait', 'proving…'],
};

/** badge shows the state of the proof of a block or a transaction. */
export function badge(state) {
  const [kind, text] = words[state] ?? ['idle', String(state)];
  return h('span', { class: `badge ${kind}`, 'data-state': state }, text);
}

/** beingProved reports whether a block is part of the proof that is being made. */
export function beingProved(status, number) {
  return Boolean(status?.proving) && number >= status.proving && number <= (status.proving_last ?? status.proving);
}

/** blockState returns the state of a block's proof: from its record if it exists, otherwise from the watcher's status. */
export function blockState(number, transactions, record, status) {
  if (record) {
    return record.status === 'proved' && record.not_provable?.length ? 'partly' : record.status;
  }
  if (status && number <= status.proved_height) return transactions === 0 ? 'empty' : 'proved';
  if (beingProved(status, number)) return 'proving';
  return 'waiting';
}

/** execution makes the badge for a receipt's execution status. */
export const execution = (receipt) => (receipt.execution_status === 'REVERTED'
  ? h('span', { class: 'badge bad' }, 'reverted') : h('span', { class: 'badge good' }, 'succeeded'));

/** securityOf returns the security of the weakest proof as text. Records of older watchers do not have proven bits. */
export function securityOf(proofs) {
  const least = (field) => Math.min(...proofs.map((p) => Number(p[field])));
  const proven = proofs.every((p) => p.proven_bits !== undefined);
  return `${least('security_bits')} bits conjectured${proven ? `, ${least('proven_bits')} proven` : ''}`;
}

/** bundleFacts returns the rows about a block's stored proof. */
export function bundleFacts(record) {
  const proofs = record.proofs ?? [];
  const sum = (field) => proofs.reduce((total, p) => total + Number(p[field] ?? 0), 0);
  return [
    ['Proofs', integer(proofs.length)],
    record.bundle && ['Size', `${size(record.bundle.size)} with the witness`],
    proofs.length > 0 && ['Steps', integer(sum('steps'))],
    proofs.length > 0 && ['Security', securityOf(proofs)],
    proofs.length > 0 && ['Layout', [...new Set(proofs.map((p) => p.layout))].join(', ')],
    proofs.length > 0 && ['Proving time', `${(sum('proving_ms') / 1000).toFixed(1)} s`],
    proofs.length > 0 && ['Program', h('span', { class: 'mono long' }, [...new Set(proofs.map((p) => p.program_hash))].join(', '))],
    record.bundle && ['SHA-256', h('span', { class: 'mono long' }, record.bundle.sha256)],
  ];
}

/** frames lists the parts of a transaction that a proof covers, or does not. */
export const frames = (list) => ((list ?? []).length ? list.join(', ') : 'nothing');
