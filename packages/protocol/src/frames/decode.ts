import type { Check, Flaw } from '../check/rules.ts'
import { isCustomType } from '../custom-type.ts'
import type { ErrorCode } from '../error-codes.ts'
import type { KnownEvent, WireEvent } from '../events.ts'
import {
  agentChecks,
  agentFields,
  agentServerChecks,
  clientChecks,
  clientFields,
  eventChecks,
  serverChecks,
} from '../generated/checks.js'
import { depthOfText, MAX_DEPTH, MAX_VALUE_DEPTH, mayBeDeeper, TOO_DEEP } from '../nesting.ts'
import { findTooLarge, TOO_LARGE_NUMBER } from '../numbers.ts'
import type { AgentFrame, AgentServerFrame } from './agent.ts'
import type { ClientFrame, ServerFrame } from './client.ts'

export type Decoded<F> =
  | { ok: true; frame: F }
  /** `id` and `n` of the refused frame, if it had valid ones. */
  | { ok: false; code: ErrorCode; message: string; id?: string; n?: number }

const ID = /^[A-Za-z0-9_-]{1,64}$/

type Checks = Readonly<Record<string, Check>>

const checkOf = (checks: Checks, type: string): Check | undefined =>
  Object.hasOwn(checks, type) ? checks[type] : undefined

const refuse = (code: ErrorCode, message: string, id?: string, n?: number): Decoded<never> => ({
  ok: false,
  code,
  message,
  ...(id !== undefined && { id }),
  ...(n !== undefined && { n }),
})

/** The path may end in a key chosen by the sender, which must not be returned at full length. */
const MAX_PATH_LENGTH = 200

/** Describes where a value is wrong: `payload.commandId: is required`. */
const explain = ({ path, message }: Flaw): string =>
  `${`payload${path.replaceAll('/', '.')}`.slice(0, MAX_PATH_LENGTH)}: ${message}`

type Fields = (type: string, payload: Record<string, unknown>) => object

/**
 * Keeps only the fields in the payload's schema. Services spread payloads into records: an unchecked field must not get
 * into a record, or replace another field.
 */
const knownFields =
  (names: Readonly<Record<string, readonly string[] | null>>): Fields =>
  (type, payload) => {
    const fields = names[type]
    if (!fields) return payload
    const known: Record<string, unknown> = {}
    for (const key of fields) if (Object.hasOwn(payload, key)) known[key] = payload[key]
    return known
  }

/** A newer server may send fields that this version does not know. */
const allFields: Fields = (_type, payload) => payload

/** For frames that submit values: the value of a payload's field is two levels down. */
const INBOUND_DEPTH = MAX_VALUE_DEPTH + 2

function parse(text: string): Decoded<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const flaw = depthFlaw(text, MAX_DEPTH)
    if (flaw !== undefined) return refuse('invalid_frame', flaw)
    return refuse('bad_json', 'The frame is not valid JSON: send one JSON object per line.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('invalid_frame', 'A frame must be a JSON object { "type": string, "payload": object }.')
  }
  return { ok: true, frame: value as Record<string, unknown> }
}

/** Why a frame is nested too deeply; undefined if it is not. */
function depthFlaw(text: string, limit: number): string | undefined {
  if (!mayBeDeeper(text, limit)) return undefined
  const depth = depthOfText(text)
  if (depth > MAX_DEPTH) return `The frame is nested more than ${MAX_DEPTH} levels deep.`
  return depth > limit ? `A field of the payload is ${TOO_DEEP}.` : undefined
}

