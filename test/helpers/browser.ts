import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { AgentClient, type AgentClientOptions } from '@fleetwire/client/node'
import { type Browser, type BrowserContext, chromium, type Disposable, type Page } from 'playwright-core'
import tap, { type Test } from 'tap'
import type {} from '../../scripts/test-group.ts'
import { startApp } from './build.ts'
import { temporaryFolder } from './log-folder.ts'
import { adminToken, fleetwire, type Running } from './processes.ts'
import { isFull } from './sizes.ts'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
]

/**
 * Disabled features. Only the last such flag counts, so this repeats Playwright's list. It adds the pages that Chromium
 * loads into each window for its address bar, and a spare process for sites that no test visits.
 */
const withoutFeatures = [
  ...[
    'AimEnabled',
    'AvoidUnnecessaryBeforeUnloadCheckSync',
    'DestroyProfileOnBrowserClose',
    'LensOverlay',
    'MediaRouter',
  ],
  ...['HttpsFirstBalancedModeAutoEnable', 'HttpsUpgrades', 'NetworkTimeServiceQuerying', 'OptimizationHints'],
  ...['PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning'],
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'SpareRendererForSitePerProcess'],
]
const flags = [
  `--disable-features=${withoutFeatures.join()}`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--process-per-site',
]

/** The path of Chromium: `CHROMIUM`, or a usual place. If missing, a comment says how to install it, and CI fails. */
export function chromiumPath(t: Test): string | undefined {
  const path = [process.env.CHROMIUM, ...places].find(one => one !== undefined && existsSync(one))
  if (path !== undefined) return path
  const missing = 'Chromium is not here: apt-get install chromium, or set CHROMIUM to its path'
  if (process.env.CI === 'true') t.fail(missing)
  else t.comment(missing)
  return undefined
}

let ofThisProcess: Promise<Browser> | undefined

/** A real browser, shared by all tests of this process. Persons who arrive in a test leave when it ends. */
export async function launch(t: Test): Promise<Browser | undefined> {
  const executablePath = chromiumPath(t)
  if (executablePath === undefined) return undefined
  ofThisProcess ??= start(executablePath)
  t.teardown(everybodyLeaves())
  return ofThisProcess
}

async function start(executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: flags })
  const end = () => browser.close()
  if (globalThis.endOfTests === undefined) tap.teardown(end)
  else globalThis.endOfTests.push(end)
  return browser
}

const present = new Set<Person>()
let people = 0
/**
 * Unused pages, each in its own context; the key is whether it is a phone. The next person gets one of them, because its
 * process has already compiled the dashboard. A new page would start in a new process, even within the same context.
 */
const free = new Map<boolean, Page[]>([
  [false, []],
  [true, []],
])

/** Returns a function that makes persons leave who arrived after this call: nested tests end before their parents. */
function everybodyLeaves(): () => Promise<unknown> {
  const before = new Set(present)
  return () => Promise.all([...present].filter(person => !before.has(person)).map(person => person.leave()))
}

/** Default timeout, for a machine that runs everything else too. */
const LONGEST_MS = 25_000

export const desktop = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

export interface PersonOptions {
  /** The page to open, with `#login=…` or with `token` stored where the page keeps it. Default: none yet. */
  url?: string
  token?: string
  viewport?: { width: number; height: number }
  theme?: 'dark' | 'light'
  /** Default: only in a full run, because drawing motion 60 times a second costs more than the page itself. */
  hasMotion?: boolean
  /** The test sets the clock, which belongs to the whole context: no other person reuses the context. */
  hasOwnClock?: boolean
  /** Expected console messages, such as refused connections while a server is down. */
  expected?: RegExp
}

/** One person with their own browser state: persons share only the server. */
export interface Person {
  page: Page
  context: BrowserContext
  /** Runs in each page before its scripts, from the next load on. `page.addInitScript` would outlive the person. */
  atEachLoad<Argument>(script: (argument: Argument) => void, argument: Argument): Promise<void>
  /** Leaves before the end of the test. The next person in this page finds no traces of this one. */
  leave(): Promise<void>
  /** Policy violations, exceptions, and errors in the console. */
  problems: readonly string[]
}

export async function person(browser: Browser, options: PersonOptions): Promise<Person> {
  const { url, token, viewport = desktop, theme = 'dark', hasMotion = isFull, hasOwnClock, expected } = options
  const isPhone = viewport.width < 720
  const page = free.get(isPhone)!.pop() ?? (await newPage(browser, isPhone))
  const context = page.context()
  const scripts: Disposable[] = []
  const problems: string[] = []
  const it: Person = {
    ...{ page, context, problems },
    async atEachLoad(script, argument) {
      scripts.push(await page.addInitScript(script as (argument: unknown) => void, argument))
    },
    async leave() {
      if (!present.delete(it)) return
      page.removeAllListeners()
      if (hasOwnClock) return context.close()
      await Promise.all(scripts.map(script => script.dispose()))
      await page.goto('about:blank')
      free.get(isPhone)!.push(page)
    },
  }
  present.add(it)
  await Promise.all([
    context.clearPermissions(),
    page.setViewportSize(viewport),
    page.emulateMedia({ colorScheme: theme, reducedMotion: hasMotion ? 'no-preference' : 'reduce' }),
    it.atEachLoad(arrive, { name: `person-${++people}`, token }),
  ])
  page.on('pageerror', error => problems.push(String(error.stack ?? error)))
  page.on('console', message => {
    if (message.type() === 'error' && !expected?.test(message.text())) problems.push(message.text())
  })
  if (url !== undefined) await page.goto(url)
  return it
}

