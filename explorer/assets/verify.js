// The verify panel: a proof, what the reader trusts, and the verdict in plain words. Checking happens in the worker; without the
// verifier the panel shows the command that does the same.
import { ApiError, chain, proofOfBlock } from './api.js';
import { code, facts, fold, h, replace, section, table } from './dom.js';
import { amount, canonical, duration, integer, isFelt, isNumber, plural, size } from './format.js';
import { live } from './live.js';
import { badge, hashText, transactionLink } from './parts.js';
import { verify } from './verifier.js';

const maxFile = 256 << 20; // bytes of a proof file; the verifier has a bound of its own
const maxGenesis = 64 << 20; // also of a program's file

export async function verifyView([block, tx], signal) {
  const about = await chain();
  const state = { file: null, genesis: null, program: null };
  const verdict = h('div', { id: 'verdict', 'aria-live': 'polite' });
  const command = h('div', null);

  const number = h('input', { id: 'block', name: 'block', type: 'text', inputmode: 'numeric', autocomplete: 'off', value: block ?? '', maxlength: 16 });
  const only = h('input', { id: 'tx', name: 'tx', type: 'text', autocomplete: 'off', spellcheck: 'false', value: tx ?? '', placeholder: '0x… (may be left empty)', maxlength: 66 });
  const fileName = h('span', { class: 'muted' });
  const file = h('input', { id: 'file', type: 'file', accept: '.json,application/json', onchange: () => take(file.files[0]) });
  const genesisFile = h('input', { id: 'genesis', type: 'file', accept: '.json,application/json', onchange: () => { state.genesis = genesisFile.files[0] ?? null; choose('trust', 'genesis'); } });
  const header = h('input', { id: 'header', name: 'header', type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: '64 hexadecimal digits', maxlength: 66, oninput: () => choose('trust', 'header') });
  const bits = h('input', { id: 'bits', type: 'number', min: 0, max: 200, value: 96 });
  const proven = h('input', { id: 'proven', type: 'number', min: 0, max: 200, value: 0 });
  const program = h('input', { id: 'program', name: 'program', type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: '0x… (may be left empty)', maxlength: 66, oninput: () => { programFile.value = ''; state.program = null; } });
  const programFile = h('input', { id: 'program-file', type: 'file', accept: '.json,application/json', onchange: () => { state.program = programFile.files[0] ?? null; program.value = ''; tell(); } });
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
      h('div', { class: 'choice' }, h('label', { for: 'tx' }, 'It must cover transaction'), only),
      h('div', { class: 'choice' }, h('label', { for: 'program' }, 'It must be of the program with hash'), program),
      h('div', { class: 'choice' }, h('label', { for: 'program-file' }, 'or of the compiled program'), programFile)),
    h('fieldset', null, h('legend', null, 'What you trust'),
      choice('trust', 'genesis', true, 'The validators of a genesis file of your own:', h('label', { for: 'genesis', class: 'hidden' }, 'Genesis file'), genesisFile),
      choice('trust', 'header', false, 'One header, by its hash: of the block after the one that is proved (no signature is checked then):', h('label', { for: 'header', class: 'hidden' }, 'Hash of the header'), header),
      choice('trust', 'nothing', false, 'Nothing: for a bare Stone proof, which speaks of no chain'),
      about.genesis && choice('trust', 'server', false, 'The genesis that this server gives:',
        h('p', { class: 'warn', id: 'server-warning' }, 'This trusts this server: it could give you the genesis of another chain with validators of its own. It shows that the proof is sound for that genesis, not that the genesis is the one you mean.'))),
    h('div', { class: 'choice' }, h('label', { for: 'bits' }, 'Bits of security to demand: conjectured'), bits, h('label', { for: 'proven' }, 'proven'), proven,
      h('p', { class: 'muted' }, 'Bits tell how much work a false proof takes: each one doubles it. Conjectured bits assume that nobody finds a better attack than those known; proven bits follow from theorems.')),
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
    if (chosen('trust') === 'header') parts.push(`--trusted-header ${arg(header.value.trim() || 'HASH')}`);
    else if (chosen('trust') !== 'nothing') parts.push('--validators genesis.json');
    if (isFelt(only.value.trim())) parts.push(`--tx ${only.value.trim()}`);
    if (isFelt(program.value.trim())) parts.push(`--program ${program.value.trim()}`);
    else if (state.program) parts.push(`--program ${arg(state.program.name)}`);
    if (bits.value !== '96') parts.push(`--min-security ${arg(bits.value)}`);
    if (proven.value !== '0') parts.push(`--min-proven-security ${arg(proven.value)}`);
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
      replace(verdict, ...answered(answer, asked.trust));
    } catch (error) {
      if (!signal.aborted) replace(verdict, cancel.signal.aborted ? h('p', { class: 'muted' }, 'Cancelled.') : failed(error));
    } finally {
      clearInterval(ticking);
      run.disabled = !about.verifier;
    }
  }

  /** trustOf is what the verifier is told to trust, from the form. */
  async function trustOf(kind) {
    const trust = { min_bits: Number(bits.value), min_proven_bits: Number(proven.value) };
    for (const n of [trust.min_bits, trust.min_proven_bits]) {
      if (!Number.isInteger(n) || n < 0 || n > 1000) throw new ApiError('the bits of security are not a number from 0 to 1000', 0);
    }
    const named = program.value.trim();
    if (named && !isFelt(named)) throw new ApiError('the hash of the program is not 0x and up to 64 hexadecimal digits', 0);
    if (named) trust.program = canonical(named);
    else if (state.program) trust.program_file = await readJSON(state.program, 'program');
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
    if (kind === 'nothing') return trust;
    if (!state.genesis) throw new ApiError('pick the genesis file of the chain first', 0);
    return { ...trust, genesis: await readJSON(state.genesis, 'genesis') };
  }

  async function readJSON(picked, what) {
    if (picked.size > maxGenesis) throw new ApiError(`the ${what} file has ${size(picked.size)}, at most ${size(maxGenesis)} are read`, 0);
    try {
      return JSON.parse(await picked.text());
    } catch {
      throw new ApiError(`${picked.name} is not JSON`, 0);
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
    h('p', null, 'Your browser checks the proof itself; the server’s opinion is not used. ',
      'This page and the verifier in it come from this server: to depend on nothing of it, run the command below with a binary of your own.'),
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

const failed = (error) => unchecked(error.message);

const unchecked = (reason) => h('div', { class: 'card', 'data-verdict': 'unchecked' }, h('h2', null, 'Not checked'),
  h('p', { class: 'problem' }, String(reason)), h('p', { class: 'muted' }, 'This says nothing of the proof.'));

const refused = (reason) => h('div', { class: 'card refused', 'data-verdict': 'refused' },
  h('h2', null, '✗ Refused'),
  h('p', null, 'The verifier says: ', String(reason)),
  h('p', { class: 'muted' }, 'The proof is damaged, false or not of what you demand. Nothing that it says is to be believed.'));

/** answered is the card for a verifier's answer. */
function answered(v, anchor) {
  if (v.ok) return [v.kind === 'block' ? accepted(v, anchor) : acceptedProgram(v)];
  return [v.verdict === 'refused' ? refused(v.error) : unchecked(v.error)];
}

/** strength says what a proof's bits mean. */
const strength = (v) => h('p', null, h('b', null, `${integer(v.bits)} bits`), ' of conjectured security, ', h('b', null, integer(v.proven_bits)),
  ' proven. Each bit doubles the work of making a false proof. The conjecture is that no attack is better than those known today; the proven bits follow from theorems.');

/** accepted says what the verdict on a block means: what is proved, how well, relative to what, and what is not. */
function accepted(v, anchor) {
  const transactions = v.transactions ?? [];
  const left = transactions.filter((t) => t.uncovered);
  const covered = transactions.length - left.length;
  const known = v.signed ? 'from what more than two thirds of the validators signed' : 'from the header that you gave, whose signatures were not checked';
  return h('div', { class: `card ${left.length ? 'partly' : 'accepted'}`, 'data-verdict': 'accepted' },
    h('h2', null, '✓ Valid'),
    h('p', null, 'Block ', h('b', null, integer(v.block)), ' of chain ', h('b', null, String(v.chain)), ': ',
      covered === transactions.length
        ? `${transactions.length === 1 ? 'its one transaction is' : `all of its ${plural(transactions.length, 'transaction')} are`} proved`
        : `${integer(covered)} of its ${plural(transactions.length, 'transaction')} ${covered === 1 ? 'is' : 'are'} proved`,
      ` by ${plural(v.proofs, 'STARK')}.`),
    strength(v),
    v.signed
      ? h('p', null, `It rests on ${anchor === 'server' ? 'the genesis that this server gave, so on this server' : 'your genesis file'}: more than two thirds of its validators signed the headers that the proof is compared with.`)
      : h('p', { class: 'warn' }, `It rests on ${v.trusted}. The proof is of the block before that header.`),
    anchor === 'server' && h('p', { class: 'warn' }, 'You let this server choose what is trusted. Pick a genesis file from a source of your own to do without that.'),
    transactions.length > 0 && table('What is proved of each transaction', [['Transaction'], ['Execution'], ['Fee', 'number'], ['Proved'], ['Not covered by the proof']],
      transactions.map((t) => [
        transactionLink(t.hash), String(t.status), amount(t.fee),
        t.uncovered ? badge('not_provable') : (t.covered ?? []).join(', ') || 'nothing',
        t.uncovered ? reasonText(t.uncovered) : (t.not_covered ?? []).join(', ') || 'nothing',
      ]), '', true),
    h('p', { class: 'muted' }, left.length
      ? `${plural(left.length, 'transaction')} could not be proved: what ${left.length === 1 ? 'it' : 'they'} did is known ${known}. So is what the proof does not cover of the others.`
      : `What the proof does not cover, such as the check of the sender’s signature, is known ${known}.`),
    v.rejected > 0 && h('p', { class: 'muted' }, `The block holds ${plural(v.rejected, 'rejected transaction')}, which did nothing.`),
    fold('Details', facts(
      ['Trusted', String(v.trusted)], ['State before', hashText(v.state_before)], ['State after', hashText(v.state_after)],
      ['Program', hashText(v.program)], ['Layout', String(v.layout)], ['Steps', integer(v.steps)], ['Checked in', duration(v.milliseconds)])));
}

const maxOutput = 32; // felts that are shown

/** acceptedProgram says what the verdict on a bare proof means. */
function acceptedProgram(v) {
  const names = (list) => (list ?? []).map(String).join(', ') || 'none';
  const output = v.output ?? [];
  return h('div', { class: `card ${v.named ? 'accepted' : 'partly'}`, 'data-verdict': 'accepted' },
    h('h2', null, '✓ Valid'),
    h('p', null, v.named ? 'The program that you named ran and wrote this output.' : 'A program ran and wrote this output.'),
    !v.named && h('p', { class: 'warn', id: 'not-named' }, 'It is not a program that you named: compare its hash with that of the program you mean, or name that one above. What the output means depends on the program.'),
    strength(v),
    facts(
      ['Program', hashText(v.program)], ['Builtins', names(v.builtins)],
      (v.alternatives ?? []).length > 0 && ['Or', v.alternatives.slice(0, 4).map(names).join('; or ')],
      ['Output', output.length ? h('span', { class: 'mono long' }, output.slice(0, maxOutput).map(String).join(', '), output.length > maxOutput && ` and ${output.length - maxOutput} more`) : 'nothing'],
      ['Layout', String(v.layout)], ['Steps', integer(v.steps)], ['Checked in', duration(v.milliseconds)]),
    h('p', { class: 'muted' }, 'A bare proof speaks of no chain, block or transaction.'));
}

const reasonText = (reason) => (typeof reason === 'string' ? reason : JSON.stringify(reason));

