// The program that is proved: a small Starknet OS. It publishes classes in its output, runs the calls of the transactions of
// one or more blocks on this code, and publishes the arguments, the syscalls and the results of each call. The reader of the
// output checks the responses of the syscalls, from the output alone (prover/block/statement).
//
// Three rules make the output a complete description of the run:
//
//  1. Control flow depends on output words only. A reader that walks the output by the rules of this program can retrace
//     every step: which class was entered where, how many syscalls followed, how long each array is.
//  2. A word that a hint chooses is either in the output or checked here. Hints choose output words (os.header, os.class,
//     os.block, os.transaction, os.call, os.inner, os.meta) and the responses of syscalls.
//  3. An array that code passes to other code is passed as it is: a call gets the array of its caller, and the caller gets
//     the array that the call returned, at the same addresses. An array that the reader needs is copied to the output.
//
// docs/os.md lists the output word by word.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.registers import get_ap, get_fp_and_pc, get_label_location

// The format of the output.
const VERSION = 'STARKD_OS_2';

// The instruction `ret`. It follows the code of a class, which calls it to learn its own address.
const RET = 0x208b7fff7fff7ffe;

// The numbers of cells of the builtins' instances.
const PEDERSEN_SIZE = 3;
const BITWISE_SIZE = 5;
const EC_OP_SIZE = 7;
const POSEIDON_SIZE = 6;
const MOD_SIZE = 7;

// The header. It is followed by n_builtin_sets BuiltinSets, the classes and the blocks.
struct Header {
    version: felt,
    chain_id: felt,
    n_blocks: felt,
    n_classes: felt,
    n_builtin_sets: felt,
}

// Which builtins an entry point takes and returns: 0 or 1 for each, in the order in which compiled code takes them. rare is 1
// if it takes one of segment_arena, range_check96, add_mod and mul_mod.
struct BuiltinSet {
    rare: felt,
    pedersen: felt,
    range_check: felt,
    bitwise: felt,
    ec_op: felt,
    poseidon: felt,
    segment_arena: felt,
    range_check96: felt,
    add_mod: felt,
    mul_mod: felt,
}

// The next free cell of each builtin. ec_op is not one of them: a call gets an array for its instances, which is published.
struct Builtins {
    pedersen: felt*,
    range_check: felt*,
    bitwise: felt*,
    poseidon: felt*,
    range_check96: felt*,
    add_mod: felt*,
    mul_mod: felt*,
}

// The header of a block. number, timestamp and sequencer are the BlockInfo that get_execution_info points to. The next three
// words are the rounded BlockInfo that validation sees. The hashes of the transactions follow, then the transactions.
struct Block {
    number: felt,
    timestamp: felt,
    sequencer: felt,
    validate_number: felt,
    validate_timestamp: felt,
    validate_sequencer: felt,
    n_transactions: felt,
}

// A call from the protocol. Its calldata is among the words of its transaction.
struct Root {
    kind: felt,
    calldata_start: felt*,
    calldata_end: felt*,
}

// A call of a class. The first five words are the ExecutionInfo that get_execution_info points to. The syscalls of the call
// follow.
struct Call {
    block_info: felt,
    tx_info: felt,
    caller: felt,
    contract: felt,
    selector: felt,
    entry: felt*,
    builtins: BuiltinSet*,
    gas: felt,
}

// An instance of a segment arena, which lists the dictionaries of a call. Each change adds an instance. The first one of a
// call has no dictionaries; infos never changes.
struct SegmentArena {
    infos: SegmentInfo*,
    n_segments: felt,
    n_finalized: felt,
}

// The accesses of a dictionary, and its number in the order in which dictionaries were squashed.
struct SegmentInfo {
    start: felt*,
    end: felt*,
    finalization_index: felt,
}

// The values that an entry point returns on the stack, after its builtin pointers.
struct Outcome {
    gas: felt,
    syscall_ptr: felt*,
    failure_flag: felt,
    retdata_start: felt*,
    retdata_end: felt*,
}