function decoder<F>(checks: Checks, fields: Fields, limit = MAX_DEPTH): (text: string) => Decoded<F> {
  return text => {
    const parsed = parse(text)
    if (!parsed.ok) return parsed
    const { type, id, n, payload = {} } = parsed.frame
    const usableId = typeof id === 'string' && ID.test(id) ? id : undefined
    const usableN = typeof n === 'number' && Number.isSafeInteger(n) && n > 0 ? n : undefined
    const depth = depthFlaw(text, limit)
    if (depth !== undefined) return refuse('invalid_frame', depth, usableId, usableN)
    if (typeof type !== 'string') return refuse('invalid_frame', 'type: a string is required.', usableId, usableN)
    if (id !== undefined && usableId === undefined) {
      return refuse('invalid_frame', 'id: expected letters, digits, _ and -, at most 64.', undefined, usableN)
    }
    if (n !== undefined && usableN === undefined)
      return refuse('invalid_frame', 'n: expected a positive integer.', usableId)
    const check = checkOf(checks, type)
    if (check === undefined)
      return refuse('unknown_type', `Unknown frame type "${type.slice(0, 64)}".`, usableId, usableN)
    const tooLarge = findTooLarge(payload)
    if (tooLarge !== undefined)
      return refuse('invalid_frame', explain({ path: tooLarge, message: `${TOO_LARGE_NUMBER}.` }), usableId, usableN)
    const flaw = check(payload)
    if (flaw !== undefined) return refuse('invalid_frame', explain(flaw), usableId, usableN)
    const frame = {
      type,
      payload: fields(type, payload as Record<string, unknown>),
      ...(usableId !== undefined && { id: usableId }),
      ...(usableN !== undefined && { n: usableN }),
    }
    return { ok: true, frame: frame as F }
  }
}

// Marked as pure, so that bundlers drop unused decoders, such as the checks of agents in a dashboard.

/** Decoders of inbound text. They never throw. */
export const decodeClientFrame = /* @__PURE__ */ decoder<ClientFrame>(
  clientChecks,
  /* @__PURE__ */ knownFields(clientFields),
  INBOUND_DEPTH,
)
export const decodeAgentFrame = /* @__PURE__ */ decoder<AgentFrame>(
  agentChecks,
  /* @__PURE__ */ knownFields(agentFields),
  INBOUND_DEPTH,
)
export const decodeAgentServerFrame = /* @__PURE__ */ decoder<AgentServerFrame>(agentServerChecks, allFields)
const decodeServerOnly = /* @__PURE__ */ decoder<ServerFrame>(serverChecks, allFields)

type ServerDecoder = (text: string) => Decoded<ServerFrame | KnownEvent | WireEvent>

function serverDecoder(events: Checks): ServerDecoder {
  return text => {
    const decoded = parse(text)
    if (!decoded.ok) return decoded
    const depth = depthFlaw(text, MAX_DEPTH)
    if (depth !== undefined) return refuse('invalid_frame', depth)
    const { type, topic, cursor, at, payload } = decoded.frame
    if (typeof type !== 'string' || typeof topic !== 'string' || typeof cursor !== 'string')
      return decodeServerOnly(text)
    if (typeof at !== 'number' || payload === undefined) {
      return refuse('invalid_frame', 'An event must be { type, topic, cursor, at, payload }.')
    }
    const flaw = checkOf(events, type)?.(payload)
    if (flaw !== undefined) return refuse('invalid_frame', explain(flaw))
    return { ok: true, frame: decoded.frame as unknown as WireEvent }
  }
}

/**
 * Decodes a server's message on `/ws`: an event (it has a `cursor`) or a frame. Events of unknown types are accepted
 * unchecked; the payloads of all others are checked.
 */
export const decodeServerFrame: ServerDecoder = /* @__PURE__ */ serverDecoder(eventChecks)

/**
 * The same for clients, which accept event payloads unchecked, as they do for records in snapshots: a newer server may
 * send values that this version does not know, and refusing the event would lose it.
 */
export const readServerFrame: ServerDecoder = /* @__PURE__ */ serverDecoder({})

const verdict = (flaw: Flaw | undefined): string | undefined => flaw && explain(flaw)

/** Why a payload may not be sent as an event of this type; undefined if it may. */
export function eventFlaw(type: string, payload: unknown): string | undefined {
  const check = checkOf(eventChecks, type)
  if (check === undefined) return isCustomType(type) ? undefined : `"${type}" is not an event type`
  return verdict(check(payload))
}

function frameFlaw(checks: Checks, type: string, payload: unknown): string | undefined {
  const check = checkOf(checks, type)
  return check === undefined ? `"${type}" is not a frame type` : verdict(check(payload))
}

/** Why a payload may not be sent in a frame of this type; undefined if it may. */
export const serverFrameFlaw = (type: string, payload: unknown): string | undefined =>
  frameFlaw(serverChecks, type, payload)
export const agentServerFrameFlaw = (type: string, payload: unknown): string | undefined =>
  frameFlaw(agentServerChecks, type, payload)
