import { randomUUID } from 'node:crypto'
import { type Agent, type Command, commandStatuses, type InterruptResult, isFinal } from '@fleetwire/protocol'
import { Type } from '@sinclair/typebox'
import { explain, ToolFailure } from '../explain.ts'
import { type Fleet, inPath, type Page, Refusal } from '../fleet.ts'
import { NoAnswer } from '../fleet-port.ts'
import { limits } from '../limits.ts'
import { type ToolContext, tool } from '../tool.ts'
import {
  briefOfCommand,
  CommandView,
  commandLine,
  commandText,
  linesOr,
  RequestView,
  requestText,
  viewOfCommand,
  viewsOfRequests,
} from '../views.ts'
import { type Waited, waitForCommand } from '../wait-for-command.ts'
import {
  AgentId,
  CommandId,
  Cursor,
  closed,
  Limit,
  more,
  NextCursor,
  SessionId,
  TaskId,
  UntilAsked,
  WaitSeconds,
} from './arguments.ts'

const Outcome = Type.Object({
  command: CommandView,
  openRequests: Type.Array(RequestView, { description: 'Open requests that block it' }),
})

/** Waits, then reports the state of the command and what can be done next. */
async function follow(
  command: Command,
  { waitSeconds = limits.waitSeconds, untilAsked = true }: { waitSeconds?: number; untilAsked?: boolean },
  context: ToolContext,
  before: string[] = [],
) {
  const waited = isFinal(command.status)
    ? { command, requests: [], because: 'ended' as const }
    : await waitForCommand(command, { seconds: waitSeconds, untilAsked }, context)
  const view = viewOfCommand(waited.command)
  const openRequests = viewsOfRequests(waited.requests)
  const lines = [...before, commandText(view), ...openRequests.map(requestText)]
  if (!view.ended) lines.push(await whatNow(waited, context))
  return { text: lines.join('\n'), data: { command: view, openRequests } }
}

async function whatNow({ command, requests, because }: Waited, { fleet, signal }: ToolContext): Promise<string> {
  const { commandId, agentId, status, phase } = command
  const stop = 'interrupt stops it.'
  const again = `wait_command with commandId "${commandId}" keeps waiting; ${stop}`
  if (requests.length > 0) return `It waits for an answer: use answer_request, then ${again}`
  if (phase === 'waiting_input')
    return `It waits for input at its terminal, which a person must type. wait_command with commandId "${commandId}" and untilAsked false keeps waiting; ${stop}`
  if (because === 'closing') return `The server is restarting; the command is safe. In a moment, ${again}`
  if (status === 'queued' && (await isOffline(fleet, agentId, signal)))
    return `The agent is offline: the command waits for it. ${again}`
  return `It has not ended yet. ${again}`
}

/** Also false if unknown: the result is only a hint. */
const isOffline = (fleet: Fleet, agentId: string, signal: AbortSignal): Promise<boolean> =>
  fleet.get<Agent>(`/agents/${inPath(agentId)}`, {}, { signal, once: true }).then(
    ({ link }) => link === 'offline',
    () => false,
  )

const sendCommand = tool({
  name: 'send_command',
  title: 'Send a command to an agent',
  description:
    'Gives an agent a command: a shell line, a prompt, or another kind that it accepts (see list_agents). Waits for the end, or returns earlier with what to do next; the command continues in any case. It really runs: be careful about what it changes.',
  input: Type.Object(
    {
      agentId: AgentId,
      kind: Type.String({
        pattern: '^[a-z][a-z0-9_-]{0,63}$',
        description: 'shell: `input` is a shell line; prompt: `input` is a task in words; or another kind of the agent',
      }),
      input: Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())], {
        description: 'Text; for kinds that need more, an object',
      }),
      waitSeconds: WaitSeconds,
      untilAsked: UntilAsked,
      idempotencyKey: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 255,
          description:
            'Any text, unique to this command. A repeated call with the same key is the same command and never runs twice, so a failed call can be repeated.',
        }),
      ),
      sessionId: Type.Optional(SessionId),
      taskId: Type.Optional(TaskId),
      whenBusy: Type.Optional(
        Type.Union([Type.Literal('enqueue'), Type.Literal('interrupt'), Type.Literal('reject')], {
          description: 'If the agent is busy: wait (default), interrupt what is running, or refuse',
        }),
      ),
      priority: Type.Optional(
        Type.Integer({ minimum: -100, maximum: 100, description: 'Higher goes first; default 0' }),
      ),
      runTimeoutSeconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 365 * 86_400, description: 'Interrupt it after this run time' }),
      ),
    },
    closed,
  ),
  output: Outcome,
  effect: 'acts',
  run: async (args, context) => {
    const { agentId, kind, input, sessionId, taskId, whenBusy, priority, runTimeoutSeconds } = args
    const key = args.idempotencyKey ?? `mcp-${randomUUID()}`
    const body = {
      ...{ kind, input },
      ...(sessionId !== undefined && { sessionId }),
      ...(taskId !== undefined && { taskId }),
      ...(whenBusy !== undefined && { whenBusy }),
      ...(priority !== undefined && { priority }),
      ...(runTimeoutSeconds !== undefined && { runTimeoutMs: runTimeoutSeconds * 1000 }),
    }
    const { command, isReplay } = await submit(context, agentId, body, key)
    const note = isReplay ? ['This idempotencyKey was used before: this is that command, not a new one.'] : []
    try {
      return await follow(command, args, context, note)
    } catch (error) {
      context.signal.throwIfAborted()
      // The command was accepted. Without saying so, the model might send it again.
      const text = `${command.commandId} was accepted, but its status cannot be read now: ${explain(error)}`
      return { text, data: { command: briefOfCommand(command), openRequests: [] } }
    }
  },
})

