package library_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/library"
)

func TestUpdateLinks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	product, playbook, segment := f.kind(t, "product"), f.kind(t, "playbook"), f.kind(t, "segment")
	px := f.createOf(t, product, `{"name":"Forecast"}`).Entity.OID
	px2 := f.createOf(t, product, `{"name":"Coaching"}`).Entity.OID
	vp, cfo := f.create(t, `{"name":"VP"}`).Entity.OID, f.create(t, `{"name":"CFO"}`).Entity.OID
	sg := f.createOf(t, segment, `{"name":"Mid-market"}`).Entity.OID
	pb := f.createOf(t, playbook, `{"name":"Win back","description":"x","keyInsight":"y","productOId":"`+px+`"}`).Entity.OID
	update := func(link, unlink []library.LinkChange) []library.Relinked {
		t.Helper()
		relinked, err := f.UpdateLinks(ctx, f.caller, library.LinkUpdate{Link: link, Unlink: unlink})
		if err != nil {
			t.Fatal(err)
		}
		return relinked
	}
	fields := func(oID string) map[string]string {
		t.Helper()
		found, err := f.Find(ctx, f.caller, oID)
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		k := f.kind(t, found[0].Kind)
		e, err := f.Entity(ctx, f.caller, k, oID)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, link := range k.Links(e) {
			values[link.Field] += link.Target + " "
		}
		return values
	}
	got := update([]library.LinkChange{{OID: pb, Target: vp}, {OID: pb, Field: "personaOIds", Target: cfo}, {OID: pb, Kind: "playbook", Target: sg}, {OID: vp, Target: px}, {OID: vp, Target: px2}}, nil)
	if len(got) != 2 || got[0].Entity.OID != pb || !got[0].Changed || !got[1].Changed {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(map[string]string{"personaOIds": vp + " " + cfo + " ", "segmentOId": sg + " ", "productOId": px + " "}, fields(pb)); diff != "" {
		t.Errorf("the playbook (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"linkingStrategy": px + " " + px2 + " "}, fields(vp)); diff != "" {
		t.Errorf("the persona (-want +got):\n%s", diff)
	}
	if n := len(f.revisions(t, pb)); n != 2 {
		t.Errorf("%d revisions of the playbook, want 2", n)
	}
	t.Run("what is so already is no change", func(t *testing.T) {
		if got := update([]library.LinkChange{{OID: pb, Target: vp}}, []library.LinkChange{{OID: cfo, Target: px}}); got[0].Changed || got[1].Changed {
			t.Errorf("%+v", got)
		}
	})
	t.Run("what is unlinked is taken from every field", func(t *testing.T) {
		update([]library.LinkChange{{OID: vp, Field: "primaryOfferingOId", Target: px}}, nil)
		update([]library.LinkChange{{OID: pb, Target: px2, Field: "productOId"}}, []library.LinkChange{{OID: vp, Target: px}, {OID: pb, Target: cfo}, {OID: vp, Target: "px_gone"}})
		if diff := cmp.Diff(map[string]string{"linkingStrategy": px2 + " "}, fields(vp)); diff != "" {
			t.Errorf("the persona (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"personaOIds": vp + " ", "segmentOId": sg + " ", "productOId": px2 + " "}, fields(pb)); diff != "" {
			t.Errorf("the playbook (-want +got):\n%s", diff)
		}
	})
	t.Run("errors change nothing, and are told with their paths", func(t *testing.T) {
		before := fields(pb)
		_, err := f.UpdateLinks(ctx, f.caller, library.LinkUpdate{
			Link: []library.LinkChange{
				{OID: pb, Target: cfo},
				{OID: "nobody", Target: cfo},
				{OID: pb, Target: "nobody"},
				{OID: pb, Field: "friends", Target: cfo},
				{OID: pb, Field: "personaOIds", Target: sg},
				{OID: vp, Target: sg},
				{OID: vp, Kind: "gadget", Target: sg},
				{OID: vp, Kind: "segment", Target: px},
				{},
			},
			Unlink: []library.LinkChange{{OID: vp}},
		})
		wantFields(t, "errors", err, "unlink[0].target", "link[1].oId", "link[2].target", "link[3].field", "link[4].target", "link[5].target",
			"link[6].kind", "link[7].oId", "link[8].oId", "link[8].target")
		_, err = f.UpdateLinks(ctx, f.caller, library.LinkUpdate{Link: []library.LinkChange{{OID: pb, Target: cfo}}, Unlink: []library.LinkChange{{OID: pb, Target: px2}}})
		wantFields(t, "a link that is required", err, "unlink[0].target")
		_, err = f.UpdateLinks(ctx, f.caller, library.LinkUpdate{})
		wantFields(t, "nothing", err, "link")
		_, err = f.UpdateLinks(ctx, f.callerOf(t, f.other, f.member), library.LinkUpdate{Link: []library.LinkChange{{OID: pb, Target: vp}}})
		wantFields(t, "another workspace", err, "link[0].oId", "link[0].target")
		if diff := cmp.Diff(before, fields(pb)); diff != "" {
			t.Error(diff)
		}
	})
}
