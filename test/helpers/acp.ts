import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command, Interaction, TranscriptItem } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { Config } from '../../src/config.ts'
import type { FleetEvent } from '../../src/log/event-log.ts'
import { startForCli } from './cli.ts'

/** The agent built on the newest library. */
export const testAgent = fileURLToPath(new URL('./acp-agent.js', import.meta.url))
/** The example agent that the library shipped until version 1.9. */
export const exampleAgent = fileURLToPath(import.meta.resolve('acp-sdk-1').replace('acp.js', 'examples/agent.js'))

/** A temporary folder, by its real path. */
export async function realFolder(t: Test): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'fleetwire-acp-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A server in this process, with helpers to start an agent and to observe it. */
export async function startAcp(t: Test, config: Partial<Config> = {}) {
  const server = await startForCli(t, config)
  const root = await realFolder(t)
  const journal = await realFolder(t)
  const events: FleetEvent[] = []
  const looks = new Set<() => void>()
  server.log.follow(batch => {
    // A removed record has no content.
    events.push(...batch.filter(({ payload }) => payload !== null))
    for (const look of looks) look()
  })
  const { admin, call } = server
  const lineOf = (program: string[] = [process.execPath, testAgent], options: string[] = []) => {
    const args = ['agent', 'acp', '--id', 'a1', '--root', root, '--journal', journal]
    return [...args, ...options, '--', ...program]
  }

  const api = {
    ...server,
    root,
    journal,
    events,

    /** Resolves with the first matching event, past or future. */
    until: <T>(pick: (event: FleetEvent) => T | undefined): Promise<T> =>
      new Promise(resolve => {
        const look = () => {
          for (const event of events) {
            const found = pick(event)
            if (found === undefined) continue
            looks.delete(look)
            return resolve(found)
          }
        }
        looks.add(look)
        look()
      }),

    /** Starts the bridge with a program; resolves when it is connected. */
    async agent(program?: string[], options?: string[]) {
      const agent = server.startHere(lineOf(program, options), await server.as('agent', 'a1'))
      await agent.printed(/is connected/)
      return agent
    },

    /** The same in a separate process. */
    async agentProcess(program?: string[]) {
      const agent = server.start(lineOf(program), await server.as('agent', 'a1'))
      await agent.printed(/is connected/)
      return agent
    },

    async submit(input: unknown, more: object = {}): Promise<Command> {
      const body = { kind: 'prompt', input, ...more }
      return (await call<Command>(admin, 'POST', '/api/v1/agents/a1/commands', body)).body
    },

    ended: (commandId: string): Promise<Command> =>
      api.until(({ payload }) => {
        const command = payload as Command
        return command.commandId === commandId && command.endedAt !== undefined ? command : undefined
      }),

    /** Submits a prompt; resolves with the command when it has ended. */
    prompt: async (input: unknown, more: object = {}): Promise<Command> =>
      api.ended((await api.submit(input, more)).commandId),

    asked: (commandId: string): Promise<Interaction> =>
      api.until(({ type, payload }) =>
        type === 'interaction:requested' && (payload as Interaction).commandId === commandId
          ? (payload as Interaction)
          : undefined,
      ),

    answer: (interactionId: string, answer: object) =>
      call(admin, 'POST', `/api/v1/interactions/${interactionId}/respond`, answer),

    interrupt: (commandId: string) => call(admin, 'POST', `/api/v1/commands/${commandId}/interrupt`),

    transcript: async (sessionId: string): Promise<TranscriptItem[]> =>
      (await call<{ items: TranscriptItem[] }>(admin, 'GET', `/api/v1/sessions/${sessionId}/messages`)).body.items,

    lifecycle: (lifecycle: string) =>
      api.until(({ type, payload }) =>
        type === 'agent:lifecycle' && (payload as { lifecycle: string }).lifecycle === lifecycle
          ? (payload as { lifecycle: string; signal?: string; message?: string; exitCode?: number })
          : undefined,
      ),
  }
  return api
}
