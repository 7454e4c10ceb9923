// The view of a block: its header, the state before and after, its transactions, and its proof.
import { orNull, proofOfBlock, rpc } from './api.js';
import { code, facts, fold, h, replace, section, table } from './dom.js';
import { age, amount, integer, isNumber, plural, time } from './format.js';
import { onStatus } from './live.js';
import { badge, blockState, bundleFacts, contractLink, execution, frames, hashText, transactionLink } from './parts.js';

export async function blockView([which], signal) {
  const id = isNumber(which) ? { block_number: Number(which) } : { block_hash: which };
  const block = await rpc('getBlockWithReceipts', { block_id: id }, signal);
  const number = block.block_number;
  const [before, next] = await Promise.all([
    number > 0 ? rpc('getBlockWithTxHashes', { block_id: { block_number: number - 1 } }, signal) : null,
    orNull(rpc('getBlockWithTxHashes', { block_id: { block_number: number + 1 } }, signal)),
  ]);
  const proof = h('div', null);
  followProof(proof, number, block.transactions.length, signal);
  return h('div', null,
    h('h1', null, `Block ${integer(number)}`),
    h('p', { class: 'pager' },
      number > 0 && h('a', { href: `#/block/${number - 1}`, 'aria-label': `Block ${number - 1}` }, '← previous'),
      next && h('a', { href: `#/block/${number + 1}`, 'aria-label': `Block ${number + 1}` }, 'next →')),
    section('Header', facts(
      ['Hash', hashText(block.block_hash)],
      ['Parent', hashText(block.parent_hash)],
      ['Time', `${time(block.timestamp)} (${age(block.timestamp)})`],
      ['Sequencer', contractLink(block.sequencer_address, true)],
      ['State before', before ? hashText(before.new_root) : 'none: this is the genesis'],
      ['State after', hashText(block.new_root)],
      ['Status', block.status],
      ['Starknet version', block.starknet_version],
      ['L2 gas price', block.l2_gas_price && `${integer(block.l2_gas_price.price_in_fri)} FRI`],
    ), fold('All header fields', code(JSON.stringify({ ...block, transactions: undefined }, null, 2)))),
    section('Proof', proof),
    section(plural(block.transactions.length, 'transaction'),
      table('Transactions', [['Hash'], ['Type'], ['Sender', 'wide'], ['Execution'], ['Fee', 'number wide'], ['Events', 'number wide']],
        block.transactions.map(({ transaction: t, receipt: r }) => [
          transactionLink(r.transaction_hash), r.type ?? t.type, contractLink(t.sender_address ?? r.contract_address ?? ''), execution(r), amount(r.actual_fee?.amount, r.actual_fee?.unit), integer(r.events.length),
        ]), 'The block is empty.')));
}

/** followProof shows a block's record as soon as it exists. */
function followProof(element, number, transactions, signal) {
  let done = false;
  let busy = false;
  onStatus(async (status) => {
    if (done || busy || !status) return;
    busy = true;
    try {
      const record = number > 0 && number <= status.proved_height ? await proofOfBlock(number, signal) : null;
      done = number === 0 || record !== null;
      if (!signal.aborted) replace(element, proofPart(number, transactions, record, status));
    } catch (error) {
      if (!signal.aborted) replace(element, h('p', { class: 'problem' }, error.message));
    } finally {
      busy = false;
    }
  }, signal);
  if (!done) replace(element, h('p', { class: 'muted' }, 'Loading…'));
}

function proofPart(number, transactions, record, status) {
  const state = blockState(number, transactions, record, status);
  if (number === 0) return h('p', null, 'The genesis block is not proved. Its state is computed from the genesis file.');
  if (state === 'empty') return h('p', null, badge(state), ' The block has no transactions, so there is nothing to prove. The watcher executed the block and got the state that the validators signed.');
  if (!record) {
    return h('p', null, badge(state), state === 'proving' ? ` ${status.progress ?? ''}` : ` Proving has reached block ${integer(status.proved_height)}.`);
  }
  return h('div', null,
    h('p', null, badge(state)),
    facts(...bundleFacts(record)),
    record.proofs?.length > 0 && facts(
      ['Proved parts', frames([...new Set(record.proofs.flatMap((p) => p.covered ?? []))])],
      ['Parts not covered', frames([...new Set(record.proofs.flatMap((p) => p.not_covered ?? []))])]),
    record.not_provable?.length > 0 && [
      h('h3', null, 'Not provable'),
      table('Transactions that no proof covers', [['Transaction'], ['Reason']],
        record.not_provable.map((e) => [transactionLink(e.transaction), e.reason]), '', true),
      h('p', { class: 'muted' }, 'The effects of these transactions are known only from the validators’ signatures. The proof covers the other transactions of the block.'),
    ],
    record.bundle && h('p', { class: 'actions' },
      h('a', { href: `#/verify/block/${number}`, class: 'button', id: 'verify-here' }, 'Verify here'),
      h('a', { href: `/v1/blocks/${number}/proof`, download: `block-${number}.json` }, 'Download the proof')));
}
