// Package etag makes entity tags: strong ones, the same on every server, and
// another for every version of a persona. It compares none.
package etag

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"sync"

	"personae.dev/internal/persona"
)

// etagBytes of SHA-256: no two versions of a persona will ever collide.
const etagBytes = 16

// Of returns the tag of p, whose body is what is sent of it. It depends on what the
// body does not show, too: links, and the ids of questions.
func Of(body []byte, p *persona.Persona) string {
	d := digests.Get().(*digest)
	defer digests.Put(d)
	d.hash.Reset()
	d.hash.Write(body)
	d.hidden = d.hidden[:0]
	d.hide(string(p.Links.Offerings))
	d.hide(p.Links.OfferingOIDs...)
	d.hide("playbooks")
	d.hide(p.Links.PlaybookOIDs...)
	if p.Links.PrimaryOfferingOID != nil {
		d.hide("primary", *p.Links.PrimaryOfferingOID)
	}
	for i := range p.QualifyingQuestions {
		d.hide("question", p.QualifyingQuestions[i].OID)
	}
	d.hash.Write(d.hidden)
	sum := d.hash.Sum(d.hidden[:0])[:etagBytes]
	d.hidden = append(sum, '"') //nolint:gocritic // they share their memory
	d.hidden = append(base64.RawURLEncoding.AppendEncode(d.hidden, d.hidden[:etagBytes]), '"')
	return string(d.hidden[etagBytes:])
}

// digest is what tags are made with.
type digest struct {
	hash   hash.Hash
	hidden []byte
}

var digests = sync.Pool{New: func() any { return &digest{hash: sha256.New()} }}

// hide adds texts that a body does not show.
func (d *digest) hide(texts ...string) {
	for _, text := range texts {
		d.hidden = strconv.AppendInt(append(d.hidden, '\n'), int64(len(text)), 10)
		d.hidden = append(append(d.hidden, ' '), text...)
	}
}
