import type { ConnectionInfo, WebsocketStatus } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import { canSeeAgent, covers, seesFleet } from '../../../../src/auth/permissions.ts'
import type { Principal } from '../../../../src/auth/principal.ts'
import { askMembers, type NodesHeard } from '../../../../src/cluster/ask-members.ts'
import type { OpenConnection } from '../../../../src/connections/connection-registry.ts'

interface Asked {
  /** Sees only the connections that exist for this principal. */
  principal: Principal
}
interface ListQuestion extends Asked {
  sub: string | undefined
  after: string
  limit: number
}
interface FindQuestion extends Asked {
  id: string
}
interface CloseQuestion extends FindQuestion {
  reason: string
}

type Heard<T> = T & { nodes?: NodesHeard }

const LIST = 'connections:list'
const COUNT = 'connections:count'
const FIND = 'connections:find'
const CLOSE = 'connections:close'

/** A connection is visible to its holder, and to principals that have all of the holder's rights. */
const exists = (principal: Principal, { kind, principal: holder }: OpenConnection): boolean => {
  if (kind === 'agent') return canSeeAgent(principal, holder.sub)
  return covers(principal, holder)
}

const byId = (a: { connectionId: string }, b: { connectionId: string }) => (a.connectionId < b.connectionId ? -1 : 1)

/** The connections of all nodes, as far as a principal may see them. */
export class OpenConnections {
  readonly #app: FastifyInstance

  constructor(app: FastifyInstance) {
    this.#app = app
    const bus = app.cluster?.bus
    bus?.answer<ListQuestion, ConnectionInfo[]>(LIST, question => this.#listHere(question))
    bus?.answer<Asked, WebsocketStatus>(COUNT, question => this.#countHere(question))
    bus?.answer<FindQuestion, boolean>(FIND, question => this.#findHere(question) !== undefined)
    bus?.answer<CloseQuestion, boolean>(CLOSE, question => this.#closeHere(question))
  }

  /** Lists at most `limit` connections after the id `after`, in the order of ids. */
  async list(question: ListQuestion): Promise<Heard<{ items: ConnectionInfo[] }>> {
    const { answers, ...heard } = await this.#askAll(LIST, question, this.#listHere(question))
    return { items: answers.flat().sort(byId).slice(0, question.limit), ...heard }
  }

  async count(question: Asked): Promise<Heard<WebsocketStatus>> {
    const { answers, ...heard } = await this.#askAll(COUNT, question, this.#countHere(question))
    const total = (answers as unknown as Numbers[]).reduce(summed) as unknown as WebsocketStatus
    return { ...total, ...heard }
  }

  /** Whether the connection exists for this principal. */
  async has(question: FindQuestion): Promise<Heard<{ isThere: boolean }>> {
    const { answers, ...heard } = await this.#askAll(FIND, question, this.#findHere(question) !== undefined)
    return { isThere: answers.includes(true), ...heard }
  }

  /** Resolves with false if none of the nodes that responded still has the connection. */
  async close(question: CloseQuestion): Promise<boolean> {
    return this.#closeHere(question) || (await this.#askAll(CLOSE, question, false)).answers.includes(true)
  }

  /** `nodes` is absent without a cluster. */
  async #askAll<Q, A>(topic: string, question: Q, here: A): Promise<Heard<{ answers: A[] }>> {
    const { cluster } = this.#app
    return cluster === undefined ? { answers: [here] } : askMembers(cluster, topic, question, here)
  }

  #listHere({ principal, sub, after, limit }: ListQuestion): ConnectionInfo[] {
    const { connections, cluster } = this.#app
    const node = cluster && { node: cluster.node }
    return (sub === undefined ? connections.list() : connections.ofSub(sub))
      .filter(connection => connection.id > after && exists(principal, connection))
      .map(connection => ({ ...shown(connection), ...node }))
      .sort(byId)
      .slice(0, limit)
  }

  #countHere({ principal }: Asked): WebsocketStatus {
    const { broadcaster, connections } = this.#app
    const seen = seesFleet(principal) ? undefined : (one: OpenConnection) => exists(principal, one)
    const { mostBufferedBytes: _, ...sockets } = connections.stats(seen)
    return { ...sockets, ...broadcaster.stats() }
  }

  #findHere({ principal, id }: FindQuestion): OpenConnection | undefined {
    const connection = this.#app.connections.get(id)
    return connection !== undefined && exists(principal, connection) ? connection : undefined
  }

  #closeHere(question: CloseQuestion): boolean {
    const connection = this.#findHere(question)
    connection?.close(4403, question.reason)
    return connection !== undefined
  }
}

const shown = ({ id, kind, principal, address, openedAt, bufferedBytes }: OpenConnection): ConnectionInfo => ({
  ...{ connectionId: id, kind, sub: principal.sub, role: principal.role, address, openedAt, bufferedBytes },
})

type Numbers = { [key: string]: number | Numbers }

/** Adds numbers, and nested tables key by key. */
function summed(a: Numbers, b: Numbers): Numbers {
  const sum = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const own = sum[key]
    sum[key] = typeof value === 'number' ? value + Number(own ?? 0) : summed((own as Numbers) ?? {}, value)
  }
  return sum
}
