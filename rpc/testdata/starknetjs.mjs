// Drives a node with starknet.js as a wallet would, and prints one line per step. Usage: node starknetjs.mjs URL ACCOUNT
import { Account, RpcProvider, Signer, hash, json } from 'starknet';
const [url, accountAddress, classText] = process.argv.slice(2);
const step = (name, value) => console.log(name + ' ' + json.stringify(value));
const expectCode = async (name, code, promise) => {
  try { await promise; step(name, 'no error'); } catch (e) { step(name, e.code ?? e.baseError?.code ?? String(e)); }
};
const provider = await RpcProvider.create({ nodeUrl: url });
step('spec', await provider.getSpecVersion());
step('chain', await provider.getChainId());
step('latest', (await provider.getBlockLatestAccepted()).block_number);
for (const id of ['latest', 'pre_confirmed', 0, 1, 2]) {
  step('hashes', (await provider.getBlockWithTxHashes(id)).transactions.length);
  step('txs', (await provider.getBlockWithTxs(id)).transactions.length);
  step('receipts', (await provider.getBlockWithReceipts(id)).transactions.length);
  step('update', Object.keys((await provider.getBlockStateUpdate(id)).state_diff).length);
}
const block = await provider.getBlockWithTxHashes(1);
for (const h of block.transactions) {
  step('type', (await provider.getTransactionByHash(h)).type);
  const r = await provider.getTransactionReceipt(h);
  step('receipt', [r.isSuccess(), r.isReverted(), r.value.actual_fee.unit]);
  step('status', await provider.getTransactionStatus(h));
}
step('nonce', await provider.getNonceForAddress(accountAddress));
step('storage', await provider.getStorageAt(accountAddress, '0x5107'));
step('class hash', await provider.getClassHashAt(accountAddress));
step('abi', (await provider.getClassAt(accountAddress)).abi.length);
step('events', (await provider.getEvents({ chunk_size: 2, from_block: { block_number: 0 }, to_block: 'latest' })).continuation_token);
step('syncing', await provider.getSyncingStats());
await expectCode('no such transaction', 29, provider.getTransactionByHash('0x1'));
await expectCode('no such contract', 20, provider.getNonceForAddress('0xdead'));
await expectCode('no such class', 28, provider.getClass('0xdead'));

const account = new Account({ provider, address: accountAddress, signer: new Signer('0x1234') });
const sent = await account.execute([{ contractAddress: accountAddress, entrypoint: 'transfer', calldata: ['0x1', '0x2'] }]);
const receipt = await provider.waitForTransaction(sent.transaction_hash, { retryInterval: 20 });
step('executed', [receipt.isSuccess(), receipt.value.block_number]);
const estimate = await account.estimateInvokeFee([{ contractAddress: accountAddress, entrypoint: 'transfer', calldata: [] }]);
step('estimate', estimate.unit);
const simulated = await account.simulateTransaction([{ type: 'INVOKE', contractAddress: accountAddress, entrypoint: 'transfer', calldata: [] }]);
step('simulated', simulated.simulated_transactions?.length ?? simulated.length);
const deploy = await account.deployAccount({ classHash: '0x77', constructorCalldata: ['0x9'], addressSalt: '0x1' });
step('deployed', deploy.contract_address === hash.calculateContractAddressFromHash('0x1', '0x77', ['0x9'], 0));
const contract = json.parse(classText);
const declared = await account.declare({ contract, compiledClassHash: '0xca5' });
step('declared', declared.class_hash === hash.computeContractClassHash(contract));
step('read back', hash.computeContractClassHash(await provider.getClass(declared.class_hash)) === declared.class_hash);
