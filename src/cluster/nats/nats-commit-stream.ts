import { randomBytes } from 'node:crypto'
import {
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../clock.ts'
import {
  FLW_ERR_CLUSTER_PAYLOAD,
  FLW_ERR_CLUSTER_SERVER,
  FLW_ERR_CLUSTER_STREAM,
  FLW_ERR_CLUSTER_UNREADY,
} from '../../errors.ts'
import type { Appended, Bounds, CommitStream, Part, Reach, StoredPart } from '../log/commit-stream.ts'
import { NatsBeats } from './nats-beats.ts'
import { NatsCheckpointStore } from './nats-checkpoint-store.ts'
import { connectNats, type NatsAccess } from './nats-connection.ts'
import { serverVerdict } from './server-version.ts'

/** Answers take milliseconds; without a leader there are none for seconds. */
const ANSWER_MS = 2000
/** How long the servers may take to form a group, after a start or for a new stream. */
const OPEN_MS = 20_000
const RETRY_MS = 250
/** What a message needs besides its data. */
const HEADER_BYTES = 1024
const MAX_PART_BYTES = 1024 * 1024
/** Larger than a frame with its envelope: with a lower limit each commit would be many messages. */
const MIN_PAYLOAD_BYTES = 512 * 1024
/** How many messages are requested at a time. */
const READ_AHEAD = 64
const COMMIT_HEADER = 'Fleetwire-Commit'
const PART_HEADER = 'Fleetwire-Part'
const EPOCH = 'fleetwire.epoch'
const [STREAM_NOT_FOUND, STREAM_EXISTS, NO_MESSAGE] = [10059, 10058, 10037]
const WRONG_LAST_SEQUENCE = 10071

export interface NatsCommitStreamOptions extends NatsAccess {
  /** Several fleets may share a NATS cluster, each under its own name: letters, digits, `_` and `-`. */
  namespace: string
  /** How many servers store each message. Default 3. */
  replicas?: number
  clock: Clock
  /** Called with one sentence about something that is not an error but that operators may act on. */
  onNote?: (message: string) => void
}

/**
 * Opens the stream of a namespace, and creates it if there is none. Throws what connectNats throws,
 * FLW_ERR_CLUSTER_SERVER for a server whose compare-and-set is unreliable, FLW_ERR_CLUSTER_PAYLOAD for one that accepts
 * only small messages, FLW_ERR_CLUSTER_STREAM if the servers do not grant the requested configuration,
 * FLW_ERR_CLUSTER_UNREADY if they do not answer for 20 s.
 */
export async function openNatsCommitStream(options: NatsCommitStreamOptions): Promise<NatsCommitStream> {
  const { namespace, onNote = () => {} } = options
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(namespace)) throw new TypeError(`Not a valid namespace: ${namespace}`)
  const connection = await connectNats({ ...options, name: `fleetwire ${namespace}` })
  try {
    const version = connection.info?.version ?? 'unknown'
    const verdict = serverVerdict(version)
    if (verdict.status === 'refused') throw new FLW_ERR_CLUSTER_SERVER(version, verdict.reason)
    if (verdict.status === 'warned') onNote(`nats-server ${version}: ${verdict.reason}`)
    const { max_payload: payload = MIN_PAYLOAD_BYTES } = connection.info ?? {}
    if (payload < MIN_PAYLOAD_BYTES) throw new FLW_ERR_CLUSTER_PAYLOAD(payload, MIN_PAYLOAD_BYTES)
    const manager = await jetstreamManager(connection, { timeout: ANSWER_MS, checkAPI: false })
    const info = await openStream(manager, options)
    return new NatsCommitStream(connection, manager, info, namespace)
  } catch (error) {
    await connection.close()
    throw error
  }
}

const pause = (clock: Clock) => new Promise<void>(resolve => void clock.setTimeout(resolve, RETRY_MS))

const streamOf = (namespace: string) => `FLEETWIRE_${namespace}`
const subjectOf = (namespace: string) => `fw.${namespace}.log`
/** Only servers publish here: a message published by a client would be taken for a commit. */
const liveOf = (namespace: string) => `live.fw.${namespace}.log`

type Asked = Pick<StreamConfig, 'storage' | 'num_replicas' | 'deny_delete' | 'allow_direct'>

