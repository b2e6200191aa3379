package store

import (
	"context"
	"strconv"
	"strings"

	"personae.dev/internal/entity"
)

// The parts of a statement that writes an entity with all that is derived from
// it. The first parameters are those of entityValues; {links} and its like stand
// for the others. e has the number of the entity.
const (
	putAtOnceStart = `
		with w as (select lpad(to_hex(id), ` + workspaceDigits + `, '0') as prefix from workspaces where o_id = $1),
		e as (`
	putAtOnceUnlink = `),
		d as (
			delete from links
			using e
			where links.workspace = $1 and links.entity_id = e.id and not exists (
				select 1 from jsonb_to_recordset({links}::jsonb) as x (field text, position int)
				where x.field = links.field and x.position = links.position)`
	putAtOnceDerived = `),
		l as (
			insert into links (workspace, entity_id, field, position, target)
			select $1, e.id, x.field, x.position, x.target
			from e, jsonb_to_recordset({links}::jsonb) as x (field text, position int, target text)
			on conflict (workspace, entity_id, field, position) do update set target = excluded.target where links.target <> excluded.target),
		t as (
			select array_to_tsvector(array(select w.prefix || term from jsonb_array_elements_text({names}::jsonb) as term)) as names,
				array_to_tsvector(array(select w.prefix || term from jsonb_array_elements_text({titles}::jsonb) as term)) as titles,
				array_to_tsvector(array(select w.prefix || term from jsonb_array_elements_text({rest}::jsonb) as term)) as rest
			from w),
		s as (
			insert into words (workspace, entity_id, names, titles, words)
			select $1, e.id, t.names, t.names || t.titles, t.names || t.titles || t.rest
			from e, t
			on conflict (workspace, entity_id) do update set names = excluded.names, titles = excluded.titles, words = excluded.words)`
	putAtOnceRevision = `,
		r as (
			insert into revisions (workspace, kind, entity_id, o_id, action, author, api_key, source, created_at,
				archived_at, deleted_at, shape, fields, origins, document, hidden, number)
			select $1, $2, e.id, {oid}, {action}, {author}, {key}, {source}, {at}::bigint, $12, $13, $7, {fields}, {origins}, $14, $15,
				(select coalesce(max(number), 0) + 1 from revisions where workspace = $1 and entity_id = e.id)
			from e
			returning number)
		select number from r`
	putAtOnceEnd = ` select 0 from e`
)

// putAtOnce is put in one statement, as each one takes a round trip.
func (t *tx) putAtOnce(ctx context.Context, text string, missing error, s *entity.Stored, rev *entity.Revision, values []any) error {
	terms := termsOf(s)
	query, args := putAtOnceStart+text, values
	var names []string
	arg := func(name string, value any) {
		args = append(args, value)
		names = append(names, "{"+name+"}", "$"+strconv.Itoa(len(args)))
	}
	if text == replaceEntity {
		query += putAtOnceUnlink
	}
	query += putAtOnceDerived
	arg("links", jsonText(linkRows(s)))
	arg("names", jsonText(append(terms.Terms, terms.Names...)))
	arg("titles", jsonText(terms.Titles))
	arg("rest", jsonText(terms.Rest))
	if rev == nil {
		_, err := one(ctx, &t.queries, strings.NewReplacer(names...).Replace(query+putAtOnceEnd), scanInt, missing, args...)
		return err
	}
	arg("oid", rev.RevisionOID)
	arg("action", string(rev.Action))
	arg("author", rev.Author.OID)
	arg("key", rev.KeyOID)
	arg("source", string(rev.Source))
	arg("at", millis(rev.At))
	arg("fields", fieldsText(rev.Fields))
	arg("origins", originsText(rev.Origins))
	number, err := one(ctx, &t.queries, strings.NewReplacer(names...).Replace(query+putAtOnceRevision), scanInt, missing, args...)
	rev.Number = int(number)
	return err
}
