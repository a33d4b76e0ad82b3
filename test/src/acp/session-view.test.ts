import type { SessionUpdate } from '@agentclientprotocol/sdk'
import { test } from 'tap'
import { idlePort } from '../../../src/acp/idle-port.ts'
import { SessionView } from '../../../src/acp/session-view.ts'
import { seededRandom } from '../../helpers/random.ts'

type Frame = [type: string, payload: Record<string, unknown>]

/** A view, and the frames that it reports. */
function view() {
  const frames: Frame[] = []
  let ids = 0
  const newId = () => `${++ids}`
  let open: string[] = []
  const client = { report: (type: string, payload: unknown) => void frames.push([type, payload as Frame[1]]) }
  const port = idlePort('s1', newId, () => client as never)
  const options = { sessionId: 's1', acpId: 'acp/1', source: 'test', newId: () => `plan_${newId()}` }
  const made = new SessionView({ ...options, onOpenTasks: ids => (open = ids) }, port)
  return { view: made, port, frames, openTasks: () => open }
}

const text = (kind: 'agent_message_chunk' | 'agent_thought_chunk', of: string, messageId?: string): SessionUpdate => ({
  ...{ sessionUpdate: kind, content: { type: 'text', text: of } },
  ...(messageId !== undefined && { messageId }),
})

test('a message ends where something else begins', t => {
  const { view: v, port, frames } = view()
  v.beginTurn(port, 'a note')
  v.apply(text('agent_message_chunk', 'one'))
  v.apply(text('agent_message_chunk', ' two'))
  v.apply(text('agent_thought_chunk', 'hm'))
  v.apply(text('agent_message_chunk', 'a', 'm1'))
  v.apply(text('agent_message_chunk', '', 'm9'))
  v.apply(text('agent_message_chunk', 'b', 'm2'))
  v.apply({ sessionUpdate: 'user_message_chunk', content: { type: 'text', text: 'an echo' } })
  v.apply({
    sessionUpdate: 'agent_message_chunk',
    content: { type: 'image', data: 'AAAA', mimeType: 'image/png' },
    messageId: 'm2',
  })
  v.endTurn('ended')
  const told = frames.map(([type, { role, delta }]) => (type === 'message:start' ? `<${role}>` : (delta ?? '.')))
  t.equal(
    told.join(''),
    '<system>a note.<assistant>one two.<reasoning>hm.<assistant>a.<assistant>b[image image/png, 3 bytes].',
  )
  t.equal(v.text, 'one two\n\na\n\nb[image image/png, 3 bytes]')
  t.end()
})

test('a call is shown at once, its arguments once they are known, its content at its end', t => {
  const { view: v, port, frames } = view()
  v.beginTurn(port)
  frames.length = 0
  v.apply({ sessionUpdate: 'tool_call', toolCallId: 'c', title: 'Edit', kind: 'edit', status: 'pending', rawInput: {} })
  v.apply({
    sessionUpdate: 'tool_call_update',
    toolCallId: 'c',
    rawInput: { path: '/a' },
    locations: [{ path: '/a', line: 3 }],
  })
  v.apply({ sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'in_progress' })
  v.apply({
    ...{ sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'completed', title: null },
    content: [
      { type: 'diff', path: '/a', oldText: 'x\ny\n', newText: 'x\nz\n' },
      { type: 'content', content: { type: 'text', text: 'done' } },
      { type: 'terminal', terminalId: 'term_1' },
    ],
  })
  v.apply({ sessionUpdate: 'tool_call_update', toolCallId: 'c', content: [] })
  t.same(
    frames.map(([type, { toolCallId: _, sessionId: __, ...payload }]) => [type, payload]),
    [
      ['tool:start', { name: 'Edit' }],
      ['tool:args', { delta: '{"kind":"edit","locations":["/a:3"],"input":{"path":"/a"}}' }],
      [
        'tool:end',
        {
          result: {
            status: 'completed',
            locations: ['/a:3'],
            content: [
              { type: 'diff', path: '/a', diff: '--- /a\n+++ /a\n@@ -1,2 +1,2 @@\n x\n-y\n+z' },
              { type: 'text', text: 'done' },
              { type: 'terminal', terminalId: 'term_1' },
            ],
          },
        },
      ],
    ],
  )
  // The next turn reuses the id.
  v.apply({ sessionUpdate: 'tool_call', toolCallId: 'c', title: 'Edit', rawInput: { path: '/b' } })
  v.apply({ sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'failed', rawOutput: 'no such file' })
  v.apply({ sessionUpdate: 'tool_call_update', toolCallId: 'unknown', status: 'completed' })
  v.apply({
    sessionUpdate: 'tool_call',
    toolCallId: 'open',
    title: 'Run',
    kind: 'execute',
    rawInput: { command: 'ls' },
  })
  v.endTurn('cancelled')
  const ends = frames.filter(([type]) => type === 'tool:end').map(([, payload]) => payload)
  t.match(ends.slice(1), [
    { error: { code: 'tool_failed', message: 'no such file' } },
    { result: { status: 'completed' } },
    { error: { code: 'cancelled' } },
  ])
  const ids = frames.filter(([type]) => type === 'tool:start').map(([, { toolCallId }]) => toolCallId)
  t.equal(new Set(ids).size, 4, 'each call has its own id')
  t.end()
})

