// Walks through the explorer of a running watcher in a headless Chromium and compares its pages with the watcher's answers.
//
//   node explorer.mjs URL [--genesis FILE] [--screenshots DIR] [--marker TEXT]
//
// URL is the watcher's address, such as the one that make run prints. With a genesis file a proof is verified against it. A marker is
// markup that a hostile chain has in every text; the explorer must show it as text. Without a marker the script waits for the proof of
// a block. Prints a line for each check. Exits with 1 and the reason if a check fails, on any console error and on any request to
// another host; with 77 if there is no browser.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Page, findBrowser, launch } from './browser.mjs';

const { values: flags, positionals: [address] } = parseArgs({
  allowPositionals: true, options: { genesis: { type: 'string' }, screenshots: { type: 'string' }, marker: { type: 'string' } },
});
if (!address) {
  console.error('usage: explorer.mjs URL [--genesis FILE] [--screenshots DIR] [--marker TEXT]');
  process.exit(2);
}
const origin = new URL(address).origin;
const browserPath = findBrowser();
if (!browserPath) {
  console.error('no Chromium on the PATH or in $CHROMIUM');
  process.exit(77);
}

function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}
const seen = (what) => console.log(`ok  ${what}`);
const get = async (p) => {
  const response = await fetch(origin + p);
  if (!response.ok) throw new Error(`${p}: ${response.status} ${await response.text()}`);
  return response.json();
};
const rpc = async (method, params = {}) => {
  const response = await fetch(`${origin}/rpc`, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: `starknet_${method}`, params }) });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
};
const group = (n) => BigInt(n).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** aProof waits until a block has a proof, and returns its record and all records. */
async function aProof() {
  for (const deadline = Date.now() + 15 * 60_000; ;) {
    const { blocks } = await get('/v1/proofs');
    const status = await get('/v1/status');
    const proved = (blocks ?? []).find((r) => r.bundle && r.block <= status.proved_height);
    if (proved) return { proved, records: blocks };
    if (Date.now() > deadline) throw new Error('no proof after 15 minutes');
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

const browser = await launch(browserPath);
let page;

const text = () => page.run(() => document.querySelector('main').innerText);
async function shows(...wanted) {
  const shown = await page.run(() => document.querySelector('main').textContent);
  for (const w of wanted) expect(shown.includes(String(w)), `the page ${await page.run(() => location.hash)} to show ${w}; it shows:\n${(await text()).slice(0, 1500)}`);
}

/** visit opens a view and waits until it is shown. */
async function visit(hash, title) {
  await page.run((to) => { location.hash = to; }, hash);
  await page.until(`the view ${hash}`, (h, t) => document.querySelector('main').dataset.shown === h && document.querySelector('h1')?.textContent.startsWith(t), [hash, title]);
}

/** look takes screenshots in every width and colour scheme, and checks that a phone need not scroll sideways. */
async function look(name) {
  for (const [guise, as] of Object.entries({ light: {}, dark: { scheme: 'dark' }, phone: { width: 390, height: 844 }, 'phone-dark': { width: 390, height: 844, scheme: 'dark' } })) {
    await page.look(as);
    const [wide, room] = await page.run(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    expect(wide <= room, `${name} to fit a width of ${room}, not to need ${wide}`);
    if (flags.screenshots) await page.screenshot(path.join(flags.screenshots, `${name}-${guise}.png`));
  }
  await page.look({});
  const foreign = await page.run(() => document.querySelectorAll('main :is(img, script, iframe, object, embed, svg, style, link, base, meta), main [style], main [src]').length);
  expect(foreign === 0, `${name} to hold no element that the explorer does not make, not ${foreign}`);
  expect(await page.run(() => globalThis.pwned === undefined), `${name} to run nothing of the chain's`);
}

async function blocks() {
  await page.goto(`${origin}/`);
  await page.until('the list of blocks', () => document.querySelectorAll('main table tbody tr').length > 0);
  const chain = await get('/chain.json');
  expect(await page.run(() => document.getElementById('chain').textContent) === chain.chain_id, `the chain's name ${chain.chain_id}`);
  const height = () => page.run(() => Number(document.getElementById('height').textContent.replaceAll(/\D/g, '')));
  const first = await height();
  await page.until('a new block', (h) => Number(document.getElementById('height').textContent.replaceAll(/\D/g, '')) > h, [first], 60);
  await page.until('the newest block in the list', () => {
    const top = document.querySelector('main tbody tr td').textContent.replaceAll(/\D/g, '');
    return Number(top) >= Number(document.getElementById('height').textContent.replaceAll(/\D/g, '')) - 1;
  });
  const dated = await page.run(() => [...document.querySelectorAll('main tbody time')].every((t) => !Number.isNaN(Date.parse(t.dateTime))));
  expect(dated, 'a time for each block');
  seen('blocks, live');
}

async function keyboard() {
  await page.run(() => document.activeElement.blur());
  await page.key('Tab');
  expect(await page.run(() => document.activeElement.className) === 'skip', 'the first Tab to reach the skip link');
  await page.key('Enter');
  expect(await page.run(() => document.activeElement.id) === 'view', 'the skip link to lead to the content');
  await page.run(() => document.getElementById('query').focus());
}

/** search types into the search box and presses Enter. */
async function search(what, hash) {
  await page.run(() => {
    const box = document.getElementById('query');
    box.focus();
    box.select();
  });
  await page.type(what);
  await page.key('Enter');
  await page.until(`search for ${what} to lead to ${hash}`, (h) => document.querySelector('main').dataset.shown === h, [hash]);
}

async function block(record) {
  await search(String(record.block), `#/block/${record.block}`);
  const b = await rpc('getBlockWithReceipts', { block_id: { block_number: record.block } });
  const before = await rpc('getBlockWithTxHashes', { block_id: { block_number: record.block - 1 } });
  await page.until('the proof of the block', () => document.querySelector('main #verify-here'));
  await shows(b.block_hash, b.parent_hash, before.new_root, b.new_root, b.sequencer_address, record.bundle.sha256, `${record.proofs[0].security_bits} bits`, group(record.proofs[0].steps));
  const links = await page.run(() => [...document.querySelectorAll('main tbody a')].map((a) => a.getAttribute('href')));
  for (const { receipt } of b.transactions) expect(links.includes(`#/tx/${receipt.transaction_hash}`), `a link to ${receipt.transaction_hash}`);
  await search(b.block_hash, `#/block/${b.block_number}`);
  seen(`block ${record.block}`);
  await look('block');
  return b;
}

async function transaction(hash, name) {
  await search(hash, `#/tx/${hash}`);
  const receipt = await rpc('getTransactionReceipt', { transaction_hash: hash });
  const transaction = await rpc('getTransactionByHash', { transaction_hash: hash });
  const proof = await get(`/v1/proofs/${hash}`);
  await page.until('the state of the proof', (state) => document.querySelector(`main [data-state=${state}]`), [proof.status]);
  await shows(hash, transaction.type, transaction.sender_address, receipt.execution_status === 'REVERTED' ? receipt.revert_reason : 'succeeded');
  for (const e of receipt.events.slice(0, 100)) await shows(e.from_address, ...e.keys, ...e.data);
  for (const m of receipt.messages_sent.slice(0, 100)) await shows(m.to_address, ...m.payload);
  if (proof.status === 'proved') await shows(...proof.proof.covered, ...proof.proof.not_covered);
  else await shows(proof.exception.reason);
  seen(`transaction ${hash}: ${receipt.execution_status}, ${proof.status}`);
  await look(name);
  return transaction;
}

async function contract(where) {
  await search(where, `#/contract/${where}`);
  const classHash = await rpc('getClassHashAt', { block_id: 'latest', contract_address: where });
  const definition = await rpc('getClassAt', { block_id: 'latest', contract_address: where });
  await shows(where, classHash, ...definition.entry_points_by_type.EXTERNAL.slice(0, 100).map((e) => e.selector));
  await shows(...JSON.parse(definition.abi).filter((item) => item?.type === 'function').map((f) => f.name), ' STRK of');
  if (definition.entry_points_by_type.EXTERNAL.every((e) => /^0x[0-9a-f]+$/.test(e.selector))) {
    await shows('__execute__');
    expect(!(await text()).includes('not in the ABI'), 'a name for each selector of the account');
  }
  // A storage slot by its number and by a variable's name.
  for (const key of ['0x1', 'Account_public_key']) {
    await page.run((k) => {
      document.getElementById('slot-key').value = k;
      document.querySelector('#slot-key').form.requestSubmit();
    }, key);
    await page.until(`slot ${key}`, (k) => document.querySelector('#slot dd')?.textContent && (k === '0x1') === (document.querySelector('#slot dd').textContent === '0x1'), [key]);
  }
  const slot = await page.run(() => document.querySelector('#slot dd').textContent);
  const value = await rpc('getStorageAt', { block_id: 'latest', contract_address: where, key: slot });
  expect((await page.run(() => document.querySelectorAll('#slot dd')[1].textContent)).startsWith(value), `slot ${slot} to hold ${value}`);
  seen(`contract ${where}`);
  await look('contract');
  if (/^0x[0-9a-f]{1,64}$/.test(classHash)) {
    await search(classHash, `#/class/${classHash}`);
    await shows(classHash, ...definition.entry_points_by_type.EXTERNAL.slice(0, 100).map((e) => e.selector));
    seen(`class ${classHash}`);
  }
}

async function nothing() {
  await search('0x123456789abcdef', '#/search/0x123456789abcdef');
  await shows('Nothing found');
  const markup = '<img src=x onerror=pwned=1>';
  await search(markup, `#/search/${encodeURIComponent(markup)}`);
  await shows(markup);
  await visit('#/elsewhere', 'There is no such view');
  await look('nothing');
  await visit(`#/block/999999999`, 'Not found');
  seen('what does not exist');
}

const choose = (groupName, value) => page.run((g, v) => {
  const input = document.querySelector(`input[name=${g}][value=${v}]`);
  input.click();
}, groupName, value);

/** verdict presses the button and returns the final verdict. */
async function verdict() {
  await page.run(() => document.getElementById('run').click());
  const kind = await page.until('the verdict', () => {
    const card = document.querySelector('#verdict .card:not(.working)');
    return card && (card.dataset.verdict ?? 'unchecked');
  }, [], 300);
  return { kind, said: await page.run(() => document.getElementById('verdict').innerText) };
}

async function verify(record, b) {
  const { verifier } = await get('/chain.json');
  const hash = record.proofs[0].transactions[0];
  await visit(`#/verify/block/${record.block}/tx/${hash}`, 'Verify a proof');
  await shows(`starkd verify --validators genesis.json --tx ${hash} ${origin}/v1/blocks/${record.block}/proof`);
  if (!verifier) {
    await page.until('a word on the absent verifier', () => !document.getElementById('no-verifier').hidden && document.getElementById('run').disabled);
    seen('no verifier, the command in its place');
    await look('verify');
    return;
  }
  let r = await verdict();
  expect(r.kind === 'unchecked' && r.said.includes('genesis file'), `a demand for a genesis file, not ${r.said}`);
  await look('verify');

  await choose('trust', 'server');
  expect(await page.run(() => document.getElementById('server-warning').innerText.includes('This trusts this server')), 'a warning at the genesis of the server');
  r = await verdict();
  expect(r.kind === 'accepted' && r.said.includes(`Block ${group(record.block)} of chain`) && r.said.includes('You let this server choose'), `the proof to be accepted, not ${r.said}`);
  for (const { receipt } of b.transactions) expect((await page.run(() => document.querySelector('#verdict').innerHTML)).includes(receipt.transaction_hash), `a verdict on ${receipt.transaction_hash}`);
  expect(/\d+ bits of conjectured security, \d+ proven/.test(r.said) && r.said.includes('more than two thirds of the validators'), `the bits, and what is not covered, in ${r.said}`);
  seen(`verified in the browser: ${r.said.split('\n')[2]}`);
  await look('verified');

  if (flags.genesis) {
    await page.pick('#genesis', path.resolve(flags.genesis));
    await page.until('the choice to follow the file', () => document.querySelector('input[name=trust]:checked').value === 'genesis');
    r = await verdict();
    expect(r.kind === 'accepted' && r.said.includes('your genesis file'), `the proof to be accepted by the genesis file, not ${r.said}`);
    seen('verified against a genesis file');
  }
  if (flags.marker) {
    await shows(flags.marker);
    return; // the hostile chain's verifier returns a fixed answer
  }

  // The hash of the next header, whose block the proof's second header signs: first the right one, then a wrong one.
  const bundle = await get(`/v1/blocks/${record.block}/proof`);
  const headerHash = JSON.stringify(bundle).match(new RegExp(`"height":"?${record.block + 1}"?,"round":\\d+,"block_id":\\{"hash":"([0-9A-F]{64})"`))?.[1];
  expect(headerHash, `the hash of header ${record.block + 1} in the proof`);
  const setHeader = (value) => page.run((v) => {
    const input = document.getElementById('header');
    input.value = v;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }, value);
  await setHeader(headerHash);
  r = await verdict();
  expect(r.kind === 'accepted' && r.said.includes(headerHash.toLowerCase()), `the proof to be accepted by the header, not ${r.said}`);
  expect(r.said.includes('signatures were not checked') && !r.said.includes('two thirds'), `a word on signatures that nobody checked, not ${r.said}`);
  await look('by-header');
  await setHeader('ab'.repeat(32));
  r = await verdict();
  expect(r.kind === 'refused', `another header to be refused, not ${r.said}`);
  seen('verified against a header, and refused against another');
  await look('refused');

  // A file of the wrong kind: the proof is not checked, and is not called wrong.
  const other = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'starkd-explorer-')), 'proof.json');
  fs.writeFileSync(other, JSON.stringify(bundle));
  await page.pick('#genesis', other);
  await page.until('the choice to follow the file', () => document.querySelector('input[name=trust]:checked').value === 'genesis');
  r = await verdict();
  expect(r.kind === 'unchecked' && r.said.includes('genesis'), `a proof not to be taken for a genesis, not ${r.said}`);
  await choose('trust', 'server');
  const drop = (content) => page.run((body) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([body], 'dropped.json', { type: 'application/json' }));
    document.querySelector('form.panel').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }, content);
  await drop(JSON.stringify(await get('/genesis.json')));
  await page.until('the choice to follow the drop', () => document.querySelector('input[name=source]:checked').value === 'file');
  r = await verdict();
  expect(r.kind === 'unchecked' && r.said.includes('neither a block'), `a genesis not to be taken for a proof, not ${r.said}`);
  seen('wrong files are not checked');

  // A dropped file, first with one character changed, then unchanged.
  await choose('trust', 'server');
  for (const [change, want] of [[true, 'refused'], [false, 'accepted']]) {
    await page.run(async (n, spoil) => {
      let proof = await (await fetch(`/v1/blocks/${n}/proof`)).text();
      if (spoil) { // a digit in the middle of the longest hexadecimal string: the STARK itself
        const at = proof.indexOf('0x', Math.floor(proof.length / 2)) + 9;
        proof = proof.slice(0, at) + (proof[at] === '1' ? '2' : '1') + proof.slice(at + 1);
      }
      const transfer = new DataTransfer();
      transfer.items.add(new File([proof], 'dropped.json', { type: 'application/json' }));
      document.querySelector('form.panel').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }, record.block, change);
    await page.until('the choice to follow the drop', () => document.querySelector('input[name=source]:checked').value === 'file');
    r = await verdict();
    expect(r.kind === want, `the dropped proof to be ${want}, not ${r.kind}: ${r.said}`);
  }
  seen('a dropped proof, spoilt and whole');

  // The proof does not cover a transaction of another block.
  await page.run(() => { document.getElementById('tx').value = '0x123'; });
  r = await verdict();
  expect(r.kind === 'refused' && r.said.includes('0x123'), `a transaction of no block to be refused, not ${r.said}`);

  // A verification that is cancelled.
  await page.run(() => {
    document.getElementById('run').click();
    document.querySelector('#verdict button').click();
  });
  await page.until('the cancellation', () => document.getElementById('verdict').innerText === 'Cancelled.' && !document.getElementById('run').disabled);
  seen('another transaction refused, and cancelling');
}

