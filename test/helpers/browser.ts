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
 * What Playwright turns off, since the last list counts; the pages of its own that Chromium loads into each window, for its
 * address bar; a process that waits for a site that nobody goes to.
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

/** Where Chromium is: `CHROMIUM`, or where systems put it. Where it is not, one line says how to get it; CI fails. */
export function chromiumPath(t: Test): string | undefined {
  const path = [process.env.CHROMIUM, ...places].find(one => one !== undefined && existsSync(one))
  if (path !== undefined) return path
  const missing = 'Chromium is not here: apt-get install chromium, or set CHROMIUM to its path'
  if (process.env.CI === 'true') t.fail(missing)
  else t.comment(missing)
  return undefined
}

let ofThisProcess: Promise<Browser> | undefined

/** A real browser, one for all tests of this process; who came to it in a test has left it when the test ends. */
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
 * Of desks and of phones: pages that nobody uses, each of a context of its own. The next person goes on in one: its process
 * has compiled the dashboard, and a new page would begin in a new process even where another one of its context has it.
 */
const free = new Map<boolean, Page[]>([
  [false, []],
  [true, []],
])

/** Who is there by then and is not now leaves: a test that runs within another one ends before it. */
function everybodyLeaves(): () => Promise<unknown> {
  const before = new Set(present)
  return () => Promise.all([...present].filter(person => !before.has(person)).map(person => person.leave()))
}

/** On a machine that also runs everything else. */
const LONGEST_MS = 25_000

export const desktop = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

export interface PersonOptions {
  /** What opens; with `#login=…`, or with `token` put where the page keeps it. Without one, nothing does yet. */
  url?: string
  token?: string
  viewport?: { width: number; height: number }
  theme?: 'dark' | 'light'
  /** By itself in a full run alone: what moves is drawn sixty times a second, which costs more than the page. */
  hasMotion?: boolean
  /** Their clock is set, which is that of the whole context: nobody else is given it. */
  hasOwnClock?: boolean
  /** Messages of the console that are expected: those of refused connections while a server is down. */
  expected?: RegExp
}

/** One person with a browser of their own: nothing is shared but the server. */
export interface Person {
  page: Page
  context: BrowserContext
  /** Runs in each page before its own programs, from the next load on; as `page.addInitScript`, which would outlive them. */
  atEachLoad<Argument>(script: (argument: Argument) => void, argument: Argument): Promise<void>
  /** Before the end of the test. The next one in this page finds nothing of this one. */
  leave(): Promise<void>
  /** Violations of the policy, exceptions and errors of the console. */
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

/** Runs in the page: with what is kept by it of who was there before, nobody begins. */
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

/** Goes to another page as a link of this one does: nothing is loaded anew. */
export const follow = (page: Page, url: string): Promise<void> =>
  page.evaluate(to => history.pushState(null, '', to), url)

/** The indicator at the foot of the page, once it is in this state. */
export async function connection(page: Page, state: 'online' | 'reconnecting' | 'offline' | 'stopped'): Promise<void> {
  await page.locator(`[role=status][aria-label=Connection][data-state=${state}]`).waitFor({ state: 'attached' })
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/**
 * What axe finds that is serious, each with the elements: the rules of WCAG 2.2 A and AA. What axe can load ahead is for rules
 * about media, which the policy refuses, and about turned screens, which is not among these.
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
  /** An agent of the SDK, connected; it stops with the test. */
  agent(
    options: Pick<AgentClientOptions, 'handlers'> & { id: string } & Partial<AgentClientOptions>,
  ): Promise<AgentClient>
  mint(sub: string, role: string): Promise<string>
}

export interface HouseProcess extends House {
  port: number
  server: Running
  /** The same server again, in the same folder and on the same port. */
  restart(): Promise<void>
}

function furnish(t: Test, url: string, token: string): House {
  // They leave while it is there.
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
      // Its server may be gone, which it would wait for to say so.
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

/** The last one of this process: what a browser has compiled of its pages counts for the next one there. */
let lastPort = 0

/** A real server in this process, for browsers. */
export async function house(t: Test): Promise<House> {
  const startAt = (port: number) => startApp(t, { port, config: { DATA_DIR: temporaryFolder(t) } })
  const server = await startAt(lastPort).catch(() => startAt(0))
  lastPort = Number(new URL(server.url).port)
  return furnish(t, server.url, await server.token('admin'))
}

/** A server in a process of its own, which can be killed. */
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
