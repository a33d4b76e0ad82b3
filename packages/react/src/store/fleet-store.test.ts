import t from 'tap'
import { agentRecord, commandRecord, ScriptedFleet } from '../testing/scripted-fleet.ts'
import { storeOf } from './fleet-store.ts'
import { patterns } from './record-kind.ts'

t.test('a listener that throws does not keep other feeds from being shown; the fault is told', async t => {
  const fleet = new ScriptedFleet()
  fleet.records = [agentRecord('a1'), commandRecord('c1')]
  const store = storeOf(fleet.client)
  t.equal(storeOf(fleet.client), store, 'one store per client')
  const faults: unknown[] = []
  const { queueMicrotask } = globalThis
  globalThis.queueMicrotask = callback =>
    queueMicrotask(() => {
      try {
        callback()
      } catch (error) {
        faults.push(error)
      }
    })
  fleet.client.connect()
  const agents = store.records('agent', patterns.agents)
  const commands = store.records('command', patterns.commands())
  const releases = [agents.retain(), commands.retain()]
  t.after(() => {
    globalThis.queueMicrotask = queueMicrotask
    for (const release of releases) release()
    fleet.client.close()
  })
  const thrown = new Error('a listener')
  agents.onRecord('a1', () => {
    if (agents.get('a1') !== undefined) throw thrown
  })
  await new Promise<void>(resolve => commands.onRecord('c1', () => commands.get('c1') && resolve()))
  t.equal(commands.get('c1')?.commandId, 'c1')
  await new Promise(resolve => setImmediate(resolve))
  t.same(faults, [thrown])
})
