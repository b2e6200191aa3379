package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// explain notes why data is not one JSON value in sound Unicode; notUTF8 is where
// it is not UTF-8, -1 where it is.
func (d *decoder) explain(data []byte, notUTF8 int) {
	if notUTF8 >= 0 {
		d.Add("body", "is not valid UTF-8 at byte %d: send the text as UTF-8", notUTF8)
		return
	}
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	if err == nil {
		at := loneSurrogate(string(data))
		d.Add("body", "has half of a surrogate pair at byte %d: write the character itself, or both halves", at)
		return
	}
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		d.Add("body", "is empty: send a JSON object")
	case cutOff(data):
		d.Add("body", "is JSON that is cut off at its end, byte %d", len(data))
	case ok:
		d.Add("body", "is not JSON: %s at byte %d", syntax, syntax.Offset)
	default:
		d.Add("body", "is not JSON: %s", err)
	}
}

// cutOff tells whether data ends within a JSON value that is sound so far.
func cutOff(data []byte) bool {
	var raw json.RawMessage
	return errors.Is(json.NewDecoder(bytes.NewReader(data)).Decode(&raw), io.ErrUnexpectedEOF)
}

// loneSurrogate returns where valid JSON has a \u escape that is half of a
// surrogate pair, -1 if nowhere. encoding/json would replace it.
func loneSurrogate(data string) int {
	for i := 0; ; {
		escape := strings.IndexByte(data[i:], '\\')
		if escape < 0 {
			return -1
		}
		i += escape
		high, ok := surrogate(data[i:], 0xd800)
		if !ok {
			if _, low := surrogate(data[i:], 0xdc00); low {
				return i
			}
			i += 2
			continue
		}
		if _, ok := surrogate(data[i+high:], 0xdc00); !ok {
			return i
		}
		i += 2 * high
	}
}

// surrogate tells whether data begins with an escaped surrogate of the 1,024
// from first on, and how long that is.
func surrogate(data string, first uint64) (size int, ok bool) {
	const length = len(`\ud800`)
	if len(data) < length || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(data[2:length], 16, 16)
	return length, err == nil && code >= first && code < first+0x400
}
