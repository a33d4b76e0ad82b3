import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { AgentClient, type AgentClientOptions } from '@fleetwire/client/node'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import tap, { type Test } from 'tap'
import { adminToken, fleetwire, type Running } from './processes.ts'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
]

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** Where Chromium is: `CHROMIUM`, or where systems put it. Where it is not, one line says how to get it; CI fails. */
export function chromiumPath(t: Test): string | undefined {
  const path = [process.env.CHROMIUM, ...places].find(one => one !== undefined && existsSync(one))
  if (path !== undefined) return path
  const missing = 'Chromium is not here: apt-get install chromium, or set CHROMIUM to its path'
  if (process.env.CI === 'true') t.fail(missing)
  else t.comment(missing)
  return undefined
}

let ofThisFile: Promise<Browser> | undefined

/** A real browser, one for all tests of a file; what a test opens in it closes with the test. */
export async function launch(t: Test): Promise<Browser | undefined> {
  const executablePath = chromiumPath(t)
  if (executablePath === undefined) return undefined
  ofThisFile ??= start(executablePath)
  const browser = await ofThisFile
  t.teardown(() => Promise.all(browser.contexts().map(context => context.close())))
  return browser
}

async function start(executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: flags })
  tap.teardown(() => {
    ofThisFile = undefined
    return browser.close()
  })
  return browser
}

/** On a machine that also runs everything else. */
const LONGEST_MS = 25_000

export const desktop = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

export interface PersonOptions {
  /** What opens; with `#login=…`, or with `token` put where the page keeps it. */
  url: string
  token?: string
  viewport?: { width: number; height: number }
  theme?: 'dark' | 'light'
  reducedMotion?: boolean
  /** Messages of the console that are expected: those of refused connections while a server is down. */
  expected?: RegExp
}

/** One person with a browser of their own: nothing is shared but the server. */
export interface Person {
  page: Page
  context: BrowserContext
  /** Violations of the policy, exceptions and errors of the console. */
  problems: readonly string[]
}

export async function person(browser: Browser, options: PersonOptions): Promise<Person> {
  const { url, token, viewport = desktop, theme = 'dark', reducedMotion = false, expected } = options
  const context = await browser.newContext({
    viewport,
    colorScheme: theme,
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    ...(viewport.width < 720 && { isMobile: true, hasTouch: true }),
  })
  await context.addInitScript(value => {
    document.addEventListener('securitypolicyviolation', event =>
      console.error(`policy: ${event.violatedDirective} refuses ${event.blockedURI} of ${event.sourceFile}`),
    )
    if (value !== undefined && sessionStorage.getItem('fleetwire.token') === null) {
      sessionStorage.setItem('fleetwire.token', value)
    }
  }, token)
  context.setDefaultTimeout(LONGEST_MS)
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', error => problems.push(String(error.stack ?? error)))
  page.on('console', message => {
    if (message.type() === 'error' && !expected?.test(message.text())) problems.push(message.text())
  })
  await page.goto(url)
  return { page, context, problems }
}

/** The indicator at the foot of the page, once it is in this state. */
export async function connection(page: Page, state: 'online' | 'reconnecting' | 'offline' | 'stopped'): Promise<void> {
  await page.locator(`[role=status][aria-label=Connection][data-state=${state}]`).waitFor({ state: 'attached' })
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds that is serious, each with the elements: the rules of WCAG 2.2 A and AA. */
export async function flaws(page: Page): Promise<string[]> {
  // Injected as an expression: the policy of the page refuses script elements.
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { violations } = await (
      window as unknown as {
        axe: {
          run(options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>
        }
      }
    ).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
  })
}

export interface House {
  url: string
  token: string
  port: number
  server: Running
  /** The same server again, in the same folder and on the same port. */
  restart(): Promise<void>
  api<T>(method: string, path: string, body?: unknown): Promise<T>
  /** An agent of the SDK, connected; it stops with the test. */
  agent(
    options: Pick<AgentClientOptions, 'handlers'> & { id: string } & Partial<AgentClientOptions>,
  ): Promise<AgentClient>
  mint(sub: string, role: string): Promise<string>
}

/** A real server in a process of its own, for browsers. */
export async function house(t: Test, settings: Record<string, string> = {}): Promise<House> {
  const folder = t.testdir()
  const startAt = async (port: number) => {
    const at = { FLEETWIRE_DATA_DIR: folder, FLEETWIRE_PORT: String(port), FLEETWIRE_LOG_LEVEL: 'silent' }
    const server = fleetwire(t, ['serve'], { ...at, ...settings })
    await server.printed(/listens at/)
    return server
  }
  // The first start chooses the port; a restart must have the same one.
  const server = await startAt(0)
  const port = Number((await server.printed(/listens at http:\/\/[^:]+:(\d+)/))[1])
  const url = `http://127.0.0.1:${port}`
  const token = await adminToken(server)
  const it: House = {
    ...{ url, token, port, server },
    async restart() {
      it.server = await startAt(port)
    },
    async api(method, path, body) {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
      return (response.status === 204 ? undefined : await response.json()) as never
    },
    async agent({ id, ...options }) {
      const client = new AgentClient({ url, token: await it.mint(id, 'agent'), name: id, ...options })
      t.teardown(() => client.stop())
      await client.start()
      return client
    },
    async mint(sub, role) {
      return (await it.api<{ token: string }>('POST', '/tokens', { sub, role })).token
    },
  }
  return it
}
