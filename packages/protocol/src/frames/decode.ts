import type { TSchema } from '@sinclair/typebox'
import { compile } from '#compile'
import type { Check } from '../compile/check.ts'
import type { ErrorCode } from '../error-codes.ts'
import { eventPayloads, isCustomType, type KnownEvent, type WireEvent } from '../events.ts'
import { depthOfText, MAX_DEPTH, MAX_VALUE_DEPTH, mayBeDeeper, TOO_DEEP } from '../nesting.ts'
import { type AgentFrame, type AgentServerFrame, agentPayloads, agentServerPayloads } from './agent.ts'
import { type ClientFrame, clientPayloads, type ServerFrame, serverPayloads } from './client.ts'

export type Decoded<F> =
  | { ok: true; frame: F }
  /** `id` and `n` of the refused frame, if it had valid ones. */
  | { ok: false; code: ErrorCode; message: string; id?: string; n?: number }

const ID = /^[A-Za-z0-9_-]{1,64}$/

/** Compiles each schema on first use, so that start-up stays quick and a browser pays only for what it uses. */
function checksOf(schemas: Record<string, TSchema>): (type: string) => Check | undefined {
  const compiled = new Map<string, Check>()
  return type => {
    const known = compiled.get(type)
    if (known !== undefined) return known
    const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined
    if (schema === undefined) return undefined
    const check = compile(schema)
    compiled.set(type, check)
    return check
  }
}

const refuse = (code: ErrorCode, message: string, id?: string, n?: number): Decoded<never> => ({
  ok: false,
  code,
  message,
  ...(id !== undefined && { id }),
  ...(n !== undefined && { n }),
})

/** The path may end in a key that the sender chose, which is not sent back at full length. */
const MAX_PATH_LENGTH = 200

/** Says where a value is wrong: `payload.commandId: is required`. */
function explain(check: Check, payload: unknown): string {
  const { path, message } = check.flaw(payload)
  return `${`payload${path.replaceAll('/', '.')}`.slice(0, MAX_PATH_LENGTH)}: ${message}`
}

type Fields = (type: string, payload: Record<string, unknown>) => object

/**
 * Keeps only the fields that the payload's schema names. Services spread payloads into records, and a field that nobody
 * checked must not get into one, or replace another field.
 */
function knownFields(schemas: Record<string, TSchema>): Fields {
  return (type, payload) => {
    const { properties, additionalProperties } = schemas[type]!
    if (properties === undefined || additionalProperties !== undefined) return payload
    const known: Record<string, unknown> = {}
    for (const key in properties) if (Object.hasOwn(payload, key)) known[key] = payload[key]
    return known
  }
}

/** A newer server may send more than this version knows. */
const allFields: Fields = (_type, payload) => payload

/** For frames that bring in values: the value of a payload's field is two levels down. */
const INBOUND_DEPTH = MAX_VALUE_DEPTH + 2

function parse(text: string): Decoded<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const flaw = depthFlaw(text, MAX_DEPTH)
    if (flaw !== undefined) return refuse('invalid_frame', flaw)
    return refuse('bad_json', 'The frame is not JSON: send one JSON object a line.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('invalid_frame', 'A frame is a JSON object { "type": string, "payload": object }.')
  }
  return { ok: true, frame: value as Record<string, unknown> }
}

/** Why a frame is too deep, if it is. */
function depthFlaw(text: string, limit: number): string | undefined {
  if (!mayBeDeeper(text, limit)) return undefined
  const depth = depthOfText(text)
  if (depth > MAX_DEPTH) return `The frame is nested more than ${MAX_DEPTH} levels deep.`
  return depth > limit ? `A field of the payload is ${TOO_DEEP}.` : undefined
}

