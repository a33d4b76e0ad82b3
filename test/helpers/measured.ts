import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Role } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { Config } from '../../src/config.ts'

/** A server that measures its own event loop delay. It ends with the test. */
export async function measuredServer(t: Test, config: Partial<Config> = {}) {
  const child = fork(new URL('./measured-server.js', import.meta.url), [JSON.stringify(config)])
  const ended = once(child, 'exit')
  t.teardown(async () => {
    if (child.connected) child.disconnect()
    await ended
  })
  const answer = async <T>(): Promise<T> => {
    const told = await Promise.race([once(child, 'message'), ended.then(() => undefined)])
    if (told === undefined) throw new Error('the server has ended')
    return told[0] as T
  }
  const url = await answer<string>()
  // One request at a time, because answers have no ids.
  let last: Promise<unknown> = Promise.resolve()
  const ask = <T>(question: object): Promise<T> => {
    const asked = last.then(() => {
      child.send(question)
      return answer<T>()
    })
    last = asked.catch(() => {})
    return asked
  }
  return {
    url,
    ended,
    token: (role: Role, sub: string = role) => ask<string>({ ask: 'token', role, sub }),
    /** The server's log lines about faults. */
    faults: () => ask<string[]>({ ask: 'faults' }),
    reset: () => ask<number>({ ask: 'reset' }),
    /** The longest time that the event loop was blocked since `reset`, ms. */
    delay: () => ask<number>({ ask: 'delay' }),
  }
}
