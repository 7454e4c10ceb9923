package constants

// Some account classes that were declared before a change of the transaction info check it in a way that the change would break. Contracts
// of these classes see it as it was. The lists have class hashes of Sierra classes.

// V1BoundMaxTip is the largest tip with which the classes of V1BoundAccounts see version 1.
const V1BoundMaxTip = 8_000_000_000_000

// V1BoundAccounts returns the classes that see transaction version 1 where others see 3.
func V1BoundAccounts() []string {
	return []string{
		"0x1a736d6ed154502257f02b1ccdf4d9d1089f80811cd6acad48e6b6a9d1f2003",
		"0x737ee2f87ce571a58c6c8da558ec18a07ceb64a6172d5ec46171fbc80077a48",
		"0x5400e90f7e0ae78bd02c77cd75527280470e2fe19c54970dd79dc37a9d3645c",
		"0x4c6d6cf894f8bc96bb9c525e6853e5483177841f7388f74a46cfda6f028c755",
		"0x1c0bb51e2ce73dc007601a1e7725453627254016c28f118251a71bbb0507fcb",
		"0x251830adc3d8b4d818c2c309d71f1958308e8c745212480c26e01120c69ee49",
		"0x251cac7b2f45d255b83b7a06dcdef70c8a8752f00ea776517c1c2243c7a06e5",
	}
}

// DataGasAccounts returns the classes that do not see the bound of L1 data gas.
func DataGasAccounts() []string {
	return []string{
		"0x2c8c7e6fbcfb3e8e15a46648e8914c6aa1fc506fc1e7fb3d1e19630716174bc",
		"0x816dd0297efc55dc1e7559020a3a825e81ef734b558f03c83325d4da7e6253",
		"0x41bf1e71792aecb9df3e9d04e1540091c5e13122a731e02bec588f71dc1a5c3",
		"0x6d612cac7690e6620055c617a83a5a0b43b9758d9d30f281ddbc77be1651a70",
	}
}