// main takes all builtins that S-two has, in StarkWare's order. It uses neither ecdsa, ec_op nor keccak.
func main{
    output_ptr: felt*,
    pedersen_ptr: felt*,
    range_check_ptr: felt*,
    ecdsa_ptr: felt*,
    bitwise_ptr: felt*,
    ec_op_ptr: felt*,
    keccak_ptr: felt*,
    poseidon_ptr: felt*,
    range_check96_ptr: felt*,
    add_mod_ptr: felt*,
    mul_mod_ptr: felt*,
}() {
    alloc_locals;
    %{ os.header %}
    local header: Header* = cast(output_ptr, Header*);
    assert header.version = VERSION;
    let (costs) = get_label_location(builtin_costs);
    let output_ptr = output_ptr + Header.SIZE + BuiltinSet.SIZE * header.n_builtin_sets;
    publish_classes(n=header.n_classes, costs=costs);
    let (__fp__, _) = get_fp_and_pc();
    local start: Builtins = Builtins(
        pedersen=pedersen_ptr,
        range_check=range_check_ptr,
        bitwise=bitwise_ptr,
        poseidon=poseidon_ptr,
        range_check96=range_check96_ptr,
        add_mod=add_mod_ptr,
        mul_mod=mul_mod_ptr,
    );
    let builtins = &start;
    with builtins {
        run_blocks(n=header.n_blocks);
    }
    let pedersen_ptr = builtins.pedersen;
    let range_check_ptr = builtins.range_check;
    let bitwise_ptr = builtins.bitwise;
    let poseidon_ptr = builtins.poseidon;
    let range_check96_ptr = builtins.range_check96;
    let add_mod_ptr = builtins.add_mod;
    let mul_mod_ptr = builtins.mul_mod;
    return ();
}

// Publishes n classes: class hash, length of the code, the code, and two words through which code finds the gas costs of
// the builtins: `ret` and a pointer.
func publish_classes{output_ptr: felt*}(n: felt, costs: felt*) {
    if (n == 0) {
        return ();
    }
    %{ os.class %}
    tempvar tail = output_ptr + 2 + output_ptr[1];
    assert tail[0] = RET;
    assert tail[1] = cast(costs, felt);
    let output_ptr = tail + 2;
    return publish_classes(n=n - 1, costs=costs);
}

// The gas costs of the builtins, in the order in which compiled code indexes them.
builtin_costs:
dw 4050;  // pedersen
dw 583;  // bitwise
dw 4085;  // ec_op
dw 491;  // poseidon
dw 230;  // add_mod
dw 604;  // mul_mod
dw 3334;  // blake

// Runs n blocks. Each is: its header, the hashes of its transactions, the transactions.
func run_blocks{output_ptr: felt*, builtins: Builtins*}(n: felt) {
    if (n == 0) {
        return ();
    }
    %{ os.block %}
    tempvar n_transactions = output_ptr[Block.n_transactions];
    let output_ptr = output_ptr + Block.SIZE + n_transactions;
    run_transactions(n=n_transactions);
    return run_blocks(n=n - 1);
}

// Runs n transactions. Each is: a number of words, these words (the outcome, TxInfo, the arrays that it points to, and the
// calldata of the calls), a number of calls, these calls.
func run_transactions{output_ptr: felt*, builtins: Builtins*}(n: felt) {
    if (n == 0) {
        return ();
    }
    %{ os.transaction %}
    tempvar calls = output_ptr + 1 + output_ptr[0];
    let output_ptr = calls + 1;
    run_calls(n=calls[0]);
    return run_transactions(n=n - 1);
}

// Runs n calls from the protocol. Each is: Root, the call, the size of the returned data, and the data.
func run_calls{output_ptr: felt*, builtins: Builtins*}(n: felt) {
    if (n == 0) {
        return ();
    }
    alloc_locals;
    %{ os.call %}
    tempvar root = cast(output_ptr, Root*);
    let output_ptr = output_ptr + Root.SIZE;
    let (_, start, end) = run(calldata_start=root.calldata_start, calldata_end=root.calldata_end);
    publish_array(start=start, end=end);
    return run_calls(n=n - 1);
}

