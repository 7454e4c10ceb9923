// The page's frame: the router, the search box, and the line with the watcher's status.
import { batch, chain, isAbsent } from './api.js';
import { h, replace } from './dom.js';
import { canonical, integer, isFelt, isNumber, plural } from './format.js';
import { onStatus, start } from './live.js';
import { blocksView } from './blocks.js';
import { blockView } from './block.js';
import { transactionView } from './transaction.js';
import { classView, contractView } from './contract.js';
import { verifyView } from './verify.js';

// A view is called with the groups of its pattern and a signal that is aborted when the user leaves the view. It returns an element.
const routes = [
  [/^\/?$/, 'blocks', 'Blocks', blocksView],
  [/^\/blocks\/(\d{1,16})$/, 'blocks', 'Blocks', blocksView],
  [/^\/block\/(\d{1,16}|0x[0-9a-fA-F]{1,64})$/, 'blocks', 'Block', blockView],
  [/^\/tx\/(0x[0-9a-fA-F]{1,64})$/, 'blocks', 'Transaction', transactionView],
  [/^\/contract\/(0x[0-9a-fA-F]{1,64})$/, 'blocks', 'Contract', contractView],
  [/^\/class\/(0x[0-9a-fA-F]{1,64})$/, 'blocks', 'Class', classView],
  [/^\/search\/(.+)$/, 'blocks', 'Search', searchView],
  [/^\/verify$/, 'verify', 'Verify', verifyView],
  [/^\/verify\/block\/(\d{1,16})$/, 'verify', 'Verify', verifyView],
  [/^\/verify\/block\/(\d{1,16})\/tx\/(0x[0-9a-fA-F]{1,64})$/, 'verify', 'Verify', verifyView],
];

const main = document.getElementById('view');
let leave = new AbortController();

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const { hash } = location; // of this view; the address may change before the view is ready
  const path = hash.replace(/^#/, '');
  const route = routes.find(([pattern]) => pattern.test(path));
  const name = route?.[1];
  for (const a of document.querySelectorAll('nav a')) {
    if (a.dataset.view === name) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  main.setAttribute('aria-busy', 'true');
  let view;
  try {
    view = route ? await route[3](path.match(route[0]).slice(1), signal) : problem('There is no such view', 'The latest blocks are at #/. You can also search above.');
  } catch (error) {
    if (signal.aborted) return;
    view = isAbsent(error) ? problem('Not found', `${error.message}. It may be in a block that this watcher has not replayed yet.`) : problem('An error occurred', error.message);
  }
  if (signal.aborted) return;
  replace(main, view);
  main.dataset.shown = hash; // for tests: the address of the view that is shown
  main.removeAttribute('aria-busy');
  const about = await chain().catch(() => null);
  if (!signal.aborted) document.title = `${main.querySelector('h1')?.textContent ?? route?.[2] ?? ''} · ${about?.chain_id ?? 'starkd'}`;
}

const problem = (title, text) => h('div', null, h('h1', null, title), h('p', { class: 'problem' }, text));

/** searchView goes to the block with a number, or to the transaction, block, contract or class with a hash. */
async function searchView([escaped], signal) {
  let text;
  try {
    text = decodeURIComponent(escaped).trim();
  } catch {
    text = escaped;
  }
  const go = (to) => {
    if (!signal.aborted) location.replace(`#/${to}`);
    return h('p', { class: 'muted' }, 'Searching…');
  };
  if (isNumber(text)) return go(`block/${text}`);
  if (!isFelt(text)) {
    return problem('Invalid search', `“${text}” is neither a block number nor a hash (0x and up to 64 hexadecimal digits).`);
  }
  const felt = canonical(text);
  const [transaction, block, contract, declared] = await batch([
    ['getTransactionReceipt', { transaction_hash: felt }],
    ['getBlockWithTxHashes', { block_id: { block_hash: felt } }],
    ['getClassHashAt', { block_id: 'latest', contract_address: felt }],
    ['getClass', { block_id: 'latest', class_hash: felt }],
  ], signal);
  if (!(transaction instanceof Error)) return go(`tx/${felt}`);
  if (!(block instanceof Error)) return go(`block/${block.block_number}`);
  if (!(contract instanceof Error)) return go(`contract/${felt}`);
  if (!(declared instanceof Error)) return go(`class/${felt}`);
  return problem('Nothing found', `This chain has no block, transaction, contract or class ${felt}. It may be in a block that this watcher has not replayed yet.`);
}

document.getElementById('search').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = document.getElementById('query').value.trim();
  if (text) location.hash = `#/search/${encodeURIComponent(text)}`;
});
document.querySelector('a.skip').addEventListener('click', (event) => {
  event.preventDefault(); // the router uses the hash
  main.focus();
});
window.addEventListener('hashchange', () => {
  if (!location.hash.startsWith('#/search/')) document.getElementById('query').value = '';
  show();
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true });
});

const strip = document.getElementById('status');
const alarm = document.getElementById('alarm');
onStatus((status) => {
  const trouble = status === null ? 'The watcher does not respond.'
    : status.halted ? `The watcher has stopped: ${status.halted}`
      : status.last_error ? `The watcher retries after an error: ${status.last_error}`
        : !status.connected && status.height === 0 ? 'The watcher is not connected to a node yet.' : '';
  if (alarm.textContent !== trouble) alarm.textContent = trouble;
  alarm.hidden = !trouble;
  strip.hidden = status === null;
  if (status === null) return;
  const lag = Math.max(0, status.height - status.proved_height);
  replace(strip,
    h('span', null, 'Height ', h('b', { id: 'height' }, integer(status.height))),
    h('span', null, 'Proved ', h('b', { id: 'proved' }, integer(status.proved_height))),
    h('span', null, lag ? `Proving is ${plural(lag, 'block')} behind` : 'Proving has caught up'),
    status.progress ? h('span', null, String(status.progress).replace(/^p/, 'P')) : null);
});

chain().then((about) => {
  document.getElementById('chain').textContent = about.chain_id;
  document.getElementById('version').textContent = `starkd ${about.version}.`;
}, () => {});
start();
show();
