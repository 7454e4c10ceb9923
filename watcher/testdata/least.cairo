// The smallest account and fee token that a block's proof can be of, in one class: the code of
// least.compiled_contract_class.json, whose hints (a SystemCall after each request) and entry points are written by hand.
//
//   cairo-compile least.cairo --no_debug_info
from starkware.cairo.common.registers import get_label_location

// __validate__ accepts whatever it is asked.
func validate(gas, syscalls: felt*, start: felt*, end: felt*) -> (
    gas: felt, syscalls: felt*, failed: felt, start: felt*, end: felt*
) {
    let (data) = get_label_location(valid);
    return (gas, syscalls, 0, data, data + 1);

    valid:
    dw 'VALID';
}

// __execute__ makes the first of its calls: calldata is 1, contract, selector, size, data.
func execute(gas, syscalls: felt*, start: felt*, end: felt*) -> (
    gas: felt, syscalls: felt*, failed: felt, start: felt*, end: felt*
) {
    assert syscalls[0] = 'CallContract';
    assert syscalls[1] = gas;
    assert syscalls[2] = start[1];
    assert syscalls[3] = start[2];
    assert syscalls[4] = cast(start + 4, felt);
    assert syscalls[5] = cast(end, felt);
    return (syscalls[6], syscalls + 10, 0, start, start);
}

// transfer adds the amount to slot 1, tells of it, and returns true: calldata is recipient, low, high.
func transfer(gas, syscalls: felt*, start: felt*, end: felt*) -> (
    gas: felt, syscalls: felt*, failed: felt, start: felt*, end: felt*
) {
    assert syscalls[0] = 'StorageRead';
    assert syscalls[1] = gas;
    assert syscalls[2] = 0;
    assert syscalls[3] = 1;
    let value = syscalls[6];
    assert syscalls[7] = 'StorageWrite';
    assert syscalls[8] = syscalls[4];
    assert syscalls[9] = 0;
    assert syscalls[10] = 1;
    assert syscalls[11] = value + start[1];
    assert syscalls[14] = 'EmitEvent';
    assert syscalls[15] = syscalls[12];
    assert syscalls[16] = cast(start, felt);
    assert syscalls[17] = cast(start + 1, felt);
    assert syscalls[18] = cast(start + 1, felt);
    assert syscalls[19] = cast(end, felt);
    let (data) = get_label_location(true);
    return (syscalls[20], syscalls + 22, 0, data, data + 1);

    true:
    dw 1;
}
