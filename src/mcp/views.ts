import type { Agent, Command, Interaction, Session } from '@fleetwire/protocol'
import { isFinal } from '@fleetwire/protocol'
import { type Static, Type } from '@sinclair/typebox'
import { cutMiddle, oneLine } from './cut-text.ts'
import { limits } from './limits.ts'

// The part of a record that a model sees: enough to act on, little enough to pay for. Everything else is in the
// resources and in the REST API.

const When = Type.Integer({ description: 'Epoch ms' })
const optional = Type.Optional

export const AgentView = Type.Object({
  agentId: Type.String(),
  name: Type.String(),
  kind: Type.String(),
  status: Type.String({ description: 'online, offline or error' }),
  work: Type.String({ description: 'starting, idle, working, waiting, stalled, stopped or error' }),
  detail: Type.String(),
  evidence: Type.String({ description: 'How `work` is known: reported, inferred or guessed' }),
  kinds: Type.Array(Type.String(), { description: 'Kinds of commands that it accepts' }),
  running: Type.Array(Type.String(), { description: 'Ids of the commands that are running' }),
  openRequests: Type.Integer({ description: 'Questions that wait for an answer' }),
  lastSeenAt: When,
})

export const viewOfAgent = (agent: Agent): Static<typeof AgentView> => ({
  agentId: agent.agentId,
  name: agent.name,
  kind: agent.kind,
  status: agent.status,
  work: agent.work,
  detail: oneLine(agent.detail, 300),
  evidence: agent.evidence,
  kinds: agent.capabilities.kinds ?? [],
  running: agent.running,
  openRequests: agent.openInteractions,
  lastSeenAt: agent.lastSeenAt,
})

export const agentLine = (agent: Static<typeof AgentView>): string => {
  const name = agent.name === '' || agent.name === agent.agentId ? '' : ` (${agent.name})`
  const detail = agent.detail === '' ? '' : `: ${agent.detail}`
  const runs = agent.running.length === 0 ? '' : `; runs ${agent.running.join(', ')}`
  const asks = agent.openRequests === 0 ? '' : `; ${agent.openRequests} open request(s)`
  const takes = agent.kinds.length === 0 ? '' : `; takes ${agent.kinds.join(', ')}`
  return `${agent.agentId}${name}: ${agent.status}, ${agent.work}${detail}${runs}${asks}${takes}`
}

export const CommandView = Type.Object({
  commandId: Type.String(),
  agentId: Type.String(),
  kind: Type.String(),
  title: Type.String({ description: 'The beginning of the input' }),
  status: Type.String({
    description:
      'queued, dispatched, running; or final: succeeded, failed, cancelled, timed_out, expired, rejected, lost',
  }),
  ended: Type.Boolean({ description: 'The status is final' }),
  phase: optional(
    Type.String({ description: 'Of a running command: working, waiting_input, cancelling, disconnected' }),
  ),
  reason: optional(Type.String()),
  detail: optional(Type.String()),
  progress: optional(Type.Number({ description: '0 to 1' })),
  message: optional(Type.String()),
  exitCode: optional(Type.Integer()),
  output: optional(Type.Unknown({ description: 'What it returned; for a shell command, the end of its output' })),
  outputIsCut: optional(Type.Boolean({ description: 'read_output with this commandId has more' })),
  error: optional(Type.Unknown()),
  sessionId: optional(Type.String()),
  taskId: optional(Type.String()),
  createdBy: Type.String(),
  createdAt: When,
  startedAt: optional(When),
  endedAt: optional(When),
})
export type CommandView = Static<typeof CommandView>

/** A command in a list: without its output, and with long fields shortened. */
export const briefOfCommand = ({ output: _output, ...command }: Command): CommandView => viewOfCommand(command, 300)

export function viewOfCommand(command: Command, chars: number = limits.textChars): CommandView {
  const { progress, detail } = command
  return {
    commandId: command.commandId,
    agentId: command.agentId,
    kind: command.kind,
    title: titleOf(command.input),
    status: command.status,
    ended: isFinal(command.status),
    ...pick(command, ['phase', 'reason', 'exitCode', 'sessionId', 'taskId', 'startedAt', 'endedAt']),
    ...(detail !== undefined && { detail: oneLine(detail, 300) }),
    ...(progress?.progress !== undefined && { progress: progress.progress }),
    ...(progress?.message !== undefined && { message: oneLine(progress.message, 300) }),
    ...(command.output !== undefined && outputOf(command, chars)),
    ...(command.error !== undefined && { error: short(command.error, Math.min(chars, 2000)) }),
    createdBy: command.createdBy,
    createdAt: command.createdAt,
  }
}

function outputOf(command: Command, limit: number): Pick<CommandView, 'output' | 'outputIsCut'> {
  const output = short(command.output, limit, `read_output with commandId "${command.commandId}" reads all of it`)
  const isCut = output !== command.output || command.outputTruncated === true
  return { output, ...(isCut && { outputIsCut: true }) }
}

/** A value unchanged, or, if it is too long, as text with its middle cut out. */
function short(value: unknown, limit: number, howToReadOn = 'they are stored nowhere else'): unknown {
  if (typeof value === 'string') return cutMiddle(value, limit, howToReadOn)
  const json = JSON.stringify(value)
  return json === undefined || json.length <= limit ? value : cutMiddle(json, limit, howToReadOn)
}

