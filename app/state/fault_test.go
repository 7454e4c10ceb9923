package state

import (
	"errors"
	"testing"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// unreadable is a database of which one read fails.
type unreadable struct {
	dbm.DB
	reads, fail int // the number of reads so far, and the failing one, counted from 0; -1 for none
}

var errRead = errors.New("bad sector")

func (d *unreadable) read() error {
	d.reads++
	if d.reads-1 == d.fail {
		return errRead
	}
	return nil
}

func (d *unreadable) Get(k []byte) ([]byte, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.DB.Get(k)
}

func (d *unreadable) Has(k []byte) (bool, error) {
	if err := d.read(); err != nil {
		return false, err
	}
	return d.DB.Has(k)
}

func (d *unreadable) Iterator(start, end []byte) (dbm.Iterator, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.DB.Iterator(start, end)
}

func (d *unreadable) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.DB.ReverseIterator(start, end)
}

// full returns a database with all kinds of records (three blocks with transactions, events, contracts and classes), and the last
// block.
func full(t *testing.T) (db dbm.DB, block *starknet.Block) {
	db = dbm.NewMemDB()
	s := open(t, db)
	for h := range uint64(3) {
		o := NewOverlay(s.Latest())
		o.Declare(&Class{Hash: u(100 + h), CompiledHash: u(200 + h), Definition: &starknet.ContractClass{Version: "0.1.0", SierraProgram: []felt.Felt{u(1)}}, Casm: []byte("{}")})
		o.SetClassHash(u(10), u(100+h))
		o.SetStorage(u(10), u(1), u(h+1))
		o.SetStorage(u(10), u(2), u(h+2))
		o.SetNonce(u(11), u(h+1))
		diff, err := o.Diff()
		if err != nil {
			t.Fatal(err)
		}
		var ch *Change
		block, ch = next(t, s, diff)
		for i := range uint64(2) {
			tx := &starknet.Invoke{SenderAddress: u(h), Calldata: []felt.Felt{u(i)}}
			r := starknet.Receipt{TransactionHash: tx.Hash(u(1)), Type: starknet.InvokeType, Events: []starknet.Event{{From: u(10), Keys: []felt.Felt{u(7), u(8)}}}}
			block.Transactions, block.Receipts = append(block.Transactions, tx), append(block.Receipts, r)
		}
		block.Seal(block.Transactions, block.Receipts, diff)
		block.BlockHash = block.Hash()
		if err := s.Commit(block, ch, o.Declared()); err != nil {
			t.Fatal(err)
		}
	}
	return db, block
}

