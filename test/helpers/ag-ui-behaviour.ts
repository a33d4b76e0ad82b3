import type { Command, Interaction } from '@fleetwire/protocol'
import type { LoggedEvent } from '../../src/ag-ui/run-fold.ts'
import type { seededRandom } from './random.ts'

type Random = ReturnType<typeof seededRandom>

const AGENT = 'a'
const SESSION = 's'
export const COMMAND = 'cmd_1'

const command = (fields: Partial<Command>): Command => ({
  ...{ commandId: COMMAND, agentId: AGENT, kind: 'prompt', input: 'x', sessionId: SESSION, status: 'running' },
  ...{ attempt: 1, priority: 0, whenBusy: 'enqueue', createdBy: 'ann', createdAt: 1, queueTtlMs: 1, runTimeoutMs: 0 },
  onLost: 'fail',
  ...fields,
})

const interaction = (interactionId: string, state: Interaction['state']): Interaction => ({
  ...{ interactionId, agentId: AGENT, commandId: COMMAND, kind: 'permission', title: 'May I?', description: '' },
  ...{ risk: 'low', options: [{ id: 'yes', label: 'Yes', effect: 'allow' }], defaultOnTimeout: 'deny', createdAt: 1 },
  state,
})

/** With `tidy` ids, each id has one kind and one role. */
const wild = { ids: ['m1', 'm2', 'm3', 'x'], calls: ['t1', 't2', 'x'], parents: ['m1', 'm2', 'm3', 'x'] }
const tidy = { ids: ['m1', 'm2', 'r1'], calls: ['t1', 't2'], parents: ['m1', 'm2'] }
const words = ['', 'a', 'lorem ', '😀', '\ud83d', '"\n', '{"q":', '1}', 'ipsum']
const roles = ['assistant', 'assistant', 'assistant', 'user', 'reasoning', 'thinking', 'tool', 'odd', 'system']

/**
 * Random events of one run, including many that the log should not contain: messages and calls that are interleaved,
 * begun twice, never begun, never ended or reported after the end; questions; a command that ends in any way, or not.
 */
export function randomBehaviour({ below, pick, next }: Random, length: number, isTidy: boolean): LoggedEvent[] {
  const { ids, calls, parents } = isTidy ? tidy : wild
  const roleOf = (id: string) => (isTidy ? (id === 'r1' ? 'reasoning' : 'assistant') : pick(roles))

  const events: LoggedEvent[] = []
  let at = 1
  const add = (type: string, payload: object, topic = 'x') => events.push({ type, topic, at: at++, payload })
  const named = () => (next() < 0.8 ? { commandId: COMMAND } : next() < 0.8 || isTidy ? {} : { commandId: 'cmd_other' })
  const of = () => ({ agentId: AGENT, sessionId: next() < 0.9 || isTidy ? SESSION : 'other', ...named() })
  const waiting = (waits: boolean) =>
    command(waits ? { phase: 'waiting_input', waitingSince: 1 } : { phase: 'working' })
  const open = new Set<string>()
  const message = () => {
    const messageId = pick(ids)
    return { messageId, role: roleOf(messageId) }
  }
  let asked = 0
  add('command:queued', command({ status: 'queued' }))
  if (next() < 0.9) add('command:running', waiting(false))
  const acts: (() => void)[] = [
    () =>
      add('message:start', {
        ...of(),
        ...message(),
        ...(next() < 0.3 && { text: pick(words) }),
      }),
    () => add('message:delta', { ...of(), messageId: pick(ids), delta: pick(words) }),
    () => add('message:delta', { ...of(), messageId: pick(ids), delta: pick(words) }),
    () =>
      add('message:end', { ...of(), messageId: pick(ids), ...(next() < 0.3 && { text: pick(words) + pick(words) }) }),
    () =>
      add('tool:start', {
        ...of(),
        toolCallId: pick(calls),
        name: pick(['search', 'front']),
        ...(next() < 0.3 && { args: pick([{ q: 1 }, null, 'text', [1]]) }),
        ...(next() < 0.3 && { messageId: pick(parents) }),
      }),
    () => add('tool:args', { ...of(), toolCallId: pick(calls), delta: pick(words) }),
    () =>
      add('tool:end', {
        ...of(),
        toolCallId: pick(calls),
        ...(next() < 0.4 && { result: pick(['ok', { hits: 1 }, null]) }),
        ...(next() < 0.2 && { error: pick(['no', { code: 'abandoned', message: 'gone' }]) }),
        ...(next() < 0.2 && { args: { q: 2 } }),
      }),
    () => add('state:snapshot', { ...of(), snapshot: pick([{ n: 1 }, {}, null, [1, 2], 'text']) }),
    () =>
      add('state:patch', {
        ...of(),
        patch: [
          pick([
            { op: 'add', path: '/n', value: below(9) },
            { op: 'remove', path: '/n' },
            { op: 'add', path: '/constructor', value: 1 },
          ]),
        ],
      }),
    () =>
      add('agent:status', {
        agentId: AGENT,
        status: 'online',
        link: pick(['online', 'late']),
        work: 'working',
        detail: '',
      }),
    () => add('command:progress', { ...waiting(false), progress: { progress: next(), message: pick(words) } }),
    () =>
      add(pick(['task:started', 'task:completed', 'task:paused', 'task:created']), {
        taskId: pick(['k1', 'k2']),
        title: pick(['build', '']),
        agentId: AGENT,
        createdAt: 2,
        status: pick(['pending', 'running', 'completed', 'failed', 'paused']),
      }),
  ]
  while (events.length < length) {
    const chance = next()
    if (chance < 0.06) {
      const id = `int_${asked++}`
      open.add(id)
      add('interaction:requested', interaction(id, 'open'))
      if (next() < 0.8) add('command:progress', waiting(true))
    } else if (chance < 0.14 && open.size > 0) {
      const id = pick([...open])
      open.delete(id)
      add('interaction:resolved', interaction(id, pick(['resolved', 'expired', 'cancelled'])))
      if (open.size === 0 && next() < 0.9) add('command:progress', waiting(false))
    } else pick(acts)()
  }
  const end = pick(['succeeded', 'failed', 'cancelled', 'lost', 'timed_out', 'expired', 'rejected', undefined] as const)
  if (end !== undefined) {
    // An ended command has no open questions.
    for (const id of open) add('interaction:cancelled', interaction(id, 'cancelled'))
    const output = pick([undefined, null, 'said at the end', { a: 1 }])
    const error = pick([undefined, 'broken', { message: 'broken', code: 'EBROKEN' }])
    add(
      `command:${end}`,
      command({
        status: end,
        endedAt: 1,
        ...(output !== undefined && { output }),
        ...(error !== undefined && { error }),
      }),
    )
    for (let late = below(4); late > 0; late--) pick(acts)()
  }
  return events
}
