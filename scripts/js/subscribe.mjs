// Tests the subscriptions of a wallet over a websocket with starknet.js: heads, events, a transaction's status, receipts, transactions.
//
//   node subscribe.mjs TESTNET_DIR
//
// TESTNET_DIR holds accounts.json and endpoints.json of a running chain. Prints one JSON object with the notifications. Exits
// with 1 and the reason on anything unexpected.
import fs from 'node:fs';
import path from 'node:path';
import { Account, RpcProvider, WebSocketChannel, hash } from 'starknet';

const [dir] = process.argv.slice(2);
const read = (...p) => JSON.parse(fs.readFileSync(path.join(...p), 'utf8'));
const accounts = read(dir, 'accounts.json');
const { nodes } = read(dir, 'endpoints.json');
const STRK = '0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d';
const PATIENCE = 120_000;

function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

// collect gathers the notifications of a subscription. when(what, so) waits until they satisfy a condition.
function collect(name, subscription) {
  const got = [];
  let wake = () => {};
  subscription.on((result) => {
    got.push(result);
    wake();
  });
  const when = async (what, so) => {
    const deadline = Date.now() + PATIENCE;
    while (!so(got)) {
      expect(Date.now() < deadline, `${name}: ${what}, got ${JSON.stringify(got)}`);
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 200);
      });
    }
    return got;
  };
  return { got, when };
}

async function main() {
  const provider = await RpcProvider.create({ nodeUrl: `${nodes[0].rpc}/rpc`, transactionRetryIntervalFallback: 300, retries: 200 });
  const account = new Account({ provider, address: accounts[8].address, signer: accounts[8].private_key });
  const channel = new WebSocketChannel({ nodeUrl: `${nodes[0].rpc.replace('http', 'ws')}/ws`, autoReconnect: false });
  await channel.waitForConnection();
  const out = {};

  // Ordinary methods.
  expect((await channel.sendReceive('starknet_specVersion')) === '0.10.2', 'the version of the specification');
  expect(BigInt(await channel.sendReceive('starknet_chainId')) === BigInt(await provider.getChainId()), 'the chain id');

  // Heads: past blocks from block 1 (starknet.js treats 0 as no block), then new blocks.
  const heads = collect('heads', await channel.subscribeNewHeads({ blockIdentifier: 1 }));
  const latest = await provider.getBlockNumber();
  await heads.when('history and two new blocks', (got) => got.length > latest + 1);
  heads.got.forEach((h, i) => expect(h.block_number === i + 1 && (i === 0 || h.parent_hash === heads.got[i - 1].block_hash), `heads in order, number ${i} is ${JSON.stringify(h)}`));
  const block = await provider.getBlockWithTxHashes(latest);
  expect(heads.got[latest - 1].block_hash === block.block_hash, 'the head that getBlockWithTxHashes answers');
  out.heads = heads.got.length;

  const receipts = collect('receipts', await channel.subscribeNewTransactionReceipts({ senderAddress: [account.address] }));
  const others = collect('receipts of others', await channel.subscribeNewTransactionReceipts({ senderAddress: ['0x1'] }));
  const transactions = collect('transactions', await channel.subscribeNewTransactions({ senderAddress: [account.address], finalityStatus: ['RECEIVED', 'ACCEPTED_ON_L2'] }));
  const transfers = collect('events', await channel.subscribeEvents({ fromAddress: STRK, keys: [[hash.getSelectorFromName('Transfer')]] }));
  const nothing = await channel.subscribeEvents({ fromAddress: ['0x1', '0x2'] });
  const quiet = collect('events of nobody', nothing);

  // A transfer, from its submission to its block.
  const { transaction_hash } = await account.execute({ contractAddress: STRK, entrypoint: 'transfer', calldata: [accounts[9].address, 7, 0] });
  const same = (h) => BigInt(h) === BigInt(transaction_hash);
  const status = collect('status', await channel.subscribeTransactionStatus({ transactionHash: transaction_hash }));
  await status.when('the transaction in a block', (got) => got.some((s) => s.status.finality_status === 'ACCEPTED_ON_L2'));
  out.statuses = status.got.map((s) => s.status.finality_status);
  expect(status.got.every((s) => same(s.transaction_hash)), 'the status of the transaction that was asked for');
  expect(status.got.at(-1).status.execution_status === 'SUCCEEDED', `success, got ${JSON.stringify(status.got)}`);
  await receipts.when('the receipt', (got) => got.length > 0);
  const answered = await provider.getTransactionReceipt(transaction_hash);
  expect(same(receipts.got[0].transaction_hash) && receipts.got[0].block_number === answered.value.block_number, `the receipt that getTransactionReceipt answers, got ${JSON.stringify(receipts.got)}`);
  await transactions.when('the transaction, twice', (got) => got.length >= 2);
  out.transactions = transactions.got.map((t) => t.finality_status);
  expect(transactions.got.every((t) => same(t.transaction_hash)), 'the transactions of the account');
  const mine = (got) => got.filter((e) => same(e.transaction_hash));
  await transfers.when('the transfer and its fee', (got) => mine(got).length === 2);
  const page = await provider.getEvents({ address: STRK, from_block: { block_number: answered.value.block_number }, to_block: 'latest', chunk_size: 100 });
  const expected = page.events.filter((e) => same(e.transaction_hash)).map((e) => ({ ...e, finality_status: 'ACCEPTED_ON_L2' }));
  const sorted = (o) => JSON.stringify(o, Object.keys(o).sort());
  mine(transfers.got).forEach((e, i) => expect(sorted(e) === sorted(expected[i]), `the events that getEvents answers: ${sorted(e)}, ${sorted(expected[i])}`));
  out.events = mine(transfers.got).length;
  expect(others.got.length === 0 && quiet.got.length === 0, 'nothing of others');

  // Invalid requests fail with the specification's errors; a subscription ends when it is unsubscribed.
  const refused = async (what, code, promise) => {
    let reason = '';
    try {
      await promise;
    } catch (e) {
      reason = String(e.message);
    }
    expect(reason.includes(`"code":${code}`), `${what} to be refused with code ${code}, got: ${reason}`);
  };
  await refused('a block to come', 24, channel.subscribeNewHeads({ blockIdentifier: 4_000_000 }));
  await refused('an unknown subscription', 66, channel.unsubscribe('4000000'));
  expect((await nothing.unsubscribe()) === true && nothing.isClosed, 'an unsubscription');
  out.transaction = transaction_hash;
  channel.disconnect();
  await channel.waitForDisconnection();
  console.log(JSON.stringify(out));
}

main().catch((e) => {
  console.error(e.message ?? e);
  process.exit(1);
});
