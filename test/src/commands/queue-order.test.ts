import { isDeepStrictEqual } from 'node:util'
import { type Command, compareQueued } from '@fleetwire/protocol'
import t from 'tap'
import { AgentCommands } from '../../../src/commands/agent-commands.ts'
import { seededRandom } from '../../helpers/random.ts'
import { aCommand } from './command-samples.ts'

const queued = (commandId: string, patch: Partial<Command> = {}) => aCommand({ commandId, ...patch })
const ids = (commands: readonly Command[]) => commands.map(command => command.commandId)

t.test('[CQ2] higher priority goes first, then commands that interrupt, then the order of submission', async t => {
  const commands = [
    queued('cmd_1', { priority: -1, whenBusy: 'interrupt' }),
    queued('cmd_2'),
    queued('cmd_3', { whenBusy: 'reject' }),
    queued('cmd_4', { whenBusy: 'interrupt' }),
    queued('cmd_5', { priority: 1 }),
    queued('cmd_6', { whenBusy: 'interrupt' }),
  ]
  t.same(ids(commands.toSorted(compareQueued)), ['cmd_5', 'cmd_4', 'cmd_6', 'cmd_2', 'cmd_3', 'cmd_1'])
})

t.test('[CQ2] [CQ15] commands moved to the front go before any priority, the last moved first', async t => {
  const commands = [
    queued('cmd_1', { priority: 100, whenBusy: 'interrupt' }),
    queued('cmd_2', { priority: -100, runNextAt: 5 }),
    queued('cmd_3', { runNextAt: 6 }),
    queued('cmd_4', { priority: 1, runNextAt: 5 }),
  ]
  t.same(ids(commands.toSorted(compareQueued)), ['cmd_3', 'cmd_4', 'cmd_2', 'cmd_1'])
})

t.test('[CQ2] the order is total: a command is equal only to itself', async t => {
  const random = seededRandom(7)
  const commands = Array.from({ length: 40 }, (_, i) => aRandomCommand(random, i))
  for (const a of commands) {
    for (const b of commands) {
      const order = compareQueued(a, b)
      if (Math.sign(order) !== -Math.sign(compareQueued(b, a)) || (order === 0) !== (a === b)) {
        return t.fail(`${a.commandId} and ${b.commandId}`)
      }
    }
  }
  t.pass(`all pairs of ${commands.length} commands`)
})

function aRandomCommand(random: ReturnType<typeof seededRandom>, i: number): Command {
  return queued(`cmd_${String(i).padStart(5, '0')}`, {
    priority: random.below(3) - 1,
    whenBusy: random.pick(['enqueue', 'interrupt', 'reject']),
    ...(random.next() < 0.3 && { runNextAt: 1 + random.below(3) }),
  })
}

t.test('[CQ2] [CD1] a queue always equals the sorted list of its commands, whatever changes', async t => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed)
    const queue = new AgentCommands()
    const model = new Map<string, Command>()
    for (let step = 0; step < 60; step++) {
      const before = random.next() < 0.4 ? undefined : model.get(random.pick([...model.keys(), '']))
      const after = nextOf(random, before, step)
      queue.replace(before, after)
      if (before !== undefined) model.delete(before.commandId)
      if (after !== undefined) model.set(after.commandId, after)
      const seen = [queue.queued[0], queue.waiting, queue.isEmpty, ids(queue.inFlight).sort(), [...queue.all()].length]
      if (isDeepStrictEqual(seen, expected([...model.values()]))) continue
      return t.same(seen, expected([...model.values()]), `seed ${seed}, step ${step}`)
    }
  }
  t.pass('on every step of every walk')
})

function expected(all: Command[]) {
  const waiting = all.filter(command => command.status === 'queued').sort(compareQueued)
  const inFlight = all.filter(command => command.status !== 'queued')
  return [waiting[0], waiting.length, all.length === 0, ids(inFlight).sort(), all.length]
}

/** A new command, or a change of one: another priority, under way, queued again, ended. */
function nextOf(random: ReturnType<typeof seededRandom>, before: Command | undefined, step: number) {
  if (before === undefined) return aRandomCommand(random, step)
  if (random.next() < 0.3) return undefined
  return { ...before, priority: random.below(3), status: random.pick(['queued', 'dispatched', 'running'] as const) }
}
