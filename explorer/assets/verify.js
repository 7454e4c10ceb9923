// The verify panel: a proof, what the reader trusts, and the verdict in plain words. Checking happens in the worker; without the
// verifier the panel shows the command that does the same.
import { ApiError, chain, proofOfBlock } from './api.js';
import { code, facts, fold, h, replace, section, table } from './dom.js';
import { amount, canonical, duration, integer, isFelt, isNumber, plural, size } from './format.js';
import { live } from './live.js';
import { badge, hashText, transactionLink } from './parts.js';
import { verify } from './verifier.js';

const maxFile = 256 << 20; // bytes of a proof file; the verifier has a bound of its own
const maxGenesis = 64 << 20;

export async function verifyView([block, tx], signal) {
  const about = await chain();
  const state = { file: null, genesis: null };
  const verdict = h('div', { id: 'verdict', 'aria-live': 'polite' });
  const command = h('div', null);

  const number = h('input', { id: 'block', name: 'block', type: 'text', inputmode: 'numeric', autocomplete: 'off', value: block ?? '', maxlength: 16 });
  const only = h('input', { id: 'tx', name: 'tx', type: 'text', autocomplete: 'off', spellcheck: 'false', value: tx ?? '', placeholder: '0x… (may be left empty)', maxlength: 66 });
  const fileName = h('span', { class: 'muted' });
  const file = h('input', { id: 'file', type: 'file', accept: '.json,application/json', onchange: () => take(file.files[0]) });
  const genesisFile = h('input', { id: 'genesis', type: 'file', accept: '.json,application/json', onchange: () => { state.genesis = genesisFile.files[0] ?? null; choose('trust', 'genesis'); } });
  const header = h('input', { id: 'header', name: 'header', type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: '64 hexadecimal digits', maxlength: 66, oninput: () => choose('trust', 'header') });
  const bits = h('input', { id: 'bits', type: 'number', min: 1, max: 200, value: 96 });
  const choice = (group, value, checked, text, ...rest) => h('div', { class: 'choice' },
    h('label', null, h('input', { type: 'radio', name: group, value, checked, onchange: () => tell() }), ' ', text), rest);
  const chosen = (group) => form.querySelector(`input[name=${group}]:checked`)?.value;
  const choose = (group, value) => {
    form.querySelector(`input[name=${group}][value=${value}]`).checked = true;
    tell();
  };

  function take(picked) {
    if (!picked) return;
    state.file = picked;
    fileName.textContent = `${picked.name}, ${size(picked.size)}`;
    choose('source', 'file');
  }

  const run = h('button', { type: 'submit', class: 'primary', id: 'run', disabled: !about.verifier }, 'Verify');
  const form = h('form', { class: 'panel', onsubmit: submit, oninput: () => tell() },
    h('fieldset', null, h('legend', null, 'The proof'),
      choice('source', 'block', true, 'of a block, from this watcher:', h('label', { for: 'block', class: 'hidden' }, 'Block number'), number),
      choice('source', 'file', false, 'in a file:', h('label', { for: 'file', class: 'hidden' }, 'Proof file'), file, ' ', fileName, h('p', { class: 'muted' }, 'A file may also be dropped anywhere on this panel. It stays on your machine.')),
      h('div', { class: 'choice' }, h('label', { for: 'tx' }, 'It must cover transaction'), only)),
    h('fieldset', null, h('legend', null, 'What you trust'),
      choice('trust', 'genesis', true, 'The validators of a genesis file of your own:', h('label', { for: 'genesis', class: 'hidden' }, 'Genesis file'), genesisFile),
      choice('trust', 'header', false, 'One header, by its hash: of the block after the one that is proved:', h('label', { for: 'header', class: 'hidden' }, 'Hash of the header'), header),
      about.genesis && choice('trust', 'server', false, 'The genesis that this server gives:',
        h('p', { class: 'warn', id: 'server-warning' }, 'This trusts this server: it could give you the genesis of another chain with validators of its own. It shows that the proof is sound for that genesis, not that the genesis is the one you mean.'))),
    h('div', { class: 'choice' }, h('label', { for: 'bits' }, 'Bits of security to demand'), bits),
    h('p', { class: 'actions' }, run, !about.verifier && h('span', { class: 'warn', id: 'no-verifier' }, 'This binary was built without the verifier (make build puts it in). The command below checks the same.')));

  form.addEventListener('dragover', (event) => {
    event.preventDefault();
    form.classList.add('over');
  });
  form.addEventListener('dragleave', () => form.classList.remove('over'));
  form.addEventListener('drop', (event) => {
    event.preventDefault();
    form.classList.remove('over');
    take(event.dataTransfer.files[0]);
  });

  /** tell shows the command line that checks the same. */
  function tell() {
    const arg = (text) => (/^[\w./:-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);
    const parts = ['starkd verify'];
    parts.push(chosen('trust') === 'header' ? `--trusted-header ${arg(header.value.trim() || 'HASH')}` : '--validators genesis.json');
    if (isFelt(only.value.trim())) parts.push(`--tx ${only.value.trim()}`);
    if (bits.value !== '96') parts.push(`--min-security ${arg(bits.value)}`);
    parts.push(chosen('source') === 'file' ? arg(state.file?.name ?? 'proof.json') : `${location.origin}/v1/blocks/${isNumber(number.value.trim()) ? number.value.trim() : 'N'}/proof`);
    replace(command, code(parts.join(' ')));
  }

  async function submit(event) {
    event.preventDefault();
    if (run.disabled) return;
    const cancel = new AbortController();
    const cancelled = AbortSignal.any([signal, cancel.signal]);
    const stage = h('span', null, 'Starting…');
    const bar = h('progress', { 'aria-label': 'Progress' });
    const clock = h('span', { class: 'muted' });
    const started = performance.now();
    const ticking = setInterval(() => { clock.textContent = duration(performance.now() - started); }, 200);
    replace(verdict, h('div', { class: 'card working' }, h('p', null, stage, ' ', clock), bar, h('p', null, h('button', { type: 'button', onclick: () => cancel.abort() }, 'Cancel'))));
    run.disabled = true;
    const say = (text, done, total) => {
      stage.textContent = text;
      if (total) {
        bar.max = total;
        bar.value = done;
      } else bar.removeAttribute('value');
    };
    try {
      const asked = { source: chosen('source'), trust: chosen('trust') };
      const trust = await trustOf(asked.trust);
      const bytes = await proofBytes(asked.source, say, cancelled);
      const length = bytes.length;
      const answer = await verify(bytes, trust, (name) => say(name === 'loading' ? 'Loading the verifier…' : `Verifying ${size(length)}; this takes a few seconds, or a minute on a phone…`), cancelled);
      replace(verdict, answer.ok ? accepted(answer, asked.trust, trust) : refused(answer.error));
    } catch (error) {
      if (!signal.aborted) replace(verdict, cancel.signal.aborted ? h('p', { class: 'muted' }, 'Cancelled.') : failed(error));
    } finally {
      clearInterval(ticking);
      run.disabled = !about.verifier;
    }
  }

  /** trustOf is what the verifier is told to trust, from the form. */
  async function trustOf(kind) {
    const trust = { min_bits: Number(bits.value) };
    if (!Number.isInteger(trust.min_bits) || trust.min_bits < 1) throw new ApiError('the bits of security are not a number from 1', 0);
    const wanted = only.value.trim();
    if (wanted && !isFelt(wanted)) throw new ApiError('the transaction to cover is not 0x and up to 64 hexadecimal digits', 0);
    if (wanted) trust.tx = canonical(wanted);
    if (chosen('source') === 'block') trust.block = Number(number.value.trim());
    if (kind === 'header') {
      const hex = header.value.trim().replace(/^0x/, '');
      if (!/^[0-9a-fA-F]{64}$/.test(hex)) throw new ApiError('the hash of the header is not 64 hexadecimal digits', 0);
      return { ...trust, header: hex };
    }
    if (kind === 'server') {
      const response = await fetch('/genesis.json');
      if (!response.ok) throw new ApiError(`genesis.json: status ${response.status}`, response.status);
      return { ...trust, genesis: await response.json() };
    }
    if (!state.genesis) throw new ApiError('pick the genesis file of the chain first', 0);
    if (state.genesis.size > maxGenesis) throw new ApiError(`the genesis file has ${size(state.genesis.size)}, at most ${size(maxGenesis)} are read`, 0);
    try {
      return { ...trust, genesis: JSON.parse(await state.genesis.text()) };
    } catch {
      throw new ApiError(`${state.genesis.name} is not JSON`, 0);
    }
  }

  async function proofBytes(source, say, cancelled) {
    if (source === 'file') {
      if (!state.file) throw new ApiError('pick or drop a proof file first', 0);
      if (state.file.size > maxFile) throw new ApiError(`the file has ${size(state.file.size)}, at most ${size(maxFile)} are read`, 0);
      return new Uint8Array(await state.file.arrayBuffer());
    }
    const n = number.value.trim();
    if (!isNumber(n)) throw new ApiError('the block is not a number', 0);
    const record = live.status && Number(n) > live.status.proved_height ? null : await proofOfBlock(n, cancelled);
    if (!record) throw new ApiError(`block ${n} has not been proved yet`, 0);
    if (!record.bundle) throw new ApiError(`block ${n} (${record.status.replace('_', ' ')}) has no proof`, 0);
    return download(`/v1/blocks/${n}/proof`, record.bundle.size, say, cancelled);
  }

  tell();
  return h('div', null,
    h('h1', null, 'Verify a proof'),
    h('p', null, 'The verifier runs in this browser: nothing but the proof is fetched, and its word is not taken for anything. ',
      'This page and the verifier in it do come from this server; to depend on nothing of it, run the command below with a binary of your own.'),
    form,
    verdict,
    section('The same by the command line', command));
}

/** download reads a body of about total bytes and says how far it is. */
async function download(path, total, say, cancelled) {
  const response = await fetch(path, { signal: cancelled });
  if (!response.ok) throw new ApiError(`${path}: status ${response.status}`, response.status);
  const parts = [];
  let length = 0;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxFile) throw new ApiError(`the proof is longer than ${size(maxFile)}`, 0);
    parts.push(value);
    say(`Fetching the proof: ${size(length)} of ${size(total)}`, length, total);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const failed = (error) => h('div', { class: 'card' }, h('h2', null, 'Not checked'), h('p', { class: 'problem' }, error.message), h('p', { class: 'muted' }, 'This says nothing of the proof.'));

const refused = (reason) => h('div', { class: 'card refused', 'data-verdict': 'refused' },
  h('h2', null, '✗ Refused'),
  h('p', null, 'This is not a proof to rely on. The verifier says: ', String(reason)),
  h('p', { class: 'muted' }, 'Nothing of a refused proof is to be believed. If what you trust is right, the watcher that gave it is broken or dishonest.'));

/** accepted says what a verdict means: what is proved, how well, relative to what, and what is not. */
function accepted(v, anchor, trust) {
  const transactions = v.transactions ?? [];
  const left = transactions.filter((t) => t.uncovered);
  const covered = transactions.length - left.length;
  const trusted = {
    genesis: 'the validators of your genesis file',
    header: `the header ${trust.header ?? ''}`,
    server: 'the genesis that this server gave, so on this server',
  }[anchor];
  return h('div', { class: `card ${left.length ? 'partly' : 'accepted'}`, 'data-verdict': 'accepted' },
    h('h2', null, '✓ Valid'),
    h('p', null, 'Block ', h('b', null, integer(v.block)), ' of chain ', h('b', null, String(v.chain)), ': ',
      covered === transactions.length
        ? `${transactions.length === 1 ? 'its one transaction is' : `all of its ${plural(transactions.length, 'transaction')} are`} proved`
        : `${integer(covered)} of its ${plural(transactions.length, 'transaction')} ${covered === 1 ? 'is' : 'are'} proved`,
      ` by ${plural(v.proofs, 'STARK')} with ${integer(v.bits)} bits of security: a forger would have to try some 2`, h('sup', null, integer(v.bits)), ' times.'),
    h('p', null, `It rests on ${trusted}`, ': more than two thirds of the validators signed the headers that the proof is compared with.'),
    anchor === 'server' && h('p', { class: 'warn' }, 'You let this server choose what is trusted. Pick a genesis file from a source of your own to do without that.'),
    transactions.length > 0 && table('What is proved of each transaction', [['Transaction'], ['Execution'], ['Fee', 'number'], ['Proved'], ['Not covered by the proof']],
      transactions.map((t) => [
        transactionLink(t.hash), String(t.status), amount(t.fee),
        t.uncovered ? badge('not_provable') : (t.covered ?? []).join(', ') || 'nothing',
        t.uncovered ? reasonText(t.uncovered) : (t.not_covered ?? []).join(', ') || 'nothing',
      ]), '', true),
    h('p', { class: 'muted' }, left.length
      ? `${plural(left.length, 'transaction')} could not be proved: what ${left.length === 1 ? 'it' : 'they'} did is known by the validators’ signatures alone. So is what the proof does not cover of the others.`
      : 'What the proof does not cover, such as the check of the sender’s signature, is known by the validators’ signatures alone.'),
    v.rejected > 0 && h('p', { class: 'muted' }, `The block holds ${plural(v.rejected, 'rejected transaction')}, which did nothing.`),
    fold('Details', facts(
      ['Trusted', String(v.trusted)], ['State before', hashText(v.state_before)], ['State after', hashText(v.state_after)],
      ['Program', hashText(v.program)], ['Layout', String(v.layout)], ['Steps', integer(v.steps)], ['Checked in', duration(v.milliseconds)])));
}

const reasonText = (reason) => (typeof reason === 'string' ? reason : JSON.stringify(reason));