// Runs the call whose Call is at output_ptr. The class writes its syscalls to the output. After them come a zero, the failure
// flag, the gas left and, if the entry point takes ec_op, the number of its instances and the instances. Then come, for each syscall in order, the arrays that it names and the inner call that it makes.
func run{output_ptr: felt*, builtins: Builtins*}(calldata_start: felt*, calldata_end: felt*) -> (
    failure_flag: felt, retdata_start: felt*, retdata_end: felt*
) {
    alloc_locals;
    let (__fp__, _) = get_fp_and_pc();
    local call_: Call* = cast(output_ptr, Call*);
    local syscalls: felt* = output_ptr + Call.SIZE;
    local set: BuiltinSet* = call_.builtins;
    local entry: felt* = call_.entry;
    local uses_rare = set.rare;
    local uses_pedersen = set.pedersen;
    local uses_range_check = set.range_check;
    local uses_bitwise = set.bitwise;
    local uses_ec_op = set.ec_op;
    local uses_poseidon = set.poseidon;
    local ec_ops: felt*;
    local uses_arena;
    local uses_range_check96;
    local uses_add_mod;
    local uses_mul_mod;
    local arena_before: SegmentArena*;
    local arena_after: SegmentArena*;
    local after: Builtins;
    if (uses_rare != 0) {
        assert uses_arena = set.segment_arena;
        assert uses_range_check96 = set.range_check96;
        assert uses_add_mod = set.add_mod;
        assert uses_mul_mod = set.mul_mod;
        let (arena) = new_arena(uses_arena);
        assert arena_before = arena;
    }

    // Push the arguments: the builtins that the entry point uses, gas, syscall_ptr, start and end of the calldata. All flags
    // are in locals, so that only arguments are pushed.
    if (uses_pedersen != 0) {
        [ap] = builtins.pedersen, ap++;
    }
    if (uses_range_check != 0) {
        [ap] = builtins.range_check, ap++;
    }
    if (uses_bitwise != 0) {
        [ap] = builtins.bitwise, ap++;
    }
    if (uses_ec_op != 0) {
        %{ os.ec_op %}
        [ap] = ec_ops, ap++;
    }
    if (uses_poseidon != 0) {
        [ap] = builtins.poseidon, ap++;
    }
    if (uses_rare != 0) {
        if (uses_arena != 0) {
            [ap] = arena_before, ap++;
        }
        if (uses_range_check96 != 0) {
            [ap] = builtins.range_check96, ap++;
        }
        if (uses_add_mod != 0) {
            [ap] = builtins.add_mod, ap++;
        }
        if (uses_mul_mod != 0) {
            [ap] = builtins.mul_mod, ap++;
        }
    }
    [ap] = call_.gas, ap++;
    [ap] = syscalls, ap++;
    [ap] = calldata_start, ap++;
    [ap] = calldata_end, ap++;
    %{ os.enter %}
    call abs entry;

    // Take the results from the stack, last first.
    let (stack) = get_ap();
    local returned: Outcome* = cast(stack - Outcome.SIZE, Outcome*);
    local above_poseidon: felt*;
    if (uses_rare != 0) {
        local above_add_mod: felt* = cast(returned, felt*) - uses_mul_mod;
        local above_range_check96: felt* = above_add_mod - uses_add_mod;
        local above_arena: felt* = above_range_check96 - uses_range_check96;
        assert above_poseidon = above_arena - uses_arena;
        if (uses_mul_mod != 0) {
            assert after.mul_mod = cast([cast(returned, felt*) - 1], felt*);
        } else {
            assert after.mul_mod = builtins.mul_mod;
        }
        if (uses_add_mod != 0) {
            assert after.add_mod = cast(above_add_mod[-1], felt*);
        } else {
            assert after.add_mod = builtins.add_mod;
        }
        if (uses_range_check96 != 0) {
            assert after.range_check96 = cast(above_range_check96[-1], felt*);
        } else {
            assert after.range_check96 = builtins.range_check96;
        }
        if (uses_arena != 0) {
            assert arena_after = cast(above_arena[-1], SegmentArena*);
        } else {
            assert arena_after = arena_before;
        }
    } else {
        assert after.range_check96 = builtins.range_check96;
        assert after.add_mod = builtins.add_mod;
        assert after.mul_mod = builtins.mul_mod;
        assert above_poseidon = cast(returned, felt*);
    }
    local above_ec_op: felt* = above_poseidon - uses_poseidon;
    local above_bitwise: felt* = above_ec_op - uses_ec_op;
    if (uses_poseidon != 0) {
        assert after.poseidon = cast(above_poseidon[-1], felt*);
    } else {
        assert after.poseidon = builtins.poseidon;
    }
    if (uses_bitwise != 0) {
        assert after.bitwise = cast(above_bitwise[-1], felt*);
    } else {
        assert after.bitwise = builtins.bitwise;
    }
    local above_range_check: felt* = above_bitwise - uses_bitwise;
    local checks: felt*;  // the range check's pointer that the class returned
    if (uses_range_check != 0) {
        assert checks = cast(above_range_check[-1], felt*);
    } else {
        assert checks = builtins.range_check;
    }
    if (uses_pedersen != 0) {
        assert after.pedersen = cast([above_range_check - uses_range_check - 1], felt*);
    } else {
        assert after.pedersen = builtins.pedersen;
    }

    // Check that builtin pointers move only forward, and by whole instances.
    assert checks[0] = checks - builtins.range_check;
    assert checks[1] = (after.pedersen - builtins.pedersen) / PEDERSEN_SIZE;
    assert checks[2] = (after.bitwise - builtins.bitwise) / BITWISE_SIZE;
    assert checks[3] = (after.poseidon - builtins.poseidon) / POSEIDON_SIZE;
    if (uses_rare != 0) {
        assert checks[4] = after.range_check96 - builtins.range_check96;
        assert checks[5] = (after.add_mod - builtins.add_mod) / MOD_SIZE;
        assert checks[6] = (after.mul_mod - builtins.mul_mod) / MOD_SIZE;
        assert checks[7] = (cast(arena_after, felt) - cast(arena_before, felt)) / SegmentArena.SIZE;
        assert after.range_check = checks + 8;
        check_arena(uses=uses_arena, before=arena_before, after=arena_after);
    } else {
        assert after.range_check = checks + 4;
    }

    local end: felt* = returned.syscall_ptr;
    assert end[0] = 0;
    assert end[1] = returned.failure_flag;
    assert end[2] = returned.gas;
    let output_ptr = end + 3;
    if (uses_ec_op != 0) {
        tempvar n_ec_ops = (cast(above_ec_op[-1], felt*) - ec_ops) / EC_OP_SIZE;
        assert output_ptr[0] = n_ec_ops;
        let output_ptr = output_ptr + 1;
        publish_ec_ops(instance=ec_ops, n=n_ec_ops);
        tempvar output_ptr = output_ptr;
    } else {
        tempvar output_ptr = output_ptr;
    }
    let builtins = &after;
    publish_syscalls(syscall=syscalls, end=end);
    %{ os.leave %}
    return (returned.failure_flag, returned.retdata_start, returned.retdata_end);
}

