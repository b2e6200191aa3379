package persona

import "slices"

// Links says which offerings and playbooks a persona goes with. Their ids are
// opaque: nothing here knows more of them.
type Links struct {
	PrimaryOfferingOID *string
	Offerings          OfferingMode
	// OfferingOIDs is for OfferingsSpecific alone.
	OfferingOIDs []string
	PlaybookOIDs []string
}

// OfferingMode says which offerings of the workspace a persona is linked to.
type OfferingMode string

// The modes. OfferingsAll is kept as "all", whatever offerings come and go.
const (
	OfferingsNone     OfferingMode = ""
	OfferingsAll      OfferingMode = "ALL"
	OfferingsSpecific OfferingMode = "SPECIFIC"
)

func (l Links) equal(m Links) bool {
	return equalValue(l.PrimaryOfferingOID, m.PrimaryOfferingOID) && l.Offerings == m.Offerings &&
		slices.Equal(l.OfferingOIDs, m.OfferingOIDs) && slices.Equal(l.PlaybookOIDs, m.PlaybookOIDs)
}
