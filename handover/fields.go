package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Field is a field's number, and whether it is optional. Make one with Required or Optional.
type Field uint32

// Required is a field that whoever reads the record must know.
func Required(number uint32) Field { return Field(number << 1) }

// Optional is a field that whoever does not know it may pass over.
func Optional(number uint32) Field { return Field(number<<1 | 1) }

// IsOptional reports whether the field may be passed over.
func (f Field) IsOptional() bool { return f&1 != 0 }

// String is the field's number, for errors.
func (f Field) String() string { return fmt.Sprint(uint32(f >> 1)) }

// Errors of records.
var (
	ErrMalformed = errors.New("malformed record")
	ErrUnknown   = errors.New("required field of a newer version")
)

// Encoder appends fields to a record. The zero value is an empty one.
type Encoder struct{ b []byte }

// Encoded is the record so far. It is valid until the next call.
func (e *Encoder) Encoded() []byte { return e.b }

// Len is the record's length in bytes.
func (e *Encoder) Len() int { return len(e.b) }

// Reset begins another record in the same memory.
func (e *Encoder) Reset() { e.b = e.b[:0] }

// Uint appends a number, unless it is 0.
func (e *Encoder) Uint(f Field, v uint64) {
	if v == 0 {
		return
	}
	var value [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(value[:], v)
	e.head(f, n)
	e.b = append(e.b, value[:n]...)
}

// Int appends a number that may be negative, unless it is 0.
func (e *Encoder) Int(f Field, v int64) { e.Uint(f, uint64(v)<<1^uint64(v>>63)) }

// Bool appends a flag, unless it is not set.
func (e *Encoder) Bool(f Field, v bool) {
	if v {
		e.Uint(f, 1)
	}
}

// Duration appends a length of time, to the nanosecond.
func (e *Encoder) Duration(f Field, d time.Duration) { e.Int(f, int64(d)) }

// Time appends a moment, to the nanosecond, unless it is the zero time.
func (e *Encoder) Time(f Field, t time.Time) {
	if !t.IsZero() {
		e.Int(f, t.UnixNano())
	}
}

// Text appends a text, unless it is empty.
func (e *Encoder) Text(f Field, text string) {
	if text != "" {
		e.head(f, len(text))
		e.b = append(e.b, text...)
	}
}

// Bytes appends bytes, unless there are none.
func (e *Encoder) Bytes(f Field, b []byte) {
	if len(b) > 0 {
		e.head(f, len(b))
		e.b = append(e.b, b...)
	}
}

// Append appends fields that another encoder has encoded.
func (e *Encoder) Append(fields []byte) { e.b = append(e.b, fields...) }

// Record appends what fill appends as a record of its own, also an empty one.
func (e *Encoder) Record(f Field, fill func(e *Encoder)) {
	e.b = binary.AppendUvarint(e.b, uint64(f))
	at := len(e.b)
	e.b = append(e.b, 0) // most are shorter than 128 bytes
	fill(e)
	length := len(e.b) - at - 1
	if length < 1<<7 {
		e.b[at] = byte(length)
		return
	}
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(length))
	e.b = append(e.b, head[:n-1]...)
	copy(e.b[at+n:], e.b[at+1:at+1+length])
	copy(e.b[at:], head[:n])
}

// Uints appends a list of numbers, unless it is empty.
func (e *Encoder) Uints(f Field, list []uint64) {
	if len(list) == 0 {
		return
	}
	e.Record(f, func(e *Encoder) {
		for _, v := range list {
			e.b = binary.AppendUvarint(e.b, v)
		}
	})
}

// Texts appends a list of texts, unless it is empty.
func (e *Encoder) Texts(f Field, list []string) {
	if len(list) == 0 {
		return
	}
	e.Record(f, func(e *Encoder) {
		for _, text := range list {
			e.b = binary.AppendUvarint(e.b, uint64(len(text)))
			e.b = append(e.b, text...)
		}
	})
}

func (e *Encoder) head(f Field, length int) {
	e.b = binary.AppendUvarint(e.b, uint64(f))
	e.b = binary.AppendUvarint(e.b, uint64(length))
}

// Value is a field's value. A method for what it is not returns zero, and Decode the error.
type Value struct {
	b   []byte
	err error
}

// Decode calls take for each field of a record, in order; what take is given is valid only during the call. take reports whether it knows
// the field. The error is ErrMalformed, or ErrUnknown for a required field that take does not know.
func Decode(record []byte, take func(f Field, v *Value) (known bool)) error {
	var v Value
	for len(record) > 0 {
		f, n := binary.Uvarint(record)
		if n <= 0 || f > math.MaxUint32 {
			return ErrMalformed
		}
		length, m := binary.Uvarint(record[n:])
		if m <= 0 || length > uint64(len(record)-n-m) {
			return ErrMalformed
		}
		v.b, record = record[n+m:n+m+int(length)], record[n+m+int(length):]
		known := take(Field(f), &v)
		switch {
		case v.err != nil:
			return fmt.Errorf("field %v: %w", Field(f), v.err)
		case !known && !Field(f).IsOptional():
			return fmt.Errorf("field %v: %w", Field(f), ErrUnknown)
		}
	}
	return nil
}

// Uint is a number.
func (v *Value) Uint() uint64 {
	n, length := binary.Uvarint(v.b)
	if length <= 0 || length != len(v.b) {
		v.fail()
		return 0
	}
	return n
}

// Uint32 is a number that fits into 32 bits.
func (v *Value) Uint32() uint32 {
	n := v.Uint()
	if n > math.MaxUint32 {
		v.fail()
		return 0
	}
	return uint32(n)
}

// Count is a number of things that are not negative and fit into 31 bits.
func (v *Value) Count() int {
	n := v.Uint()
	if n > math.MaxInt32 {
		v.fail()
		return 0
	}
	return int(n)
}

// Int is a number that may be negative.
func (v *Value) Int() int64 {
	n := v.Uint()
	return int64(n>>1) ^ -int64(n&1)
}

// Bool is a flag.
func (v *Value) Bool() bool { return v.Uint() != 0 }

// Duration is a length of time.
func (v *Value) Duration() time.Duration { return time.Duration(v.Int()) }

// Time is a moment.
func (v *Value) Time() time.Time { return time.Unix(0, v.Int()) }

// Text is a text; the caller's own.
func (v *Value) Text() string { return string(v.b) }

// Bytes are bytes, valid as long as the record.
func (v *Value) Bytes() []byte { return v.b }

// Record decodes a record within the record.
func (v *Value) Record(take func(f Field, v *Value) (known bool)) {
	if err := Decode(v.b, take); err != nil && v.err == nil {
		v.err = err
	}
}

// Uints is a list of numbers.
func (v *Value) Uints() (list []uint64) {
	for b := v.b; len(b) > 0; {
		n, length := binary.Uvarint(b)
		if length <= 0 {
			v.fail()
			return nil
		}
		list, b = append(list, n), b[length:]
	}
	return list
}

// Texts is a list of texts.
func (v *Value) Texts() (list []string) {
	for b := v.b; len(b) > 0; {
		n, length := binary.Uvarint(b)
		if length <= 0 || n > uint64(len(b)-length) {
			v.fail()
			return nil
		}
		list, b = append(list, string(b[length:length+int(n)])), b[length+int(n):]
	}
	return list
}

// Fail says that the value is not what the field must have.
func (v *Value) Fail(err error) {
	if v.err == nil {
		v.err = err
	}
}

func (v *Value) fail() { v.Fail(ErrMalformed) }
