// Walks through the use of a wallet with starknet.js: declare → deploy an account → deploy a contract → invoke → read events.
//
//   node story.mjs TESTNET_DIR CLASSES_DIR
//
// TESTNET_DIR holds accounts.json and endpoints.json of a running chain; CLASSES_DIR the contract classes and their CASM.
// Prints one JSON object with every transaction hash. Exits with 1 and the reason on anything unexpected.
import fs from 'node:fs';
import path from 'node:path';
import { Account, CallData, Contract, RpcProvider, ec, hash, stark } from 'starknet';

const [dir, classes, casms = classes] = process.argv.slice(2);
const read = (...p) => JSON.parse(fs.readFileSync(path.join(...p), 'utf8'));
const [funded] = read(dir, 'accounts.json');
const { nodes } = read(dir, 'endpoints.json');
const STRK = '0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d';

function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

async function main() {
  const provider = await RpcProvider.create({ nodeUrl: `${nodes[0].rpc}/rpc`, transactionRetryIntervalFallback: 300, retries: 200 });
  const wait = async (tx) => {
    const receipt = await provider.waitForTransaction(tx, { retryInterval: 300 });
    expect(receipt.isSuccess(), `transaction ${tx} to succeed: ${JSON.stringify(receipt.value ?? receipt, (_, v) => (typeof v === 'bigint' ? v.toString() : v))}`);
    return receipt;
  };
  const account = new Account({ provider, address: funded.address, signer: funded.private_key });
  const out = { chain: await provider.getChainId() };

  // Declare.
  const counterClass = read(classes, 'counter.contract_class.json');
  const counterCasm = read(casms, 'counter.compiled_contract_class.json');
  const declared = await account.declareIfNot({ contract: counterClass, casm: counterCasm });
  if (declared.transaction_hash) await wait(declared.transaction_hash);
  out.declare = declared.transaction_hash;
  out.class_hash = declared.class_hash;

  // A second account: fund its address, then deploy it.
  const accountClassHash = hash.computeContractClassHash(read(classes, 'account.contract_class.json'));
  const key = stark.randomAddress();
  const publicKey = ec.starkCurve.getStarkKey(key);
  const constructorCalldata = CallData.compile({ public_key: publicKey });
  const address = hash.calculateContractAddressFromHash(publicKey, accountClassHash, constructorCalldata, 0);
  const fund = await account.execute({ contractAddress: STRK, entrypoint: 'transfer', calldata: [address, 10n ** 19n, 0] });
  await wait(fund.transaction_hash);
  out.transfer = fund.transaction_hash;
  const fresh = new Account({ provider, address, signer: key });
  const deployed = await fresh.deployAccount({ classHash: accountClassHash, constructorCalldata, addressSalt: publicKey });
  await wait(deployed.transaction_hash);
  out.deploy_account = deployed.transaction_hash;

  // Deploy a contract through the universal deployer, from the new account.
  const contract = await fresh.deployContract({ classHash: declared.class_hash, constructorCalldata: [5] });
  await wait(contract.transaction_hash);
  out.deploy_contract = contract.transaction_hash;
  out.counter = contract.contract_address ?? contract.address;

  // Invoke and read.
  const invoked = await fresh.execute([
    { contractAddress: out.counter, entrypoint: 'increment', calldata: [] },
    { contractAddress: out.counter, entrypoint: 'increment', calldata: [] },
  ]);
  const receipt = await wait(invoked.transaction_hash);
  out.invoke = invoked.transaction_hash;
  const [count] = await provider.callContract({ contractAddress: out.counter, entrypoint: 'get', calldata: [] });
  expect(BigInt(count) === 7n, `the counter to stand at 7, it is ${count}`);
  const { events } = await provider.getEvents({ address: out.counter, from_block: { block_number: 0 }, to_block: 'latest', chunk_size: 100 });
  const mine = events.filter((e) => BigInt(e.transaction_hash) === BigInt(invoked.transaction_hash));
  expect(mine.length === 2, `two events of the counter, got ${JSON.stringify(events)}`);
  out.events = mine.length;

  // Blocks and receipts.
  const block = await provider.getBlockWithTxs(receipt.value.block_number);
  expect(block.transactions.some((t) => BigInt(t.transaction_hash) === BigInt(invoked.transaction_hash)), 'the block to hold the transaction');
  const balance = await provider.callContract({ contractAddress: STRK, entrypoint: 'balance_of', calldata: [address] });
  expect(BigInt(balance[0]) > 0n && BigInt(balance[0]) < 10n ** 19n, `fees to have been paid from the balance ${balance}`);

  // Invalid requests fail with the specification's errors.
  let refused = '';
  try {
    await fresh.execute({ contractAddress: out.counter, entrypoint: 'increment', calldata: [] }, { nonce: 0, tip: 0n, resourceBounds: { l1_gas: { max_amount: 0n, max_price_per_unit: 10n ** 12n }, l2_gas: { max_amount: 10n ** 8n, max_price_per_unit: 10n ** 10n }, l1_data_gas: { max_amount: 10n ** 4n, max_price_per_unit: 10n ** 12n } } });
  } catch (e) {
    refused = String(e.message);
  }
  expect(/52/.test(refused) || /nonce/i.test(refused), `a used nonce to be refused with code 52, got: ${refused}`);
  console.log(JSON.stringify(out, (_, v) => (typeof v === 'bigint' ? `0x${v.toString(16)}` : v)));
}

main().catch((e) => {
  console.error(e.message ?? e);
  process.exit(1);
});