// reads returns the functions that read a store, by name.
func reads(block *starknet.Block) map[string]func(s *Store) error {
	return map[string]func(s *Store) error{
		"genesis": func(s *Store) error { _, err := s.Genesis(); return err },
		"storage": func(s *Store) error { _, err := s.Latest().StorageAt(u(10), u(1)); return err },
		"nonce":   func(s *Store) error { _, err := s.At(1).NonceAt(u(11)); return err },
		"class of a contract": func(s *Store) error {
			_, err := s.At(1).ClassHashAt(u(10))
			return err
		},
		"compiled class hash": func(s *Store) error { _, err := s.At(1).CompiledClassHash(u(101)); return err },
		"class":               func(s *Store) error { _, err := s.At(1).Class(u(101)); return err },
		"header":              func(s *Store) error { _, _, _, err := s.Header(1); return err },
		"block":               func(s *Store) error { _, _, err := s.Block(1); return err },
		"state difference":    func(s *Store) error { _, _, err := s.StateDiff(1); return err },
		"block by hash":       func(s *Store) error { _, _, err := s.BlockByHash(block.BlockHash); return err },
		"transaction by hash": func(s *Store) error {
			_, _, err := s.TransactionByHash(block.Receipts[0].TransactionHash)
			return err
		},
		"transaction":     func(s *Store) error { _, _, err := s.Transaction(starknet.Position{Block: 1}); return err },
		"slot updated at": func(s *Store) error { _, err := s.StorageUpdatedAt(u(10), u(1), 2); return err },
		"contract":        func(s *Store) error { _, err := s.ContractAt(1)(u(10)); return err },
		"proof": func(s *Store) error {
			_, _, err := s.Prove(1, []felt.Felt{u(100)}, []felt.Felt{u(10)}, []starknet.ContractSlots{{Contract: u(10), Keys: []felt.Felt{u(1)}}})
			return err
		},
		"events": func(s *Store) error {
			for _, err := range s.EventBlocks(&starknet.EventFilter{From: []felt.Felt{u(10)}, Keys: [][]felt.Felt{{u(7)}, {u(8)}}}, 0, 2) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"change": func(s *Store) error {
			_, err := s.Apply(&starknet.StateDiff{
				Storage: []starknet.ContractStorage{{Address: u(10), Entries: []starknet.StorageEntry{{Key: u(1), Value: u(9)}}}},
				Nonces:  []starknet.NonceUpdate{{Address: u(12), Nonce: u(1)}}, Declared: []starknet.DeclaredClass{{ClassHash: u(120), CompiledClassHash: u(1)}},
			})
			return err
		},
		"difference of an overlay": func(s *Store) error {
			o := NewOverlay(s.Latest())
			o.SetStorage(u(10), u(1), u(9))
			o.SetNonce(u(11), u(9))
			o.SetClassHash(u(10), u(102))
			_, err := o.Diff()
			return err
		},
		"difference since a snapshot": func(s *Store) error {
			o := NewOverlay(s.Latest())
			o.SetStorage(u(10), u(1), u(9))
			o.SetClassHash(u(10), u(102))
			_, err := o.Since(0)
			return err
		},
		"allocated slots": func(s *Store) error {
			o := NewOverlay(s.Latest())
			o.SetStorage(u(10), u(1), u(9))
			_, err := o.Allocated()
			return err
		},
	}
}

// TestReadsFail checks that every failing read of the database is an error of the store's method. A record that cannot be read must not
// look absent.
func TestReadsFail(t *testing.T) {
	db, block := full(t)
	all := reads(block)
	all["open"] = nil
	for name, ask := range all {
		for fail := -1; ; fail++ {
			broken := &unreadable{DB: db, fail: -1}
			var s *Store
			var err error
			if ask == nil {
				broken.fail = fail
				_, err = Open(broken)
			} else {
				s = open(t, broken)
				broken.reads, broken.fail = 0, fail
				err = ask(s)
			}
			if fail < 0 {
				if err != nil || broken.reads == 0 {
					t.Fatalf("%s: %v after %d reads of a good database", name, err, broken.reads)
				}
				continue
			}
			if broken.reads <= fail {
				break // the method makes fewer reads
			}
			if !errors.Is(err, errRead) {
				t.Errorf("%s: read %d fails, but the error is %v", name, fail, err)
			}
		}
	}
}

// TestDamagedRecords checks that damaged records never cause a panic, and that most of them are an error when they are read.
func TestDamagedRecords(t *testing.T) {
	db, block := full(t)
	it, err := db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string][]byte{}
	for ; it.Valid(); it.Next() {
		records[string(it.Key())] = it.Value()
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		t.Fatal(err)
	}
	short := 0
	for k, v := range records {
		for _, damaged := range [][]byte{{}, v[:max(len(v)-1, 0)], append(append([]byte{}, v...), 0)} {
			if len(damaged) == len(v) {
				continue
			}
			copied := dbm.NewMemDB()
			for k, v := range records {
				if err := copied.Set([]byte(k), v); err != nil {
					t.Fatal(err)
				}
			}
			if err := copied.Set([]byte(k), damaged); err != nil {
				t.Fatal(err)
			}
			s, err := Open(copied)
			if err == nil {
				for _, ask := range reads(block) {
					err = errors.Join(err, ask(s))
				}
			}
			if err != nil {
				short++
				continue
			}
			// The reads do not cover values of other heights and contracts, nor all nodes.
			if c := k[0]; c == headPrefix || c == keyIndexPrefix {
				t.Errorf("record %x of %d bytes instead of %d is not noticed", k, len(damaged), len(v))
			}
		}
	}
	if short < len(records) {
		t.Errorf("%d damaged records of %d are noticed", short, len(records))
	}
	t.Logf("%d damages noticed in %d records", short, len(records))
}
