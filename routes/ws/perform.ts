import { type ClientFrame, errorCodes, wireError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import { accessRefusal, clientFrameAccess } from '../../src/auth/access.ts'
import { NodeFault } from '../../src/cluster/bus/node-bus.ts'
import type { Attempt } from '../../src/cluster/forwarding/active-calls.ts'
import { decodeCursor } from '../../src/log/cursor.ts'
import { type Refused, refused } from '../../src/outcome.ts'
import { asAnswer, callerFrom, type Sender } from '../caller.ts'
import type { FrameOf } from './dashboard.ts'

/** The contents of the reply to a frame. */
export type Performed = { status: 'ok'; fields: object } | Refused

type ChangeType = 'command:request' | 'command:interrupt' | 'interaction:respond'
export type ChangeFrame = FrameOf<ChangeType>
type Perform<K extends ChangeType> = (
  app: FastifyInstance,
  payload: FrameOf<K>['payload'],
  sender: Sender,
) => Promise<Performed>

const QUESTION = 'frame'
/** Longer than the 15 s that an append may wait on the active node. */
const ANSWER_MS = 20_000

type Change = Sender & Pick<ChangeFrame, 'type' | 'payload'>
/** `seen`: the log position (`seq`) of the node with the socket, up to which its client may have seen the log. */
type Question = Change & { seen: number }
/** `head`: the log position (`seq`) of the active node. */
interface Answer {
  performed: Performed
  head: number
}

/** How the active node carries out frames that change something. */
const changes: { [K in ChangeType]: Perform<K> } = {
  'command:request': async (app, payload, sender) => {
    const { principal } = sender
    const result = await app.commandQueue.submit({ ...payload, createdBy: principal.sub }, callerFrom(sender))
    if (result.status === 'refused') return result
    return { status: 'ok', fields: { command: asAnswer(principal, result.command) } }
  },
  'command:interrupt': async (app, { commandId, ...options }, sender) => {
    const outcome = await app.commandQueue.interrupt(commandId, { ...options, ...callerFrom(sender) })
    if (outcome.status === 'refused') return outcome
    return { status: 'ok', fields: { affected: outcome.affected, status: outcome.command.status } }
  },
  'interaction:respond': async (app, { interactionId, ...answer }, sender) => {
    const outcome = await app.interactions.respond(interactionId, answer, callerFrom(sender))
    if (outcome.status === 'refused') return outcome
    return { status: 'ok', fields: { affected: outcome.affected, interaction: outcome.interaction } }
  },
}

function performHere(app: FastifyInstance, { type, payload, ...sender }: Change): Promise<Performed> {
  // The table pairs each type with its own function; TypeScript does not follow this through an index.
  const change = changes[type] as (app: FastifyInstance, payload: object, sender: Sender) => Promise<Performed>
  return change(app, payload, sender)
}

/** Whether repeating the frame changes nothing more. */
const isRepeatable = ({ type, payload }: Pick<ClientFrame, 'type' | 'payload'>): boolean =>
  type !== 'command:request' || (payload as { idempotencyKey?: string }).idempotencyKey !== undefined

/** Carries out a frame, on this node if it is active, else on the active node; then waits until this node caught up. */
export async function perform(app: FastifyInstance, frame: ChangeFrame, sender: Sender): Promise<Performed> {
  const { activeCalls, cluster } = app
  const { type, payload } = frame
  const change = { type, payload, ...sender } as Change
  if (cluster === undefined || activeCalls === undefined || cluster.isActive) return performHere(app, change)
  const called = await activeCalls.call<Answer>({
    isSafe: isRepeatable(frame),
    attempt: async ({ node }) => {
      const question = { ...change, seen: decodeCursor(app.eventLog.head)!.seq } as Question
      const asked = cluster.bus.request<Question, Attempt<Answer>>(node, QUESTION, question, { timeoutMs: ANSWER_MS })
      return asked.catch((error: unknown) => {
        if (!(error instanceof NodeFault)) throw error
        app.log.error({ err: error }, 'the active node failed to handle a frame')
        const performed = refused(wireError('internal', errorCodes.internal.meaning))
        return { status: 'answered', answer: { performed, head: 0 } }
      })
    },
  })
  switch (called.status) {
    case 'here':
      return performHere(app, change)
    case 'answered':
      await cluster.caughtUp(called.answer.head)
      return called.answer.performed
    default:
      return refused(called.error)
  }
}

/** Carries out frames from other nodes while this node is the active one. */
export function answerFrames(app: FastifyInstance): void {
  const { cluster, eventLog, tokens } = app
  cluster?.bus.answer<Question, Attempt<Answer>>(QUESTION, async question => {
    if (!cluster.isActive) return { status: 'not-done' }
    const { seen, ...change } = question
    // The node with the socket may have seen a commit whose confirmation has not reached this node yet. A node that was
    // replaced without knowing it never gets that commit.
    if (!(await cluster.caughtUp(seen))) return { status: 'not-done' }
    const { type, payload, principal } = change
    const { agentId } = payload as { agentId?: string }
    // This node may know of a revocation before the other node does.
    const refusal = tokens.lapsed(principal) ?? accessRefusal(principal, clientFrameAccess[type], agentId)
    const performed = refusal === undefined ? await performHere(app, change) : refused(refusal)
    return { status: 'answered', answer: { performed, head: decodeCursor(eventLog.head)!.seq } }
  })
}
