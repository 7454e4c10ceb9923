// The program that is proved: a small Starknet OS. It publishes classes in its output, runs the calls of a block's
// transactions on this code, and publishes the arguments, the syscalls and the results of each call. The reader of the
// output checks the responses of the syscalls, from the output alone (prover/block/statement).
//
// Two rules make the output a complete description of the run:
//
//  1. Control flow depends on output words only. A reader that walks the output by the rules of this program can retrace
//     every step: which class was entered where, how many syscalls followed, how long each array is.
//  2. A word that a hint chooses is either in the output or checked here. Hints choose output words (os.header, os.class,
//     os.transaction, os.call, os.inner) and the responses of syscalls, whose arrays are copied to the output.
//
// docs/os.md lists the output word by word.

%builtins output pedersen range_check bitwise

from starkware.cairo.common.registers import get_ap, get_label_location

// The format of the output.
const VERSION = 'STARKD_OS_1';

// The instruction `ret`. It follows the code of a class, which calls it to learn its own address.
const RET = 0x208b7fff7fff7ffe;

// The header, for all transactions. block_number, block_timestamp and sequencer are the BlockInfo that get_execution_info
// points to. The next three words are the rounded BlockInfo that the constructor of an account sees. The hashes of the
// transactions follow the header.
struct Header {
    version: felt,
    chain_id: felt,
    block_number: felt,
    block_timestamp: felt,
    sequencer: felt,
    validate_block_number: felt,
    validate_block_timestamp: felt,
    validate_sequencer: felt,
    coverage: felt,
    n_classes: felt,
    n_transactions: felt,
}

