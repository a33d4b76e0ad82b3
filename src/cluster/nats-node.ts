import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Retention } from '../log/sqlite-retention.ts'
import { openNatsCommitStream } from './nats-commit-stream.ts'
import { connectNats, type NatsAccess } from './nats-connection.ts'
import { natsNodeBus } from './nats-node-bus.ts'
import { openReplicatedLog } from './replicated-log.ts'
import { RunningNode } from './running-node.ts'

export interface NatsNodeOptions extends NatsAccess {
  namespace: string
  /** How many servers store each commit. */
  replicas: number
  /** The name of this node. */
  node: string
  /** The folder of its replica. */
  dir: string
  clock: Clock
  retention: Retention
  onFault(error: unknown): void
  onNote(message: string): void
}

/**
 * This process as a node of the cluster of a namespace. Resolves when its replica has what the stream held. Throws what
 * openNatsCommitStream and openReplicatedLog throw; nothing is then left open.
 */
export async function openNatsNode(options: NatsNodeOptions): Promise<RunningNode> {
  const { namespace, node, dir, clock, retention, onFault, onNote } = options
  const undo: (() => Promise<void>)[] = []
  const disconnect = async () => {
    for (const each of undo.reverse()) await each()
  }
  try {
    const stream = await openNatsCommitStream(options)
    undo.push(() => stream.close())
    const second = await connectNats({ ...options, name: `fleetwire ${namespace} ${node} terminals` })
    undo.push(() => second.close())
    const self = { node, key: randomBytes(24).toString('base64url'), address: '' }
    // What the stream keeps of a node that leads: never its key.
    const leader = {
      node,
      get address() {
        return self.address
      },
    }
    const replica = await openReplicatedLog({ stream, dir, clock, retention, node: leader, onFault, onNote })
    undo.push(() => replica.close())
    const common = { node, namespace, clock, onFault }
    return new RunningNode({
      ...{ self, replica, clock, onFault, onNote, disconnect, beats: stream.beats },
      bus: natsNodeBus(stream.connection, { ...common, channel: 'control' }),
      terminalBus: natsNodeBus(second, { ...common, channel: 'terminals' }),
    })
  } catch (error) {
    await disconnect()
    throw error
  }
}
