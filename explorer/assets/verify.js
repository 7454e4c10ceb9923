// The view that verifies a proof: the form for the proof and the trusted data, and the verdict. The worker verifies. Without the verifier
// the view only shows the equivalent command.
import { ApiError, chain, proofOfBlock } from './api.js';
import { code, facts, fold, h, replace, section, table } from './dom.js';
import { amount, canonical, duration, integer, isFelt, isNumber, plural, size } from './format.js';
import { live } from './live.js';
import { badge, hashText, transactionLink } from './parts.js';
import { verify } from './verifier.js';

const maxFile = 256 << 20; // greatest size of a proof file in bytes; the verifier has its own limit
const maxGenesis = 64 << 20; // greatest size of a genesis or program file in bytes

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
      choice('source', 'file', false, 'in a file:', h('label', { for: 'file', class: 'hidden' }, 'Proof file'), file, ' ', fileName, h('p', { class: 'muted' }, 'You can also drop a file on this panel. It stays on your machine.')),
      h('div', { class: 'choice' }, h('label', { for: 'tx' }, 'It must cover transaction'), only),
      h('div', { class: 'choice' }, h('label', { for: 'program' }, 'It must be of the program with this hash'), program),
      h('div', { class: 'choice' }, h('label', { for: 'program-file' }, 'or of the compiled program'), programFile)),
    h('fieldset', null, h('legend', null, 'What you trust'),
      choice('trust', 'genesis', true, 'The validators of a genesis file of your own:', h('label', { for: 'genesis', class: 'hidden' }, 'Genesis file'), genesisFile),
      choice('trust', 'header', false, 'A header, given by its hash: that of the block after the proved block (no signatures are checked):', h('label', { for: 'header', class: 'hidden' }, 'Hash of the header'), header),
      choice('trust', 'nothing', false, 'Nothing: for a bare proof of Stone or S-two, which is not about a chain'),
      about.genesis && choice('trust', 'server', false, 'The genesis file from this server:',
        h('p', { class: 'warn', id: 'server-warning' }, 'This trusts this server: it could send the genesis file of another chain with its own validators. The verdict then holds for that chain, which may not be the one you mean.'))),
    h('div', { class: 'choice' }, h('label', { for: 'bits' }, 'Required bits of security: conjectured'), bits, h('label', { for: 'proven' }, 'proven'), proven,
      h('p', { class: 'muted' }, 'Bits of security say how much work it takes to forge a proof; each bit doubles the work. Conjectured bits assume that no attack is better than those known today. Proven bits follow from theorems.')),
    h('p', { class: 'actions' }, run, !about.verifier && h('span', { class: 'warn', id: 'no-verifier' }, 'This binary was built without the verifier (make build includes it). The command below does the same check.')));

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

  /** tell shows the equivalent command line. */
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

  /** trustOf returns the verifier's trust argument from the form. */
  async function trustOf(kind) {
    const trust = { min_bits: Number(bits.value), min_proven_bits: Number(proven.value) };
    for (const n of [trust.min_bits, trust.min_proven_bits]) {
      if (!Number.isInteger(n) || n < 0 || n > 1000) throw new ApiError('the bits of security must be integers from 0 to 1000', 0);
    }
    const named = program.value.trim();
    if (named && !isFelt(named)) throw new ApiError('the program hash must be 0x and up to 64 hexadecimal digits', 0);
    if (named) trust.program = canonical(named);
    else if (state.program) trust.program_file = await readJSON(state.program, 'program');
    const wanted = only.value.trim();
    if (wanted && !isFelt(wanted)) throw new ApiError('the transaction hash must be 0x and up to 64 hexadecimal digits', 0);
    if (wanted) trust.tx = canonical(wanted);
    if (chosen('source') === 'block') trust.block = Number(number.value.trim());
    if (kind === 'header') {
      const hex = header.value.trim().replace(/^0x/, '');
      if (!/^[0-9a-fA-F]{64}$/.test(hex)) throw new ApiError('the header hash must be 64 hexadecimal digits', 0);
      return { ...trust, header: hex };
    }
    if (kind === 'server') {
      const response = await fetch('/genesis.json');
      if (!response.ok) throw new ApiError(`genesis.json: status ${response.status}`, response.status);
      return { ...trust, genesis: await response.json() };
    }
    if (kind === 'nothing') return trust;
    if (!state.genesis) throw new ApiError('choose the genesis file of the chain first', 0);
    return { ...trust, genesis: await readJSON(state.genesis, 'genesis') };
  }

  async function readJSON(picked, what) {
    if (picked.size > maxGenesis) throw new ApiError(`the ${what} file has ${size(picked.size)}, at most ${size(maxGenesis)} are allowed`, 0);
    try {
      return JSON.parse(await picked.text());
    } catch {
      throw new ApiError(`${picked.name} is not JSON`, 0);
    }
  }

  async function proofBytes(source, say, cancelled) {
    if (source === 'file') {
      if (!state.file) throw new ApiError('choose or drop a proof file first', 0);
      if (state.file.size > maxFile) throw new ApiError(`the file has ${size(state.file.size)}, at most ${size(maxFile)} are allowed`, 0);
      return new Uint8Array(await state.file.arrayBuffer());
    }
    const n = number.value.trim();
    if (!isNumber(n)) throw new ApiError('the block must be a number', 0);
    const record = live.status && Number(n) > live.status.proved_height ? null : await proofOfBlock(n, cancelled);
    if (!record) throw new ApiError(`block ${n} has not been proved yet`, 0);
    if (!record.bundle) throw new ApiError(`block ${n} (${record.status.replace('_', ' ')}) has no proof`, 0);
    return download(`/v1/blocks/${n}/proof`, record.bundle.size, say, cancelled);
  }

  tell();
  return h('div', null,
    h('h1', null, 'Verify a proof'),
    h('p', null, 'Your browser checks the proof itself; the server’s opinion is not used. ',
      'This page and its verifier come from this server. If you do not trust the server, run the command below with your own binary.'),
    form,
    verdict,
    section('The same check on the command line', command));
}

