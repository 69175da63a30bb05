package hub

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
)

// numbering gives connections the numbers of their IDs: each another, in no order that anybody can guess. Counted numbers would tell
// whoever sees two of them how many connections came in between, also those of other apps, and those that an API key is confined not to
// know of.
type numbering struct {
	key   [16]byte
	block cipher.Block
}

// numberBits are those of a number: at a million connections per second they last for nine years.
const numberBits = 48

func newNumbering() numbering {
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails: see its documentation
	return numberingBy(key)
}

func numberingBy(key [16]byte) numbering {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // of a key with another length
	}
	return numbering{key, block}
}

// number is the number of the count-th connection. It is never 0.
func (n numbering) number(count uint64) uint64 {
	number := n.permute(count)
	if number == 0 {
		number = n.permute(0) // which no connection has
	}
	return number
}

// permute is a Feistel network over AES: a permutation of all numbers.
func (n numbering) permute(x uint64) uint64 {
	const (
		rounds = 8
		half   = numberBits / 2
		mask   = 1<<half - 1
	)
	left, right := x>>half&mask, x&mask
	var in, out [aes.BlockSize]byte
	for round := range rounds {
		in[0] = byte(round)
		binary.BigEndian.PutUint64(in[8:], right)
		n.block.Encrypt(out[:], in[:])
		left, right = right, left^binary.BigEndian.Uint64(out[:])&mask
	}
	return left<<half | right
}
