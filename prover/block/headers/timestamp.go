package headers

import (
	"fmt"
	"strings"
)

// Timestamp is an instant in the years 1 to 9999 in UTC, counted as in google.protobuf.Timestamp. This package needs only the
// text of a time; it does not read a clock.
type Timestamp struct {
	seconds int64 // since 1970
	nanos   int32 // 0 to 999,999,999
}

const (
	zeroSeconds  = -62135596800 // the first second of year 1
	daysTo1970   = 719468       // days from March 1 of year 0
	daysOf400    = 146097       // days in 400 years
	secondsOfDay = 86400
)

// isZero reports whether t is the first instant of year 1, which means that there is no time.
func (t Timestamp) isZero() bool { return t.seconds == zeroSeconds && t.nanos == 0 }

// encode returns t as the message google.protobuf.Timestamp.
func (t Timestamp) encode() []byte {
	return appendUint(appendUint(nil, 1, uint64(t.seconds)), 2, uint64(t.nanos))
}

// MarshalJSON returns t in RFC 3339, with no trailing zeros in the fraction of a second.
func (t Timestamp) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// String returns t in RFC 3339, with no trailing zeros in the fraction of a second.
func (t Timestamp) String() string {
	days, second := floorDiv(t.seconds, secondsOfDay)
	year, month, day := civil(days)
	s := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, second/3600, second/60%60, second%60)
	if t.nanos != 0 {
		s += strings.TrimRight(fmt.Sprintf(".%09d", t.nanos), "0")
	}
	return s + "Z"
}

// UnmarshalJSON reads only the text that MarshalJSON returns.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	const layout = `"0000-00-00T00:00:00`
	fault := fmt.Errorf("time %.80s is not in RFC 3339 in UTC, in the years 1 to 9999", data)
	if len(data) < len(layout)+2 || len(data) > len(layout)+2+10 {
		return fault
	}
	for i, want := range []byte(layout) {
		if c := data[i]; want == '0' && (c < '0' || c > '9') || want != '0' && c != want {
			return fault
		}
	}
	number := func(from, to int) (n int64) {
		for _, c := range data[from:to] {
			n = 10*n + int64(c-'0')
		}
		return n
	}
	*t = Timestamp{seconds: daysSince1970(number(1, 5), number(6, 8), number(9, 11))*secondsOfDay +
		number(12, 14)*3600 + number(15, 17)*60 + number(18, 20)}
	if fraction := data[len(layout) : len(data)-2]; len(fraction) > 1 && fraction[0] == '.' {
		for _, c := range []byte(string(fraction[1:]) + "000000000"[len(fraction)-1:]) {
			if c < '0' || c > '9' {
				return fault
			}
			t.nanos = 10*t.nanos + int32(c-'0')
		}
	}
	if again := `"` + t.String() + `"`; t.seconds < zeroSeconds || again != string(data) {
		return fault
	}
	return nil
}

// daysSince1970 counts days in the Gregorian calendar. It counts years from March, so that a leap day is the last day of a
// year. Days beyond the end of the month count into the next month.
func daysSince1970(year, month, day int64) int64 {
	if month < 3 {
		year, month = year-1, month+12
	}
	era, yearOfEra := floorDiv(year, 400)
	return era*daysOf400 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + (153*(month-3)+2)/5 + day - 1 - daysTo1970
}

// civil returns the date of a day since 1970. It inverts daysSince1970.
func civil(days int64) (year, month, day int64) {
	era, day := floorDiv(days+daysTo1970, daysOf400)
	yearOfEra := (day - day/1460 + day/36524 - day/146096) / 365
	day -= yearOfEra*365 + yearOfEra/4 - yearOfEra/100
	month = (5*day + 2) / 153
	day -= (153*month + 2) / 5
	if month += 3; month > 12 {
		month, yearOfEra = month-12, yearOfEra+1
	}
	return era*400 + yearOfEra, month, day + 1
}

func floorDiv(a, b int64) (quotient, remainder int64) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+b
	}
	return quotient, remainder
}