// A call of a class. The first five words are the ExecutionInfo that get_execution_info points to. The calldata follows,
// then the syscalls of the call.
struct Call {
    block_info: felt,
    tx_info: felt,
    caller: felt,
    contract: felt,
    selector: felt,
    entry: felt*,
    // Whether the entry point takes and returns the builtin: 0 or 1.
    pedersen: felt,
    range_check: felt,
    bitwise: felt,
    segment_arena: felt,
    gas: felt,
    calldata_size: felt,
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

func main{output_ptr: felt*, pedersen_ptr: felt*, range_check_ptr, bitwise_ptr: felt*}() {
    alloc_locals;
    %{ os.header %}
    local header: Header* = cast(output_ptr, Header*);
    assert header.version = VERSION;
    let (costs) = get_label_location(builtin_costs);
    let output_ptr = output_ptr + Header.SIZE + header.n_transactions;
    publish_classes(n=header.n_classes, costs=costs);
    run_transactions(n=header.n_transactions);
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

// Runs n transactions. Each is: a number of words, these words (the outcome, TxInfo, and the arrays that it points to), a
// number of calls, these calls.
func run_transactions{
    output_ptr: felt*, pedersen_ptr: felt*, range_check_ptr, bitwise_ptr: felt*
}(n: felt) {
    if (n == 0) {
        return ();
    }
    alloc_locals;
    %{ os.transaction %}
    tempvar calls = output_ptr + 1 + output_ptr[0];
    let output_ptr = calls + 1;
    run_calls(n=calls[0]);
    return run_transactions(n=n - 1);
}

// Runs n calls from the protocol. Each is: the kind of the call, and the call.
func run_calls{output_ptr: felt*, pedersen_ptr: felt*, range_check_ptr, bitwise_ptr: felt*}(
    n: felt
) {
    if (n == 0) {
        return ();
    }
    alloc_locals;
    %{ os.call %}
    let output_ptr = output_ptr + 1;
    run();
    return run_calls(n=n - 1);
}

// Runs the call whose Call and calldata are at output_ptr. The class writes its syscalls to the output. After them come a
// zero, the failure flag, the gas left, the size of the returned data and the data. Then come, for each syscall in order,
// the arrays that it names and the inner call that it makes.
func run{output_ptr: felt*, pedersen_ptr: felt*, range_check_ptr, bitwise_ptr: felt*}() {
    alloc_locals;
    local call_: Call* = cast(output_ptr, Call*);
    local entry: felt* = call_.entry;
    local uses_pedersen = call_.pedersen;
    local uses_range_check = call_.range_check;
    local uses_bitwise = call_.bitwise;
    local uses_arena = call_.segment_arena;
    local gas = call_.gas;
    local calldata: felt* = output_ptr + Call.SIZE;
    local syscalls: felt* = calldata + call_.calldata_size;
    local pedersen_before: felt* = pedersen_ptr;
    local range_check_before = range_check_ptr;
    local bitwise_before: felt* = bitwise_ptr;
    local pedersen_after: felt*;
    local range_check_after;
    local bitwise_after: felt*;
    local arena_before: SegmentArena*;
    local arena_after: SegmentArena*;
    let (arena) = new_arena(uses_arena);
    assert arena_before = arena;

    // Push the arguments: the builtins that the entry point uses, gas, syscall_ptr, start and end of the calldata. All other
    // values are in locals, so that only arguments are pushed.
    if (uses_pedersen != 0) {
        [ap] = pedersen_before, ap++;
    }
    if (uses_range_check != 0) {
        [ap] = range_check_before, ap++;
    }
    if (uses_bitwise != 0) {
        [ap] = bitwise_before, ap++;
    }
    if (uses_arena != 0) {
        [ap] = arena_before, ap++;
    }
    [ap] = gas, ap++;
    [ap] = syscalls, ap++;
    [ap] = calldata, ap++;
    [ap] = syscalls, ap++;
    %{ os.enter %}
    call abs entry;

    let (stack) = get_ap();
    local returned: Outcome* = cast(stack - Outcome.SIZE, Outcome*);
    local builtins: felt* = stack - Outcome.SIZE;
    if (uses_arena != 0) {
        assert arena_after = cast(builtins[-1], SegmentArena*);
    } else {
        assert arena_after = arena_before;
    }
    local after_bitwise: felt* = builtins - uses_arena;
    if (uses_bitwise != 0) {
        assert bitwise_after = cast(after_bitwise[-1], felt*);
    } else {
        assert bitwise_after = bitwise_before;
    }
    local after_range_check: felt* = after_bitwise - uses_bitwise;
    if (uses_range_check != 0) {
        assert range_check_after = after_range_check[-1];
    } else {
        assert range_check_after = range_check_before;
    }
    if (uses_pedersen != 0) {
        assert pedersen_after = cast([after_range_check - 1 - uses_range_check], felt*);
    } else {
        assert pedersen_after = pedersen_before;
    }

    // Check that builtin pointers move only forward, and by whole instances.
    assert [cast(range_check_after, felt*)] = range_check_after - range_check_before;
    assert [cast(range_check_after + 1, felt*)] = (pedersen_after - pedersen_before) / 3;
    assert [cast(range_check_after + 2, felt*)] = (bitwise_after - bitwise_before) / 5;
    assert [cast(range_check_after + 3, felt*)] = (
        cast(arena_after, felt) - cast(arena_before, felt)
    ) / SegmentArena.SIZE;
    let range_check_ptr = range_check_after + 4;
    let pedersen_ptr = pedersen_after;
    let bitwise_ptr = bitwise_after;
    check_arena(uses=uses_arena, before=arena_before, after=arena_after);

    local end: felt* = returned.syscall_ptr;
    local retdata_size = returned.retdata_end - returned.retdata_start;
    assert end[0] = 0;
    assert end[1] = returned.failure_flag;
    assert end[2] = returned.gas;
    assert end[3] = retdata_size;
    let output_ptr = end + 4;
    copy(start=returned.retdata_start, end=returned.retdata_end);
    return publish_syscalls(syscall=syscalls, end=end);
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
func publish_syscalls{
    output_ptr: felt*, pedersen_ptr: felt*, range_check_ptr, bitwise_ptr: felt*
}(syscall: felt*, end: felt*) {
    alloc_locals;
    local selector = [syscall];
    if (selector == 0) {
        assert syscall = end;
        %{ os.leave %}
        return ();
    }
    if (selector == 'StorageRead') {
        let (next) = publish_response(response=syscall + 4, size=1);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'StorageWrite') {
        let (next) = publish_response(response=syscall + 5, size=0);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'GetExecutionInfo') {
        let (next) = publish_response(response=syscall + 2, size=1);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'EmitEvent') {
        if (syscall[7] == 0) {
            copy(start=cast(syscall[2], felt*), end=cast(syscall[3], felt*));
            copy(start=cast(syscall[4], felt*), end=cast(syscall[5], felt*));
            return publish_syscalls(syscall=syscall + 8, end=end);
        }
        let (next) = publish_response(response=syscall + 6, size=0);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'CallContract') {
        run_inner(calldata=syscall + 4);
        let (next) = publish_retdata(response=syscall + 6, size=2);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'LibraryCall') {
        run_inner(calldata=syscall + 4);
        let (next) = publish_retdata(response=syscall + 6, size=2);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'Deploy') {
        run_inner(calldata=syscall + 4);
        let (next) = publish_retdata(response=syscall + 7, size=3);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'GetClassHashAt') {
        let (next) = publish_response(response=syscall + 3, size=1);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'GetBlockHash') {
        let (next) = publish_response(response=syscall + 3, size=1);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'ReplaceClass') {
        let (next) = publish_response(response=syscall + 3, size=0);
        return publish_syscalls(syscall=next, end=end);
    }
    if (selector == 'SendMessageToL1') {
        if (syscall[6] == 0) {
            copy(start=cast(syscall[3], felt*), end=cast(syscall[4], felt*));
            return publish_syscalls(syscall=syscall + 7, end=end);
        }
        let (next) = publish_response(response=syscall + 5, size=0);
        return publish_syscalls(syscall=next, end=end);
    }
    assert selector = 'Keccak';
    if (syscall[5] == 0) {
        copy(start=cast(syscall[2], felt*), end=cast(syscall[3], felt*));
        return publish_syscalls(syscall=syscall + 8, end=end);
    }
    let (next) = publish_response(response=syscall + 4, size=2);
    return publish_syscalls(syscall=next, end=end);
}

// Skips a response of `size` words. The response of a failed syscall is an array instead, which is copied.
func publish_response{output_ptr: felt*}(response: felt*, size: felt) -> (next: felt*) {
    if (response[1] == 0) {
        return (next=response + 2 + size);
    }
    copy(start=cast(response[2], felt*), end=cast(response[3], felt*));
    return (next=response + 4);
}

// Skips a response of `size` words whose last two are an array, which is copied. The response of a failed syscall is an
// array, which is copied, too.
func publish_retdata{output_ptr: felt*}(response: felt*, size: felt) -> (next: felt*) {
    if (response[1] == 0) {
        tempvar next = response + 2 + size;
        copy(start=cast(next[-2], felt*), end=cast(next[-1], felt*));
        return (next=response + 2 + size);
    }
    copy(start=cast(response[2], felt*), end=cast(response[3], felt*));
    return (next=response + 4);
}

// Runs the inner call of a syscall: 1 and the call, or 0 if the syscall failed before the call or entered no code.
// `calldata` points to start and end of the calldata in the request.
func run_inner{output_ptr: felt*, pedersen_ptr: felt*, range_check_ptr, bitwise_ptr: felt*}(
    calldata: felt*
) {
    alloc_locals;
    %{ os.inner %}
    local called = output_ptr[0];
    local inner: Call* = cast(output_ptr + 1, Call*);
    if (called == 0) {
        let output_ptr = output_ptr + 1;
        return ();
    }
    assert called = 1;
    assert inner.calldata_size = calldata[1] - calldata[0];
    let output_ptr = cast(inner, felt*) + Call.SIZE;
    copy(start=cast(calldata[0], felt*), end=cast(calldata[1], felt*));
    let output_ptr = cast(inner, felt*);
    return run();
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
