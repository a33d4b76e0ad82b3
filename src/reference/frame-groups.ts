import {
  agentFrameNotes,
  agentPayloads,
  agentServerFrameNotes,
  agentServerPayloads,
  clientFrameNotes,
  clientPayloads,
  customTypePattern,
  EventFrame,
  type EventNote,
  type EventType,
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
import { exampleDetails } from './example-details.ts'
import { exampleOf, exampleTopics } from './example-of.ts'

export interface FrameEntry {
  /** Unique across all groups. Types are not unique: a `heartbeat` is sent in every direction. */
  id: string
  type: string
  says: string
  /** The type of the frame in the opposite direction that answers it. */
  answer?: string
  /** The whole frame, not only its payload. */
  schema: TObject
  example: object
}

/** The frames that one kind of peer sends to another. */
export interface FrameGroup {
  id: string
  title: string
  /** From the perspective of the server. */
  action: 'receive' | 'send'
  peer: 'agent' | 'client'
  frames: readonly FrameEntry[]
}

/** FR2: a payload may be omitted if none of its fields is required. */
const payloadOf = (payload: TSchema) =>
  payload.type === 'object' && payload.required === undefined ? Type.Optional(payload) : payload

const plain = (type: string, payload: TSchema): TObject =>
  Type.Object({ type: Type.Literal(type), id: Type.Optional(Id), payload: payloadOf(payload) })

const n = Type.Integer({ minimum: 1, description: 'Numbers the frames that must not be lost, within one bootId' })
const numbered = (type: string, payload: TSchema): TObject =>
  isNumbered(type) ? Type.Object({ ...plain(type, payload).properties, n: Type.Optional(n) }) : plain(type, payload)

const event = (type: TSchema, payload: TSchema): TObject => Type.Object({ ...EventFrame.properties, type, payload })

const payloadExample = (id: string, payload: TSchema): object => ({
  ...(exampleOf(payload) as object),
  ...exampleDetails[id],
})

/** A request shows its `id`, and a numbered frame its number. */
const exampleFrame = (
  id: string,
  type: string,
  { payload, n }: Record<string, TSchema>,
  answer: string | undefined,
) => ({
  type,
  ...((answer === 'reply' || type === 'reply') && { id: 'req-1' }),
  ...(n !== undefined && { n: 42 }),
  payload: payloadExample(id, payload!),
})

function frames(
  group: string,
  payloads: Record<string, TSchema>,
  notes: Record<string, FrameNote>,
  frame: (type: string, payload: TSchema) => TObject = plain,
): FrameEntry[] {
  return Object.entries(payloads).map(([type, payload]) => {
    const id = `${group}.${type.replace(':', '.')}`
    const note = notes[type]!
    const schema = frame(type, payload)
    return { id, type, ...note, schema, example: exampleFrame(id, type, schema.properties, note.answer) }
  })
}

function eventEntry(type: string, { topic, says }: Pick<EventNote, 'topic' | 'says'>, schema: TObject): FrameEntry {
  const id = `events.${type.replace(':', '.').replace('.<name>', '')}`
  const payload = payloadExample(id, schema.properties.payload!)
  const example = { ...(exampleOf(schema) as object), topic: exampleTopics[topic], payload }
  return { id, type, says, schema, example }
}

const events = (Object.entries(eventPayloads) as [EventType, TSchema][]).map(([type, payload]) =>
  eventEntry(type, eventNotes[type], event(Type.Literal(type), payload)),
)
const customType = Type.String({ pattern: customTypePattern.source, examples: ['custom:deploy.done'] })
const custom = eventEntry(
  'custom:<name>',
  { topic: 'taskEvents', says: 'What a backend published.' },
  event(customType, Json),
)

/** Every frame, grouped by sender and receiver. */
export const frameGroups: readonly FrameGroup[] = [
  {
    ...{ id: 'fromAgent', title: 'Agent → server', action: 'receive', peer: 'agent' },
    frames: frames('fromAgent', agentPayloads, agentFrameNotes, numbered),
  },
  {
    ...{ id: 'toAgent', title: 'Server → agent', action: 'send', peer: 'agent' },
    frames: frames('toAgent', agentServerPayloads, agentServerFrameNotes),
  },
  {
    ...{ id: 'fromClient', title: 'Client → server', action: 'receive', peer: 'client' },
    frames: frames('fromClient', clientPayloads, clientFrameNotes),
  },
  {
    ...{ id: 'toClient', title: 'Server → client', action: 'send', peer: 'client' },
    frames: frames('toClient', serverPayloads, serverFrameNotes),
  },
  {
    ...{ id: 'events', title: 'Server → client: events', action: 'send', peer: 'client' },
    frames: [...events, custom],
  },
]
