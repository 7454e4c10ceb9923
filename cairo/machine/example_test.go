package machine_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// The program of one word, [ap] = [ap - 1] + [ap - 1], ap++, doubles the value that a hint writes.
func Example() {
	m := machine.NewMachine()
	words := []felt.Felt{felt.MustHex("0x48307fff7fff8000")}
	if _, err := m.Memory.LoadFelts(machine.Addr{}, words...); err != nil {
		panic(err)
	}
	err := m.AddHints(machine.Addr{}, func(m *machine.Machine) error {
		return m.Memory.Insert(m.APAddr().Add(-1), machine.UintValue(21))
	})
	if err != nil {
		panic(err)
	}
	m.AP = 1
	if err := m.Run(machine.Addr{Offset: 1}); err != nil {
		panic(err)
	}
	last, _ := m.Memory.Get(m.APAddr().Add(-1))
	fmt.Println(last, m.Steps)
	// Output: 42 1
}
