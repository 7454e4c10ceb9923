package offchain

import (
	"errors"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// ParseStorage reads a JSON object from storage key to value.
func ParseStorage(data []byte) (map[felt.Felt]felt.Felt, error) {
	var texts map[string]string
	if err := jsonv2.Unmarshal(data, &texts); err != nil {
		return nil, err
	}
	storage := make(map[felt.Felt]felt.Felt, len(texts))
	for k, v := range texts {
		key, err := ParseFelt(k)
		if err != nil {
			return nil, err
		}
		if _, twice := storage[key]; twice {
			return nil, fmt.Errorf("key %v appears twice, in two spellings", key)
		}
		if !starknet.IsAddress(key) {
			return nil, fmt.Errorf("%v is not a storage key", key)
		}
		if storage[key], err = ParseFelt(v); err != nil {
			return nil, err
		}
	}
	return storage, nil
}

// ParseFelt reads a felt: hexadecimal with 0x, decimal, or a short string in single quotes.
func ParseFelt(s string) (felt.Felt, error) {
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "0x"):
		return felt.FromHex(s)
	case len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'':
		return felt.ParseShortString(s[1 : len(s)-1])
	}
	return felt.FromDecimal(s)
}

// ParseSelector returns the selector of a function that is given by its name, or by the selector as a number.
func ParseSelector(s string) (felt.Felt, error) {
	switch {
	case s == "":
		return felt.Felt{}, errors.New("a name or a selector is missing")
	case s[0] >= '0' && s[0] <= '9':
		return ParseFelt(s)
	}
	return executor.Selector(s), nil
}
