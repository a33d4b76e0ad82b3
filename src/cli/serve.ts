import type { ChildProcess } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { serve as serveProcess } from '../server.ts'
import { startLocalAgent } from './local-agent.ts'
import { loginUrl } from './login-url.ts'
import { wholeNumber } from './options.ts'
import { programName } from './program-name.ts'

type App = Awaited<ReturnType<typeof serveProcess>>

interface ServeOptions {
  port?: number
  host?: string
  dataDir?: string
  localAgent?: boolean
  gateways?: number
  /** For a node started by another process of this machine: the public URL of all nodes. */
  withParent?: string
}

const FIRST_TOKEN_SECONDS = 30 * 86_400
const LOCAL_AGENT = 'local'
/** Longer than a process runs without a restart; a leaked token still expires. */
const LOCAL_TOKEN_SECONDS = 365 * 86_400

export const serveCommand = new Command('serve')
  .option('--port <port>', 'port to listen on (FLEETWIRE_PORT, default 3000)', wholeNumber(0))
  .option('--host <host>', 'address to listen on (FLEETWIRE_HOST, default 127.0.0.1)')
  .option('--data-dir <folder>', 'where the log and the secret are kept (FLEETWIRE_DATA_DIR, default ./data)')
  .option('--local-agent', 'also run an agent named local on this machine, unless FLEETWIRE_LOCAL_AGENT=false')
  .option(
    '--gateways <n>',
    'also run this many more nodes, behind the same port; needs FLEETWIRE_NATS_URL',
    wholeNumber(1),
  )
  .addOption(new Option('--with-parent <url>').hideHelp())
  .addHelpText('after', '\nEvery setting is an environment variable: see docs/configuration.md.')
  .action(async ({ port, host, dataDir, localAgent, gateways, withParent }: ServeOptions) => {
    const settings = {
      ...(port !== undefined && { PORT: port }),
      ...(host !== undefined && { HOST: host }),
      ...(dataDir !== undefined && { DATA_DIR: dataDir }),
    }
    if (gateways !== undefined) {
      const { serveGateways } = await import('./serve-gateways.ts')
      return serveGateways(gateways, settings)
    }
    // Only this command needs the server, which is most of the program.
    const { serve } = await import('../server.ts')
    const greeting = new Greeting()
    const app = await serve(settings, { closing: () => greeting.end() })
    if (withParent !== undefined) return serveForParent(app, withParent, greeting)
    const url = app.listeningOrigin
    process.stdout.write(`\nFleetwire listens at ${url}\n`)
    if (!app.tokens.canMint) return
    const { LOCAL_AGENT: wantsAgent = app.cluster === undefined } = app.config
    if (app.cluster === undefined) await greeting.say(() => welcome(app, url))
    else welcomeOnceActive(app, app.cluster, url, greeting)
    if (localAgent && wantsAgent) await greeting.say(() => runLocalAgent(app, url))
  })

/**
 * The messages of a start need tokens, and tokens need the log. So a server that is stopped during its start finishes
 * the current message before it closes, and begins no other.
 */
class Greeting {
  #isOver = false
  #said: Promise<void> = Promise.resolve()

  say(sentence: () => Promise<void>): Promise<void> {
    if (!this.#isOver) this.#said = sentence()
    return this.#said
  }

  /** Ignores errors: the caller of `say` gets them. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#said.catch(() => {})
  }
}

/** Serves connections that the parent accepts. The parent also decides when this node prints the login link. */
async function serveForParent(app: App, publicUrl: string, greeting: Greeting): Promise<void> {
  const { ParentProcess } = await import('../processes/with-parent.ts')
  const parent = new ParentProcess(app.server, () => {
    welcomeLater(app, publicUrl, greeting)
  })
  parent.tell({ says: 'listening', origin: app.listeningOrigin })
  const tellRole = () => parent.tell({ says: 'role', isActive: app.cluster?.isActive ?? true })
  app.cluster?.onRole(tellRole)
  tellRole()
}

/** Prints the login link and token once this node becomes active, so that only one node of a cluster does so. */
function welcomeOnceActive(app: App, cluster: NonNullable<App['cluster']>, url: string, greeting: Greeting): void {
  const look = () => {
    if (!cluster.isActive) return
    unlisten()
    welcomeLater(app, url, greeting)
  }
  const unlisten = cluster.onRole(look)
  look()
}

function welcomeLater(app: App, url: string, greeting: Greeting): void {
  if (!app.tokens.canMint) return
  greeting.say(() => welcome(app, url)).catch(err => app.log.error({ err }, 'no token was minted'))
}

async function welcome(app: App, url: string): Promise<void> {
  // Before the link is out, as whoever follows it makes a token too.
  const { items } = await app.tokens.list({ limit: 1 })
  await printLoginLink(app, url)
  if (items.length === 0) await showFirstToken(app)
}

/** Printed even if the output is kept: the link is worthless after its first use, and after ten minutes in any case. */
async function printLoginLink(app: App, url: string): Promise<void> {
  if (!app.hasRoute({ method: 'GET', url: '/login' })) return
  const made = await app.loginCodes.createForOwner()
  if (made.status !== 'made') return
  process.stdout.write(
    `\nOpen this link to log your browser in as admin. It works once and for 10 minutes; "${programName()} login-link" prints another.\n\n  ${loginUrl(url, made.code)}\n`,
  )
}

/**
 * At the very first start nobody has a token yet, so an admin token is minted and shown once. If the output is not a
 * terminal (systemd, Docker, a pipe), it may be kept, so the token goes to a file instead.
 */
async function showFirstToken(app: App): Promise<void> {
  const minted = await app.tokens.mint({ sub: 'admin', role: 'admin', ttlSeconds: FIRST_TOKEN_SECONDS }, 'serve')
  if (minted.status !== 'minted') return
  if (process.stdout.isTTY) {
    process.stdout.write(
      `\nYour admin token, valid for 30 days and shown only now:\n\n  export FLEETWIRE_TOKEN=${minted.token}\n\n`,
    )
    return
  }
  const path = resolve(app.config.DATA_DIR, 'admin-token')
  await writeSecret(path, minted.token)
  process.stdout.write(
    `\nYour admin token, valid for 30 days, is in ${path} (mode 0600). Take it from there, and remove the file:\n\n  export FLEETWIRE_TOKEN="$(cat ${quoted(path)})"\n\n`,
  )
}

const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`

/** Replaces the file of an earlier start, which others may be able to read or may have open. */
async function writeSecret(path: string, text: string): Promise<void> {
  await rm(path, { force: true })
  await writeFile(path, `${text}\n`, { mode: 0o600, flag: 'wx' })
}

/** The agent runs until the server ends. If it ends by itself, that is logged and the server keeps running. */
async function runLocalAgent(app: App, url: string): Promise<void> {
  const minted = await app.tokens.mint({ sub: LOCAL_AGENT, role: 'agent', ttlSeconds: LOCAL_TOKEN_SECONDS }, 'serve')
  if (minted.status !== 'minted') return
  const agent: ChildProcess = startLocalAgent({
    id: LOCAL_AGENT,
    url,
    token: minted.token,
    dataDir: app.config.DATA_DIR,
  })
  let closing = false
  agent.once('exit', (code, signal) => {
    if (!closing) app.log.warn({ code, signal }, 'the local agent has ended')
  })
  process.stdout.write(
    `The agent "${LOCAL_AGENT}" runs shell commands on this machine as you. In another terminal, try:\n\n  ${programName()} send ${LOCAL_AGENT} --wait 'echo hello'\n\n`,
  )
  app.server.once('close', () => {
    closing = true
  })
}
