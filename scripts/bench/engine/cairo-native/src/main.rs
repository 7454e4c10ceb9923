//! Runs one external entry point of a Sierra contract class with Cairo Native and prints, as JSON, its result, the remaining
//! gas, the minimum time of a number of runs and the time of compilation.
//!
//! Usage: cairo-native-bench CLASS.json SELECTOR GAS RUNS STORAGE.json [CALLDATA...]
//!
//! With the SELECTOR "-" it only compiles the class.
//!
//! STORAGE.json is an object from storage key to value, "-" for none. As in `starkd class call`, the addresses of the contract and
//! its caller are in the environment variables CONTRACT and CALLER (default 1 and 0). VARY is the index of the calldata felt that is
//! incremented for each further run, -1 for none. Everything but the time is of the first run.

use cairo_lang_starknet_classes::{compiler_version::VersionId, contract_class::ContractClass};
use cairo_native::{
    executor::AotContractExecutor,
    starknet::{
        BlockInfo, ExecutionInfo, ExecutionInfoV2, ExecutionInfoV3, Secp256k1Point, Secp256r1Point,
        StarknetSyscallHandler, SyscallResult, TxInfo, TxV2Info, TxV3Info, U256,
    },
    OptLevel,
};
use serde_json::{json, Value};
use starknet_types_core::felt::Felt;
use std::{collections::HashMap, env, error::Error, fs, thread, time::Instant};

/// The cost of entering an entry point, which the caller of Cairo Native must charge.
const ENTRY_POINT_GAS: u64 = 10_000;

// Gas of the system calls implemented here, minus the base cost of 10,000, which compiled code charges itself. Starknet 0.14.4,
// as in starknet/constants/resources.go.
const STORAGE_READ_GAS: u64 = 240 * 100 + 70 - 10_000;
const STORAGE_WRITE_GAS: u64 = 599 * 100 + 70 - 10_000;
const EMIT_EVENT_GAS: u64 = 0;
const EXECUTION_INFO_GAS: u64 = 111 * 100 + 2 * 70 - 10_000;

const OUT_OF_GAS: &[u8] = b"Out of gas";

/// The system calls of a call, with storage in memory.
#[derive(Clone, Default)]
struct Frame {
    storage: HashMap<Felt, Felt>,
    contract: Felt,
    caller: Felt,
    selector: Felt,
    events: usize,
}

fn charge(gas: &mut u64, cost: u64) -> SyscallResult<()> {
    *gas = gas
        .checked_sub(cost)
        .ok_or_else(|| vec![Felt::from_bytes_be_slice(OUT_OF_GAS)])?;
    Ok(())
}

fn unsupported<T>() -> SyscallResult<T> {
    panic!("a system call that the benchmarks do not make")
}

impl StarknetSyscallHandler for &mut Frame {
    fn storage_read(&mut self, _domain: u32, key: Felt, gas: &mut u64) -> SyscallResult<Felt> {
        charge(gas, STORAGE_READ_GAS)?;
        Ok(self.storage.get(&key).copied().unwrap_or_default())
    }

    fn storage_write(
        &mut self,
        _domain: u32,
        key: Felt,
        value: Felt,
        gas: &mut u64,
    ) -> SyscallResult<()> {
        charge(gas, STORAGE_WRITE_GAS)?;
        self.storage.insert(key, value);
        Ok(())
    }

    fn emit_event(&mut self, _keys: &[Felt], _data: &[Felt], gas: &mut u64) -> SyscallResult<()> {
        charge(gas, EMIT_EVENT_GAS)?;
        self.events += 1;
        Ok(())
    }

    fn get_execution_info(&mut self, gas: &mut u64) -> SyscallResult<ExecutionInfo> {
        charge(gas, EXECUTION_INFO_GAS)?;
        Ok(ExecutionInfo {
            block_info: BlockInfo::default(),
            tx_info: TxInfo::default(),
            caller_address: self.caller,
            contract_address: self.contract,
            entry_point_selector: self.selector,
        })
    }

    fn get_execution_info_v2(&mut self, gas: &mut u64) -> SyscallResult<ExecutionInfoV2> {
        charge(gas, EXECUTION_INFO_GAS)?;
        Ok(ExecutionInfoV2 {
            block_info: BlockInfo::default(),
            tx_info: TxV2Info::default(),
            caller_address: self.caller,
            contract_address: self.contract,
            entry_point_selector: self.selector,
        })
    }

    fn get_execution_info_v3(&mut self, gas: &mut u64) -> SyscallResult<ExecutionInfoV3> {
        charge(gas, EXECUTION_INFO_GAS)?;
        Ok(ExecutionInfoV3 {
            block_info: BlockInfo::default(),
            tx_info: TxV3Info::default(),
            caller_address: self.caller,
            contract_address: self.contract,
            entry_point_selector: self.selector,
        })
    }

