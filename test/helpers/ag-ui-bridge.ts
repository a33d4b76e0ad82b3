import { join } from 'node:path'
import { AgentClient } from '@fleetwire/client/node'
import type { Command, Interaction, TranscriptItem } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { createPromptHandler, type PromptHandlerOptions } from '../../src/ag-ui-client/prompt-handler.ts'
import { ThreadStore } from '../../src/ag-ui-client/thread-store.ts'
import { systemClock } from '../../src/clock.ts'
import { type AgentTurn, startAgUiAgent } from './ag-ui-agent.ts'
import { startApp } from './build.ts'
import { until } from './until.ts'

/** A server, an AG-UI agent that follows the script, and the agent `a1` as a bridge between them. */
export async function agUiBridge(
  t: Test,
  script: (turn: AgentTurn, n: number) => unknown,
  over: Partial<PromptHandlerOptions> = {},
) {
  const fleet = await startApp(t)
  const agent = await startAgUiAgent(t, script)
  const folder = join(t.testdir({}), 'threads')
  const admin = await fleet.token('admin')
  const token = await fleet.token('agent', { sub: 'a1' })
  let client: AgentClient
  const begin = async () => {
    const threads = new ThreadStore({ folder, keepMs: 1e9, now: systemClock.now })
    await threads.open()
    const prompt = createPromptHandler({
      ...{ url: agent.url, clock: systemClock, threads, headers: async () => ({}) },
      limits: { answerMs: 20_000, idleMs: 20_000, maxBytes: 8 * 1024 * 1024 },
      ask: (question, asked) => client.ask(question, asked),
      ...over,
    })
    client = new AgentClient({ url: fleet.url, token, handlers: { prompt }, maxConcurrency: 4 })
    const online = new Promise<void>(resolve => {
      client.status.subscribe(({ state }) => state === 'online' && resolve())
    })
    await client.start()
    await online
  }
  await begin()
  t.teardown(() => client.stop({ graceMs: 1000 }))
  const call = <T>(method: string, path: string, body?: unknown) => fleet.call<T>(admin, method, `/api/v1${path}`, body)
  const items = async <T>(path: string) => (await call<{ items?: T[] }>('GET', path)).body.items ?? []
  return {
    ...fleet,
    agent,
    call,
    items,
    submit: async (input: unknown, more: object = {}) =>
      (await call<Command>('POST', '/agents/a1/commands', { kind: 'prompt', input, ...more })).body,
    /** Submits a prompt and waits for its end. */
    prompt: async (input: unknown, more: object = {}) =>
      (await call<Command>('POST', '/agents/a1/commands?wait=60', { kind: 'prompt', input, ...more })).body,
    ended: ({ commandId }: Command): Promise<Command> =>
      until(async () => {
        const { body } = await call<Command>('GET', `/commands/${commandId}`)
        return body.endedAt !== undefined && body
      }),
    transcript: (sessionId: string) => items<TranscriptItem>(`/sessions/${sessionId}/messages`),
    /** Resolves with the open questions when there are at least `n`. */
    questions: (n = 1): Promise<Interaction[]> =>
      until(async () => {
        const open = await items<Interaction>('/interactions?state=open')
        return open.length >= n && open.sort((a, b) => a.interactionId.localeCompare(b.interactionId))
      }),
    answer: (id: string, answer: object) => call('POST', `/interactions/${id}/respond`, answer),
    /** Restarts the agent with the same folder. */
    restart: async () => {
      await client.stop({ graceMs: 1000 })
      await begin()
    },
  }
}
