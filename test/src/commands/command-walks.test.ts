import { type Command, eventFlaw, isFinal } from '@fleetwire/protocol'
import t from 'tap'
import { type CommandEvent, ranMs, transition } from '../../../src/commands/command-state.ts'
import { seededRandom } from '../../helpers/random.ts'
import { aCommand, T0, trials } from './command-samples.ts'

const WALKS = 3000
const STEPS = 40

type Random = ReturnType<typeof seededRandom>
type Step = Extract<ReturnType<typeof transition>, { to: 'next' }>

const grown = (before: number | undefined, after: number | undefined) => (after ?? 0) >= (before ?? 0)
const fixed = ['commandId', 'agentId', 'kind', 'createdBy', 'createdAt', 'onLost', 'whenBusy'] as const

/** What holds after every change of every command. */
const invariants: Record<
  string,
  (before: Command, after: Command, event: CommandEvent, type: Step['type']) => boolean
> = {
  '[CS2] a final status never changes': (before, after) => !isFinal(before.status) || after.status === before.status,
  '[CS2] only a result changes a command that has ended': (before, _after, event) =>
    !isFinal(before.status) || event.kind === 'result',
  '[CS3] attempts grow by a dispatch alone, by one, and shrink by a busy rejection alone': (before, after, event) => {
    const busy = event.kind === 'reject' && event.reason === 'busy' && after.status === 'queued'
    return after.attempt - before.attempt === (event.kind === 'dispatch' ? 1 : busy ? -1 : 0)
  },
  '[CS4] every command fits its schema': (_before, after, _event, type) => eventFlaw(type, after) === undefined,
  '[CS4] no key holds undefined': (_before, after) => !Object.values(after).includes(undefined),
  '[CS4] who it is never changes': (before, after) => fixed.every(key => before[key] === after[key]),
  '[CS4] a phase exactly while running': (_before, after) =>
    (after.phase !== undefined) === (after.status === 'running'),
  '[CS4] an end has its time': (_before, after) => (after.endedAt !== undefined) === isFinal(after.status),
  '[CS4] what runs has started': (_before, after) => after.status !== 'running' || after.startedAt !== undefined,
  '[CS4] only what runs waits': (_before, after) => after.waitingSince === undefined || after.status === 'running',
  '[CS4] nothing queued is asked to stop': (_before, after) =>
    after.status !== 'queued' || after.cancelRequestedAt === undefined,
  '[CS4] a request to stop stands until the end': (before, after) =>
    before.cancelRequestedAt === undefined || after.cancelRequestedAt === before.cancelRequestedAt,
  '[CS22] the time waited only grows within a run': (before, after) =>
    after.status === 'queued' || grown(before.waitedMs, after.waitedMs),
  '[CS22] the run clock never goes back': (before, after) => {
    const runs = ({ status, waitingSince }: Command) => status === 'running' && waitingSince === undefined
    const isSameRun = runs(before) && runs(after) && before.startedAt === after.startedAt
    return !isSameRun || ranMs(after, T0 + 1e9) <= ranMs(before, T0 + 1e9)
  },
  '[CS25] the event is named after what changed': (before, after, event, type) => type === typeOf(before, after, event),
}

function typeOf(before: Command, after: Command, event: CommandEvent): string {
  const asked = after.cancelRequestedAt !== undefined
  if (isFinal(after.status) && !isFinal(before.status)) return `command:${after.status}`
  if (!isFinal(after.status) && asked && (before.cancelRequestedAt === undefined || before.status !== after.status)) {
    return 'command:cancelling'
  }
  if (before.status !== after.status || event.kind === 'edit') return `command:${after.status}`
  return 'command:progress'
}

function aStart(chance: Random): Command {
  const runTimeoutMs = chance.pick([0, 1000, 60_000])
  return aCommand({ onLost: chance.pick(['fail', 'requeue']), runTimeoutMs, priority: chance.below(3) })
}

/** Mostly events of the current attempt, so that walks make progress. */
function anEvent(chance: Random, attempt: number): CommandEvent {
  const { event } = chance.pick(trials)
  return event(chance.next() < 0.8 ? attempt : attempt + chance.below(5) - 2)
}

function walk(seed: number): { ends: number; broken: string | undefined } {
  const chance = seededRandom(seed)
  let command = Object.freeze(aStart(chance))
  let now = T0
  let ends = 0
  for (let step = 0; step < STEPS; step++) {
    // The wall clock may be set back.
    now += chance.below(3000) - 300
    const event = anEvent(chance, command.attempt)
    const result = transition(command, event, now)
    if (result.to === 'same') continue
    const after = Object.freeze(result.command)
    for (const [rule, holds] of Object.entries(invariants)) {
      if (holds(command, after, event, result.type)) continue
      const what = JSON.stringify({ event, type: result.type, before: command, after })
      return { ends, broken: `seed ${seed}, step ${step}: ${rule}: ${what}` }
    }
    if (!isFinal(command.status) && isFinal(after.status)) ends++
    command = after
  }
  return { ends, broken: undefined }
}

t.test(`[CS2] [CS3] [CS4] [CS25] the invariants hold on ${WALKS} random walks`, async t => {
  let ended = 0
  for (let seed = 1; seed <= WALKS; seed++) {
    const { ends, broken } = walk(seed)
    if (broken !== undefined) return t.fail(broken)
    if (ends > 1) return t.fail(`seed ${seed}: ended ${ends} times`)
    ended += ends
  }
  t.ok(ended > WALKS / 2, `${ended} walks reached an end`)
})
