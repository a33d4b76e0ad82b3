import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { BareAgent } from '../helpers/bare-agent.ts'
import { type House, house, launch, person } from '../helpers/browser.ts'
import { connectWs } from '../helpers/ws-client.ts'

// On a machine that also runs everything else.
t.setTimeout(120_000)

// Written only from docs/dashboard.md, "For tests and scripts": any reader of that page can do the same.

const agent = (page: Page, id: string, status: string) =>
  page.locator(`[data-agent-id="${id}"][data-status="${status}"]`).first()
const live = (page: Page, state: string) => page.locator(`[role=status][aria-label=Connection][data-state=${state}]`)

async function logIn(page: Page, token: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Token' }).fill(token)
  await page.getByRole('button', { name: 'Log in' }).click()
  await live(page, 'online').waitFor()
}

/** One agent for each status that an agent can have, named after it. */
async function everyStatus(t: Test, place: House): Promise<void> {
  const quiet = ['idle', 'starting', 'stalled', 'error', 'needs-you', 'offline']
  const agents = await Promise.all(quiet.map(id => place.agent({ id, handlers: {} })))
  const [, starting, stalled, error, needsYou, offline] = agents
  starting!.report('agent:status', { work: 'starting' })
  stalled!.report('agent:status', { work: 'stalled' })
  error!.report('agent:status', { work: 'error' })
  void needsYou!
    .ask({
      ...{ interactionId: 'int_1', kind: 'permission', title: 'Delete it?', risk: 'low' },
      options: [
        { id: 'yes', label: 'Delete', effect: 'allow' },
        { id: 'no', label: 'Keep', effect: 'deny' },
      ],
    } as never)
    .catch(() => {})
  await offline!.stop()
  // It vanishes silently.
  const socket = await connectWs(t, place.url, await place.mint('late', 'agent'), '/agent')
  const late = new BareAgent(socket)
  late.say('agent:connect', { bootId: 'boot-late', inventory: [] }, false)
  await late.next('connection:established')
  socket.socket.terminate()
  await place.agent({
    id: 'working',
    handlers: {
      async prompt(run) {
        if (run.input === 'fail') throw new Error('not today')
        if (run.input === 'end') return { status: 'succeeded' }
        await new Promise(resolve => run.signal.addEventListener('abort', resolve))
        return { status: 'cancelled' }
      },
    },
  })
}

t.test(
  'agents, commands, requests, the connection and the controls are found by the names in docs/dashboard.md',
  async t => {
    const browser = await launch(t)
    if (browser === undefined) return
    const place = await house(t)
    await everyStatus(t, place)
    const { page, problems } = await person(browser, { url: place.url, hasMotion: false })
    await logIn(page, place.token)

    const go = async (name: string | RegExp) => {
      await page.getByRole('navigation').getByRole('link', { name }).first().click()
      await page.getByRole('heading', { level: 1, name }).waitFor()
    }
    for (const name of ['Fleet', /^Needs you/, 'Tasks', 'Commands', 'System', /^Fleet/]) await go(name)

    const wait = (input: string) => place.api('POST', '/agents/working/commands?wait=20', { kind: 'prompt', input })
    await wait('end')
    await wait('fail')
    await page.goto(`${place.url}/agents/working`)
    await page.getByRole('textbox', { name: 'Command' }).fill('wait')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.locator('[data-command-id][data-status=running]').first().waitFor()
    await agent(page, 'working', 'working').waitFor()

    await go(/^Fleet/)
    for (const status of ['needs-you', 'error', 'stalled', 'late', 'working', 'starting', 'idle', 'offline']) {
      await agent(page, status, status).waitFor()
    }
    await page.keyboard.press('v')
    for (const status of ['needs-you', 'error', 'stalled', 'late', 'working', 'starting', 'idle', 'offline']) {
      await page.locator(`[role=row][data-agent-id="${status}"][data-status="${status}"]`).waitFor()
    }

    await go('Commands')
    for (const status of ['succeeded', 'failed', 'running']) {
      await page.locator(`[data-command-id][data-status=${status}]`).first().waitFor()
    }

    await page.goto(`${place.url}/agents/working`)
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByRole('button', { name: 'Stop', exact: true, disabled: true }).waitFor()
    await go('Commands')
    await page.locator('[data-command-id][data-status=cancelled]').first().waitFor()

    await go(/^Needs you/)
    await page.locator('[role=option][data-interaction-id=int_1]').click()
    const request = page.locator('article[data-interaction-id=int_1]')
    await request.getByRole('button', { name: 'Delete', exact: true }).waitFor()
    await request.getByRole('button', { name: 'Keep', exact: true }).click()
    await agent(page, 'needs-you', 'idle').or(request.getByText('Keep, by')).first().waitFor()
    t.match((await place.api<{ resolution: object }>('GET', '/interactions/int_1')).resolution, { optionId: 'no' })
    t.same(problems, [])
  },
)
