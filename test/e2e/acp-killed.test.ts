import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { testAgent } from '../helpers/acp.ts'
import { fleetwire, freePort } from '../helpers/processes.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

const PIECES = size('ACP_PIECES', { quick: 60, full: 120 })

test('a server that is killed with -9 in the middle of a turn, and again while it asks: nothing is lost or said twice, and the question is answered', {
  timeout: 120_000,
}, async t => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'fleetwire-acp-killed-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const env = { FLEETWIRE_URL: url, FLEETWIRE_DATA_DIR: join(folder, 'data') }
  const serve = async () => {
    const server = fleetwire(t, ['serve', '--port', port], env, folder)
    await server.printed(new RegExp(`:${port}`))
    return server
  }
  const first = await serve()
  const args = ['--id', 'a1', '--root', folder, '--journal', join(folder, 'journal')]
  const agent = fleetwire(t, ['agent', 'acp', ...args, '--', process.execPath, testAgent], env, folder)
  await agent.printed(/is connected/)
  const token = (await fleetwire(t, ['token', '--role', 'admin'], env, folder).ended).stdout.trim()
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return response.json()
  }
  const half = Array.from({ length: PIECES }, (_, i) => `slowly ${i}.`)
  const input = [...half, 'ask Go on?', 'say |', ...half].join('\n')
  const { commandId } = await call('POST', '/agents/a1/commands', { kind: 'prompt', input, sessionId: 's1' })
  const text = async () => {
    const { items } = await call('GET', '/sessions/s1/messages')
    return items
      .filter(({ role }: { role?: string }) => role === 'assistant')
      .map((item: { text: string }) => item.text)
      .join('')
  }
  /** What the server answers once it is there. */
  const once = <T>(look: () => Promise<T>): Promise<T> => until(() => look().catch(() => undefined)) as Promise<T>
  await once(async () => (await text()).includes('20.') || undefined)
  await first.kill('SIGKILL')
  await agent.printed(/no connection/)
  const second = await serve()
  const asked = await once(async () => (await call('GET', '/interactions?state=open')).items[0])
  await second.kill('SIGKILL')
  await serve()
  await once(async () => (await call('POST', `/interactions/${asked.interactionId}/respond`, { optionId: 'no' })).state)
  const ended = await once(async () => {
    const command = await call('GET', `/commands/${commandId}`)
    return command.endedAt === undefined ? undefined : command
  })
  const whole = Array.from({ length: PIECES }, (_, i) => `${i}.`).join('')
  t.match(ended, { status: 'succeeded', attempt: 1 })
  t.equal(await text(), `${whole}chosen: no|${whole}`)
  t.match(await call('GET', `/interactions/${asked.interactionId}`), { state: 'resolved', delivery: 'applied' })
})
