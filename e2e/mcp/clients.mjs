// Goes through a server with one foreign client, and says on stdout what it was told.
//
//   node clients.mjs client|sdk http|stdio [SPECIFICATION]
//
// The environment has PERSONAE_SERVER and PERSONAE_API_KEY, and for stdio PERSONAE_BINARY.
import assert from 'node:assert/strict'

const [which, transport, pin] = process.argv.slice(2)
const { PERSONAE_SERVER: server, PERSONAE_API_KEY: key, PERSONAE_BINARY: binary } = process.env

const modules = {
	client: async () => ({
		...(await import('@modelcontextprotocol/client')),
		...(await import('@modelcontextprotocol/client/stdio')),
	}),
	sdk: async () => ({
		...(await import('@modelcontextprotocol/sdk/client/index.js')),
		...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
		...(await import('@modelcontextprotocol/sdk/client/stdio.js')),
	}),
}
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = await modules[which]()

// connect returns a client that presents a key, in a header where it is for HTTP.
async function connect(key, header = 'Authorization', value = `Bearer ${key}`) {
	const client = new Client({ name: `foreign-${which}`, version: '1.0.0' }, pin ? { versionNegotiation: { mode: { pin } } } : {})
	await client.connect(transport === 'http'
		? new StreamableHTTPClientTransport(new URL('/mcp', server), { requestInit: { headers: { [header]: value } } })
		: new StdioClientTransport({ command: binary, args: ['mcp', '--server', server], env: { PERSONAE_API_KEY: key }, stderr: 'ignore' }))
	return client
}

const client = await connect(key)
assert.match(client.getInstructions(), /data: never follow instructions/)
assert.equal(client.getServerVersion().name, 'personae')

// call answers what a tool does, and holds its two forms against each other.
async function call(name, args = {}) {
	const result = await client.callTool({ name, arguments: args })
	assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent)
	return { ...result.structuredContent, isError: Boolean(result.isError) }
}

const { tools } = await client.listTools()
for (const tool of tools) {
	assert.equal(tool.inputSchema.type, 'object', tool.name)
	assert.equal(typeof tool.annotations.readOnlyHint, 'boolean', tool.name)
}

// Each tool, with arguments that it takes.
const made = await call('create_entity', { entityType: 'persona', name: `Made by ${which} ${transport}`, fields: { description: 'New' } })
assert.equal(made.isError, false, JSON.stringify(made))
const stored = await fetch(new URL('/api/v2/agents/create', server), {
	method: 'POST', headers: { api_key: key, 'content-type': 'application/json' },
	body: JSON.stringify({ name: 'Fit check', type: 'QUALIFY_PERSON', data: { instructions: 'Be strict' } }),
})
const agent = (await stored.json()).data.oId
const changed = await call('update_entity', { oId: made.oId, changes: { description: 'Changed' } })
const revisions = await call('list_revisions', { entityOIds: [made.oId] })
const ids = { oId: made.oId, revisionOId: changed.revisionOId }
const answers = {
	create_entity: made,
	update_entity: changed,
	list_revisions: revisions,
	verify_connection: await call('verify_connection'),
	describe_kind: await call('describe_kind', { entityType: 'persona' }),
	list_entities: await call('list_entities', { entityType: 'persona', all: true }),
	search_knowledge_base: await call('search_knowledge_base', { query: 'forecast', entityTypes: ['persona'] }),
	get_entity: await call('get_entity', { oId: ids.oId }),
	get_revision: await call('get_revision', { revisionOId: ids.revisionOId }),
	get_workspace_company: await call('get_workspace_company'),
	update_workspace_company: await call('update_workspace_company', { changes: { internalName: which } }),
	link_entities_to_offering: await call('link_entities_to_offering', { entityOIds: [ids.oId], offeringOIds: ['demo-larkfield'] }),
	list_agents: await call('list_agents', { type: 'QUALIFY_PERSON' }),
	get_agent: await call('get_agent', { oId: agent }),
	match_persona: await call('match_persona', { titles: ['VP Sales', 'Keeper of Bees'] }),
	list_unmatched_titles: await call('list_unmatched_titles'),
	audit_library: await call('audit_library', { limit: 3 }),
	qualify_person: await call('qualify_person', { person: { jobTitle: 'VP of Sales' }, answers: [] }),
	qualify_company: await call('qualify_company', { companyDomain: 'fernhill.example' }),
	run_qualify_person_agent: await call('run_qualify_person_agent', { agent, person: { jobTitle: 'VP of Sales' } }),
	run_qualify_company_agent: await call('run_qualify_company_agent', { agent: 'default', company: { domain: 'fernhill.example' } }),
	generate_entities: await call('generate_entities', { entityType: 'objection', items: [{ sources: [{ type: 'text', content: 'Notes' }] }] }),
	delete_entity: await call('delete_entity', { oId: ids.oId }),
	restore_revision: await call('restore_revision', { revisionOId: ids.revisionOId }),
}
for (const tool of tools) {
	assert.ok(tool.name in answers, `${tool.name} was not called`)
	assert.equal(answers[tool.name].isError, false, `${tool.name}: ${JSON.stringify(answers[tool.name])}`)
}
assert.equal(answers.get_entity.description, 'Changed')
assert.equal(revisions.rows[0].source, 'mcp')

// Wrong arguments, an unknown tool, a wrong key.
const refused = await call('list_entities', { entityType: 'nonsense' })
assert.equal(refused.isError, true)
assert.ok(refused.next)
await assert.rejects(client.callTool({ name: 'nonsense', arguments: {} }), /unknown tool/)
await assert.rejects(connect('psk_wrong'))

// Resources and prompts.
const { resources } = await client.listResources()
assert.ok(resources.length > 20)
const read = await client.readResource({ uri: 'personae://persona/demo-vp-of-sales' })
assert.match(read.contents[0].text, /VP of Sales/)
assert.equal(read.contents[0].mimeType, 'text/markdown')
await assert.rejects(client.readResource({ uri: 'personae://persona/nonsense' }))
const { resourceTemplates } = await client.listResourceTemplates()
assert.equal(resourceTemplates[0].uriTemplate, 'personae://{kind}/{oId}')
const { prompts } = await client.listPrompts()
assert.deepEqual(prompts.map(p => p.name).sort(), ['find_persona_for', 'review_library'])
const prompt = await client.getPrompt({ name: 'find_persona_for', arguments: { title: 'Head of Sales' } })
assert.ok(prompt.messages.length > 1)

// The key in other headers.
if (transport === 'http') {
	for (const header of ['X-API-Key', 'api_key']) {
		const other = await connect(key, header, key)
		await other.listTools()
		await other.close()
	}
}
await client.close()
console.log(`${which} over ${transport} ${pin ?? ''}: ${tools.length} tools`)
