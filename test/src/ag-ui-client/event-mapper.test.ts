import { type AGUIEvent, HttpAgent } from '@ag-ui/client'
import { FleetwireError } from '@fleetwire/client'
import t from 'tap'
import { EventMapper, type MappedRun } from '../../../src/ag-ui-client/event-mapper.ts'
import { History, settled } from '../../../src/ag-ui-client/history.ts'
import { type AnyEvent, called, said } from '../../helpers/ag-ui-agent.ts'
import { seededRandom } from '../../helpers/random.ts'

/** A run that records its reports, and refuses reports that no run may make. */
class NotedRun implements MappedRun {
  readonly taskId = undefined
  readonly messages = new Map<string, { role: string; text: string; state: 'open' | 'ended' }>()
  readonly calls = new Map<
    string,
    { name: string; args: string; state: 'open' | 'ended' | 'failed'; result?: unknown }
  >()
  readonly tasks = new Map<string, { title: string; state: string; message?: string }>()
  readonly reports: string[] = []
  shared: unknown

  message({ messageId = '', role = 'assistant' } = {}) {
    if (this.messages.has(messageId)) throw new Error(`message ${messageId} exists`)
    const message = { role, text: '', state: 'open' as 'open' | 'ended' }
    this.messages.set(messageId, message)
    return {
      ...{ sessionId: 's', messageId },
      append: (text: string) => {
        if (message.state === 'ended') throw new FleetwireError('ended', messageId)
        message.text += text
      },
      end: () => {
        message.state = 'ended'
      },
    }
  }

  tool(name: string, _args: unknown, { toolCallId = '' } = {}) {
    if (this.calls.has(toolCallId)) throw new Error(`call ${toolCallId} exists`)
    const call: { name: string; args: string; state: 'open' | 'ended' | 'failed'; result?: unknown } = {
      ...{ name, args: '', state: 'open' },
    }
    this.calls.set(toolCallId, call)
    const end = (state: 'ended' | 'failed', result: unknown) => {
      if (call.state !== 'open') throw new FleetwireError('ended', toolCallId)
      Object.assign(call, { state, result })
    }
    return {
      ...{ sessionId: 's', toolCallId },
      args: (delta: string) => {
        if (call.state !== 'open') throw new FleetwireError('ended', toolCallId)
        call.args += delta
      },
      end: (result?: unknown) => end('ended', result),
      fail: (error: unknown) => end('failed', error),
    }
  }

  state(snapshot: unknown) {
    this.shared = structuredClone(snapshot)
  }

  patch(operations: unknown) {
    this.reports.push(`patch ${JSON.stringify(operations)}`)
  }

  progress() {}

  report(type: string, payload: object) {
    const { taskId, title, message } = payload as { taskId?: string; title?: string; message?: string }
    this.reports.push(type)
    if (taskId === undefined) return
    const known = this.tasks.get(taskId)
    if (type === 'task:start') this.tasks.set(taskId, { title: title!, state: 'running' })
    else if (known === undefined) throw new Error(`${type} of no task`)
    else if (type === 'task:progress') Object.assign(known, { message })
    else known.state = type.slice('task:'.length)
  }
}

const mapperOf = (run: MappedRun, used: string[] = []) => {
  const mapper = new EventMapper({ run, prefix: 'c1-1', used, state: {} })
  mapper.begin('c1-1')
  return mapper
}
const take = (mapper: EventMapper, ...events: AnyEvent[]) => {
  for (const event of events) mapper.take(event as unknown as AGUIEvent)
}

