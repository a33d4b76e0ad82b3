import {
  agentFrameNotes,
  agentPayloads,
  agentServerFrameNotes,
  agentServerPayloads,
  clientFrameNotes,
  clientPayloads,
  customTypePattern,
  EventFrame,
  eventNotes,
  eventPayloads,
  type FrameNote,
  Id,
  isNumbered,
  Json,
  serverFrameNotes,
  serverPayloads,
} from '@fleetwire/protocol'
import { type TObject, type TSchema, Type } from '@sinclair/typebox'

export interface FrameEntry {
  /** Unique over all groups: types are not, a `heartbeat` goes in all directions. */
  id: string
  type: string
  says: string
  /** The type that answers it, of the group in the other direction. */
  answer?: string
  /** The whole frame, not only its payload. */
  schema: TObject
}

/** What goes in one direction between two kinds of peers. */
export interface FrameGroup {
  id: string
  title: string
  /** As the server sees it. */
  action: 'receive' | 'send'
  peer: 'agent' | 'client'
  frames: readonly FrameEntry[]
}

/** FR2: a payload may be left out where none of its fields is required. */
const payloadOf = (payload: TSchema) =>
  payload.type === 'object' && payload.required === undefined ? Type.Optional(payload) : payload

const plain = (type: string, payload: TSchema): TObject =>
  Type.Object({ type: Type.Literal(type), id: Type.Optional(Id), payload: payloadOf(payload) })

const n = Type.Integer({ minimum: 1, description: 'Numbers the frames that must not be lost, within one bootId' })
const numbered = (type: string, payload: TSchema): TObject =>
  isNumbered(type) ? Type.Object({ ...plain(type, payload).properties, n: Type.Optional(n) }) : plain(type, payload)

const event = (type: TSchema, payload: TSchema): TObject => Type.Object({ ...EventFrame.properties, type, payload })

function entries(
  group: string,
  payloads: Record<string, TSchema>,
  notes: Record<string, FrameNote>,
  frame: (type: string, payload: TSchema) => TObject,
): FrameEntry[] {
  return Object.entries(payloads).map(([type, payload]) => ({
    id: `${group}.${type.replace(':', '.')}`,
    type,
    ...notes[type]!,
    schema: frame(type, payload),
  }))
}

const custom: FrameEntry = {
  id: 'events.custom',
  type: 'custom:<name>',
  says: 'What a backend published.',
  schema: event(Type.String({ pattern: customTypePattern.source, examples: ['custom:deploy.done'] }), Json),
}

/** Every frame there is, by who sends it to whom. */
export const frameGroups: readonly FrameGroup[] = [
  {
    ...{ id: 'fromAgent', title: 'Agent → server', action: 'receive', peer: 'agent' },
    frames: entries('fromAgent', agentPayloads, agentFrameNotes, numbered),
  },
  {
    ...{ id: 'toAgent', title: 'Server → agent', action: 'send', peer: 'agent' },
    frames: entries('toAgent', agentServerPayloads, agentServerFrameNotes, plain),
  },
  {
    ...{ id: 'fromClient', title: 'Client → server', action: 'receive', peer: 'client' },
    frames: entries('fromClient', clientPayloads, clientFrameNotes, plain),
  },
  {
    ...{ id: 'toClient', title: 'Server → client', action: 'send', peer: 'client' },
    frames: entries('toClient', serverPayloads, serverFrameNotes, plain),
  },
  {
    ...{ id: 'events', title: 'Server → client: events', action: 'send', peer: 'client' },
    frames: [
      ...entries('events', eventPayloads, eventNotes, (type, payload) => event(Type.Literal(type), payload)),
      custom,
    ],
  },
]