/** The servers take a moment to answer after a start, and while a group forms. */
async function openStream(manager: JetStreamManager, options: NatsCommitStreamOptions): Promise<StreamInfo> {
  const { namespace, replicas = 3, clock } = options
  const until = clock.monotonic() + OPEN_MS
  const asked: Asked = {
    storage: StorageType.File,
    num_replicas: replicas,
    deny_delete: true,
    allow_direct: true,
  }
  for (;;) {
    try {
      const info = await findStream(manager, namespace, asked)
      const flaw = flawOf(info, namespace, asked)
      if (flaw !== undefined) throw new FLW_ERR_CLUSTER_STREAM(info.config.name, flaw)
      return info
    } catch (error) {
      if (error instanceof FLW_ERR_CLUSTER_STREAM) throw error
      if (clock.monotonic() >= until) throw new FLW_ERR_CLUSTER_UNREADY(streamOf(namespace), (error as Error).message)
      await pause(clock)
    }
  }
}

async function findStream(manager: JetStreamManager, namespace: string, asked: Asked): Promise<StreamInfo> {
  const name = streamOf(namespace)
  try {
    return await manager.streams.info(name)
  } catch (error) {
    if (codeOf(error) !== STREAM_NOT_FOUND) throw error
  }
  try {
    return await manager.streams.add({
      ...asked,
      name,
      subjects: [subjectOf(namespace)],
      retention: RetentionPolicy.Limits,
      republish: { src: subjectOf(namespace), dest: liveOf(namespace) },
      metadata: { [EPOCH]: randomBytes(8).toString('hex') },
    })
  } catch (error) {
    // Another node has created it in the meantime, with its own epoch.
    if (codeOf(error) !== STREAM_EXISTS) throw error
    return manager.streams.info(name)
  }
}

/** Older servers silently drop settings that they do not know. */
function flawOf({ config }: StreamInfo, namespace: string, asked: Asked): string | undefined {
  if (config.metadata?.[EPOCH] === undefined) return 'it was not made by Fleetwire: its metadata names no epoch'
  for (const [name, value] of Object.entries(asked)) {
    const found = config[name as keyof Asked]
    if (found !== value) return `its ${name} is ${found}, but should be ${value}`
  }
  if (config.republish?.dest !== liveOf(namespace)) return `it is not republished to ${liveOf(namespace)}`
  return undefined
}

const codeOf = (error: unknown): number | undefined => (error instanceof JetStreamApiError ? error.code : undefined)

/** Use openNatsCommitStream. */
export class NatsCommitStream implements CommitStream {
  readonly epoch: string
  readonly maxPartBytes: number
  readonly checkpoints: NatsCheckpointStore
  /** Beats between the nodes of the namespace. */
  readonly beats: NatsBeats
  /** Also used for other communication between nodes. */
  readonly connection: NatsConnection
  readonly #manager: JetStreamManager
  readonly #publisher: JetStreamClient
  readonly #name: string
  readonly #subject: string
  readonly #live: string

  constructor(connection: NatsConnection, manager: JetStreamManager, { config }: StreamInfo, namespace: string) {
    this.beats = new NatsBeats(connection, namespace)
    this.connection = connection
    this.#manager = manager
    this.#publisher = jetstream(connection, { timeout: ANSWER_MS })
    this.#name = config.name
    this.#subject = config.subjects[0]!
    this.#live = config.republish!.dest
    this.epoch = config.metadata![EPOCH]!
    this.checkpoints = new NatsCheckpointStore(connection, config.name, this.epoch, config.num_replicas)
    this.maxPartBytes = Math.min(connection.info?.max_payload ?? MAX_PART_BYTES, MAX_PART_BYTES) - HEADER_BYTES
  }

