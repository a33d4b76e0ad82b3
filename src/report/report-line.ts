import { type AgentFrame, type AgentFrameType, decodeAgentFrame, type ErrorCode } from '@fleetwire/protocol'
import { isObject } from '../is-object.ts'

/** The agent frames that a program may send: everything about its work, nothing about the connection. */
const reportable = [
  ...['agent:status', 'agent:metrics', 'agent:error', 'command:progress', 'usage:report', 'interaction:request'],
  ...['session:start', 'session:activity', 'session:typing', 'session:end', 'state:snapshot', 'state:patch'],
  ...['message:start', 'message:delta', 'message:end', 'tool:start', 'tool:args', 'tool:end'],
  ...['task:create', 'task:start', 'task:update', 'task:progress', 'task:pause'],
  ...['task:complete', 'task:fail', 'task:cancel'],
] as const satisfies AgentFrameType[]
export type ReportableType = (typeof reportable)[number]
export type ReportFrame = Extract<AgentFrame, { type: ReportableType }>

/** Fields that a line may omit, since the wrapper knows them. */
export interface Defaults {
  /** The session of messages and tool calls. */
  sessionId: string
  /** The source of usage reports. */
  source: string
  newId(prefix: 'int' | 'task'): string
  /** The running command. */
  command?: { commandId: string; attempt: number } | undefined
}

interface Envelope {
  id?: string
  /** The sender wants no reply, as it does not wait for one. */
  isQuiet: boolean
}

export type ReportLine = Envelope &
  (
    | {
        ok: true
        frame: ReportFrame
        /** How long the sender waits for an answer while the server is unreachable. If missing, forever. */
        patienceMs?: number
      }
    | { ok: false; code: ErrorCode; message: string }
  )

/**
 * Reads one line: a frame of the protocol (§5). The wrapper fills in fields that the program cannot know. Never throws.
 */
export function readReportLine(text: string, defaults: Defaults): ReportLine {
  const value = parsed(text)
  const envelope = envelopeOf(value ?? {})
  const refuse = (code: ErrorCode, message: string): ReportLine => ({ ...envelope, ok: false, code, message })
  const type = value?.type
  if (value === undefined || typeof type !== 'string') {
    // If the text is not a frame at all, the decoder has the better message.
    const decoded = decodeAgentFrame(text)
    return decoded.ok ? refuse('invalid_frame', 'type: a string is required.') : refuse(decoded.code, decoded.message)
  }
  if (!isReportable(type))
    return refuse('unknown_type', `A program cannot report "${type.slice(0, 64)}", only: ${reportable.join(', ')}.`)
  if (type === 'command:progress' && defaults.command === undefined)
    return refuse('conflict', 'No command is running whose progress this could be.')
  const payload = isObject(value.payload) ? value.payload : {}
  const own = type === 'command:progress' && defaults.command ? idsOf(defaults.command) : {}
  const filled = { type, id: value.id, payload: { ...fill(type, payload, defaults), ...payload, ...own } }
  const decoded = decodeAgentFrame(JSON.stringify(filled))
  if (!decoded.ok) return refuse(decoded.code, decoded.message)
  const { patienceMs } = value
  const waits = typeof patienceMs === 'number' && patienceMs >= 0 ? { patienceMs } : {}
  return { ...envelope, ok: true, frame: decoded.frame as ReportFrame, ...waits }
}

function fill(type: ReportableType, payload: Fields, { sessionId, source, newId }: Defaults): Fields {
  if (/^(?:session|message|tool|state):/.test(type)) return { sessionId }
  if (type === 'interaction:request') return { interactionId: newId('int'), kind: 'permission', options: [] }
  if (type === 'usage:report') return { source, mode: 'delta' }
  return payload.taskId === undefined && type.startsWith('task:') ? { taskId: newId('task') } : {}
}

type Fields = Record<string, unknown>

const isReportable = (type: string): type is ReportableType => (reportable as readonly string[]).includes(type)

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const idsOf = ({ commandId, attempt }: NonNullable<Defaults['command']>) => ({ commandId, attempt })

const envelopeOf = ({ id, quiet }: Fields): Envelope => ({
  ...(typeof id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(id) && { id }),
  isQuiet: quiet === true,
})
