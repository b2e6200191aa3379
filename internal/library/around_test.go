package library_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

func TestAround(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	product := f.kind(t, "product")
	first := f.createOf(t, product, `{"name":"Zebra"}`).Entity.OID
	f.createOf(t, product, `{"name":"apple"}`)
	friend := f.createOf(t, f.sample, `{"name":"friend"}`).Entity.OID
	gone := f.createOf(t, f.sample, `{"name":"gone"}`).Entity.OID
	if _, err := f.Delete(ctx, f.caller, f.sample, library.Target{OID: gone}); err != nil {
		t.Fatal(err)
	}
	oID := f.createOf(t, f.sample, `{"name":"x","relatedOIds":["`+gone+`","nobody","`+friend+`"],"primaryOfferingOId":"`+first+`","linkingStrategy":{"mode":"ALL"}}`).Entity.OID
	around, err := f.Around(ctx, f.caller, f.sample, oID, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range around.Linked {
		got = append(got, l.Field.Name+" "+l.Kind.Name+" "+l.Entity.Text("name"))
	}
	want := []string{"relatedOIds test-sample friend", "primaryOfferingOId product Zebra", "linkingStrategy product apple"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if around, err := f.Around(ctx, f.caller, f.sample, oID, false); err != nil || around.Linked != nil || around.Entity.OID != oID {
		t.Errorf("without links: %+v, %v", around, err)
	}
	if around, err := f.Around(ctx, f.caller, f.single, "", true); err != nil || around.Entity != nil {
		t.Errorf("a singleton that was not written: %+v, %v", around, err)
	}
	_, err = f.Around(ctx, f.callerOf(t, f.other, f.member), f.sample, oID, true)
	wantCode(t, "of another workspace", err, errs.NotFound, errs.NotFoundCode(f.sample.Name))
}
