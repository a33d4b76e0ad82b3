import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AgentClient, type CommandHandler } from '@fleetwire/client/node'
import type { Command, Role } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { Config } from '../../src/config.ts'
import { createShellRunner } from '../../src/exec/shell-runner.ts'
import { startApp } from './build.ts'
import { fleetwireHere, type RunningHere } from './cli-here.ts'
import { type Ended, fleetwire, type Running } from './processes.ts'

type Env = Record<string, string>

/** A folder without a `data/secret`, which commands would use instead of a token. */
export async function emptyFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-cli-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Runs the command line to its end in this process. */
export async function run(t: Test, args: string[], env: Env = {}, input?: string): Promise<Ended> {
  return fleetwireHere(t, args, { env, folder: await emptyFolder(t), ...(input !== undefined && { input }) }).ended
}

/** Runs the command line to its end in a separate process. */
export async function runProcess(t: Test, args: string[], env: Env = {}): Promise<Ended> {
  return fleetwire(t, args, env, await emptyFolder(t)).ended
}

/** A server in this process, for commands in this process or in separate ones. */
export async function startForCli(t: Test, config: Partial<Config> = {}) {
  const server = await startApp(t, { config })
  const folder = await emptyFolder(t)
  const admin = await server.token('admin')
  const withTarget = (env: Env) => ({ FLEETWIRE_URL: server.url, FLEETWIRE_TOKEN: admin, ...env })
  const startHere = (args: string[], env: Env = {}): RunningHere =>
    fleetwireHere(t, args, { env: withTarget(env), folder })
  return {
    ...server,
    admin,
    /** Starts a command in a separate process. */
    start: (args: string[], env: Env = {}): Running => fleetwire(t, args, withTarget(env), folder),
    /** Starts a command in this process. */
    startHere,
    /** Runs a command to its end in this process. */
    run: (args: string[], env?: Env): Promise<Ended> => startHere(args, env).ended,
    as: async (role: Role, sub: string = role): Promise<Env> => ({
      FLEETWIRE_TOKEN: await server.token(role, { sub }),
    }),

    /** An agent in this process that runs shell lines, and has the given handlers. */
    async agent(id: string, handlers: Record<string, CommandHandler> = {}): Promise<AgentClient> {
      const shell = createShellRunner({
        env: { PATH: process.env.PATH },
        openTerminal: options => agent.openTerminal(options),
      })
      const agent: AgentClient = new AgentClient({
        url: server.url,
        token: await server.token('agent', { sub: id }),
        handlers: { shell, ...handlers },
      })
      t.teardown(() => agent.stop({ graceMs: 100 }))
      const online = new Promise<void>(resolve => {
        agent.status.subscribe(({ state }) => state === 'online' && resolve())
      })
      await agent.start()
      await online
      return agent
    },

    /** Resolves when a command of the agent reaches this status. */
    async inStatus(agentId: string, status: Command['status']): Promise<Command> {
      const topic = `agents.${agentId}.commands.`
      return new Promise(resolve => {
        const unfollow = server.log.follow(batch => {
          const found = batch.find(
            event => event.topic.startsWith(topic) && (event.payload as Command).status === status,
          )
          if (found === undefined) return
          unfollow()
          resolve(found.payload as Command)
        })
      })
    },
  }
}
