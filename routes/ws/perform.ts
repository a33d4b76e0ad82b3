import { type ClientFrame, errorCodes, wireError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import { accessRefusal, clientFrameAccess } from '../../src/auth/access.ts'
import { NodeFault } from '../../src/cluster/bus/node-bus.ts'
import type { Attempt } from '../../src/cluster/forwarding/active-calls.ts'
import { decodeCursor } from '../../src/log/cursor.ts'
import { type Refused, refused } from '../../src/outcome.ts'
import { asAnswer, callerFrom, type Sender } from '../caller.ts'
import type { FrameOf } from './dashboard.ts'

/** What the reply to a frame says. */
export type Performed = { status: 'ok'; fields: object } | Refused

type ChangeType = 'command:request' | 'command:interrupt' | 'interaction:respond'
export type ChangeFrame = FrameOf<ChangeType>
type Perform<K extends ChangeType> = (
  app: FastifyInstance,
  payload: FrameOf<K>['payload'],
  sender: Sender,
) => Promise<Performed>

const QUESTION = 'frame'
/** An append waits for 15 s on the node that decides. */
const ANSWER_MS = 20_000

type Change = Sender & Pick<ChangeFrame, 'type' | 'payload'>
/** `seen`: up to where the node with the socket has the log, as a `seq`, since its client may have seen that. */
type Question = Change & { seen: number }
/** `head`: how far the log of the active node was, as a `seq`. */
interface Answer {
  performed: Performed
  head: number
}

/** Frames that change something, as the active node carries them out. */
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

/** The same frame again changes nothing more. */
const isRepeatable = ({ type, payload }: Pick<ClientFrame, 'type' | 'payload'>): boolean =>
  type !== 'command:request' || (payload as { idempotencyKey?: string }).idempotencyKey !== undefined

/** Has a frame carried out: on this node if it is the active one, else there, and then until this node has what was done. */
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
        app.log.error({ err: error }, 'the active node failed at a frame')
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

/** Carries out what other nodes ask of this one while it is the active one. */
export function answerFrames(app: FastifyInstance): void {
  const { cluster, eventLog, tokens } = app
  cluster?.bus.answer<Question, Attempt<Answer>>(QUESTION, async question => {
    if (!cluster.isActive) return { status: 'not-done' }
    const { seen, ...change } = question
    // A commit may be told to another node, and seen there, before this one has heard that it stands. One that was replaced,
    // and does not know it yet, never has it.
    if (!(await cluster.caughtUp(seen))) return { status: 'not-done' }
    const { type, payload, principal } = change
    const { agentId } = payload as { agentId?: string }
    // It may know of a revocation before the node that asks.
    const refusal = tokens.lapsed(principal) ?? accessRefusal(principal, clientFrameAccess[type], agentId)
    const performed = refusal === undefined ? await performHere(app, change) : refused(refusal)
    return { status: 'answered', answer: { performed, head: decodeCursor(eventLog.head)!.seq } }
  })
}
