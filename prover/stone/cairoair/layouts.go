package cairoair

// layouts are the supported layouts: the same components in different places. The layouts dex, perpetual, dex_with_bitwise and
// all_solidity are those of StarkEx and of the verifiers in Solidity.
var layouts = []*Layout{
	{
		Name: "plain", Main: 6, Interaction: 2,
		Segments:   []string{"program", "execution"},
		CPU:        cpuOn(3, 1, View{0, 16, 0}, View{0, 16, 8}, View{0, 16, 4}, 5, 0),
		Memory:     Memory{Pool: units(3, 2, 0), Sorted: units(4, 2, 0), Public: units(3, 8, 2), Product: View{7, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{0, 1, 0}, Sorted: View{2, 1, 0}, Product: View{6, 1, 0}},
	},
	{
		Name: "small", Main: 23, Interaction: 2,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa"},
		CPU:        cpuOn(19, 1, View{0, 16, 0}, View{0, 16, 8}, View{0, 16, 4}, 21, 0),
		Memory:     Memory{Pool: units(19, 2, 0), Sorted: units(20, 2, 0), Public: units(19, 8, 2), Product: View{24, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{0, 1, 0}, Sorted: View{2, 1, 0}, Product: View{23, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(19, 128, 6), Input1: units(19, 128, 70), Output: units(19, 128, 38),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{3, 1, 0}, Y: View{4, 1, 0}, Slope: View{15, 1, 0}, Selector: View{5, 1, 0}},
				ProdOnes196: View{15, 256, 255}, ProdOnes192: View{16, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{6, 1, 0}, Y: View{7, 1, 0}, Slope: View{16, 1, 0}, Selector: View{8, 1, 0}},
				ProdOnes196: View{17, 256, 255}, ProdOnes192: View{18, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{9, 1, 0}, Y: View{10, 1, 0}, Slope: View{17, 1, 0}, Selector: View{11, 1, 0}},
				ProdOnes196: View{22, 256, 16}, ProdOnes192: View{22, 256, 144},
			}, {
				Sum:         SubsetSum{X: View{12, 1, 0}, Y: View{13, 1, 0}, Slope: View{18, 1, 0}, Selector: View{14, 1, 0}},
				ProdOnes196: View{22, 256, 80}, ProdOnes192: View{22, 256, 208},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(19, 128, 102), Parts: View{0, 16, 12}},
		ECDSA: &ECDSA{
			PubKey: units(19, 8192, 22), Message: units(19, 8192, 4118),
			KeyX: View{21, 16, 6}, KeyY: View{21, 16, 14}, DoublingSlope: View{21, 16, 13},
			Generator:       SubsetSum{X: View{21, 32, 7}, Y: View{21, 32, 23}, Slope: View{21, 32, 31}, Selector: View{21, 32, 15}, XDiffInv: &View{22, 32, 0}},
			Key:             SubsetSum{X: View{21, 16, 1}, Y: View{21, 16, 9}, Slope: View{21, 16, 3}, Selector: View{21, 16, 5}, XDiffInv: &View{21, 16, 11}},
			AddResultsSlope: View{21, 8192, 8191}, AddResultsInv: View{22, 8192, 8160},
			ExtractRSlope: View{21, 8192, 4083}, ExtractRInv: View{21, 8192, 8179},
			ZInv: View{21, 8192, 4091}, RWInv: View{21, 4096, 4093}, QXSquared: View{21, 8192, 8187},
		},
	},
	{
		Name: "dex", Main: 21, Interaction: 1,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa"},
		CPU:        cpuOn(17, 0, View{19, 16, 0}, View{19, 16, 8}, View{19, 16, 4}, 19, 1),
		Memory:     Memory{Pool: units(17, 2, 0), Sorted: units(18, 2, 0), Public: units(17, 8, 2), Product: View{21, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{19, 4, 0}, Sorted: View{19, 4, 2}, Product: View{21, 4, 1}},
		Pedersen: &Pedersen{
			Input0: units(17, 128, 6), Input1: units(17, 128, 70), Output: units(17, 128, 38),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{1, 1, 0}, Y: View{2, 1, 0}, Slope: View{13, 1, 0}, Selector: View{3, 1, 0}},
				ProdOnes196: View{13, 256, 255}, ProdOnes192: View{14, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{4, 1, 0}, Y: View{5, 1, 0}, Slope: View{14, 1, 0}, Selector: View{6, 1, 0}},
				ProdOnes196: View{15, 256, 255}, ProdOnes192: View{16, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{7, 1, 0}, Y: View{8, 1, 0}, Slope: View{15, 1, 0}, Selector: View{9, 1, 0}},
				ProdOnes196: View{20, 256, 17}, ProdOnes192: View{20, 256, 145},
			}, {
				Sum:         SubsetSum{X: View{10, 1, 0}, Y: View{11, 1, 0}, Slope: View{16, 1, 0}, Selector: View{12, 1, 0}},
				ProdOnes196: View{20, 256, 81}, ProdOnes192: View{20, 256, 209},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(17, 128, 102), Parts: View{19, 16, 12}},
		ECDSA: &ECDSA{
			PubKey: units(17, 8192, 22), Message: units(17, 8192, 4118),
			KeyX: View{19, 16, 7}, KeyY: View{19, 16, 15}, DoublingSlope: View{20, 16, 12},
			Generator:       SubsetSum{X: View{20, 32, 6}, Y: View{20, 32, 22}, Slope: View{20, 32, 30}, Selector: View{20, 32, 14}, XDiffInv: &View{20, 32, 1}},
			Key:             SubsetSum{X: View{20, 16, 0}, Y: View{20, 16, 8}, Slope: View{20, 16, 2}, Selector: View{20, 16, 4}, XDiffInv: &View{20, 16, 10}},
			AddResultsSlope: View{20, 8192, 8190}, AddResultsInv: View{20, 8192, 8161},
			ExtractRSlope: View{20, 8192, 4082}, ExtractRInv: View{20, 8192, 8178},
			ZInv: View{20, 8192, 4090}, RWInv: View{20, 4096, 4092}, QXSquared: View{20, 8192, 8186},
		},
	},
	{
		Name: "perpetual", Main: 9, Interaction: 1,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa"},
		CPU:        cpuOn(5, 0, View{7, 16, 0}, View{7, 16, 8}, View{7, 16, 4}, 7, 1),
		Memory:     Memory{Pool: units(5, 2, 0), Sorted: units(6, 2, 0), Public: units(5, 8, 2), Product: View{9, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{7, 4, 0}, Sorted: View{7, 4, 2}, Product: View{9, 4, 1}},
		Pedersen: &Pedersen{
			Input0: units(5, 512, 6), Input1: units(5, 512, 262), Output: units(5, 512, 134),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{1, 1, 0}, Y: View{2, 1, 0}, Slope: View{4, 1, 0}, Selector: View{3, 1, 0}},
				ProdOnes196: View{4, 256, 255}, ProdOnes192: View{8, 256, 80},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(5, 256, 70), Parts: View{7, 32, 12}},
		ECDSA: &ECDSA{
			PubKey: units(5, 32768, 390), Message: units(5, 32768, 16774),
			KeyX: View{7, 64, 7}, KeyY: View{7, 64, 39}, DoublingSlope: View{7, 64, 47},
			Generator:       SubsetSum{X: View{8, 128, 0}, Y: View{8, 128, 64}, Slope: View{8, 128, 96}, Selector: View{8, 128, 32}, XDiffInv: &View{8, 128, 16}},
			Key:             SubsetSum{X: View{7, 64, 23}, Y: View{7, 64, 55}, Slope: View{7, 64, 31}, Selector: View{7, 64, 15}, XDiffInv: &View{7, 64, 63}},
			AddResultsSlope: View{8, 32768, 32736}, AddResultsInv: View{8, 32768, 32656},
			ExtractRSlope: View{7, 32768, 16351}, ExtractRInv: View{7, 32768, 32735},
			ZInv: View{7, 32768, 16383}, RWInv: View{7, 16384, 16367}, QXSquared: View{7, 32768, 32767},
		},
	},
	{
		Name: "dex_with_bitwise", Main: 21, Interaction: 1,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa", "bitwise"},
		CPU:        cpuOn(17, 0, View{19, 16, 0}, View{19, 16, 8}, View{19, 16, 4}, 19, 3).jumpOn(View{20, 16, 0}, View{20, 16, 8}),
		Memory:     Memory{Pool: units(17, 2, 0), Sorted: units(18, 2, 0), Public: units(17, 8, 2), Product: View{21, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{19, 4, 0}, Sorted: View{19, 4, 2}, Product: View{21, 4, 1}},
		Diluted:    &Diluted{Pool: View{19, 8, 1}, Sorted: View{19, 8, 5}, Cumulative: View{21, 8, 3}, Product: View{21, 8, 7}},
		Pedersen: &Pedersen{
			Input0: units(17, 128, 6), Input1: units(17, 128, 70), Output: units(17, 128, 38),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{1, 1, 0}, Y: View{2, 1, 0}, Slope: View{13, 1, 0}, Selector: View{3, 1, 0}},
				ProdOnes196: View{13, 256, 255}, ProdOnes192: View{14, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{4, 1, 0}, Y: View{5, 1, 0}, Slope: View{14, 1, 0}, Selector: View{6, 1, 0}},
				ProdOnes196: View{15, 256, 255}, ProdOnes192: View{16, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{7, 1, 0}, Y: View{8, 1, 0}, Slope: View{15, 1, 0}, Selector: View{9, 1, 0}},
				ProdOnes196: View{20, 256, 19}, ProdOnes192: View{20, 256, 147},
			}, {
				Sum:         SubsetSum{X: View{10, 1, 0}, Y: View{11, 1, 0}, Slope: View{16, 1, 0}, Selector: View{12, 1, 0}},
				ProdOnes196: View{20, 256, 83}, ProdOnes192: View{20, 256, 211},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(17, 128, 102), Parts: View{19, 16, 12}},
		ECDSA: &ECDSA{
			PubKey: units(17, 8192, 22), Message: units(17, 8192, 4118),
			KeyX: View{20, 16, 4}, KeyY: View{20, 16, 12}, DoublingSlope: View{20, 16, 14},
			Generator:       SubsetSum{X: View{20, 32, 5}, Y: View{20, 32, 21}, Slope: View{20, 32, 29}, Selector: View{20, 32, 13}, XDiffInv: &View{20, 32, 3}},
			Key:             SubsetSum{X: View{20, 16, 2}, Y: View{20, 16, 10}, Slope: View{20, 16, 1}, Selector: View{20, 16, 6}, XDiffInv: &View{20, 16, 9}},
			AddResultsSlope: View{20, 8192, 8189}, AddResultsInv: View{20, 8192, 8163},
			ExtractRSlope: View{20, 8192, 4081}, ExtractRInv: View{20, 8192, 8177},
			ZInv: View{20, 8192, 4089}, RWInv: View{20, 4096, 4094}, QXSquared: View{20, 8192, 8185},
		},
		Bitwise: &Bitwise{
			Vars: units(17, 256, 150), Or: units(17, 1024, 534), Diluted: View{19, 16, 1},
			Trim: [4]View{{19, 1024, 9}, {19, 1024, 521}, {19, 1024, 265}, {19, 1024, 777}},
		},
	},
	{
		Name: "all_solidity", Main: 24, Interaction: 3,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa", "bitwise", "ec_op"},
		CPU:        cpuOn(19, 0, View{20, 16, 0}, View{20, 16, 8}, View{20, 16, 4}, 22, 0),
		Memory:     Memory{Pool: units(19, 2, 0), Sorted: Units{View{20, 2, 1}, View{21, 2, 0}}, Public: units(19, 16, 2), Product: View{26, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{20, 2, 0}, Sorted: View{21, 2, 1}, Product: View{26, 2, 1}},
		Diluted:    &Diluted{Pool: View{1, 1, 0}, Sorted: View{2, 1, 0}, Cumulative: View{24, 1, 0}, Product: View{25, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(19, 128, 10), Input1: units(19, 128, 74), Output: units(19, 128, 42),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{3, 1, 0}, Y: View{4, 1, 0}, Slope: View{15, 1, 0}, Selector: View{5, 1, 0}},
				ProdOnes196: View{15, 256, 255}, ProdOnes192: View{16, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{6, 1, 0}, Y: View{7, 1, 0}, Slope: View{16, 1, 0}, Selector: View{8, 1, 0}},
				ProdOnes196: View{17, 256, 255}, ProdOnes192: View{18, 256, 255},
			}, {
				Sum:         SubsetSum{X: View{9, 1, 0}, Y: View{10, 1, 0}, Slope: View{17, 1, 0}, Selector: View{11, 1, 0}},
				ProdOnes196: View{23, 256, 17}, ProdOnes192: View{23, 256, 145},
			}, {
				Sum:         SubsetSum{X: View{12, 1, 0}, Y: View{13, 1, 0}, Slope: View{18, 1, 0}, Selector: View{14, 1, 0}},
				ProdOnes196: View{23, 256, 81}, ProdOnes192: View{23, 256, 209},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(19, 128, 106), Parts: View{20, 16, 12}},
		ECDSA: &ECDSA{
			PubKey: units(19, 8192, 26), Message: units(19, 8192, 4122),
			KeyX: View{22, 16, 6}, KeyY: View{22, 16, 14}, DoublingSlope: View{23, 16, 8},
			Generator:       SubsetSum{X: View{23, 32, 6}, Y: View{23, 32, 22}, Slope: View{23, 32, 30}, Selector: View{23, 32, 14}, XDiffInv: &View{23, 32, 1}},
			Key:             SubsetSum{X: View{22, 16, 1}, Y: View{22, 16, 9}, Slope: View{23, 16, 4}, Selector: View{22, 16, 5}, XDiffInv: &View{23, 16, 12}},
			AddResultsSlope: View{23, 8192, 8190}, AddResultsInv: View{23, 8192, 8161},
			ExtractRSlope: View{23, 8192, 4082}, ExtractRInv: View{23, 8192, 8178},
			ZInv: View{23, 8192, 4090}, RWInv: View{23, 4096, 4088}, QXSquared: View{23, 8192, 8186},
		},
		Bitwise: &Bitwise{
			Vars: units(19, 1024, 538), Or: units(19, 4096, 2074), Diluted: View{1, 64, 0},
			Trim: [4]View{{1, 4096, 32}, {1, 4096, 2080}, {1, 4096, 1056}, {1, 4096, 3104}},
		},
		ECOp: &ECOp{
			PX: units(19, 4096, 1050), PY: units(19, 4096, 3098), QX: units(19, 4096, 282), QY: units(19, 4096, 2330),
			M: units(19, 4096, 1306), RX: units(19, 4096, 3354), RY: units(19, 4096, 794),
			DoubledX: View{22, 16, 13}, DoubledY: View{22, 16, 3}, Slope: View{22, 16, 11},
			Multiple: BoundedSum{
				Sum:         SubsetSum{X: View{22, 16, 7}, Y: View{22, 16, 15}, Slope: View{23, 16, 2}, Selector: View{23, 16, 0}, XDiffInv: &View{23, 16, 10}},
				ProdOnes196: View{23, 4096, 4084}, ProdOnes192: View{23, 4096, 4092},
			},
		},
	},
	{
		Name: "recursive", Main: 7, Interaction: 3,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "bitwise"},
		CPU:        cpuOn(3, 0, View{5, 16, 0}, View{5, 16, 8}, View{5, 16, 4}, 6, 1),
		Memory:     Memory{Pool: units(3, 2, 0), Sorted: units(4, 2, 0), Public: units(3, 16, 2), Product: View{9, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{5, 4, 0}, Sorted: View{5, 4, 2}, Product: View{9, 4, 1}},
		Diluted:    &Diluted{Pool: View{1, 1, 0}, Sorted: View{2, 1, 0}, Cumulative: View{7, 1, 0}, Product: View{8, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(3, 2048, 10), Input1: units(3, 2048, 1034), Output: units(3, 2048, 522),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{5, 4, 1}, Y: View{5, 4, 3}, Slope: View{6, 4, 2}, Selector: View{6, 4, 0}},
				ProdOnes196: View{6, 1024, 1022}, ProdOnes192: View{6, 1024, 7},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(3, 128, 74), Parts: View{5, 16, 12}},
		Bitwise: &Bitwise{
			Vars: units(3, 32, 26), Or: units(3, 128, 42), Diluted: View{1, 2, 0},
			Trim: [4]View{{1, 128, 1}, {1, 128, 65}, {1, 128, 33}, {1, 128, 97}},
		},
	},
	{
		Name: "recursive_large_output", Main: 9, Interaction: 3,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "bitwise", "poseidon"},
		CPU:        cpuOn(3, 0, View{6, 16, 0}, View{6, 16, 8}, View{6, 16, 4}, 8, 0),
		Memory:     Memory{Pool: units(3, 2, 0), Sorted: units(4, 2, 0), Public: units(3, 16, 2), Product: View{11, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{6, 4, 0}, Sorted: View{6, 4, 2}, Product: View{11, 4, 1}},
		Diluted:    &Diluted{Pool: View{1, 1, 0}, Sorted: View{2, 1, 0}, Cumulative: View{9, 1, 0}, Product: View{10, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(3, 2048, 10), Input1: units(3, 2048, 1034), Output: units(3, 2048, 522),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{6, 4, 1}, Y: View{6, 4, 3}, Slope: View{7, 4, 2}, Selector: View{7, 4, 0}},
				ProdOnes196: View{7, 1024, 1022}, ProdOnes192: View{7, 1024, 89},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(3, 128, 74), Parts: View{6, 16, 12}},
		Bitwise: &Bitwise{
			Vars: units(3, 32, 26), Or: units(3, 128, 42), Diluted: View{1, 2, 0},
			Trim: [4]View{{1, 128, 1}, {1, 128, 65}, {1, 128, 33}, {1, 128, 97}},
		},
		Poseidon: &Poseidon{
			InOut:       [3]Units{units(3, 64, 6), units(3, 64, 38), units(3, 64, 22)},
			Full:        [3]View{{8, 16, 6}, {8, 16, 14}, {8, 16, 1}},
			FullSquared: [3]View{{8, 16, 9}, {8, 16, 5}, {8, 16, 13}},
			Partial0:    View{5, 2, 0}, Partial0Squared: View{5, 2, 1},
			Partial1: View{7, 4, 1}, Partial1Squared: View{7, 4, 3},
		},
	},
	{
		Name: "recursive_with_poseidon", Main: 6, Interaction: 2,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "bitwise", "poseidon"},
		CPU:        cpuOn(1, 0, View{4, 16, 0}, View{4, 16, 8}, View{4, 16, 4}, 5, 0),
		Memory:     Memory{Pool: units(1, 2, 0), Sorted: units(2, 2, 0), Public: units(1, 16, 2), Product: View{6, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{4, 4, 0}, Sorted: View{4, 4, 2}, Product: View{7, 4, 1}},
		Diluted:    &Diluted{Pool: View{3, 2, 0}, Sorted: View{3, 2, 1}, Cumulative: View{6, 2, 1}, Product: View{7, 2, 0}},
		Pedersen: &Pedersen{
			Input0: units(1, 4096, 10), Input1: units(1, 4096, 2058), Output: units(1, 4096, 1034),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{4, 8, 1}, Y: View{4, 8, 5}, Slope: View{4, 8, 7}, Selector: View{4, 8, 3}},
				ProdOnes196: View{4, 2048, 2047}, ProdOnes192: View{5, 2048, 57},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(1, 256, 138), Parts: View{4, 32, 12}},
		Bitwise: &Bitwise{
			Vars: units(1, 64, 42), Or: units(1, 256, 74), Diluted: View{3, 4, 0},
			Trim: [4]View{{3, 256, 2}, {3, 256, 130}, {3, 256, 66}, {3, 256, 194}},
		},
		Poseidon: &Poseidon{
			InOut:       [3]Units{units(1, 512, 266), units(1, 512, 202), units(1, 512, 458)},
			Full:        [3]View{{5, 128, 9}, {5, 128, 73}, {5, 128, 41}},
			FullSquared: [3]View{{5, 128, 105}, {5, 128, 25}, {5, 128, 89}},
			Partial0:    View{5, 16, 6}, Partial0Squared: View{5, 16, 14},
			Partial1: View{5, 32, 1}, Partial1Squared: View{5, 32, 17},
		},
	},
	{
		Name: "starknet", Main: 9, Interaction: 1,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa", "bitwise", "ec_op", "poseidon"},
		CPU:        cpuOn(5, 0, View{7, 16, 0}, View{7, 16, 8}, View{7, 16, 4}, 8, 0),
		Memory:     Memory{Pool: units(5, 2, 0), Sorted: units(6, 2, 0), Public: units(5, 8, 2), Product: View{9, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{7, 4, 0}, Sorted: View{7, 4, 2}, Product: View{9, 4, 1}},
		Diluted:    &Diluted{Pool: View{7, 8, 1}, Sorted: View{7, 8, 5}, Cumulative: View{9, 8, 3}, Product: View{9, 8, 7}},
		Pedersen: &Pedersen{
			Input0: units(5, 512, 6), Input1: units(5, 512, 262), Output: units(5, 512, 134),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{1, 1, 0}, Y: View{2, 1, 0}, Slope: View{4, 1, 0}, Selector: View{3, 1, 0}},
				ProdOnes196: View{4, 256, 255}, ProdOnes192: View{8, 256, 71},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(5, 256, 70), Parts: View{7, 32, 12}},
		ECDSA: &ECDSA{
			PubKey: units(5, 32768, 390), Message: units(5, 32768, 16774),
			KeyX: View{8, 64, 1}, KeyY: View{8, 64, 33}, DoublingSlope: View{8, 64, 35},
			Generator:       SubsetSum{X: View{8, 128, 27}, Y: View{8, 128, 91}, Slope: View{8, 128, 123}, Selector: View{8, 128, 59}, XDiffInv: &View{8, 128, 7}},
			Key:             SubsetSum{X: View{8, 64, 17}, Y: View{8, 64, 49}, Slope: View{8, 64, 19}, Selector: View{8, 64, 9}, XDiffInv: &View{8, 64, 51}},
			AddResultsSlope: View{8, 32768, 32763}, AddResultsInv: View{8, 32768, 32647},
			ExtractRSlope: View{8, 32768, 16331}, ExtractRInv: View{8, 32768, 32715},
			ZInv: View{8, 32768, 16363}, RWInv: View{8, 16384, 16355}, QXSquared: View{8, 32768, 32747},
		},
		Bitwise: &Bitwise{
			Vars: units(5, 256, 198), Or: units(5, 1024, 902), Diluted: View{7, 16, 1},
			Trim: [4]View{{7, 1024, 9}, {7, 1024, 521}, {7, 1024, 265}, {7, 1024, 777}},
		},
		ECOp: &ECOp{
			PX: units(5, 16384, 8582), PY: units(5, 16384, 4486), QX: units(5, 16384, 12678), QY: units(5, 16384, 2438),
			M: units(5, 16384, 10630), RX: units(5, 16384, 6534), RY: units(5, 16384, 14726),
			DoubledX: View{8, 64, 41}, DoubledY: View{8, 64, 25}, Slope: View{8, 64, 57},
			Multiple: BoundedSum{
				Sum:         SubsetSum{X: View{8, 64, 5}, Y: View{8, 64, 37}, Slope: View{8, 64, 11}, Selector: View{8, 64, 21}, XDiffInv: &View{8, 64, 43}},
				ProdOnes196: View{8, 16384, 16339}, ProdOnes192: View{8, 16384, 16371},
			},
		},
		Poseidon: &Poseidon{
			InOut:       [3]Units{units(5, 256, 38), units(5, 256, 166), units(5, 256, 102)},
			Full:        [3]View{{8, 64, 53}, {8, 64, 13}, {8, 64, 45}},
			FullSquared: [3]View{{8, 64, 29}, {8, 64, 61}, {8, 64, 3}},
			Partial0:    View{7, 8, 3}, Partial0Squared: View{7, 8, 7},
			Partial1: View{8, 16, 6}, Partial1Squared: View{8, 16, 14},
		},
	},
	{ // can be verified but not proved
		Name: "starknet_with_keccak", Main: 12, Interaction: 3,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa", "bitwise", "ec_op", "keccak", "poseidon"},
		CPU:        cpuOn(8, 0, View{10, 16, 0}, View{10, 16, 8}, View{10, 16, 4}, 11, 0),
		Memory:     Memory{Pool: units(8, 2, 0), Sorted: units(9, 2, 0), Public: units(8, 8, 2), Product: View{14, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{10, 4, 0}, Sorted: View{10, 4, 2}, Product: View{14, 4, 1}},
		Diluted:    &Diluted{Pool: View{1, 1, 0}, Sorted: View{2, 1, 0}, Cumulative: View{12, 1, 0}, Product: View{13, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(8, 512, 6), Input1: units(8, 512, 262), Output: units(8, 512, 134),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{3, 1, 0}, Y: View{4, 1, 0}, Slope: View{6, 1, 0}, Selector: View{5, 1, 0}},
				ProdOnes196: View{6, 256, 255}, ProdOnes192: View{11, 256, 71},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(8, 256, 70), Parts: View{10, 32, 12}},
		ECDSA: &ECDSA{
			PubKey: units(8, 32768, 390), Message: units(8, 32768, 16774),
			KeyX: View{11, 64, 1}, KeyY: View{11, 64, 33}, DoublingSlope: View{11, 64, 35},
			Generator:       SubsetSum{X: View{11, 128, 27}, Y: View{11, 128, 91}, Slope: View{11, 128, 123}, Selector: View{11, 128, 59}, XDiffInv: &View{11, 128, 7}},
			Key:             SubsetSum{X: View{11, 64, 17}, Y: View{11, 64, 49}, Slope: View{11, 64, 19}, Selector: View{11, 64, 9}, XDiffInv: &View{11, 64, 51}},
			AddResultsSlope: View{11, 32768, 32763}, AddResultsInv: View{11, 32768, 32647},
			ExtractRSlope: View{11, 32768, 16331}, ExtractRInv: View{11, 32768, 32715},
			ZInv: View{11, 32768, 16363}, RWInv: View{11, 16384, 16355}, QXSquared: View{11, 32768, 32747},
		},
		Bitwise: &Bitwise{
			Vars: units(8, 256, 198), Or: units(8, 1024, 902), Diluted: View{1, 16, 0},
			Trim: [4]View{{1, 1024, 8}, {1, 1024, 520}, {1, 1024, 264}, {1, 1024, 776}},
		},
		ECOp: &ECOp{
			PX: units(8, 16384, 8582), PY: units(8, 16384, 4486), QX: units(8, 16384, 12678), QY: units(8, 16384, 2438),
			M: units(8, 16384, 10630), RX: units(8, 16384, 6534), RY: units(8, 16384, 14726),
			DoubledX: View{11, 64, 41}, DoubledY: View{11, 64, 25}, Slope: View{11, 64, 57},
			Multiple: BoundedSum{
				Sum:         SubsetSum{X: View{11, 64, 5}, Y: View{11, 64, 37}, Slope: View{11, 64, 11}, Selector: View{11, 64, 21}, XDiffInv: &View{11, 64, 43}},
				ProdOnes196: View{11, 16384, 16339}, ProdOnes192: View{11, 16384, 16371},
			},
		},
		Keccak: &Keccak{
			InOut: units(8, 2048, 1414), Intermediate: View{7, 1, 0}, Final: View{7, 1, 16144}, Cumulative: View{10, 8, 3},
			State: View{1, 8, 4}, AfterThetaRhoPi: View{1, 8, 1}, ChiAux0: View{1, 8, 2}, ChiAux2: View{1, 8, 6},
			Parity: [3][5]View{
				{{1, 8, 6404}, {1, 8, 6402}, {1, 8, 6406}, {1, 8, 6596}, {1, 8, 6594}},
				{{1, 8, 6598}, {1, 8, 6788}, {1, 8, 6786}, {1, 8, 6790}, {1, 8, 6980}},
				{{1, 8, 6978}, {1, 8, 6982}, {1, 8, 7172}, {1, 8, 7170}, {1, 8, 7174}},
			},
			Rotated: [5]View{{10, 8, 7}, {10, 8, 8003}, {10, 8, 4103}, {10, 8, 7811}, {10, 8, 2055}},
			ThetaAux: [5][5]View{
				{{1, 8, 7364}, {1, 8, 7362}, {1, 8, 7366}, {1, 8, 6401}, {1, 8, 7556}},
				{{1, 8, 7554}, {1, 8, 7558}, {1, 8, 6593}, {1, 8, 7748}, {1, 8, 7746}},
				{{1, 8, 7750}, {1, 8, 6785}, {1, 8, 7940}, {1, 8, 7938}, {1, 8, 7942}},
				{{1, 8, 6977}, {1, 8, 7169}, {1, 8, 7361}, {1, 8, 7553}, {1, 8, 7745}},
				{{1, 8, 7937}},
			},
			ThetaAuxSplit: [5][3]View{
				{},
				{{1, 8, 193}, {1, 8, 449}, {1, 8, 705}},
				{{1, 8, 961}, {1, 8, 1217}, {1, 8, 1473}},
				{{1, 8, 1729}, {1, 8, 1985}, {1, 8, 2241}},
				{{1, 8, 2497}, {1, 8, 2753}, {1, 8, 3009}},
			},
		},
		Poseidon: &Poseidon{
			InOut:       [3]Units{units(8, 256, 38), units(8, 256, 166), units(8, 256, 102)},
			Full:        [3]View{{11, 64, 53}, {11, 64, 13}, {11, 64, 45}},
			FullSquared: [3]View{{11, 64, 29}, {11, 64, 61}, {11, 64, 3}},
			Partial0:    View{10, 8, 1}, Partial0Squared: View{10, 8, 5},
			Partial1: View{11, 16, 6}, Partial1Squared: View{11, 16, 14},
		},
	},
}
