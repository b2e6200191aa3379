// Tests a program against a Personae server of its own. Copy this file, and replace
// titles with what you want to test. Needs Node 20 and personae in the PATH.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'

// The admin key of servers for tests. It opens nothing else.
const key = 'psk_0000000000000000000keyforTestsWithNoSecret003Hwyko'

let server
let url = process.env.PERSONAE_SERVER

before(async () => {
  if (url) return
  server = spawn('personae', [
    'serve', '--ephemeral', '--demo', '--listen', '127.0.0.1:0', '--key', key,
    '--clock', '2027-01-01T00:00:00Z', '--log-level', 'error',
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: server.stdout })) {
    url = line.match(/^Serving (http:[^,]+),/)?.[1]
    if (url) return
  }
  throw new Error('personae did not start: see its messages above')
})

after(() => server?.kill('SIGKILL')) // there is nothing to save

async function call(method, path, body) {
  const response = await fetch(`${url}/api/v2/${path}`, {
    method,
    headers: { api_key: key, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw Object.assign(new Error(answer.message), { code: answer.error.code })
  return answer
}

// The code under test: the job titles that mean a persona.
async function titles(oId) {
  const persona = await call('GET', `persona/get?oId=${encodeURIComponent(oId)}`)
  return persona.data.commonJobTitles
}

test('titles of the demo library', async () => {
  assert.ok((await titles('demo-vp-of-sales')).includes('Head of Sales'))
})

test('titles of a persona that the test makes', async () => {
  const made = await call('POST', 'persona/create', { name: 'Head of Support', commonJobTitles: ['Support Lead'] })
  assert.deepEqual(await titles(made.data.oId), ['Support Lead'])
})

test('titles of nobody', async () => {
  await assert.rejects(titles('nobody'), { code: 'persona_not_found' })
})