    fn get_block_hash(&mut self, _: u64, _: &mut u64) -> SyscallResult<Felt> {
        unsupported()
    }
    fn deploy(
        &mut self,
        _: Felt,
        _: Felt,
        _: &[Felt],
        _: bool,
        _: &mut u64,
    ) -> SyscallResult<(Felt, Vec<Felt>)> {
        unsupported()
    }
    fn replace_class(&mut self, _: Felt, _: &mut u64) -> SyscallResult<()> {
        unsupported()
    }
    fn library_call(
        &mut self,
        _: Felt,
        _: Felt,
        _: &[Felt],
        _: &mut u64,
    ) -> SyscallResult<Vec<Felt>> {
        unsupported()
    }
    fn call_contract(
        &mut self,
        _: Felt,
        _: Felt,
        _: &[Felt],
        _: &mut u64,
    ) -> SyscallResult<Vec<Felt>> {
        unsupported()
    }
    fn send_message_to_l1(&mut self, _: Felt, _: &[Felt], _: &mut u64) -> SyscallResult<()> {
        unsupported()
    }
    fn keccak(&mut self, _: &[u64], _: &mut u64) -> SyscallResult<U256> {
        unsupported()
    }
    fn secp256k1_new(
        &mut self,
        _: U256,
        _: U256,
        _: &mut u64,
    ) -> SyscallResult<Option<Secp256k1Point>> {
        unsupported()
    }
    fn secp256k1_add(
        &mut self,
        _: Secp256k1Point,
        _: Secp256k1Point,
        _: &mut u64,
    ) -> SyscallResult<Secp256k1Point> {
        unsupported()
    }
    fn secp256k1_mul(
        &mut self,
        _: Secp256k1Point,
        _: U256,
        _: &mut u64,
    ) -> SyscallResult<Secp256k1Point> {
        unsupported()
    }
    fn secp256k1_get_point_from_x(
        &mut self,
        _: U256,
        _: bool,
        _: &mut u64,
    ) -> SyscallResult<Option<Secp256k1Point>> {
        unsupported()
    }
    fn secp256k1_get_xy(&mut self, _: Secp256k1Point, _: &mut u64) -> SyscallResult<(U256, U256)> {
        unsupported()
    }
    fn secp256r1_new(
        &mut self,
        _: U256,
        _: U256,
        _: &mut u64,
    ) -> SyscallResult<Option<Secp256r1Point>> {
        unsupported()
    }
    fn secp256r1_add(
        &mut self,
        _: Secp256r1Point,
        _: Secp256r1Point,
        _: &mut u64,
    ) -> SyscallResult<Secp256r1Point> {
        unsupported()
    }
    fn secp256r1_mul(
        &mut self,
        _: Secp256r1Point,
        _: U256,
        _: &mut u64,
    ) -> SyscallResult<Secp256r1Point> {
        unsupported()
    }
    fn secp256r1_get_point_from_x(
        &mut self,
        _: U256,
        _: bool,
        _: &mut u64,
    ) -> SyscallResult<Option<Secp256r1Point>> {
        unsupported()
    }
    fn secp256r1_get_xy(&mut self, _: Secp256r1Point, _: &mut u64) -> SyscallResult<(U256, U256)> {
        unsupported()
    }
    fn sha256_process_block(
        &mut self,
        _: &mut [u32; 8],
        _: &[u32; 16],
        _: &mut u64,
    ) -> SyscallResult<()> {
        unsupported()
    }
    fn sha512_process_block(
        &mut self,
        _: &mut [u64; 8],
        _: &[u64; 16],
        _: &mut u64,
    ) -> SyscallResult<()> {
        unsupported()
    }
    fn get_class_hash_at(&mut self, _: Felt, _: &mut u64) -> SyscallResult<Felt> {
        unsupported()
    }
    fn meta_tx_v0(
        &mut self,
        _: Felt,
        _: Felt,
        _: &[Felt],
        _: &[Felt],
        _: &mut u64,
    ) -> SyscallResult<Vec<Felt>> {
        unsupported()
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn felt(s: &str) -> Result<Felt> {
    let parsed = if s.starts_with("0x") {
        Felt::from_hex(s)
    } else {
        Felt::from_dec_str(s)
    };
    parsed.map_err(|e| format!("{s}: {e:?}").into())
}

fn read_storage(path: &str) -> Result<HashMap<Felt, Felt>> {
    let mut storage = HashMap::new();
    if path != "-" {
        let object: HashMap<String, String> = serde_json::from_slice(&fs::read(path)?)?;
        for (key, value) in object {
            storage.insert(felt(&key)?, felt(&value)?);
        }
    }
    Ok(storage)
}

/// Returns the processor time of this process and of the processes that it waited for, such as the linker, in nanoseconds.
fn process_time() -> u64 {
    let mut sum = 0;
    for who in [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN] {
        // SAFETY: all zeros is a valid rusage, and u lives in this function.
        let mut u: libc::rusage = unsafe { std::mem::zeroed() };
        if unsafe { libc::getrusage(who, &mut u) } != 0 {
            return 0;
        }
        for t in [u.ru_utime, u.ru_stime] {
            sum += t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1000;
        }
    }
    sum
}

/// Returns the processor time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: t lives in this function.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) } != 0 {
        return 0;
    }
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

fn run(args: &[String]) -> Result<Value> {
    let [class, selector, gas, runs, storage, calldata @ ..] = args else {
        return Err(
            "usage: cairo-native-bench CLASS.json SELECTOR GAS RUNS STORAGE.json|- [CALLDATA...]"
                .into(),
        );
    };
    let class: ContractClass = serde_json::from_slice(&fs::read(class)?)?;
    let compile_only = selector == "-";
    let selector = felt(if compile_only { "0" } else { selector })?;
    let gas: u64 = gas.parse()?;
    let runs: usize = runs.parse()?;
    let vary: i64 = env::var("VARY").map_or(Ok(-1), |s| s.parse())?;
    let mut calldata = calldata
        .iter()
        .map(|s| felt(s))
        .collect::<Result<Vec<_>>>()?;
    let address =
        |name: &str, default: u64| env::var(name).map_or(Ok(Felt::from(default)), |s| felt(&s));
    let frame = Frame {
        storage: read_storage(storage)?,
        contract: address("CONTRACT", 1)?,
        caller: address("CALLER", 0)?,
        selector,
        ..Default::default()
    };

    let extracted = class
        .extract_sierra_program(false)
        .map_err(|e| e.to_string())?;
    let version: VersionId = extracted.sierra_version;
    let (start, cpu) = (Instant::now(), process_time());
    let executor = AotContractExecutor::new(
        &extracted.program,
        &class.entry_points_by_type,
        version,
        OptLevel::Aggressive,
        None,
    )
    .map_err(|e| e.to_string())?;
    let (compiled, compiled_cpu) = (start.elapsed(), process_time() - cpu);
    if compile_only {
        return Ok(
            json!({"engine": "cairo-native", "compile_ns": compiled.as_nanos() as u64, "compile_cpu_ns": compiled_cpu}),
        );
    }

    let available = gas
        .checked_sub(ENTRY_POINT_GAS)
        .ok_or("too little gas to enter")?;
    let (mut least, mut least_cpu) = (u128::MAX, u64::MAX);
    let mut outcome = None;
    for _ in 0..runs.max(1) {
        let mut after = frame.clone();
        let (start, cpu) = (Instant::now(), thread_time());
        let result = executor
            .run(selector, &calldata, available, None, &mut after)
            .map_err(|e| e.to_string())?;
        least_cpu = least_cpu.min(thread_time() - cpu);
        least = least.min(start.elapsed().as_nanos());
        outcome.get_or_insert((result, after));
        if let Some(x) = usize::try_from(vary).ok().and_then(|i| calldata.get_mut(i)) {
            *x += Felt::ONE;
        }
    }
    let (result, after) = outcome.expect("at least one run");
    let mut writes: Vec<_> = after
        .storage
        .iter()
        .filter(|(key, value)| frame.storage.get(key).copied().unwrap_or_default() != **value)
        .map(|(key, value)| (*key, *value))
        .collect();
    writes.sort();
    Ok(json!({
        "engine": "cairo-native",
        "failed": result.failure_flag,
        "retdata": result.return_values.iter().map(Felt::to_hex_string).collect::<Vec<_>>(),
        "gas_left": result.remaining_gas,
        "storage_writes": writes.iter().map(|(k, v)| json!({"key": k.to_hex_string(), "value": v.to_hex_string()})).collect::<Vec<_>>(),
        "events": after.events,
        "min_ns": least as u64,
        "min_cpu_ns": least_cpu,
        "compile_ns": compiled.as_nanos() as u64,
        "compile_cpu_ns": compiled_cpu,
    }))
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    // Recursion that is not compiled to a loop uses machine stack; unused pages cost nothing.
    let outcome = thread::Builder::new()
        .stack_size(4 << 30)
        .spawn(move || run(&args))
        .expect("a thread")
        .join()
        .expect("no panic");
    match outcome {
        Ok(value) => println!("{value}"),
        Err(e) => {
            eprintln!("cairo-native-bench: {e}");
            std::process::exit(1);
        }
    }
}
