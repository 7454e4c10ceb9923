package os

// Provable says whether a block's calls can be run in the program at all, without running them: a *NotProvableError names
// what the layout or the program cannot run.
func Provable(block *Block) error {
	_, err := plan(block)
	return err
}