  async append({ commitId, part, parts, data }: Part, expected: number): Promise<Appended> {
    const head = headers()
    head.set(COMMIT_HEADER, commitId)
    head.set(PART_HEADER, `${part}/${parts}`)
    try {
      const ack = await this.#publisher.publish(this.#subject, data, {
        headers: head,
        expect: { lastSequence: expected },
      })
      return { status: 'accepted', position: ack.seq }
    } catch (error) {
      if (codeOf(error) === WRONG_LAST_SEQUENCE) return { status: 'refused' }
      return { status: 'unknown', reason: (error as Error).message }
    }
  }

  /** Answered by the stream's leader; while there is none, by any server, which may lack the newest messages. */
  async bounds(): Promise<Bounds> {
    try {
      const { state } = await this.#told()
      return { first: state.messages === 0 ? state.last_seq + 1 : state.first_seq, last: state.last_seq }
    } catch (error) {
      const newest = await this.#manager.direct.getMessage(this.#name, { last_by_subj: this.#subject })
      if (newest === null) throw error
      return { first: undefined, last: newest.seq }
    }
  }

  /** The stream's leader reports when it last heard each other server; cut off from them, it still answers for 10 s. */
  async reach(): Promise<Reach> {
    const { cluster, config, state } = await this.#told()
    const ages = (cluster?.replicas ?? []).map(({ active, offline }) =>
      offline ? Number.POSITIVE_INFINITY : active / 1e6,
    )
    const needed = Math.floor(config.num_replicas / 2)
    const agoMs = needed === 0 ? 0 : (ages.sort((a, b) => a - b)[needed - 1] ?? Number.POSITIVE_INFINITY)
    return { agoMs, last: state.last_seq }
  }

  async read(after: number, upTo: number): Promise<readonly StoredPart[]> {
    const wanted = Math.min(READ_AHEAD, upTo - after)
    const found = await Promise.all(Array.from({ length: wanted }, (_, i) => this.#direct(after + 1 + i)))
    const missing = found.indexOf(undefined)
    const parts = (missing === -1 ? found : found.slice(0, missing)) as StoredPart[]
    if (parts.length > 0) return parts
    // Any server, even one that lags, answers the requests above; the leader answers this one.
    const stored = await this.#leader(after + 1)
    return stored === undefined ? [] : [stored]
  }

  listen(listener: (part: StoredPart) => void): () => void {
    const subscription = this.connection.subscribe(this.#live, {
      callback: (error, message) => {
        const part = error === null ? this.#republished(message) : undefined
        if (part !== undefined) listener(part)
      },
    })
    return () => {
      if (!this.connection.isClosed()) subscription.unsubscribe()
    }
  }

  async trim(upTo: number): Promise<void> {
    await this.#manager.streams.purge(this.#name, { seq: upTo + 1 })
  }

  /** Deletes the stream with everything in it, and its checkpoints. */
  async destroy(): Promise<void> {
    await this.#manager.streams.delete(`OBJ_${this.#name}`).catch(error => {
      if (codeOf(error) !== STREAM_NOT_FOUND) throw error
    })
    await this.#manager.streams.delete(this.#name)
  }

  /** The name of the server that leads the stream; undefined while there is none. */
  async leader(): Promise<string | undefined> {
    const { cluster } = await this.#manager.streams.info(this.#name)
    return cluster?.leader
  }

  /** The names of the servers that store the stream. */
  async servers(): Promise<string[]> {
    const { cluster } = await this.#manager.streams.info(this.#name)
    if (cluster === undefined) return [this.connection.info?.server_name ?? '']
    return [cluster.leader ?? [], (cluster.replicas ?? []).map(({ name }) => name)].flat()
  }

  /** Whether every server has what the leader has. */
  async isWhole(): Promise<boolean> {
    const { cluster, config } = await this.#manager.streams.info(this.#name)
    const replicas = cluster?.replicas ?? []
    return replicas.length === config.num_replicas - 1 && replicas.every(({ current, offline }) => current && !offline)
  }

  async close(): Promise<void> {
    await this.connection.close()
  }

  /**
   * The leader's report on the stream; rejects while there is none. After some seconds, a server that is left alone
   * also answers: with its own state, and as if it had just heard the others.
   */
  async #told(): Promise<StreamInfo> {
    const info = await this.#manager.streams.info(this.#name)
    if (info.cluster !== undefined && !info.cluster.leader) throw new Error('the stream has no leader')
    return info
  }

  async #direct(position: number): Promise<StoredPart | undefined> {
    try {
      const message = await this.#manager.direct.getMessage(this.#name, { seq: position })
      return message === null ? undefined : partOf(message.header, position, message.data)
    } catch {
      return undefined
    }
  }

  async #leader(position: number): Promise<StoredPart | undefined> {
    try {
      const message = await this.#manager.streams.getMessage(this.#name, { seq: position })
      return message === null ? undefined : partOf(message.header, position, message.data)
    } catch (error) {
      if (codeOf(error) === NO_MESSAGE) return undefined
      throw error
    }
  }

  #republished({ headers: head, data }: Msg): StoredPart | undefined {
    if (head?.get('Nats-Stream') !== this.#name) return undefined
    return partOf(head, Number(head.get('Nats-Sequence')), data)
  }
}

/**
 * A message that is not ours is read as one part of an incomplete commit: it occupies its position, and is no commit.
 */
function partOf(head: MsgHdrs | undefined, position: number, data: Uint8Array): StoredPart {
  const [part = Number.NaN, parts = Number.NaN] = (head?.get(PART_HEADER) ?? '').split('/').map(Number)
  const commitId = head?.get(COMMIT_HEADER) ?? ''
  const isOurs = commitId !== '' && Number.isSafeInteger(part) && Number.isSafeInteger(parts)
  return isOurs ? { position, commitId, part, parts, data } : { position, commitId: '', part: 0, parts: 2, data }
}