// Publishes n instances of ec_op: p, q, m and the sum p + m * q. The reader computes the sums. If n is the quotient of a size that
// is negative or not a multiple of an instance's, the loop does not end, so there is no proof.
func publish_ec_ops{output_ptr: felt*}(instance: felt*, n: felt) {
    if (n == 0) {
        return ();
    }
    assert output_ptr[0] = instance[0];
    assert output_ptr[1] = instance[1];
    assert output_ptr[2] = instance[2];
    assert output_ptr[3] = instance[3];
    assert output_ptr[4] = instance[4];
    assert output_ptr[5] = instance[5];
    assert output_ptr[6] = instance[6];
    let output_ptr = output_ptr + EC_OP_SIZE;
    return publish_ec_ops(instance=instance + EC_OP_SIZE, n=n - 1);
}

// Returns the end of a new segment arena, which has no dictionaries; 0 if the entry point does not use the arena.
func new_arena(uses: felt) -> (arena: SegmentArena*) {
    alloc_locals;
    if (uses == 0) {
        return (arena=cast(0, SegmentArena*));
    }
    local arena: SegmentArena*;
    %{ os.arena %}
    assert arena.n_segments = 0;
    assert arena.n_finalized = 0;
    return (arena=arena + SegmentArena.SIZE);
}

// Checks the segment arena that an entry point returned: every dictionary is squashed, and no two of them share memory.
func check_arena(uses: felt, before: SegmentArena*, after: SegmentArena*) {
    if (uses == 0) {
        return ();
    }
    let first = before - SegmentArena.SIZE;
    let last = after - SegmentArena.SIZE;
    assert last.infos = first.infos;
    assert last.n_finalized = last.n_segments;
    if (last.n_segments == 0) {
        return ();
    }
    return check_disjoint(infos=last.infos, n=last.n_segments - 1);
}

// Checks that each of the n dictionaries after the first begins one cell after the end of the one before it. (The class has
// checked that no dictionary ends before its start.)
func check_disjoint(infos: SegmentInfo*, n: felt) {
    if (n == 0) {
        return ();
    }
    %{ os.adjoin %}
    assert infos[1].start = infos[0].end + 1;
    return check_disjoint(infos=infos + SegmentInfo.SIZE, n=n - 1);
}

