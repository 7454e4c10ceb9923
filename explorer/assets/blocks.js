// The view of the latest blocks with the state of their proofs, kept up to date, and of the latest proofs.
import { batch, get, proofOfBlock } from './api.js';
import { h, replace, section, table } from './dom.js';
import { age, integer, iso, plural, size, time } from './format.js';
import { onStatus } from './live.js';
import { badge, blockLink, blockState, securityOf } from './parts.js';

const page = 20; // blocks; the first page has half of them, and the latest proofs

const listInterval = 10_000; // milliseconds between requests of the list of proofs, which costs the watcher more than a block's record

export async function blocksView([from], signal) {
  const fixed = from === undefined ? null : Number(from); // older pages do not update
  const view = h('div', null);
  const list = h('div', { 'aria-live': 'off' });
  const proofs = h('div', null);
  const stages = h('div', { class: 'tiles' });
  replace(view,
    h('h1', null, fixed === null ? 'Latest blocks' : `Blocks up to ${integer(fixed)}`),
    fixed === null && stages, list,
    fixed === null && section('Latest proofs', proofs));

  let shown = ''; // the state that the lists show
  let busy = false;
  let records = [];
  let asked = { at: -Infinity, proved: -1 }; // when the records were last requested, and the height proved then
  const update = async (status) => {
    if (!status) return;
    if (fixed === null) tiles(stages, status);
    const now = `${fixed ?? status.height} ${status.proved_height} ${status.proving ?? 0}`;
    const due = status.proved_height !== asked.proved && performance.now() - asked.at > listInterval;
    if (busy || (now === shown && !due)) return;
    busy = true;
    try {
      if (due) {
        asked = { at: performance.now(), proved: status.proved_height };
        records = (await get('/v1/proofs', signal)).blocks ?? [];
      }
      const top = fixed ?? status.height;
      const blocks = await blocksFrom(top, fixed === null ? page / 2 : page, signal);
      if (signal.aborted) return;
      replace(list, await blockTable(blocks, records, status, signal), pager(top, fixed));
      replace(proofs, proofTable(records));
      shown = now;
    } catch (error) {
      if (!signal.aborted && !shown) replace(list, h('p', { class: 'problem' }, error.message));
    } finally {
      busy = false;
    }
  };
  onStatus(update, signal);
  if (!shown) replace(list, h('p', { class: 'muted' }, 'Loading…'));
  return view;
}

function tiles(element, status) {
  const lag = Math.max(0, status.height - status.proved_height);
  const tile = (name, value, note) => h('div', { class: 'tile' }, h('span', { class: 'muted' }, name), h('b', null, value), h('span', { class: 'muted' }, note));
  replace(element,
    tile('Height', integer(status.height), status.connected ? 'verified and replayed' : 'not connected to the node'),
    tile('Proved', integer(status.proved_height), 'all blocks up to here'),
    status.accepted_height !== undefined && tile('Accepted on L1', integer(status.accepted_height), 'proofs verified by two thirds of the validators'),
    tile('Proving lag', plural(lag, 'block'), status.progress ?? (lag ? 'waiting' : 'caught up')),
    tile('Security', `${integer(status.security_bits)} bits`, status.proven_bits === undefined ? 'conjectured, of each proof' : `conjectured, ${integer(status.proven_bits)} proven, of each proof`));
}

async function blocksFrom(top, count, signal) {
  const calls = [];
  for (let n = top; n >= 0 && n > top - count; n--) calls.push(['getBlockWithTxHashes', { block_id: { block_number: n } }]);
  return (await batch(calls, signal)).filter((b) => !(b instanceof Error));
}

async function blockTable(blocks, records, status, signal) {
  const known = new Map(records.map((r) => [r.block, r]));
  const missing = blocks.filter((b) => b.transactions.length > 0 && b.block_number <= status.proved_height && !known.has(b.block_number));
  for (const record of await Promise.all(missing.map((b) => proofOfBlock(b.block_number, signal)))) {
    if (record) known.set(record.block, record);
  }
  return table('Blocks', [['Block'], ['Time'], ['Transactions', 'number'], ['Proof']],
    blocks.map((b) => [
      blockLink(b.block_number),
      h('time', { title: time(b.timestamp), datetime: iso(b.timestamp) }, age(b.timestamp)),
      integer(b.transactions.length),
      badge(b.block_number === 0 ? 'genesis' : blockState(b.block_number, b.transactions.length, known.get(b.block_number), status)),
    ]), 'There is no block yet.');
}

function pager(top, fixed) {
  const count = fixed === null ? page / 2 : page;
  return h('p', { class: 'pager' },
    fixed !== null && h('a', { href: '#/' }, 'Latest'),
    top >= count && h('a', { href: `#/blocks/${top - count}` }, 'Older blocks'));
}

function proofTable(records) {
  return table('Proofs', [['Block'], ['Transactions', 'number wide'], ['State'], ['Steps', 'number wide'], ['Size', 'number wide'], ['Security', 'number wide'], ['Proving time', 'number wide'], ['']],
    records.slice(0, 10).map((r) => {
      const sum = (field) => r.proofs.reduce((total, p) => total + Number(p[field]), 0);
      return [
        blockLink(r.block), integer(r.transactions.length), badge(blockState(r.block, r.transactions.length, r)),
        r.bundle ? integer(sum('steps')) : '', r.bundle ? size(r.bundle.size) : '',
        r.proofs.length ? securityOf(r.proofs) : '',
        r.bundle ? `${(sum('proving_ms') / 1000).toFixed(1)} s` : '',
        r.bundle ? h('a', { href: `#/verify/block/${Number(r.block)}`, 'aria-label': `Verify block ${r.block}` }, 'Verify') : '',
      ];
    }), 'No block with transactions has been processed yet.');
}