/** Not cancelled with the call: the caller must know whether the command was accepted. */
async function submit({ fleet }: ToolContext, agentId: string, body: object, key: string) {
  const path = `/agents/${inPath(agentId)}/commands`
  try {
    const answer = await fleet.accepted({ method: 'POST', path, body, headers: { 'idempotency-key': key } })
    return { command: JSON.parse(answer.text) as Command, isReplay: answer.header('idempotent-replay') === 'true' }
  } catch (error) {
    const isOpen = error instanceof NoAnswer || (error instanceof Refusal && error.code === 'unavailable')
    throw isOpen ? new ToolFailure(`${explain(error)}\nIts idempotencyKey was "${key}".`) : error
  }
}

const getCommand = tool({
  name: 'get_command',
  title: 'Show a command',
  description: 'The status of a command, and its result once it has ended. Does not wait.',
  input: Type.Object({ commandId: CommandId }, closed),
  output: Outcome,
  effect: 'reads',
  run: async ({ commandId }, context) => {
    const command = await context.fleet.get<Command>(`/commands/${inPath(commandId)}`, {}, context)
    return follow(command, { waitSeconds: 0 }, context)
  },
})

const waitCommand = tool({
  name: 'wait_command',
  title: 'Wait for a command',
  description:
    'Waits until a command has ended or the time is up; in that case call it again. Cancelling the call ends only the wait.',
  input: Type.Object({ commandId: CommandId, waitSeconds: WaitSeconds, untilAsked: UntilAsked }, closed),
  output: Outcome,
  effect: 'reads',
  run: async ({ commandId, ...options }, context) => {
    const command = await context.fleet.get<Command>(`/commands/${inPath(commandId)}`, {}, context)
    return follow(command, options, context)
  },
})

const listCommands = tool({
  name: 'list_commands',
  title: 'List commands',
  description: 'Commands, newest first, without their output.',
  input: Type.Object(
    {
      agentId: Type.Optional(AgentId),
      status: Type.Optional(
        Type.Array(Type.Union(commandStatuses.map(status => Type.Literal(status))), {
          minItems: 1,
          description: 'Only commands with these statuses',
        }),
      ),
      limit: Limit,
      cursor: Cursor,
    },
    closed,
  ),
  output: Type.Object({ commands: Type.Array(CommandView), nextCursor: NextCursor }),
  effect: 'reads',
  run: async ({ agentId, status, limit = 50, cursor }, { fleet, signal }) => {
    const query = { agentId, status: status?.join(','), limit, cursor }
    const page = await fleet.get<Page<Command>>('/commands', query, { signal })
    const commands = page.items.map(briefOfCommand)
    const lines = [linesOr(commands.map(commandLine), 'There are no such commands.'), ...more(page.nextCursor)]
    return { text: lines.join('\n'), data: { commands, nextCursor: page.nextCursor } }
  },
})

const interrupt = tool({
  name: 'interrupt',
  title: 'Interrupt a command',
  description:
    'Stops a command; what is queued behind it runs next. One that has ended, or is being interrupted already, stays as it is.',
  input: Type.Object(
    { commandId: CommandId, reason: Type.Optional(Type.String({ maxLength: 1024, description: 'Shown to people' })) },
    closed,
  ),
  output: Type.Object({
    commandId: Type.String(),
    affected: Type.Boolean({ description: 'False if it had ended or was being interrupted already' }),
    status: Type.String(),
  }),
  effect: 'acts-once',
  run: async ({ commandId, reason }, { fleet }) => {
    const body = reason === undefined ? {} : { reason }
    const { affected, status } = await fleet.post<InterruptResult>(`/commands/${inPath(commandId)}/interrupt`, body)
    const text = affected
      ? `${commandId} is being interrupted (${status}); wait_command shows when it has stopped.`
      : `${commandId} was not affected: it is ${status}.`
    return { text, data: { commandId, affected, status } }
  },
})

export const commandTools = [sendCommand, getCommand, waitCommand, listCommands, interrupt]