// Publishes the arrays of the syscalls, starting at `syscall`, and runs their inner calls. The list ends with a zero, which
// must be at `end`, the end that the class returned. A syscall is: selector, gas, request, gas left, failure flag, response.
// This function has the syscalls that are frequent, `publish_syscall` the others.
func publish_syscalls{output_ptr: felt*, builtins: Builtins*}(syscall: felt*, end: felt*) {
    tempvar selector = [syscall];
    if (selector == 0) {
        assert syscall = end;
        return ();
    }
    if (selector == 'StorageRead') {
        if (syscall[5] == 0) {
            return publish_syscalls(syscall=syscall + 7, end=end);
        }
        copy(start=cast(syscall[6], felt*), end=cast(syscall[7], felt*));
        return publish_syscalls(syscall=syscall + 8, end=end);
    }
    if (selector == 'StorageWrite') {
        if (syscall[6] == 0) {
            return publish_syscalls(syscall=syscall + 7, end=end);
        }
        copy(start=cast(syscall[7], felt*), end=cast(syscall[8], felt*));
        return publish_syscalls(syscall=syscall + 9, end=end);
    }
    if (selector == 'EmitEvent') {
        if (syscall[7] == 0) {
            copy(start=cast(syscall[2], felt*), end=cast(syscall[3], felt*));
            copy(start=cast(syscall[4], felt*), end=cast(syscall[5], felt*));
            return publish_syscalls(syscall=syscall + 8, end=end);
        }
        copy(start=cast(syscall[8], felt*), end=cast(syscall[9], felt*));
        return publish_syscalls(syscall=syscall + 10, end=end);
    }
    if (selector == 'GetExecutionInfo') {
        if (syscall[3] == 0) {
            return publish_syscalls(syscall=syscall + 5, end=end);
        }
        copy(start=cast(syscall[4], felt*), end=cast(syscall[5], felt*));
        return publish_syscalls(syscall=syscall + 6, end=end);
    }
    if (selector == 'CallContract') {
        run_inner(calldata=syscall + 4, response=syscall + 6, retdata=syscall + 8);
        return publish_syscalls(syscall=syscall + 10, end=end);
    }
    if (selector == 'LibraryCall') {
        run_inner(calldata=syscall + 4, response=syscall + 6, retdata=syscall + 8);
        return publish_syscalls(syscall=syscall + 10, end=end);
    }
    let (next) = publish_syscall(selector=selector, syscall=syscall);
    return publish_syscalls(syscall=next, end=end);
}

// Publishes the arrays of one syscall, runs its inner call, and returns the end of the syscall.
func publish_syscall{output_ptr: felt*, builtins: Builtins*}(selector: felt, syscall: felt*) -> (
    next: felt*
) {
    alloc_locals;
    if (selector == 'Deploy') {
        copy(start=cast(syscall[4], felt*), end=cast(syscall[5], felt*));
        run_inner(calldata=syscall + 4, response=syscall + 7, retdata=syscall + 10);
        return (next=syscall + 12 - syscall[8]);
    }
    if (selector == 'GetClassHashAt') {
        return publish_response(response=syscall + 3, size=1);
    }
    if (selector == 'GetBlockHash') {
        return publish_response(response=syscall + 3, size=1);
    }
    if (selector == 'ReplaceClass') {
        return publish_response(response=syscall + 3, size=0);
    }
    if (selector == 'SendMessageToL1') {
        if (syscall[6] == 0) {
            copy(start=cast(syscall[3], felt*), end=cast(syscall[4], felt*));
            return (next=syscall + 7);
        }
        return publish_response(response=syscall + 5, size=0);
    }
    if (selector == 'Keccak') {
        if (syscall[5] == 0) {
            copy(start=cast(syscall[2], felt*), end=cast(syscall[3], felt*));
            return (next=syscall + 8);
        }
        return publish_response(response=syscall + 4, size=2);
    }
    if (selector == 'Sha256ProcessBlock') {
        return publish_sha(syscall=syscall);
    }
    if (selector == 'Sha512ProcessBlock') {
        return publish_sha(syscall=syscall);
    }
    if (selector == 'MetaTxV0') {
        copy(start=cast(syscall[4], felt*), end=cast(syscall[5], felt*));
        copy(start=cast(syscall[6], felt*), end=cast(syscall[7], felt*));
        // The TxInfo of the inner call, preceded by the number of words: 0 if there is no call.
        %{ os.meta %}
        let output_ptr = output_ptr + 1 + output_ptr[0];
        run_inner(calldata=syscall + 4, response=syscall + 8, retdata=syscall + 10);
        return (next=syscall + 12);
    }

    // The points of secp256k1 and secp256r1 are addresses of which code does nothing but hand them on.
    if (selector == 'Secp256k1New') {
        return publish_response(response=syscall + 6, size=2);
    }
    if (selector == 'Secp256k1Add') {
        return publish_response(response=syscall + 4, size=1);
    }
    if (selector == 'Secp256k1Mul') {
        return publish_response(response=syscall + 5, size=1);
    }
    if (selector == 'Secp256k1GetPointFromX') {
        return publish_response(response=syscall + 5, size=2);
    }
    if (selector == 'Secp256k1GetXy') {
        return publish_response(response=syscall + 3, size=4);
    }
    if (selector == 'Secp256r1New') {
        return publish_response(response=syscall + 6, size=2);
    }
    if (selector == 'Secp256r1Add') {
        return publish_response(response=syscall + 4, size=1);
    }
    if (selector == 'Secp256r1Mul') {
        return publish_response(response=syscall + 5, size=1);
    }
    if (selector == 'Secp256r1GetPointFromX') {
        return publish_response(response=syscall + 5, size=2);
    }
    assert selector = 'Secp256r1GetXy';
    return publish_response(response=syscall + 3, size=4);
}

