import type { AgentClient, InteractionAnswer } from '@fleetwire/client'
import { AcpError } from './acp-error.ts'
import { elicitationAnswer, elicitationQuestion } from './elicitation.ts'
import type { LiveSession } from './live-session.ts'
import type { PeerOptions } from './peer.ts'
import { outcomeOf, permissionOf } from './permission.ts'
import type { Root } from './root.ts'
import type { Sessions } from './sessions.ts'
import type { Terminals } from './terminals.ts'
import { describeError } from './turn-outcome.ts'

export interface ProgramAnswersOptions {
  root: Root
  sessions: Pick<Sessions, 'of'>
  terminals: Terminals
  client: () => Pick<AgentClient, 'ask' | 'report'>
  newId: () => string
  /** Aborts when the program can send nothing more. */
  gone: () => AbortSignal
  allowWrite: boolean
  allowTerminals: boolean
  /** A question that is not answered within this time is denied. Undefined: no limit. */
  askTimeoutMs: number | undefined
}

type Question = Omit<Parameters<AgentClient['ask']>[0], 'interactionId'>

/** Handles the program's requests: questions to people, files, commands. Each must name one of its open sessions. */
export function programAnswers(options: ProgramAnswersOptions): PeerOptions['answers'] {
  const { root, sessions, terminals, allowWrite, allowTerminals } = options
  return {
    'session/request_permission': async (request, signal) => {
      const session = sessions.of(request.sessionId)
      session.apply({ sessionUpdate: 'tool_call_update', ...request.toolCall })
      const permission = permissionOf(request, session.view.tools.known(request.toolCall.toolCallId))
      const answer = await ask(options, session, permission.question, signal)
      return { outcome: answer === undefined ? { outcome: 'cancelled' } : outcomeOf(answer, permission) }
    },
    'elicitation/create': async (request, signal) => {
      const question = elicitationQuestion(request)
      const { sessionId } = request as { sessionId?: unknown }
      const session = typeof sessionId === 'string' ? sessions.of(sessionId) : undefined
      return elicitationAnswer(await ask(options, session, question, signal))
    },
    'fs/read_text_file': async ({ sessionId, path, line, limit }) => {
      sessions.of(sessionId)
      return { content: await root.readText(path, { line, limit }) }
    },
    ...(allowWrite && {
      'fs/write_text_file': async ({ sessionId, path, content }) => {
        sessions.of(sessionId)
        await root.writeText(path, content)
        return {}
      },
    }),
    ...(allowTerminals && {
      'terminal/create': async ({ sessionId, cwd, ...request }) => {
        sessions.of(sessionId)
        const folder = cwd ? await root.folder(cwd) : root.path
        return { terminalId: await terminals.create({ ...request, sessionId, cwd: folder }) }
      },
      'terminal/output': async ({ sessionId, terminalId }) => terminals.output(sessionId, terminalId),
      'terminal/wait_for_exit': async ({ sessionId, terminalId }, signal) =>
        terminals.waitForExit(sessionId, terminalId, signal),
      'terminal/kill': async ({ sessionId, terminalId }) => {
        await terminals.kill(sessionId, terminalId)
        return {}
      },
      'terminal/release': async ({ sessionId, terminalId }) => {
        await terminals.release(sessionId, terminalId)
        return {}
      },
    }),
  } satisfies PeerOptions['answers']
}

/** Undefined if the question was withdrawn: its turn was cancelled, or the program is gone. */
async function ask(
  { client, newId, gone, askTimeoutMs }: ProgramAnswersOptions,
  session: LiveSession | undefined,
  question: Question,
  signal: AbortSignal,
): Promise<InteractionAnswer | undefined> {
  const turn = session?.turn
  const until = AbortSignal.any([signal, gone(), ...(turn === undefined ? [] : [turn.cancelled])])
  if (until.aborted) return undefined
  const interactionId = `int_${newId()}`
  const of = {
    ...(session !== undefined && { sessionId: session.sessionId }),
    ...(turn !== undefined && { commandId: turn.run.commandId }),
    ...(askTimeoutMs !== undefined && { timeoutMs: askTimeoutMs, defaultOnTimeout: 'deny' as const }),
  }
  try {
    const answer = await client().ask({ interactionId, ...of, ...question }, { signal: until })
    client().report('interaction:applied', { interactionId })
    return answer
  } catch (error) {
    if (until.aborted) return undefined
    throw new AcpError('internal', `Nobody can be asked: ${describeError(error).message}`)
  }
}