function decoder<F>(schemas: Record<string, TSchema>, fields: Fields, limit = MAX_DEPTH): (text: string) => Decoded<F> {
  const checkOf = checksOf(schemas)
  return text => {
    const parsed = parse(text)
    if (!parsed.ok) return parsed
    const { type, id, n, payload = {} } = parsed.frame
    const usableId = typeof id === 'string' && ID.test(id) ? id : undefined
    const usableN = typeof n === 'number' && Number.isSafeInteger(n) && n > 0 ? n : undefined
    const flaw = depthFlaw(text, limit)
    if (flaw !== undefined) return refuse('invalid_frame', flaw, usableId, usableN)
    if (typeof type !== 'string') return refuse('invalid_frame', 'type: a string is required.', usableId, usableN)
    if (id !== undefined && usableId === undefined) {
      return refuse('invalid_frame', 'id: letters, digits, _ and -, at most 64.', undefined, usableN)
    }
    if (n !== undefined && usableN === undefined) return refuse('invalid_frame', 'n: a positive integer.', usableId)
    const check = checkOf(type)
    if (check === undefined)
      return refuse('unknown_type', `No frame of type "${type.slice(0, 64)}" is known here.`, usableId, usableN)
    if (!check(payload)) return refuse('invalid_frame', explain(check, payload), usableId, usableN)
    const frame = {
      type,
      payload: fields(type, payload as Record<string, unknown>),
      ...(usableId !== undefined && { id: usableId }),
      ...(usableN !== undefined && { n: usableN }),
    }
    return { ok: true, frame: frame as F }
  }
}

/** Decoders of inbound text. They never throw. */
export const decodeClientFrame = decoder<ClientFrame>(clientPayloads, knownFields(clientPayloads), INBOUND_DEPTH)
export const decodeAgentFrame = decoder<AgentFrame>(agentPayloads, knownFields(agentPayloads), INBOUND_DEPTH)
export const decodeAgentServerFrame = decoder<AgentServerFrame>(agentServerPayloads, allFields)
const decodeServerOnly = decoder<ServerFrame>(serverPayloads, allFields)

const eventCheck = checksOf(eventPayloads)
const serverCheck = checksOf(serverPayloads)
const agentServerCheck = checksOf(agentServerPayloads)

/**
 * Decodes what a client reads from `/ws`: an event (it has a `cursor`) or a frame. Events of unknown types are
 * accepted, since the server may be newer.
 */
export function decodeServerFrame(text: string): Decoded<ServerFrame | KnownEvent | WireEvent> {
  const decoded = parse(text)
  if (!decoded.ok) return decoded
  const flaw = depthFlaw(text, MAX_DEPTH)
  if (flaw !== undefined) return refuse('invalid_frame', flaw)
  const { type, topic, cursor, at, payload } = decoded.frame
  if (typeof type !== 'string' || typeof topic !== 'string' || typeof cursor !== 'string') return decodeServerOnly(text)
  if (typeof at !== 'number' || payload === undefined) {
    return refuse('invalid_frame', 'An event is { type, topic, cursor, at, payload }.')
  }
  const check = eventCheck(type)
  if (check !== undefined && !check(payload)) return refuse('invalid_frame', explain(check, payload))
  return { ok: true, frame: decoded.frame as unknown as WireEvent }
}

/** Why a payload may not be sent as an event of this type; undefined if it may. */
export function eventFlaw(type: string, payload: unknown): string | undefined {
  const check = eventCheck(type)
  if (check === undefined) return isCustomType(type) ? undefined : `"${type}" is no event type`
  return check(payload) ? undefined : explain(check, payload)
}

const frameFlaw =
  (checkOf: (type: string) => Check | undefined) =>
  (type: string, payload: unknown): string | undefined => {
    const check = checkOf(type)
    if (check === undefined) return `"${type}" is no frame type`
    return check(payload) ? undefined : explain(check, payload)
  }

/** Why a payload may not be sent in a frame of this type; undefined if it may. */
export const serverFrameFlaw = frameFlaw(serverCheck)
export const agentServerFrameFlaw = frameFlaw(agentServerCheck)
