package explorer

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

// evaluate runs an asset without imports in node, and decodes the value of an expression over its functions into into.
func evaluate(t *testing.T, asset, expression string, into any) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the page's functions are not run")
	}
	source, err := fs.ReadFile(pageAssets(t), asset)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--input-type=module")
	cmd.Stdin = strings.NewReader(string(source) + "\nconsole.log(JSON.stringify(" + expression + "));\n")
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", asset, err)
	}
	if err := json.Unmarshal(output, into); err != nil {
		t.Fatalf("%s: %v: %s", asset, err, output)
	}
}

// TestKeccak compares the page's keccak with crypto/keccak for all lengths up to two blocks, which includes the special cases of the padding.
func TestKeccak(t *testing.T) {
	var got []string
	evaluate(t, "keccak.js", "[...Array(300).keys()].map((n) => starknetKeccak('é'.repeat(n % 2) + 'x'.repeat(n)))", &got)
	for n, hash := range got {
		want := keccak.Starknet([]byte(strings.Repeat("é", n%2) + strings.Repeat("x", n))).String()
		if hash != want {
			t.Fatalf("length %d: %s, want %s", n, hash, want)
		}
	}
	if len(got) != 300 {
		t.Fatalf("%d hashes", len(got))
	}
}

// TestFormat checks every function of format.js with normal and with hostile arguments.
func TestFormat(t *testing.T) {
	quote := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	cases := []struct{ call, want string }{
		{`short('0x4cbb53d996cb71e42b69cce3953d41070f3812242c663cdb6aa4d64717a7c14')`, `"0x4cbb53d9…7a7c14"`},
		{`short('0x1')`, `"0x1"`},
		{`canonical('0x00AB')`, `"0xab"`},
		{`canonical('<b>')`, `"<b>"`},
		{`isFelt('0x' + 'f'.repeat(65))`, `false`},
		{`isFelt('0x0/../x')`, `false`},
		{`isFelt(7)`, `false`},
		{`isNumber('12')`, `true`},
		{`isNumber('012')`, `false`},
		{`isNumber('-1')`, `false`},
		{`isNumber('1e3')`, `false`},
		{`isNumber('9999999999999999')`, `false`},
		{`integer('0x10000')`, quote("65\u202f536")},
		{`integer(1234567)`, quote("1\u202f234\u202f567")},
		{`integer('<i>')`, `"<i>"`},
		{`integer(undefined)`, `"undefined"`},
		{`integer(1.5)`, `"1.5"`},
		{`amount('1173775000000000')`, `"0.001173775 STRK"`},
		{`amount('0x3635c9adc5dea00000')`, quote("1\u202f000 STRK")},
		{`amount(1000000000n, 'WEI')`, `"0.000000001 ETH"`},
		{`amount('12')`, `"12 FRI"`},
		{`amount('<i>', '<u>')`, `"<i>"`},
		{`amount(5000000000000, '<u>')`, quote("5\u202f000\u202f000\u202f000\u202f000 <u>")},
		{`size(999)`, `"999 B"`},
		{`size(1048576)`, `"1.0 MB"`},
		{`size('x')`, `"x"`},
		{`duration(330)`, `"330 ms"`},
		{`duration(180000)`, `"3 min 0 s"`},
		{`time(0)`, `"1970-01-01 00:00:00 UTC"`},
		{`time(1e300)`, `"1e+300"`},
		{`iso('x')`, `""`},
		{`age(100, 161000)`, `"61 s ago"`},
		{`age(100, 90000)`, `"now"`},
		{`age('x')`, `""`},
		{`shortString('` + felt.FromShortString("<b>hi</b>").String() + `')`, `"<b>hi</b>"`},
		{`shortString('0x41')`, `null`},
		{`shortString('0x4100')`, `null`},
		{`shortString('0x41e9')`, `null`},
		{`shortString('<b>')`, `null`},
		{`plural(1, 'block')`, `"1 block"`},
		{`plural(0, 'block')`, `"0 blocks"`},
	}
	var calls []string
	for _, c := range cases {
		calls = append(calls, c.call)
	}
	var got []json.RawMessage
	evaluate(t, "format.js", fmt.Sprintf("[%s]", strings.Join(calls, ",\n")), &got)
	for i, c := range cases {
		var g, w any
		if err := json.Unmarshal(got[i], &g); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.want), &w); err != nil {
			t.Fatal(err)
		}
		if g != w {
			t.Errorf("%s: got %s, want %s", c.call, got[i], c.want)
		}
	}
}