async function newPage(browser: Browser, isPhone: boolean): Promise<Page> {
  const context = await browser.newContext(isPhone ? { viewport: phone, isMobile: true, hasTouch: true } : {})
  context.setDefaultTimeout(LONGEST_MS)
  return context.newPage()
}

/** Runs in the page: clears what the previous person stored. */
function arrive({ name, token }: { name: string; token: string | undefined }): void {
  document.addEventListener('securitypolicyviolation', event =>
    console.error(`policy: ${event.violatedDirective} refuses ${event.blockedURI} of ${event.sourceFile}`),
  )
  if (sessionStorage.getItem('fleetwire.test') === name) return
  sessionStorage.clear()
  localStorage.clear()
  sessionStorage.setItem('fleetwire.test', name)
  if (token !== undefined) sessionStorage.setItem('fleetwire.token', token)
}

/** Goes to another page like a link in this one: without a reload. */
export const follow = (page: Page, url: string): Promise<void> =>
  page.evaluate(to => history.pushState(null, '', to), url)

/** Resolves when the indicator at the bottom of the page shows this state. */
export async function connection(page: Page, state: 'online' | 'reconnecting' | 'offline' | 'stopped'): Promise<void> {
  await page.locator(`[role=status][aria-label=Connection][data-state=${state}]`).waitFor({ state: 'attached' })
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/**
 * Serious violations of WCAG 2.2 A and AA that axe finds, with their elements. Preloading is off: axe preloads media,
 * which the policy refuses, and style sheets for a rule about screen orientation, which is not among these rules.
 */
export async function flaws(page: Page): Promise<string[]> {
  // Injected as an expression: the policy of the page refuses script elements.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
  return page.evaluate(async () => {
    const { violations } = await (
      window as unknown as {
        axe: {
          run(options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>
        }
      }
    ).axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
      resultTypes: ['violations'],
      preload: false,
    })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
  })
}

export interface House {
  url: string
  token: string
  api<T>(method: string, path: string, body?: unknown): Promise<T>
  /** A connected SDK agent that stops when the test ends. */
  agent(
    options: Pick<AgentClientOptions, 'handlers'> & { id: string } & Partial<AgentClientOptions>,
  ): Promise<AgentClient>
  mint(sub: string, role: string): Promise<string>
}

export interface HouseProcess extends House {
  port: number
  server: Running
  /** Starts the same server again, with the same folder and port. */
  restart(): Promise<void>
}

function furnish(t: Test, url: string, token: string): House {
  // Persons leave while the server still runs.
  t.teardown(everybodyLeaves())
  const it: House = {
    ...{ url, token },
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
      // The server may be gone, and the agent would wait to tell it.
      t.teardown(() => client.stop({ graceMs: 0 }))
      await client.start()
      return client
    },
    async mint(sub, role) {
      return (await it.api<{ token: string }>('POST', '/tokens', { sub, role })).token
    },
  }
  return it
}

/** The last port in this process. The browser reuses compiled pages if the next server has the same port. */
let lastPort = 0

/** A real server in this process, for browsers. */
export async function house(t: Test): Promise<House> {
  const startAt = (port: number) => startApp(t, { port, config: { DATA_DIR: temporaryFolder(t) } })
  const server = await startAt(lastPort).catch(() => startAt(0))
  lastPort = Number(new URL(server.url).port)
  return furnish(t, server.url, await server.token('admin'))
}

/** A server in a separate process, which can be killed. */
export async function houseProcess(t: Test, settings: Record<string, string> = {}): Promise<HouseProcess> {
  const folder = t.testdir()
  const leave = everybodyLeaves()
  const startAt = async (port: number) => {
    const at = { FLEETWIRE_DATA_DIR: folder, FLEETWIRE_PORT: String(port), FLEETWIRE_LOG_LEVEL: 'silent' }
    const server = fleetwire(t, ['serve'], { ...at, ...settings })
    await server.printed(/listens at/)
    return server
  }
  // The first start chooses the port; a restart must have the same one.
  const server = await startAt(0)
  const port = Number((await server.printed(/listens at http:\/\/[^:]+:(\d+)/))[1])
  const it = Object.assign(furnish(t, `http://127.0.0.1:${port}`, await adminToken(server)), {
    ...{ port, server },
    async restart() {
      it.server = await startAt(port)
      t.teardown(leave)
    },
  })
  return it
}