t.test('steps, sub-agents and activities are tasks, which end like the command', async t => {
  const run = new NotedRun()
  const mapper = mapperOf(run)
  take(
    mapper,
    { type: 'STEP_STARTED', stepName: 'plan' },
    { type: 'STEP_FINISHED', stepName: 'plan' },
    { type: 'STEP_STARTED', stepName: 'plan' },
    { type: 'SUBAGENT_STARTED', subagentRunId: 'x', name: 'searcher', description: 'looks' },
    { type: 'SUBAGENT_ERROR', subagentRunId: 'x', message: 'no net' },
    { type: 'SUBAGENT_STARTED', subagentRunId: 'y', name: 'writer' },
    { type: 'SUBAGENT_FINISHED', subagentRunId: 'y', outcome: { type: 'suspended' } },
    { type: 'ACTIVITY_SNAPSHOT', messageId: 'a', activityType: 'PLAN', content: { steps: ['one'] } },
    { type: 'ACTIVITY_DELTA', messageId: 'a', patch: [{ op: 'add', path: '/steps/-', value: 'two' }] },
    { type: 'ACTIVITY_DELTA', messageId: 'a', patch: [{ op: 'remove', path: '/nothing' }] },
    { type: 'ACTIVITY_DELTA', messageId: 'unknown', patch: [] },
    { type: 'ACTIVITY_SNAPSHOT', messageId: 'a', activityType: 'PLAN', content: {}, replace: false },
  )
  mapper.finish('cancelled')
  t.same(
    [...run.tasks.values()],
    [
      { title: 'plan', state: 'complete' },
      { title: 'plan', state: 'cancel' },
      { title: 'searcher', state: 'fail' },
      { title: 'writer', state: 'cancel' },
      { title: 'PLAN', state: 'cancel', message: '{"steps":["one","two"]}' },
    ],
  )
})

t.test(
  'the first change of the state is reported as a whole, later ones as patches; a bad patch changes nothing',
  async t => {
    const run = new NotedRun()
    const mapper = mapperOf(run)
    const patch = (value: number) => ({ type: 'STATE_DELTA', delta: [{ op: 'add', path: '/n', value }] })
    take(mapper, patch(1), patch(2), { type: 'STATE_DELTA', delta: [{ op: 'remove', path: '/no' }] })
    t.same(run.shared, { n: 1 })
    t.same(mapper.state, { n: 2 })
    t.same(run.reports, ['patch [{"op":"add","path":"/n","value":2}]', 'agent:error'])
  },
)

t.test('a call that starts twice, unmatched results, and errors are handled', async t => {
  const run = new NotedRun()
  const mapper = mapperOf(run, ['old'])
  take(mapper, ...called('k1', 'ls', { a: 1 }))
  mapper.begin('c1-1-2')
  take(
    mapper,
    ...called('k1', 'ls', { a: 1 }),
    { type: 'TOOL_CALL_RESULT', messageId: 'r', toolCallId: 'k1', content: [{ type: 'text', text: 'x' }] },
    { type: 'TOOL_CALL_RESULT', messageId: 'r', toolCallId: 'old', content: 'late' },
    ...called('k2', 'rm', {}),
    { type: 'TOOL_CALL_RESULT', messageId: 'r2', toolCallId: 'k2', content: 'no', metadata: { isError: true } },
    ...called('k3', 'quiet', {}),
  )
  mapper.finish('completed')
  t.same(
    [...run.calls.values()],
    [
      { name: 'ls', args: '{"a":1}', state: 'ended', result: [{ type: 'text', text: 'x' }] },
      { name: 'rm', args: '{}', state: 'failed', result: { message: 'no' } },
      { name: 'quiet', args: '{}', state: 'ended', result: undefined },
    ],
  )
})

t.test('a message whose id changes when it is complete is shown once', async t => {
  const run = new NotedRun()
  const mapper = mapperOf(run)
  take(mapper, ...said('run-1', 'Hel', 'lo'), {
    type: 'MESSAGES_SNAPSHOT',
    messages: [{ id: 'final-1', role: 'assistant', content: 'Hello' }],
  })
  t.same([...run.messages.values()], [{ role: 'assistant', text: 'Hello', state: 'ended' }])
  t.equal(mapper.said, 'Hello')
})