test('content that is too large for a frame is truncated with a mark', t => {
  const { view: v, port, frames } = view()
  v.beginTurn(port)
  const newText = `${'x'.repeat(99)}\n`.repeat(20_000)
  v.apply({
    ...{ sessionUpdate: 'tool_call', toolCallId: 'c', title: 'T'.repeat(3000), status: 'completed' },
    rawInput: { content: newText },
    content: [{ type: 'diff', path: '/a', oldText: null, newText }],
  })
  for (const [, payload] of frames) t.ok(Buffer.byteLength(JSON.stringify(payload)) < 200_000)
  t.match(JSON.stringify(frames.at(-1)), /characters cut/)
  let deep: unknown = 'x'
  for (let i = 0; i < 5000; i++) deep = [deep]
  v.apply({ sessionUpdate: 'tool_call', toolCallId: 'd', title: 'deep', status: 'completed', rawInput: { deep } })
  t.match(JSON.stringify(frames.at(-2)), /nested too deeply/)
  t.end()
})

/** Frames that the server would refuse, and items left open. */
function flawsOf(frames: readonly Frame[]): string[] {
  const flaws: string[] = []
  const open = new Map<string, string>()
  const tasks = new Map<string, string>()
  const legal: Record<string, string[]> = {
    'task:start': ['pending', 'paused'],
    'task:pause': ['pending', 'running'],
    'task:complete': ['pending', 'running', 'paused'],
    'task:cancel': ['pending', 'running', 'paused'],
    'task:update': ['pending', 'running', 'paused'],
  }
  const to: Record<string, string> = { start: 'running', pause: 'paused', complete: 'completed', cancel: 'cancelled' }
  for (const [type, payload] of frames) {
    const [noun = '', verb = ''] = type.split(':')
    const id = (payload.messageId ?? payload.toolCallId ?? payload.taskId) as string
    if (noun === 'task') {
      const state = tasks.get(id)
      if (verb === 'create' ? state !== undefined : !legal[type]?.includes(state ?? ''))
        flaws.push(`${type} of a task that is ${state}`)
      tasks.set(id, verb === 'create' ? 'pending' : (to[verb] ?? state ?? ''))
    } else if (verb === 'start') {
      if (open.has(id)) flaws.push(`${type} of ${id}, which is open`)
      if ([...open.values()].includes('message')) flaws.push(`${type} while a message is open`)
      open.set(id, noun)
    } else if (noun === 'message' || noun === 'tool') {
      if (!open.has(id)) flaws.push(`${type} of ${id}, which is not open`)
      if (verb === 'end') open.delete(id)
    }
  }
  return [...flaws, ...[...open.keys()].map(id => `${id} is left open`)]
}

test('1,000 programs with random behaviour are reported in order, and no text is lost', t => {
  const statuses = ['pending', 'in_progress', 'completed', 'failed', undefined] as const
  for (let seed = 1; seed <= 1000; seed++) {
    const { next, below, pick: any } = seededRandom(seed)
    const { view: v, port, frames, openTasks } = view()
    let said = ''
    const turns = 1 + below(3)
    for (let turn = 0; turn < turns; turn++) {
      v.beginTurn(port)
      const steps = below(30)
      for (let step = 0; step < steps; step++) {
        const kind = any(['message', 'thought', 'call', 'change', 'plan'] as const)
        const toolCallId = any(['a', 'b', 'c'])
        const status = any(statuses)
        const of = { toolCallId, ...(status && { status }), ...(next() < 0.5 && { rawInput: { at: step } }) }
        if (kind === 'message' || kind === 'thought') {
          const piece = any(['x', 'é', '😀', '', '\n'])
          if (kind === 'message') said += piece
          v.apply(text(`agent_${kind}_chunk`, piece, any(['m1', 'm2', undefined])))
        } else if (kind === 'call') v.apply({ sessionUpdate: 'tool_call', title: any(['T', '']), ...of })
        else if (kind === 'change')
          v.apply({ sessionUpdate: 'tool_call_update', ...of, ...(next() < 0.3 && { title: 'U' }) })
        else {
          const entries = Array.from({ length: below(4) }, () => ({
            ...{ content: any(['p', 'q', 'r']), priority: 'low' as const },
            status: any(['pending', 'in_progress', 'completed'] as const),
          }))
          v.apply({ sessionUpdate: 'plan', entries })
        }
      }
      v.endTurn(any(['ended', 'cancelled']))
    }
    v.end('The program ended.')
    const flaws = flawsOf(frames)
    if (flaws.length > 0) t.fail(`seed ${seed}: ${flaws.join('; ')}`)
    const roles = new Map(frames.map(([, { messageId, role }]) => [messageId, role]).filter(([, role]) => role) as [])
    const heard = frames
      .flatMap(([, p]) => (roles.get(p.messageId as never) === 'assistant' ? [p.delta ?? ''] : []))
      .join('')
    if (heard !== said) t.fail(`seed ${seed}: ${JSON.stringify(heard)} in place of ${JSON.stringify(said)}`)
    if (openTasks().length > 0) t.fail(`seed ${seed}: open tasks`)
  }
  t.end()
})
