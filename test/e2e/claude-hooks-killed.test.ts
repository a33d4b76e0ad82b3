import type { Agent, Command, Interaction } from '@fleetwire/protocol'
import t from 'tap'
import { run } from '../helpers/cli.ts'
import { fakeClaude } from '../helpers/fake-claude.ts'
import { adminToken, fleetwire } from '../helpers/processes.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(120_000)

const posix = process.platform === 'win32' ? { skip: 'agent wrap needs a Unix terminal' } : {}

t.test('a permission outlives a server that is killed, and its answer reaches the program once', posix, async t => {
  const settings = await run(t, ['hooks', 'claude-code'])
  const folder = t.testdir({ data: {}, 'claude.mjs': fakeClaude, 'settings.json': settings.stdout })
  const serve = (port: string) => fleetwire(t, ['serve', '--port', port, '--data-dir', `${folder}/data`])
  const server = serve('0')
  const [, url = ''] = await server.printed(/listens at (\S+)/)
  const token = await adminToken(server)
  const call = async <T>(path: string, body?: object): Promise<T | undefined> => {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await fetch(`${url}/api/v1${path}`, init).catch(() => undefined)
    return response?.ok ? ((await response.json()) as T) : undefined
  }
  const wrap = fleetwire(
    t,
    ['agent', 'wrap', '--id', 'claude', '--cwd', folder, '--', process.execPath, 'claude.mjs', 'settings.json'],
    { FLEETWIRE_URL: url, FLEETWIRE_DATA_DIR: `${folder}/data`, HOME: folder },
  )
  await until(async () => (await call<Agent>('/agents/claude'))?.evidence === 'reported')
  const command = await call<Command>('/agents/claude/commands', { kind: 'prompt', input: 'make' })
  const open = () => call<{ items: Interaction[] }>('/interactions?state=open')
  const question = await until(async () => (await open())?.items[0])

  await server.kill('SIGKILL')
  await serve(new URL(url).port).printed(/listens at/)
  await until(() => call(`/interactions/${question.interactionId}/respond`, { optionId: 'allow' }))
  const ended = await until(async () => {
    const now = await call<Command>(`/commands/${command?.commandId}`)
    return now?.endedAt !== undefined && now
  })
  t.match(ended, { status: 'succeeded', output: 'I have answered: make' })
  const { items } = await until(() => call<{ items: Interaction[] }>('/interactions'))
  t.match(items, [{ interactionId: question.interactionId, state: 'resolved', delivery: 'applied' }])
  await wrap.kill('SIGTERM')
})
