import type { Command } from '@fleetwire/protocol'
import t from 'tap'
import type { AppendResult, EventDraft, EventLog } from '../../../src/log/event-log.ts'
import { startFleet } from '../../helpers/fleet.ts'

/** Events appended during a commit wait for the next one, as in every log. */
function slowCommits(log: EventLog, commitMs: number) {
  const append = log.append.bind(log)
  let waiting: { drafts: readonly EventDraft[]; settle: (result: AppendResult | Promise<AppendResult>) => void }[] = []
  let isCommitting = false
  let commits = 0
  const commit = () => {
    isCommitting = true
    commits++
    const group = waiting
    waiting = []
    setTimeout(async () => {
      const results = group.map(({ drafts }) => append(drafts))
      await Promise.allSettled(results)
      group.forEach(({ settle }, i) => void settle(results[i]!))
      isCommitting = false
      if (waiting.length > 0) commit()
    }, commitMs)
  }
  log.append = drafts =>
    new Promise(settle => {
      waiting.push({ drafts, settle })
      if (!isCommitting) setImmediate(() => !isCommitting && commit())
    })
  return {
    get commits() {
      return commits
    },
  }
}

const COMMANDS = 24

t.test('an agent with many commands under way waits for a few commits, not for one per report', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello({ maxConcurrency: 8 })
  const log = slowCommits(fleet.log, Number(process.env.COMMIT_MS ?? 5))
  const ended: Command[] = []
  fleet.log.follow(events => {
    for (const { type, payload } of events) if (type === 'command:succeeded') ended.push(payload as Command)
  })
  await Promise.all(Array.from({ length: COMMANDS }, () => fleet.submit('a1')))
  let taken = 0
  await agent.until(() => {
    for (const frame of agent.sent.slice(taken)) {
      taken++
      if (frame.type !== 'command:dispatch') continue
      const { commandId, attempt } = frame.payload
      agent.report('command:ack', { commandId, attempt })
      agent.report('agent:error', { message: `working on ${commandId}` })
      agent.report('command:result', { commandId, attempt, status: 'succeeded', output: commandId })
    }
    return ended.length === COMMANDS || undefined
  })
  t.ok(log.commits <= COMMANDS, `${log.commits} commits instead of one per ack and result: ${2 * COMMANDS}`)
  t.same(
    ended.map(({ output, commandId }) => output === commandId),
    ended.map(() => true),
  )
  t.same(new Set(ended.map(({ commandId }) => commandId)).size, COMMANDS)
  t.same(agent.errors, [])
})

t.test('reports on a command that changed in the meantime are decided again, each once', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello({ maxConcurrency: 4 })
  const commands = await Promise.all(Array.from({ length: 4 }, () => fleet.submit('a1')))
  for (const { commandId } of commands) await agent.next('command:dispatch', frame => frame.commandId === commandId)
  slowCommits(fleet.log, 5)
  const [, , asked] = commands
  const { ledger } = fleet
  // In the log before the reports, but not yet delivered when they are decided.
  const cancelled = ledger.apply(asked!.commandId, { kind: 'cancel', reason: 'enough' })
  for (const { commandId } of commands) agent.report('command:ack', { commandId, attempt: 1 })
  agent.report('agent:error', { message: 'between' })
  for (const { commandId } of commands)
    agent.report('command:result', { commandId, attempt: 1, status: 'succeeded', output: commandId })
  await agent.acked(9)
  t.match(await cancelled, { status: 'changed' })
  for (const { commandId } of commands) t.match(await ledger.get(commandId), { status: 'succeeded', output: commandId })
  const told = (type: string) => fleet.events.filter(event => event.type === type).length
  // The ack of the cancelled one is published as `command:cancelling`.
  t.same([told('command:running'), told('command:succeeded'), told('agent:error')], [3, 4, 1])
  t.same(agent.errors, [])
})
