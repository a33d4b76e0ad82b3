import type { CommandRun } from '@fleetwire/client/node'
import { systemClock } from '../clock.ts'
import { type Answer, answerTo } from './answers.ts'
import { type Part, type Surroundings, textOf } from './part.ts'
import { between, pause } from './pause.ts'
import { tokensOf, Voice } from './voice.ts'

/** A conversation ends if nobody continues it for this long. */
const QUIET_MS = 15 * 60_000
const TITLE_LENGTH = 80

/**
 * Answers questions about the project from its files, token by token. There is no model behind it: the sentences are
 * templates, and the facts are read from the files for each question.
 */
export function explainer({ project, client }: Surroundings): Part {
  /** The time of the last activity in each open conversation. */
  const sessions = new Map<string, number>()
  let tokens = 0
  let told = { tokens: 0, at: systemClock.monotonic() }

  function begin(run: CommandRun, question: string): string {
    const sessionId = run.sessionId ?? run.commandId
    const now = systemClock.now()
    for (const [id, at] of sessions) if (now - at > QUIET_MS) endOf(id)
    if (!sessions.has(sessionId)) {
      client().report('session:start', { sessionId, title: question.slice(0, TITLE_LENGTH) || 'A question' })
    }
    sessions.set(sessionId, now)
    return sessionId
  }

  function endOf(sessionId: string): void {
    sessions.delete(sessionId)
    client().report('session:end', { sessionId })
  }

  async function use<T>(run: CommandRun, name: string, args: Record<string, unknown>, work: () => Promise<T>) {
    run.typing(false)
    const call = run.tool(name, args)
    await pause(between(300, 900), run.signal)
    try {
      const result = await work()
      call.end(typeof result === 'string' ? `${result.length} characters` : result)
      return result
    } catch (error) {
      call.fail((error as Error).message)
      throw error
    }
  }

  return {
    kind: 'sdk',
    // Two people may ask at the same time.
    maxConcurrency: 2,
    measure: () => {
      const now = { tokens, at: systemClock.monotonic() }
      const tokensPerSecond = Math.round((now.tokens - told.tokens) / ((now.at - told.at) / 1000))
      told = now
      return { tokensPerSecond }
    },
    handlers: {
      async prompt(run) {
        const question = textOf(run.input)
        const sessionId = begin(run, question)
        const asked = run.message({ role: 'user' })
        asked.append(question)
        asked.end()
        let read = tokensOf(question).length
        const voice = new Voice(run, () => tokens++)
        const answer: Answer = {
          use: async (name, args, work) => {
            voice.end()
            const result = await use(run, name, args, work)
            read += tokensOf(typeof result === 'string' ? result : JSON.stringify(result)).length
            run.typing()
            return result
          },
          say: text => voice.say(text),
        }
        run.typing()
        await pause(between(600, 1500), run.signal)
        const isLast = await answerTo(question, project, answer)
        voice.end()
        client().report('usage:report', {
          source: 'explainer',
          mode: 'delta',
          requestId: run.commandId,
          model: 'templates',
          inputTokens: read,
          outputTokens: voice.said,
          costUsd: 0,
        })
        sessions.set(sessionId, systemClock.now())
        // A question without a session is a conversation by itself.
        if (isLast || run.sessionId === undefined) endOf(sessionId)
        return { status: 'succeeded', output: voice.text.trim() }
      },
    },
  }
}
