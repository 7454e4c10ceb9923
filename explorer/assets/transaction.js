// The view of a transaction: its calls, its outcome, and its proof.
import { namesOf } from './abi.js';
import { proofOfTransaction, rpc } from './api.js';
import { code, facts, fold, h, replace, section, table } from './dom.js';
import { amount, canonical, integer, plural, shortString } from './format.js';
import { onStatus } from './live.js';
import { badge, beingProved, blockLink, classLink, contractLink, execution, frames, hashText, securityOf } from './parts.js';

export async function transactionView([given], signal) {
  const hash = canonical(given);
  const [transaction, receipt] = await Promise.all([
    rpc('getTransactionByHash', { transaction_hash: hash }, signal),
    rpc('getTransactionReceipt', { transaction_hash: hash }, signal),
  ]);
  const proof = h('div', null);
  followProof(proof, hash, receipt.block_number, signal);
  const calls = transaction.type === 'INVOKE' ? callsOf(transaction.calldata) : null;
  const content = h('div', null);
  const fill = (nameOf) => replace(content,
    transaction.type === 'INVOKE' && callsPart(calls, transaction.calldata, nameOf),
    section(plural(receipt.events.length, 'event'), some(receipt.events, (event) => eventPart(event, nameOf))));
  fill(() => undefined);
  namesOf([...(calls ?? []).map((call) => call.to), ...receipt.events.map((event) => event.from_address)], receipt.block_number, signal)
    .then(fill, () => {}); // without names the view is complete too
  return h('div', null,
    h('h1', null, 'Transaction'),
    facts(
      ['Hash', hashText(hash)],
      ['Block', blockLink(receipt.block_number)],
      ['Type', `${transaction.type} version ${transaction.version}`],
      ['Sender', contractLink(transaction.sender_address ?? receipt.contract_address ?? '', true)],
      receipt.contract_address && ['Deployed', contractLink(receipt.contract_address, true)],
      transaction.class_hash && ['Class', classLink(transaction.class_hash, true)],
      transaction.compiled_class_hash && ['Compiled class', hashText(transaction.compiled_class_hash)],
      ['Nonce', integer(transaction.nonce)],
      ['Execution', execution(receipt)],
      receipt.execution_status === 'REVERTED' && ['Revert reason', h('pre', { class: 'reason', id: 'revert-reason', tabindex: 0 }, String(receipt.revert_reason))],
      ['Finality', receipt.finality_status],
      ['Fee', amount(receipt.actual_fee?.amount, receipt.actual_fee?.unit)],
      ['L2 gas', integer(receipt.execution_resources?.l2_gas)],
    ),
    section('Proof', proof),
    content,
    receipt.messages_sent.length > 0 && section(plural(receipt.messages_sent.length, 'message'), some(receipt.messages_sent, (m) => h('div', { class: 'card' }, facts(
      ['From', contractLink(m.from_address, true)], ['To', hashText(m.to_address)], ['Payload', felts(m.payload)])))),
    section('As JSON', fold('Transaction', code(JSON.stringify(transaction, null, 2))), fold('Receipt', code(JSON.stringify(receipt, null, 2)))));
}

/** followProof shows the transaction's record as soon as it exists. */
function followProof(element, hash, block, signal) {
  let done = false;
  let busy = false;
  onStatus(async (status) => {
    if (done || busy || !status) return;
    busy = true;
    try {
      const record = block <= status.proved_height ? await proofOfTransaction(hash, signal) : null;
      done = record !== null;
      if (!signal.aborted) replace(element, proofPart(record, hash, block, status));
    } catch (error) {
      if (!signal.aborted) replace(element, h('p', { class: 'problem' }, error.message));
    } finally {
      busy = false;
    }
  }, signal);
  if (!done) replace(element, h('p', { class: 'muted' }, 'Loading…'));
}