/** download returns the body at path, of about total bytes, and reports its progress to say. */
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
    say(`Downloading the proof: ${size(length)} of ${size(total)}`, length, total);
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
  h('p', { class: 'problem' }, String(reason)), h('p', { class: 'muted' }, 'This says nothing about the proof.'));

const refused = (reason) => h('div', { class: 'card refused', 'data-verdict': 'refused' },
  h('h2', null, '✗ Refused'),
  h('p', null, 'The verifier says: ', String(reason)),
  h('p', { class: 'muted' }, 'The proof is damaged or false, or it does not prove what you require. Do not rely on it.'));

/** answered makes the card for a verifier's answer. */
function answered(v, anchor) {
  if (v.ok) return [v.kind === 'block' ? accepted(v, anchor) : acceptedProgram(v)];
  return [v.verdict === 'refused' ? refused(v.error) : unchecked(v.error)];
}

/** strength explains the bits of security of a proof. */
const strength = (v) => h('p', null, h('b', null, `${integer(v.bits)} bits`), ' of conjectured security, ', h('b', null, integer(v.proven_bits)),
  ' proven. Each bit doubles the work of forging a proof. The conjecture is that no attack is better than those known today. Proven bits follow from theorems.');

/** accepted makes the card for a valid block proof: the proved transactions, the security, the trusted data, and the parts that are not covered. */
function accepted(v, anchor) {
  const transactions = v.transactions ?? [];
  const left = transactions.filter((t) => t.uncovered);
  const covered = transactions.length - left.length;
  const known = v.signed ? 'from the signatures of more than two thirds of the validators' : 'from the header that you gave, whose signatures were not checked';
  return h('div', { class: `card ${left.length ? 'partly' : 'accepted'}`, 'data-verdict': 'accepted' },
    h('h2', null, '✓ Valid'),
    h('p', null, 'Block ', h('b', null, integer(v.block), v.last > v.block ? ` to ${integer(v.last)}` : ''), ' of chain ', h('b', null, String(v.chain)), ': ',
      covered === transactions.length
        ? `${transactions.length === 1 ? 'its one transaction is' : `all of its ${plural(transactions.length, 'transaction')} are`} proved`
        : `${integer(covered)} of its ${plural(transactions.length, 'transaction')} ${covered === 1 ? 'is' : 'are'} proved`,
      ` by ${plural(v.proofs, 'STARK')}.`),
    strength(v),
    v.signed
      ? h('p', null, `The verdict relies on ${anchor === 'server' ? 'the genesis file from this server, so on this server' : 'your genesis file'}: more than two thirds of its validators signed the headers with which the proof was compared.`)
      : h('p', { class: 'warn' }, `The verdict relies on ${v.trusted}. The proof is of the block before this header.`),
    anchor === 'server' && h('p', { class: 'warn' }, 'You let this server choose the validators that you trust. To avoid that, choose a genesis file from another source.'),
    transactions.length > 0 && table('Proved parts of each transaction', [['Transaction'], ['Execution'], ['Fee', 'number'], ['Proved'], ['Not covered by the proof']],
      transactions.map((t) => [
        transactionLink(t.hash), String(t.status), amount(t.fee),
        t.uncovered ? badge('not_provable') : (t.covered ?? []).join(', ') || 'nothing',
        t.uncovered ? reasonText(t.uncovered) : (t.not_covered ?? []).join(', ') || 'nothing',
      ]), '', true),
    h('p', { class: 'muted' }, left.length
      ? `${plural(left.length, 'transaction')} could not be proved: ${left.length === 1 ? 'its' : 'their'} effects are known only ${known}. The same holds for parts of the other transactions that the proof does not cover.`
      : `Parts that the proof does not cover, such as the check of the sender’s signature, are known only ${known}.`),
    v.rejected > 0 && h('p', { class: 'muted' }, `The block has ${plural(v.rejected, 'rejected transaction')}, which had no effect.`),
    fold('Details', facts(
      ['Trusted', String(v.trusted)], ['State before', hashText(v.state_before)], ['State after', hashText(v.state_after)],
      ['Program', hashText(v.program)], ['Layout', String(v.layout)], ['Steps', integer(v.steps)], ['Checked in', duration(v.milliseconds)])));
}

