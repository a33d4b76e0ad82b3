import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import type { serve as serveProcess } from '../server.ts'
import { exitCodes } from './cli-error.ts'
import { withoutSettings } from './local-agent.ts'
import { loginUrl } from './login-url.ts'
import { wholeNumber } from './options.ts'
import { programName } from './program-name.ts'

type App = Awaited<ReturnType<typeof serveProcess>>

interface DemoOptions {
  port?: number
  agents: number
}

const USUAL_PORT = 3000
const MINUTE = 60_000
const DAY_SECONDS = 86_400

/** A demo may run for days, and nobody looks up what happened an hour ago. */
const KEEP = {
  COMMAND_RETENTION_MS: 30 * MINUTE,
  TASK_RETENTION_MS: 30 * MINUTE,
  SESSION_RETENTION_MS: 30 * MINUTE,
  EVENT_RETENTION_MS: 60 * MINUTE,
  EVENT_RETENTION_BYTES: 64 * 1024 * 1024,
}

export const demoCommand = new Command('demo')
  .option('--port <port>', `port to listen on (default: ${USUAL_PORT}, or a free one if that is taken)`, wholeNumber(0))
  .option(
    '--agents <n>',
    'also run this many synthetic agents, which only wait, to see a large fleet',
    wholeNumber(0),
    0,
  )
  .addHelpText(
    'after',
    '\nEverything happens in a temporary folder, on this machine alone. Ctrl-C ends it and removes the folder.\nSettings in the environment are ignored, so that it never touches a real fleet.',
  )
  .action(run)

const stopSignals = ['SIGINT', 'SIGTERM'] as const

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const note = (message: string): void => void process.stderr.write(`fleetwire demo: ${message}\n`)

async function run({ port, agents: synthetic }: DemoOptions): Promise<void> {
  const { makeWorkplace, removeWorkplace, foldersIn } = await import('../demo/workplace.ts')
  const { Crew } = await import('../demo/crew.ts')
  const { Director } = await import('../demo/director.ts')
  const { routines } = await import('../demo/routines.ts')
  const { demoAgents } = await import('../demo/demo-agents.ts')
  const { serve } = await import('../server.ts')

  const chosen = port ?? ((await isFree(USUAL_PORT)) ? USUAL_PORT : 0)
  const folder = await makeWorkplace()
  // Until the server handles signals itself.
  const leaveEarly = () => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(exitCodes.interrupted)
  }
  for (const signal of stopSignals) process.on(signal, leaveEarly)

  const crew = new Crew({
    main: fileURLToPath(new URL('./demo-agent.js', import.meta.url)),
    env: agentEnv(),
    onNote: note,
  })
  let director: InstanceType<typeof Director> | undefined
  let isEnding = false
  const closing = async () => {
    isEnding = true
    say('\nEnding: the agents stop, then the server.')
    director?.stop()
    await crew.stop()
  }
  const closed = async () => {
    await removeWorkplace(folder)
    say(`Everything has ended; ${folder} is gone.`)
  }
  let app: App
  try {
    const settings = { HOST: '127.0.0.1', PORT: chosen, DATA_DIR: foldersIn(folder).data, LOG_LEVEL: 'warn', ...KEEP }
    app = await serve(settings, { env: {}, closing, closed })
  } catch (error) {
    await removeWorkplace(folder)
    throw error
  } finally {
    for (const signal of stopSignals) process.off(signal, leaveEarly)
  }

  try {
    const url = app.listeningOrigin
    for (const { agentId } of demoAgents)
      crew.start(agentId, { do: 'agent', agentId, url, folder, token: await mint(app, 'agent', agentId) })
    const crowd = await Promise.all(
      Array.from({ length: synthetic }, async (_, i) => {
        const agentId = `synthetic-${String(i + 1).padStart(String(synthetic).length, '0')}`
        return { agentId, token: await mint(app, 'agent', agentId) }
      }),
    )
    if (crowd.length > 0) crew.start('synthetic', { do: 'synthetic', agents: crowd, url })
    const token = await mint(app, 'operator', 'director')
    director = new Director({ url, token, synthetic: crowd.map(({ agentId }) => agentId), routines, onNote: note })
    if (!isEnding) director.start()
    const isUsual = port !== undefined || chosen === USUAL_PORT
    await greet(app, { folder: foldersIn(folder), isUsual, synthetic })
  } catch (error) {
    // A server that is stopped while the demo starts refuses everything.
    if (isEnding) return
    note((error as Error).message)
    process.kill(process.pid, 'SIGTERM')
  }
}

async function greet(
  app: App,
  { folder, isUsual, synthetic }: { folder: { data: string; project: string }; isUsual: boolean; synthetic: number },
): Promise<void> {
  const { demoAgents } = await import('../demo/demo-agents.ts')
  const url = app.listeningOrigin
  const made = await app.loginCodes.createForOwner()
  if (made.status !== 'made') throw new Error(`No login link: ${made.status}`)
  const agents = demoAgents.map(({ agentId, says }) => `  ${agentId.padEnd(14)}${says}`)
  if (synthetic > 0) agents.push(`  ${'synthetic-…'.padEnd(14)}${synthetic} more that only wait`)
  say(
    [
      '',
      'Fleetwire demo: a server, and six agents that work in a temporary folder.',
      ...(isUsual ? [] : [`Port ${USUAL_PORT} is taken, so it listens on another one.`]),
      '',
      `Open this link. It works once and for 10 minutes; "${programName()} login-link" prints another.`,
      '',
      `  ${loginUrl(url, made.code)}`,
      '',
      ...agents,
      '',
      'Or look around in another terminal:',
      '',
      `  export FLEETWIRE_URL=${url} FLEETWIRE_DATA_DIR=${folder.data}`,
      `  ${programName()} ps`,
      `  ${programName()} tail`,
      `  ${programName()} attach repl`,
      `  ${programName()} send explainer --kind prompt --wait 'What is in this project?'`,
      '',
      'Ctrl-C ends everything and removes the folder.',
      '',
    ].join('\n'),
  )
}

async function mint(app: App, role: 'operator' | 'agent', sub: string): Promise<string> {
  const minted = await app.tokens.mint({ sub, role, ttlSeconds: 30 * DAY_SECONDS }, 'demo')
  if (minted.status !== 'minted') throw new Error(`No token for ${sub}: ${minted.status}`)
  return minted.token
}

/** The agents find this Node as `node`, and its REPL writes no history file. */
function agentEnv(): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), process.env.PATH].filter(Boolean).join(delimiter)
  return { ...withoutSettings(process.env), PATH: path, NODE_REPL_HISTORY: '' }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