export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, undefined, 1) ?? '')

const titleOf = (input: unknown): string =>
  oneLine(typeof input === 'string' ? input : (JSON.stringify(input) ?? ''), 120)

export function commandLine(command: CommandView): string {
  const { commandId, agentId, kind, title, status, phase, exitCode, reason, detail, progress, message, error } = command
  const more = [
    phase !== undefined && phase !== 'working' && phase,
    exitCode !== undefined && `exit code ${exitCode}`,
    reason !== undefined && reason !== 'reported' && reason,
    detail,
    progress !== undefined && `${Math.round(progress * 100)} %`,
    message,
    error !== undefined && oneLine(asText(error), 500),
  ].filter(Boolean)
  const rest = more.length === 0 ? '' : ` (${[...new Set(more)].join('; ')})`
  return `${commandId} ${status}${rest}: ${kind} on ${agentId}: ${title}`
}

/** The line of a command, and its output. */
export function commandText(command: CommandView): string {
  const { output } = command
  return output === undefined || output === '' ? commandLine(command) : `${commandLine(command)}\n${asText(output)}`
}

export const RequestView = Type.Object({
  requestId: Type.String(),
  agentId: Type.String(),
  commandId: optional(Type.String()),
  sessionId: optional(Type.String()),
  kind: Type.String({ description: 'permission, question or form' }),
  title: Type.String(),
  description: Type.String(),
  subject: optional(Type.Unknown({ description: 'What exactly would be done' })),
  digest: optional(Type.String({ description: 'Of the subject: an answer with it counts only for this subject' })),
  risk: Type.String(),
  options: Type.Array(
    Type.Object({
      id: Type.String(),
      label: Type.String(),
      effect: Type.String({ description: 'allow or deny' }),
      scope: optional(Type.String({ description: 'once, session or always' })),
    }),
  ),
  schema: optional(Type.Unknown({ description: 'Of the answers of a form' })),
  state: Type.String({ description: 'open, resolved, expired or cancelled' }),
  expiresAt: optional(When),
})
export type RequestView = Static<typeof RequestView>

/** How much of the texts of one request is shown. */
const REQUEST_CHARS = 8000
const LEAST_REQUEST_CHARS = 400

/** Of many requests, each shows less: for answering one, `list_requests` shows that one in more detail. */
export const viewsOfRequests = (requests: readonly Interaction[]): RequestView[] => {
  const share = Math.floor(limits.textChars / Math.max(requests.length, 1))
  return requests.map(request => viewOfRequest(request, Math.max(LEAST_REQUEST_CHARS, Math.min(share, REQUEST_CHARS))))
}

export const viewOfRequest = (request: Interaction, chars: number = REQUEST_CHARS): RequestView => ({
  requestId: request.interactionId,
  ...pick(request, ['agentId', 'commandId', 'sessionId', 'kind', 'title', 'risk', 'schema', 'state', 'expiresAt']),
  description: cutMiddle(request.description, Math.floor(chars / 2), howToSeeAll(request)),
  ...(request.subject !== undefined && {
    subject: short(request.subject, Math.floor(chars / 2), howToSeeAll(request)),
    ...pick(request.subject, ['digest']),
  }),
  options: request.options.map(option => pick(option, ['id', 'label', 'effect', 'scope'])),
})

const howToSeeAll = ({ interactionId }: Interaction): string =>
  `list_requests with requestId "${interactionId}" shows more, the dashboard everything`

export function requestText(request: RequestView): string {
  const { requestId, agentId, kind, title, description, subject, risk, options, state } = request
  const choices = options.map(
    ({ id, label, effect, scope }) => `${id} = ${label} (${effect}${scope === undefined ? '' : `, ${scope}`})`,
  )
  return [
    `${requestId} of ${agentId}, ${state}: ${kind}, risk ${risk}: ${title}`,
    description,
    subject === undefined ? '' : `subject: ${oneLine(asText(subject), REQUEST_CHARS)}`,
    choices.length === 0 ? '' : `options: ${choices.join('; ')}`,
  ]
    .filter(line => line !== '')
    .join('\n  ')
}

export const SessionView = Type.Object({
  sessionId: Type.String(),
  agentId: Type.String(),
  title: Type.String(),
  status: Type.String({ description: 'active or ended' }),
  lastMessage: Type.String(),
  startedAt: When,
  lastActivityAt: When,
})

export const viewOfSession = (session: Session): Static<typeof SessionView> => ({
  ...pick(session, ['sessionId', 'agentId', 'title', 'status', 'startedAt', 'lastActivityAt']),
  lastMessage: oneLine(session.lastMessage, 200),
})

export const sessionLine = (session: Static<typeof SessionView>): string =>
  `${session.sessionId} of ${session.agentId}, ${session.status}: ${session.title}${session.lastMessage === '' ? '' : `: ${session.lastMessage}`}`

/** The named fields that are defined. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  const picked: Partial<T> = {}
  for (const name of names) if (from[name] !== undefined) picked[name] = from[name]
  return picked as Pick<T, K>
}

/** The lines, or `none` if there are no lines. */
export const linesOr = (lines: readonly string[], none: string): string =>
  lines.length === 0 ? none : lines.join('\n')