t.test('a thread after an interrupted run has a result for each call', async t => {
  const call = (id: string, args: string) => ({
    id,
    type: 'function' as const,
    function: { name: 'f', arguments: args },
  })
  const messages = settled(
    [
      { id: 'a', role: 'assistant', content: 'x', toolCalls: [call('1', '{}'), call('2', '{"a":'), call('3', '')] },
      { id: 'r1', role: 'tool', toolCallId: '1', content: 'ok' },
      { id: 'b', role: 'assistant', toolCalls: [call('4', '{"a":')] },
      { id: 'c', role: 'assistant', content: 'y', toolCalls: [call('5', '{')] },
    ],
    'none',
  )
  t.match(messages, [
    { id: 'a', toolCalls: [{ id: '1' }, { id: '3' }] },
    { role: 'tool', toolCallId: '3', content: 'none', error: 'none' },
    { id: 'r1' },
    { id: 'c', content: 'y' },
  ])
  t.equal(messages.length, 4)
})

/** A valid run with random behaviour, including chunks and interleaving. */
function randomEvents(seed: number): AnyEvent[] {
  const { below, pick, next } = seededRandom(seed)
  const events: AnyEvent[] = [{ type: 'RUN_STARTED', threadId: 't', runId: 'r' }]
  const open = new Map<string, () => AnyEvent>()
  const text = () => pick(['a', 'é', '😀', ' ', '\n', '"', 'word '])
  let n = 0
  for (let i = 0; i < 60; i++) {
    const id = `x${seed}-${n}`
    const choice = below(10)
    if (choice < 3) {
      n++
      const kind = pick(['TEXT_MESSAGE', 'REASONING_MESSAGE'])
      events.push({ type: `${kind}_START`, messageId: id, role: kind === 'TEXT_MESSAGE' ? 'assistant' : 'reasoning' })
      open.set(id, () => ({ type: `${kind}_END`, messageId: id }))
    } else if (choice === 3) {
      n++
      events.push({ type: 'TOOL_CALL_START', toolCallId: id, toolCallName: 'f' })
      open.set(id, () => ({ type: 'TOOL_CALL_END', toolCallId: id }))
    } else if (open.size > 0) {
      const [known, end] = pick([...open])
      const ending = end()
      if (next() < 0.3) {
        events.push(ending)
        open.delete(known)
      } else {
        const type = ending.type === 'TOOL_CALL_END' ? 'TOOL_CALL_ARGS' : ending.type.replace('_END', '_CONTENT')
        events.push({ ...ending, type, delta: text() })
      }
    }
  }
  for (const end of open.values()) events.push(end())
  events.push({ type: 'RUN_FINISHED', threadId: 't', runId: 'r' })
  return events
}

t.test('for any valid run, the session and the thread have the same content, and nothing is left open', async t => {
  const flaws: unknown[] = []
  for (let seed = 1; seed <= 60; seed++) {
    const run = new NotedRun()
    const mapper = mapperOf(run)
    const history = new History([])
    const events = randomEvents(seed)
    for (const event of events) history.note(event as never)
    take(mapper, ...events)
    mapper.finish('completed')
    // What the AG-UI client makes of it.
    const frames = events.map(event => `data: ${JSON.stringify(event)}\n\n`).join('')
    const agent = new HttpAgent({ url: 'http://x.invalid', fetch: async () => new Response(frames) })
    await agent.runAgent()
    const messages = await history.messages()
    if (JSON.stringify(messages) !== JSON.stringify(agent.messages)) flaws.push({ seed, messages, not: agent.messages })
    const isOpen = [...run.messages.values(), ...run.calls.values()].some(({ state }) => state === 'open')
    const texts = [...run.messages].map(([id, { text }]) => [id, text])
    const expected = messages.flatMap(message =>
      message.role === 'assistant' && message.toolCalls !== undefined ? [] : [[message.id, message.content ?? '']],
    )
    if (isOpen || JSON.stringify(texts) !== JSON.stringify(expected)) flaws.push({ seed, isOpen, texts, not: expected })
  }
  t.same(flaws, [])
})
