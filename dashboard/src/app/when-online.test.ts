import type { DashboardClient } from '@fleetwire/client'
import t from 'tap'
import { whenOnline } from './when-online.ts'

type Status = DashboardClient['status']['value']

function statusOf(state: Status['state']) {
  const listeners = new Set<(status: Status) => void>()
  const status = {
    value: { state } as Status,
    subscribe(listener: (status: Status) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const become = (next: Status['state']) => {
    for (const listener of [...listeners]) listener({ state: next } as Status)
  }
  return { status, become, listeners }
}

t.test('waits for the connection, and leaves nothing behind', async t => {
  const { status, become, listeners } = statusOf('waiting')
  const online = whenOnline({ status }, new AbortController().signal)
  become('connecting')
  t.equal(listeners.size, 1)
  become('online')
  t.equal(await online, true)
  t.equal(listeners.size, 0)
  t.equal(await whenOnline(statusOf('online'), new AbortController().signal), true)
})

t.test('who gives up is told so', async t => {
  const { status, listeners } = statusOf('waiting')
  const controller = new AbortController()
  const online = whenOnline({ status }, controller.signal)
  controller.abort()
  t.equal(await online, false)
  t.equal(listeners.size, 0)
  t.equal(await whenOnline({ status }, controller.signal), false)
})
