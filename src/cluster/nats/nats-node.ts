import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { FLW_ERR_CLUSTER_CONNECT, FLW_ERR_CLUSTER_UNREADY } from '../../errors.ts'
import type { StartWorker } from '../../log/sqlite-client.ts'
import type { Retention } from '../../log/sqlite-retention.ts'
import type { Durability } from '../cluster-node.ts'
import { openReplicatedLog } from '../log/replicated-log.ts'
import { RunningNode } from '../running-node.ts'
import { openNatsCommitStream } from './nats-commit-stream.ts'
import { connectNats, type NatsAccess } from './nats-connection.ts'
import { NatsDurability } from './nats-durability.ts'
import { watchLink } from './nats-link-watch.ts'
import { natsNodeBus } from './nats-node-bus.ts'

const RETRY_MS = 1000

export interface NatsNodeOptions extends NatsAccess {
  namespace: string
  /** How many servers store each commit. */
  replicas: number
  /** The URLs of the servers' monitoring endpoints. */
  monitors: readonly string[]
  requiresFsync: boolean
  /** The name of this node. */
  node: string
  /** Shows whether nodes verify tokens with the same key. */
  tokenKeyId: string
  /** The folder of its replica. */
  dir: string
  clock: Clock
  retention: Retention
  /** Starts the worker that owns the file of the replica. Default: in its own thread. */
  startWorker?: StartWorker | undefined
  onFault(error: unknown): void
  onNote(message: string): void
  onDurability(durability: Durability): void
}

/**
 * Opens this process as a node of the cluster of a namespace. Resolves when its replica has what the stream held. If
 * the servers do not answer, it logs that and keeps trying. Otherwise throws what openNatsCommitStream and
 * openReplicatedLog throw; nothing is then left open.
 */
export async function openNatsNode(options: NatsNodeOptions): Promise<RunningNode> {
  const { clock, onNote } = options
  for (;;) {
    try {
      return await open(options)
    } catch (error) {
      if (!mayPass(error)) throw error
      onNote(`${(error as Error).message.replace(/\.?$/, '.')} This node starts once the NATS servers are available.`)
      await new Promise<void>(resolve => void clock.setTimeout(resolve, RETRY_MS))
    }
  }
}

/** Our own errors have a code and are permanent. Others come from servers that are still starting. */
const mayPass = (error: unknown): boolean =>
  error instanceof FLW_ERR_CLUSTER_CONNECT ||
  error instanceof FLW_ERR_CLUSTER_UNREADY ||
  !String((error as { code?: unknown }).code).startsWith('FLW_')

async function open(options: NatsNodeOptions): Promise<RunningNode> {
  const { namespace, node, dir, clock, retention, startWorker, requiresFsync, onFault, onNote } = options
  const undo: (() => unknown)[] = []
  const disconnect = async () => {
    for (const each of undo.splice(0).reverse()) await each()
  }
  try {
    const stream = await openNatsCommitStream(options)
    undo.push(() => stream.close())
    const second = await connectNats({ ...options, name: `fleetwire ${namespace} ${node} terminals` })
    undo.push(() => second.close())
    const { tokenKeyId } = options
    const self = { node, tokenKeyId, key: randomBytes(24).toString('base64url'), address: '' }
    // What the stream stores about a leader: never its key.
    const leader = {
      node,
      get address() {
        return self.address
      },
    }
    const replica = await openReplicatedLog({
      stream,
      dir,
      clock,
      retention,
      node: leader,
      startWorker,
      onFault,
      onNote,
    })
    undo.push(() => replica.close())
    const durability = new NatsDurability({
      ...{ clock, monitors: options.monitors, onChange: options.onDurability },
      servers: () => stream.servers(),
    })
    undo.push(() => durability.stop())
    await durability.start()
    undo.push(watchLink(stream.connection, node, stream.beats, clock))
    const common = { node, namespace, clock, onFault }
    return new RunningNode({
      ...{ self, replica, clock, requiresFsync, onFault, onNote, disconnect, beats: stream.beats },
      durability: () => durability.value,
      bus: natsNodeBus(stream.connection, { ...common, channel: 'control' }),
      terminalBus: natsNodeBus(second, { ...common, channel: 'terminals' }),
    })
  } catch (error) {
    await disconnect()
    throw error
  }
}