try {
  if (flags.screenshots) fs.mkdirSync(flags.screenshots, { recursive: true });
  page = await Page.open(browser);
  await page.look({});
  await blocks();
  await keyboard();
  const { proved, records } = await aProof();
  await page.until('the proof in the list', (n) => document.querySelector(`main a[href="#/verify/block/${n}"]`), [proved.block]);
  await look('blocks');
  const b = await block(proved);
  const sent = await transaction(proved.proofs[0].transactions[0], 'transaction');
  const uncovered = records.flatMap((r) => r.not_provable ?? [])[0];
  if (uncovered) await transaction(uncovered.transaction, 'uncovered');
  await contract(sent.sender_address);
  await nothing();
  await verify(proved, b);
  if (flags.marker) {
    await visit('#/', 'Latest blocks');
    seen('nothing of a hostile chain ran');
  }
  if ((await get('/chain.json')).verifier) expect(page.requests.includes(`${origin}/assets/verifier.wasm`), 'the requests of the worker to be watched');
  const outside = page.requests.filter((url) => !url.startsWith(`${origin}/`) && url !== 'about:blank');
  expect(outside.length === 0, `no request to another host: ${outside}`);
  expect(page.errors.length === 0, `no errors in the console: ${page.errors.join('\n')}`);
  expect(await page.run(() => globalThis.pwned === undefined), 'nothing of the chain to run');
  seen(`${page.requests.length} requests, all to ${origin}; no errors`);
} catch (error) {
  console.error(error.stack);
  if (page?.errors.length) console.error(`console errors:\n${page.errors.join('\n')}`);
  if (page) {
    const shot = path.join(flags.screenshots ?? os.tmpdir(), 'explorer-failed.png');
    await page.screenshot(shot).then(() => console.error(`screenshot: ${shot}`), () => {});
  }
  process.exitCode = 1;
} finally {
  await browser.close();
}