const maxOutput = 32; // greatest number of felts that are shown

/** acceptedProgram makes the card for a valid bare proof. */
function acceptedProgram(v) {
  const names = (list) => (list ?? []).map(String).join(', ') || 'none';
  const output = v.output ?? [];
  return h('div', { class: `card ${v.named ? 'accepted' : 'partly'}`, 'data-verdict': 'accepted' },
    h('h2', null, '✓ Valid'),
    h('p', null, v.named ? 'The program that you named ran and wrote this output.' : 'A program ran and wrote this output.'),
    !v.named && h('p', { class: 'warn', id: 'not-named' }, 'You did not name a program: compare the hash below with that of the program you mean, or give that program above. The meaning of the output depends on the program.'),
    strength(v),
    facts(
      ['Program', hashText(v.program)], ['Builtins', names(v.builtins)],
      (v.alternatives ?? []).length > 0 && ['Or', v.alternatives.slice(0, 4).map(names).join('; or ')],
      ['Output', output.length ? h('span', { class: 'mono long' }, output.slice(0, maxOutput).map(String).join(', '), output.length > maxOutput && ` and ${output.length - maxOutput} more`) : 'nothing'],
      ['Layout', String(v.layout)], ['Steps', integer(v.steps)], ['Checked in', duration(v.milliseconds)]),
    h('p', { class: 'muted' }, 'A bare proof says nothing about chains, blocks or transactions.'));
}

const reasonText = (reason) => (typeof reason === 'string' ? reason : JSON.stringify(reason));

