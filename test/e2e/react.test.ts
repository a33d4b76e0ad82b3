import '../helpers/dom.ts'
import { AgentClient, type CommandHandler, DashboardClient } from '@fleetwire/client/node'
import {
  FleetwireProvider,
  type Live,
  useAgent,
  useAgentIds,
  useAgentSummary,
  useCommand,
  useCommandPage,
  useConnection,
  useFleetwireRest,
  useInteraction,
  useInteractionIds,
  useMetric,
  useSession,
  useSessionIds,
  useTask,
  useTaskIds,
  useTerminal,
  useTranscriptItem,
} from '@fleetwire/react'
import { cleanup, renderHook, waitFor } from '@testing-library/react'
import { createElement, type ReactNode } from 'react'
import t, { type Test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { Notes } from '../helpers/notes.ts'

async function fleet(t: Test, handlers: Record<string, CommandHandler>) {
  const { url, token } = await startApp(t)
  const agent = new AgentClient({ url, token: await token('agent', { sub: 'a1' }), name: 'First', handlers })
  const client = new DashboardClient({ url, token: await token('operator') })
  t.teardown(async () => {
    cleanup()
    client.close()
    await agent.stop({ graceMs: 0 })
  })
  const states = new Notes<string>()
  agent.status.subscribe(({ state }) => states.note(state))
  await agent.start()
  await states.until(all => all.includes('online'))
  const wrapper = ({ children }: { children: ReactNode }) => createElement(FleetwireProvider, { client, children })
  /** The current value of a hook, and a way to wait for a value that passes. */
  function hook<T>(use: () => T) {
    const { result } = renderHook(use, { wrapper })
    return {
      now: () => result.current,
      until: async <S>(look: (value: T) => S): Promise<NonNullable<S>> => {
        const once = () => {
          const found = look(result.current)
          if (found) return found
          throw new Error(`not yet: ${JSON.stringify(result.current)}`)
        }
        return waitFor(once, { timeout: 10_000 })
      },
    }
  }
  return { agent, client, hook }
}

const data = <T>(live: Live<T>): T | undefined => (live.status === 'ready' ? live.data : undefined)

t.test('hooks show a real fleet: agents, summaries, commands, conversations and metrics', async t => {
  const gate = new Notes<string>()
  const { agent, client, hook } = await fleet(t, {
    async prompt(run) {
      run.report('session:start', { sessionId: 's1', title: 'Talk' })
      const message = run.message()
      message.append('Hello')
      const tool = run.tool('search', { query: 'x' })
      await gate.until(notes => notes.includes('go on'))
      tool.end({ hits: 1 })
      message.append(', world')
      message.end()
      return { status: 'succeeded', output: 'done' }
    },
  })
  const index = hook(() => useAgentIds({ where: { text: 'fir' } }))
  const first = hook(() => useAgent('a1', ({ name, work }) => `${name} ${work}`))
  const summary = hook(() => useAgentSummary('a1'))
  t.same(await index.until(live => data(live)?.ids), ['a1'])
  t.equal(await first.until(data), 'First idle')

  const submitted = await client.submit({ agentId: 'a1', kind: 'prompt', input: 'Say hello', sessionId: 's1' })
  if (!submitted.ok) throw new Error(submitted.error.message)
  const { commandId } = submitted.command
  const command = hook(() => useCommand(commandId, ({ status }) => status))
  await command.until(live => data(live) === 'running')
  await first.until(live => data(live) === 'First working')
  t.equal((await summary.until(live => data(live)?.current)).title, 'Say hello')

  const sessions = hook(() => useSessionIds({ agentId: 'a1' }))
  t.same(await sessions.until(data), ['s1'])
  const session = hook(() => useSession('s1'))
  const ids = await session.until(live => {
    const itemIds = data(live)?.itemIds ?? []
    return itemIds.length === 2 && itemIds
  })
  const message = hook(() => useTranscriptItem('s1', (ids as string[])[0]!))
  const tool = hook(() => useTranscriptItem('s1', (ids as string[])[1]!))
  await message.until(item => item?.kind === 'message' && item.text === 'Hello')
  await tool.until(item => item?.kind === 'tool' && item.state === 'open')
  gate.note('go on')
  await message.until(item => item?.kind === 'message' && item.state === 'ended' && item.text === 'Hello, world')
  await tool.until(item => item?.kind === 'tool' && item.state === 'ended')
  await command.until(live => data(live) === 'succeeded')
  t.equal((await summary.until(live => data(live)?.last)).commandId, commandId)

  const page = hook(() => useCommandPage())
  t.same(await page.until(({ ids, hasMore }) => !hasMore && data(ids)), [commandId])
  const metric = hook(() => useMetric('a1', 'cpu'))
  agent.report('agent:metrics', { cpu: 0.5 })
  t.same(await metric.until(points => points.length > 0 && points), [0.5])
})

t.test('a user who arrives after the end sees the whole conversation', async t => {
  const { client, hook } = await fleet(t, {
    async prompt(run) {
      for (let i = 0; i < 30; i++) {
        const message = run.message()
        message.append(`${i}`)
        message.end()
      }
      return { status: 'succeeded' }
    },
  })
  const online = hook(useConnection)
  await online.until(({ state, role }) => state === 'online' && role === 'operator')
  const submitted = await client.submit({ agentId: 'a1', kind: 'prompt', input: 'x', sessionId: 's1' })
  if (!submitted.ok) throw new Error(submitted.error.message)
  const command = hook(() => useCommand(submitted.command.commandId))
  await command.until(live => data(live)?.status === 'succeeded')
  const session = hook(() => useSession('s1'))
  const view = await session.until(data)
  t.equal(view.itemIds.length, 30)
  t.equal(view.hasOlder, false)
  const last = hook(() => useTranscriptItem('s1', view.itemIds[29]!))
  const item = last.now()
  t.equal(item?.kind === 'message' && item.text, '29')
})

t.test('hooks for requests, tasks, terminals and REST work', async t => {
  const { agent, client, hook } = await fleet(t, {})
  const open = hook(() => useInteractionIds())
  const tasks = hook(() => useTaskIds())
  t.same(await open.until(data), [])
  const options = [{ id: 'yes', label: 'Allow', effect: 'allow' as const }]
  void agent.ask({ interactionId: 'i1', kind: 'permission', title: 'May I?', options })
  t.same(await open.until(live => data(live)?.length && data(live)), ['i1'])
  const request = hook(() => useInteraction('i1'))
  t.equal((await request.until(data)).title, 'May I?')
  t.ok((await client.respond({ interactionId: 'i1', optionId: 'yes' })).ok)
  await open.until(live => data(live)?.length === 0)
  t.equal((await request.until(live => data(live)?.resolution)).optionId, 'yes')

  agent.report('task:create', { taskId: 't1', title: 'Build' })
  t.same(await tasks.until(live => data(live)?.length && data(live)), ['t1'])
  t.equal((await hook(() => useTask('t1')).until(data)).title, 'Build')

  const rest = hook(useFleetwireRest).now()
  const history = await rest.interactions.list({ state: ['resolved', 'expired'] })
  t.same(history.ok && history.data.items.map(({ interactionId }) => interactionId), ['i1'])
  const missing = await rest.tasks.get('t2')
  t.match(missing, { ok: false, error: { code: 'not_found', retryable: false } })
  const file = await rest.tasks.export('csv')
  t.match(file.ok && (await file.data.text()), /t1,/)

  const written = agent.openTerminal({ terminalId: 'main', cols: 80, rows: 24, onInput: bytes => typed.note(bytes) })
  const typed = new Notes<unknown>()
  written.write(Buffer.from('hello'))
  const terminal = hook(() => useTerminal({ agentId: 'a1' }))
  const shown = new Notes<string>()
  terminal.now().attach({
    write: bytes => shown.note(new TextDecoder().decode(bytes)),
    snapshot: ({ screen }) => shown.note(screen),
  })
  await shown.until(all => all.join('').includes('hello'))
  await terminal.until(({ state, terminalId }) => state === 'open' && terminalId === 'main')
  written.write(Buffer.from(' world'))
  await shown.until(all => all.join('').includes(' world'))
  t.ok((await terminal.now().input('ls\r')).ok)
  await typed.until(all => all.length > 0)
})
