import type { Command } from '@fleetwire/protocol'
import { test } from 'tap'
import { BatchGate } from '../../../src/commands/batch-gate.ts'

const command = (commandId: string, status: Command['status'], parentId: string | undefined = 'b') =>
  ({ commandId, agentId: `agent-of-${commandId}`, status, parentId }) as Command
const queued = (id: string) => command(id, 'queued')

/** A gate with a batch of three queued commands, of which two may run at once. */
function setUp() {
  const gate = new BatchGate()
  const free: string[] = []
  const failed: string[] = []
  gate.onFree(agentId => free.push(agentId))
  gate.onFailures(parentId => failed.push(parentId))
  gate.add('b', { maxParallel: 2, stopOnFailures: 2 })
  for (const id of ['1', '2', '3']) gate.changed(queued(id))
  return { gate, free, failed }
}

test('[FC3] as many commands pass as may run at once, and the next when one has ended', t => {
  const { gate, free } = setUp()
  for (const id of ['1', '2']) {
    t.ok(gate.isOpen(queued(id)))
    gate.enter(queued(id))
    gate.changed(command(id, 'dispatched'))
  }
  t.notOk(gate.isOpen(queued('3')))
  gate.changed(command('1', 'running'))
  t.same(free, [], 'progress alone frees no slot')
  gate.changed(command('1', 'succeeded'))
  t.same(free, ['agent-of-3'])
  t.ok(gate.isOpen(queued('3')))
  t.end()
})

test('[FC3] a slot that was taken but not used, or given back, is free again', t => {
  const { gate } = setUp()
  gate.enter(queued('1'))
  gate.enter(queued('2'))
  t.notOk(gate.isOpen(queued('3')))
  gate.changed(queued('2'))
  t.ok(gate.isOpen(queued('3')), 'the log did not accept the dispatch')
  gate.enter(queued('3'))
  gate.changed(command('1', 'dispatched'))
  gate.changed(queued('1'))
  t.ok(gate.isOpen(queued('2')), 'not acknowledged: back to queued')
  t.end()
})

test('[FC4] enough failures are reported once', t => {
  const { gate, failed } = setUp()
  gate.changed(command('1', 'failed'))
  t.same(failed, [])
  gate.changed(command('2', 'lost'))
  gate.changed(command('3', 'timed_out'))
  t.same(failed, ['b'])
  t.end()
})

test('success and cancellation are not failures, and other commands are not affected', t => {
  const { gate, failed } = setUp()
  for (const id of ['1', '2']) gate.changed(command(id, 'cancelled'))
  gate.changed(command('3', 'succeeded'))
  t.same(failed, [])
  t.ok(gate.isOpen(command('x', 'queued', undefined)))
  t.ok(gate.isOpen(command('y', 'queued', 'unknown')))
  t.ok(gate.isOpen(queued('4')), 'an ended batch is forgotten')
  t.end()
})
