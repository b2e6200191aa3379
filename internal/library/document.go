package library

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/entity"
)

// Document is one version of an entity, ready to be sent. It is shared: treat it
// as read-only.
type Document struct {
	// Body is the answer without _metadata; "null" for a singleton that was not
	// written yet.
	Body []byte
	// ETag is a strong entity tag in its quotes, "" for that singleton.
	ETag string
}

// render returns what is answered of a row: its document, and after it what
// belongs to others. more is JSON members that follow, or nil.
func render(k *entity.Kind, row *entity.Row, more []byte) *Document {
	body := make([]byte, 0, len(row.Document)+len(more)+answerBytes)
	body = k.AppendAnswer(body, row.Document, row.Joined, row.Author, row.Workspace)
	if len(more) > 0 {
		body = append(append(body[:len(body)-1], more...), '}')
	}
	return &Document{Body: body, ETag: etag(row.Tag, body[len(row.Document)-1:])}
}

// answerBytes is about what an answer has beside the document.
const answerBytes = 256

// etag returns the entity tag of a row, and of what is joined to it: the part
// before the point changes with the row alone.
func etag(tag entity.Tag, joined []byte) string {
	sum := sha256.Sum256(joined)
	return `"` + version(tag) + "." + hex.EncodeToString(sum[:4]) + `"`
}

func version(tag entity.Tag) string { return base64.RawURLEncoding.EncodeToString(tag[:]) }

// matches tells whether If-Match allows a change of a row with this tag: what is
// joined does not count. Comparison is strong, as RFC 9110 wants it: W/ never
// matches.
func matches(ifMatch string, tag entity.Tag) bool {
	if ifMatch == "" || strings.TrimSpace(ifMatch) == "*" {
		return true
	}
	return slices.ContainsFunc(strings.Split(ifMatch, ","), func(one string) bool {
		one, opened := strings.CutPrefix(strings.TrimSpace(one), `"`)
		one, closed := strings.CutSuffix(one, `"`)
		one, joined, _ := strings.Cut(one, ".")
		return opened && closed && one == version(tag) && !strings.Contains(joined, `"`)
	})
}

// slimFields are what a slim list answers, in order.
var slimFields = [...]string{"oId", "name", "internalName", "description", "updatedAt"} //nolint:gochecknoglobals // a constant list

// slim returns the document with slimFields only.
func slim(document []byte) []byte {
	var found [len(slimFields)]jsontext.Value
	missing := len(slimFields)
	d := jsontext.NewDecoder(bytes.NewBuffer(document), jsontext.AllowDuplicateNames(true))
	_, err := d.ReadToken() // the bracket
	for err == nil && missing > 0 && d.PeekKind() == '"' {
		var name jsontext.Token
		if name, err = d.ReadToken(); err != nil {
			break
		}
		i := slices.Index(slimFields[:], name.String())
		if i < 0 {
			err = d.SkipValue()
			continue
		}
		var value jsontext.Value
		value, err = d.ReadValue()
		found[i] = value.Clone()
		missing--
	}
	b := []byte{'{'}
	for i, value := range found {
		if value == nil {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), slimFields[i]...), `":`...)
		b = append(b, value...)
	}
	return append(b, '}')
}
