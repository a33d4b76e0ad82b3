import type { Command } from '@fleetwire/protocol'
import { test } from 'tap'
import { Fleet } from '../../../src/mcp/fleet.ts'
import { type FleetAnswer, type FleetPort, NoAnswer } from '../../../src/mcp/fleet-port.ts'
import { waitForCommand } from '../../../src/mcp/wait-for-command.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

/** A port whose responses the test decides, and a wait over it. */
function start(options: { seconds?: number; untilAsked?: boolean } = {}) {
  const clock = new FakeClock()
  const closing = new AbortController()
  const cancel = new AbortController()
  let command: Partial<Command> | 'down' = { commandId: 'c1', agentId: 'a1', status: 'running', phase: 'working' }
  let requests: object[] = []
  let changed = () => {}
  let watches = 0
  let asked = 0
  const port: FleetPort = {
    closing: closing.signal,
    call: async ({ path }): Promise<FleetAnswer> => {
      asked++
      if (command === 'down') throw new NoAnswer('nobody')
      const body = path.startsWith('/interactions') ? { items: requests, nextCursor: null } : command
      return { status: 200, text: JSON.stringify(body), header: () => undefined }
    },
    watch: (_topics, callback) => {
      watches++
      changed = callback
      return { ready: Promise.resolve(), close: () => void watches-- }
    },
  }
  const told: string[] = []
  const context = {
    fleet: new Fleet(port),
    clock,
    signal: cancel.signal,
    progress: (message: string) => void told.push(message),
  }
  const wait = { seconds: 60, untilAsked: true, ...options }
  const waited = waitForCommand({ agentId: 'a1', commandId: 'c1' }, wait, context)
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return {
    ...{ clock, told, waited, settle },
    cancel: () => cancel.abort(new Error('cancelled')),
    close: () => closing.abort(),
    set(next: Partial<Command> | 'down', open: object[] = []) {
      command = next === 'down' ? next : { commandId: 'c1', agentId: 'a1', ...next }
      requests = open
    },
    change: async () => {
      changed()
      await settle()
    },
    async pass(ms: number) {
      await settle()
      clock.advance(ms)
      await settle()
    },
    asked: () => asked,
    watches: () => watches,
  }
}

test('a notified change ends the wait at once, and leaves nothing behind', async t => {
  const s = start()
  await s.settle()
  s.set({ status: 'succeeded' })
  await s.change()
  t.match(await s.waited, { because: 'ended', command: { status: 'succeeded' } })
  t.same([s.watches(), s.clock.pending], [0, 0])
})

test('a change without a notification is seen at the next poll', async t => {
  const s = start()
  await s.settle()
  s.set({ status: 'failed' })
  await s.pass(5000)
  t.match(await s.waited, { because: 'ended' })
})

test('the wait ends on time, with the current state of the command', async t => {
  const s = start({ seconds: 12 })
  for (let i = 0; i < 3; i++) await s.pass(5000)
  t.match(await s.waited, { because: 'time', command: { status: 'running' } })
  t.equal(s.clock.monotonic() >= 12_000, true)
  t.same([s.watches(), s.clock.pending], [0, 0])
})

test('the wait continues while a server is away, and fails when its time is over', async t => {
  const s = start({ seconds: 30 })
  await s.settle()
  s.set('down')
  await s.change()
  t.match(s.told.at(-1), /does not answer/)
  s.set({ status: 'succeeded' })
  await s.pass(5000)
  t.match(await s.waited, { because: 'ended' })

  const lost = start({ seconds: 10 })
  lost.set('down')
  const rejected = t.rejects(lost.waited, { name: 'NoAnswer' })
  for (let i = 0; i < 4; i++) await lost.pass(5000)
  await rejected
})

test('a question ends the wait, and is returned', async t => {
  const s = start()
  await s.settle()
  s.set({ status: 'running', phase: 'waiting_input' }, [
    { interactionId: 'q1', commandId: 'c1' },
    { interactionId: 'q2', commandId: 'other' },
  ])
  await s.change()
  t.match(await s.waited, { because: 'asked', requests: [{ interactionId: 'q1' }] })
})

test('just after an answer, a command is not considered to wait at its terminal', async t => {
  const s = start()
  s.set({ status: 'running', phase: 'waiting_input' })
  await s.pass(500)
  s.set({ status: 'running', phase: 'working' })
  await s.change()
  await s.pass(1000)
  s.set({ status: 'running', phase: 'waiting_input' })
  await s.change()
  await s.pass(1000)
  t.match(await s.waited, { because: 'asked', requests: [] })
})

test('with untilAsked false it waits on', async t => {
  const s = start({ untilAsked: false })
  s.set({ status: 'running', phase: 'waiting_input' }, [{ interactionId: 'q1', commandId: 'c1' }])
  await s.pass(20_000)
  s.set({ status: 'succeeded' })
  await s.change()
  t.match(await s.waited, { because: 'ended' })
})

test('a cancelled wait rejects at once; when the server stops, the wait ends with the current state', async t => {
  const s = start()
  await s.settle()
  s.cancel()
  await t.rejects(s.waited, /cancelled/)
  t.same([s.watches(), s.clock.pending], [0, 0])
  const closing = start()
  await closing.settle()
  closing.close()
  t.match(await closing.waited, { because: 'closing', command: { status: 'running' } })
})