// Skips a response of `size` words. The response of a failed syscall is an array instead, which is copied.
func publish_response{output_ptr: felt*, builtins: Builtins*}(response: felt*, size: felt) -> (
    next: felt*
) {
    if (response[1] == 0) {
        return (next=response + 2 + size);
    }
    copy(start=cast(response[2], felt*), end=cast(response[3], felt*));
    return (next=response + 4);
}

// Publishes the words of a syscall that hashes a block of 16 words: the state of 8 words, the block, the next state.
func publish_sha{output_ptr: felt*, builtins: Builtins*}(syscall: felt*) -> (next: felt*) {
    if (syscall[5] == 0) {
        copy(start=cast(syscall[2], felt*), end=cast(syscall[2] + 8, felt*));
        copy(start=cast(syscall[3], felt*), end=cast(syscall[3] + 16, felt*));
        copy(start=cast(syscall[6], felt*), end=cast(syscall[6] + 8, felt*));
        return (next=syscall + 7);
    }
    copy(start=cast(syscall[6], felt*), end=cast(syscall[7], felt*));
    return (next=syscall + 8);
}

// Runs the inner call of a syscall: 1 and the call, or 0 if the syscall failed before the call or entered no code. `calldata`
// and `retdata` point to start and end of the arrays in the request and in the response. If the call failed, the panic data of
// the call and of the syscall are published.
func run_inner{output_ptr: felt*, builtins: Builtins*}(
    calldata: felt*, response: felt*, retdata: felt*
) {
    alloc_locals;
    %{ os.inner %}
    tempvar called = output_ptr[0];
    let output_ptr = output_ptr + 1;
    if (called == 0) {
        if (response[1] == 0) {
            return ();
        }
        copy(start=cast(response[2], felt*), end=cast(response[3], felt*));
        return ();
    }
    assert called = 1;
    let (failure_flag, start, end) = run(
        calldata_start=cast(calldata[0], felt*), calldata_end=cast(calldata[1], felt*)
    );
    if (failure_flag == 0) {
        assert cast(retdata[0], felt*) = start;
        assert cast(retdata[1], felt*) = end;
        return ();
    }
    publish_array(start=start, end=end);
    copy(start=cast(response[2], felt*), end=cast(response[3], felt*));
    return ();
}

// Publishes an array: its size and its words.
func publish_array{output_ptr: felt*}(start: felt*, end: felt*) {
    assert output_ptr[0] = end - start;
    let output_ptr = output_ptr + 1;
    return copy(start=start, end=end);
}

// Copies the words from start to end to the output. If end is before start the loop does not end, so there is no proof.
func copy{output_ptr: felt*}(start: felt*, end: felt*) {
    tempvar to = output_ptr;
    tempvar from_ = start;
    tempvar left = end - start;
    jmp copy_word if left != 0;
    return ();

    copy_word:
    let to_ = cast([ap - 3], felt*);
    let from__ = cast([ap - 2], felt*);
    let left_ = [ap - 1];
    assert to_[0] = from__[0];
    tempvar to = to_ + 1;
    tempvar from_ = from__ + 1;
    tempvar left = left_ - 1;
    jmp copy_word if left != 0;
    let output_ptr = to;
    return ();
}