function proofPart(record, hash, block, status) {
  if (!record) {
    const state = beingProved(status, block) ? 'proving' : 'waiting';
    return h('p', null, badge(state), state === 'proving' ? ` ${status.progress ?? ''}` : ` Proving has reached block ${integer(status.proved_height)}; this transaction is in block ${integer(block)}.`);
  }
  if (record.status !== 'proved') {
    return h('div', null,
      h('p', null, badge(record.status)),
      facts(
        ['Reason', record.exception?.reason],
        record.exception?.builtin && ['Builtin', record.exception.builtin],
        record.exception?.syscall && ['Syscall', record.exception.syscall]),
      h('p', { class: 'muted' }, 'Its effects are known only from the validators’ signatures.'));
  }
  const { proof } = record;
  return h('div', null,
    h('p', null, badge('proved')),
    facts(
      ['Proved parts', frames(proof.covered)],
      ['Parts not covered', frames(proof.not_covered)],
      ['Security', securityOf([proof])],
      ['Steps', `${integer(proof.steps)}, layout ${proof.layout}${proof.transactions.length > 1 ? `, together with ${plural(proof.transactions.length - 1, 'other transaction')}` : ''}`],
      ['State after the block', hashText(record.state_root)]),
    h('p', { class: 'actions' },
      h('a', { href: `#/verify/block/${Number(record.block)}/tx/${hash}`, class: 'button', id: 'verify-here' }, 'Verify here'),
      h('a', { href: `/v1/proofs/${hash}/raw`, download: `transaction-${hash.slice(0, 12)}.json` }, 'Download the proof')));
}

/** callsOf reads calldata as accounts encode calls: a count, then for each contract, selector, length and arguments. */
export function callsOf(calldata) {
  if (!Array.isArray(calldata) || calldata.length === 0) return null;
  try {
    const words = calldata.map(BigInt);
    const calls = [];
    let at = 1;
    for (let i = 0n; i < words[0]; i++) {
      if (at + 3 > words.length || words[at + 2] > BigInt(words.length - at - 3)) return null;
      const count = Number(words[at + 2]);
      calls.push({ to: calldata[at], selector: canonical(calldata[at + 1]), arguments: calldata.slice(at + 3, at + 3 + count) });
      at += 3 + count;
    }
    return at === words.length ? calls : null;
  } catch {
    return null;
  }
}

function callsPart(calls, calldata, nameOf) {
  if (!calls) return section('Calldata', felts(calldata ?? []));
  return section(plural(calls.length, 'call'),
    h('p', { class: 'muted' }, 'The calldata, decoded as calls in the usual encoding of accounts. Names come from the ABIs of the classes.'),
    some(calls, (call) => h('div', { class: 'card' }, facts(
      ['Contract', contractLink(call.to, true)],
      ['Function', named(nameOf(call.to, call.selector), call.selector)],
      ['Arguments', felts(call.arguments)]))));
}

const named = (name, selector) => (name === undefined ? hashText(selector) : [h('b', null, name), ' ', h('span', { class: 'mono long muted' }, selector)]);

function eventPart(event, nameOf) {
  const name = event.keys?.length ? nameOf(event.from_address, event.keys[0]) : undefined;
  return h('div', { class: 'card' }, facts(
    ['Contract', contractLink(event.from_address, true)],
    name !== undefined && ['Event', h('b', null, name)],
    ['Keys', felts(event.keys)], ['Data', felts(event.data)]));
}

/** felts makes a list of felts, with the text of each that is a short string. */
function felts(list) {
  if (!list?.length) return h('span', { class: 'muted' }, 'none');
  return h('ol', { class: 'felts' }, some(list, (felt) => {
    const text = shortString(felt);
    return h('li', null, h('span', { class: 'mono long' }, String(felt)), text !== null && h('span', { class: 'text', title: 'as text' }, `“${text}”`));
  }));
}

const most = 100; // greatest number of items that are shown of a list

/** some shows the beginning of a list and the number of items that it omits. The whole list is in the JSON. */
function some(list, show) {
  return [list.slice(0, most).map(show), list.length > most && h('p', { class: 'muted' }, `… and ${integer(list.length - most)} more; see the JSON below`)];
}
