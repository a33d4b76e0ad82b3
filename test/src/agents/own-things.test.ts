import { topics } from '@fleetwire/protocol'
import t from 'tap'
import { deadlines, startFleet } from '../../helpers/fleet.ts'

t.test('[CD5] [UP11] the heartbeat and the inventory of another agent are no sign of life for a command', async t => {
  const fleet = await startFleet(t)
  const [agent, other] = [fleet.agent('a1'), fleet.agent('a2')]
  await agent.hello()
  await other.hello()
  const { commandId } = await fleet.submit('a1', { runTimeoutMs: 0 })
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  await agent.acked(1)
  const left = fleet.clock.monotonic()
  other.live(fleet.clock, deadlines.leaseMs - 1000, [commandId])
  const returned = fleet.agent('a2')
  await returned.hello({ inventory: [{ commandId, attempt: 1, state: 'running' }] })
  returned.report('command:progress', { commandId, attempt: 1, progress: 0.5 })
  await returned.acked(1)
  t.equal(fleet.dispatcher.heardAt(commandId), left, 'last heard of when its own agent last reported it')
  fleet.clock.advance(1000)
  await fleet.commandEvent(commandId, 'command:lost')
})

t.test('[UP11] messages, tool calls and questions that name another agent’s things are refused', async t => {
  const fleet = await startFleet(t)
  const [agent, other] = [fleet.agent('a1'), fleet.agent('a2')]
  await agent.hello()
  await other.hello()
  const { commandId } = await fleet.submit('a1', { taskId: 'of-the-command' })
  const { commandId: ended } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  agent.report('task:start', { taskId: 'mine' })
  agent.report('session:start', { sessionId: 's' })
  await agent.acked(3)
  await fleet.commandQueue.interrupt(ended, { canSee: () => true })
  const open = { sessionId: 'own', messageId: 'm' }
  const foreign = [
    ['message:start', { sessionId: 'own', messageId: 'm1', commandId }, 'not_found'],
    ['message:delta', { sessionId: 'own', messageId: 'm1', commandId: ended, delta: 'x' }, 'not_found'],
    ['message:start', { sessionId: 'own', messageId: 'm1', taskId: 'mine' }, 'conflict'],
    ['message:start', { sessionId: 's', messageId: 'm1' }, 'conflict'],
    ['tool:start', { sessionId: 'own', toolCallId: 't', name: 'n', commandId }, 'not_found'],
    ['message:delta', { ...open, commandId, delta: 'x' }, 'not_found'],
    ['message:delta', { ...open, taskId: 'mine', delta: 'x' }, 'conflict'],
    ['message:end', { ...open, commandId, text: 'x' }, 'not_found'],
    ['session:activity', { sessionId: 's' }, 'conflict'],
    ['state:snapshot', { sessionId: 's', snapshot: {} }, 'conflict'],
    ['interaction:request', question({ commandId }), 'not_found'],
    ['interaction:request', question({ sessionId: 's' }), 'conflict'],
    ['task:complete', { taskId: 'mine' }, 'conflict'],
    ['command:progress', { commandId, attempt: 1, progress: 1 }, 'not_found'],
    ['command:reject', { commandId, attempt: 1 }, 'not_found'],
    ['command:result', { commandId, attempt: 1, status: 'succeeded' }, 'not_found'],
    ['interaction:applied', { interactionId: 'q' }, 'not_found'],
  ] as const
  other.report('message:start', open)
  for (const [type, payload] of foreign) other.report(type, payload as never)
  await other.acked(1 + foreign.length)
  t.same(
    other.errors.map(({ code }) => code),
    foreign.map(([, , code]) => code),
  )
  t.notOk(
    fleet.events.find(
      ({ topic, taskId }) =>
        topic.startsWith('agents.a2.') && (taskId !== undefined || topic === topics.sessionMessages('a2', 's')),
    ),
  )
  t.match(fleet.ledger.live(commandId), { status: 'running', agentId: 'a1' })

  agent.report('message:start', { sessionId: 's', messageId: 'm', commandId, taskId: 'of-the-command' })
  agent.report('message:delta', { sessionId: 's', messageId: 'm', commandId, taskId: 'of-the-command', delta: 'x' })
  agent.report('message:end', { sessionId: 's', messageId: 'm', taskId: 'mine' })
  await agent.acked(6)
  t.same(agent.errors, [], 'an agent may name its own')
})

const question = (about: object) => ({ interactionId: 'q', kind: 'question', title: 'x', options: [], ...about })
