import { setTimeout as delay } from 'node:timers/promises'
import { AgentClient } from '@fleetwire/client/node'
import type { Command } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import type { OpenNode } from '../../helpers/cluster-nodes.ts'
import { hmacToken } from '../../helpers/foreign-token.ts'
import { until } from '../../helpers/until.ts'
import type { KilledFleet } from './fleet.ts'

const AGENT = '/api/v1/agents/caller'
/**
 * Longest pause of a caller between two commands: some are on their way at any moment, and the others have room to
 * work.
 */
const REST_MS = 40

/** Which responses callers get through each node while the active node is killed. */
export async function callersUnderKill(t: Test, fleet: KilledFleet): Promise<void> {
  const { gateways, admin } = fleet
  const token = hmacToken(SECRET, { sub: 'caller', role: 'agent' })
  const handlers = { shell: async () => ({ status: 'succeeded' as const, exitCode: 0 }) }
  const agent = new AgentClient({ url: gateways[0].url, token, handlers })
  t.teardown(() => agent.stop({ graceMs: 100 }))
  await agent.start()
  await until(async () => (await gateways[1].call<{ link?: string }>(admin, 'GET', AGENT)).body.link === 'online')

  let isOver = false
  const accepted = new Map<string, string>()
  const statuses = new Map<number, number>()
  async function submitAll(caller: number, { url }: OpenNode): Promise<void> {
    for (let i = 0; !isOver; i++) {
      const key = `k${caller}_${i}`
      const commandId = await until(async () => {
        const answer = await fetch(`${url}${AGENT}/commands`, {
          method: 'POST',
          headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify({ kind: 'shell', input: key }),
        })
        const { commandId } = (await answer.json()) as Partial<Command>
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        return (answer.status === 202 || answer.status === 200) && commandId
      })
      accepted.set(key, commandId)
      await delay(Math.random() * REST_MS)
    }
  }
  await fleet.meet()
  const callers = [0, 1, 2, 3].map(caller => submitAll(caller, gateways[caller % 2]!))
  await until(() => accepted.size > 50)
  await fleet.meet()
  await fleet.next()
  const before = accepted.size
  await until(() => accepted.size > before + 50)
  isOver = true
  await Promise.all(callers)
  t.comment(`answers ${JSON.stringify([...statuses])}`)
  for (const status of statuses.keys()) t.ok([200, 202, 429, 503].includes(status), `${status}`)

  const found = new Map<string, string[]>()
  let cursor = ''
  for (;;) {
    const path = `/api/v1/commands?agentId=caller&limit=500${cursor && `&cursor=${cursor}`}`
    const { body } = await gateways[0].call<{ items: Command[]; nextCursor: string | null }>(admin, 'GET', path)
    for (const { idempotencyKey = '', commandId } of body.items)
      found.set(idempotencyKey, [...(found.get(idempotencyKey) ?? []), commandId])
    if (body.nextCursor === null) break
    cursor = body.nextCursor
  }
  t.same(
    [...accepted].filter(([key, commandId]) => found.get(key)?.join() !== commandId),
    [],
  )
}
