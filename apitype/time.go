package apitype

import (
	"fmt"
	"time"
)

// TimeLayout is how the contract writes a date: ISO 8601 in UTC, always with
// milliseconds and Z, "2021-01-01T00:00:00.000Z".
const TimeLayout = "2006-01-02T15:04:05.000Z"

// Time is a moment that is written in TimeLayout. It is read from any RFC 3339
// date, whatever its offset, and kept to the millisecond.
type Time struct{ time.Time }

// NewTime returns t in UTC, cut to the millisecond.
func NewTime(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// ParseTime reads an RFC 3339 date between the years 0 and 9999.
func ParseTime(s string) (Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return Time{}, fmt.Errorf("%q is not an RFC 3339 date such as 2021-01-01T00:00:00.000Z", s)
	}
	return NewTime(t), nil
}

// AppendTime appends t to b in TimeLayout, without quotes.
func AppendTime(b []byte, t time.Time) []byte {
	// RFC3339 has a fast path in package time.
	t = t.UTC()
	b = t.AppendFormat(b, time.RFC3339)
	b = b[:len(b)-len("Z")]
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(TimeLayout)+2)
	b = append(b, '"')
	b = AppendTime(b, t.Time)
	return append(b, '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return fmt.Errorf("%s is not a date: want a string such as \"2021-01-01T00:00:00.000Z\"", b)
	}
	parsed, err := ParseTime(string(b[1 : len(b)-1]))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}
