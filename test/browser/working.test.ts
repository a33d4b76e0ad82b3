import type { Page } from 'playwright-core'
import { test } from 'tap'
import { connection, house, launch, person } from '../helpers/browser.ts'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { fleetwire } from '../helpers/processes.ts'
import { isInstalled } from '../helpers/programs.ts'

/** When the page showed this status of the agent, epoch ms; measured in the page, not by the test. */
const shownAt = (page: Page, agentId: string, status: string): Promise<number> =>
  page.evaluate(
    ([id, wanted]) =>
      new Promise<number>(resolve => {
        const look = () => {
          if (document.querySelector(`[data-agent-id="${id}"][data-status="${wanted}"]`) === null) return false
          resolve(performance.timeOrigin + performance.now())
          return true
        }
        if (look()) return
        const observer = new MutationObserver(() => look() && observer.disconnect())
        observer.observe(document.body, { subtree: true, childList: true, attributes: true })
      }),
    [agentId, status],
  )

test('two browsers see the same change within half a second of each other', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  let done = () => {}
  await place.agent({
    id: 'worker',
    handlers: {
      async prompt() {
        await new Promise<void>(resolve => {
          done = resolve
        })
        return { status: 'succeeded' }
      },
    },
  })
  const people = await Promise.all([1, 2].map(() => person(browser, { url: place.url, token: place.token })))
  await Promise.all(people.map(({ page }) => shownAt(page, 'worker', 'idle')))
  for (const status of ['working', 'idle']) {
    const seen = people.map(({ page }) => shownAt(page, 'worker', status))
    if (status === 'working') await place.api('POST', '/agents/worker/commands', { kind: 'prompt', input: 'Count' })
    else done()
    const [ann, ben] = await Promise.all(seen)
    t.ok(Math.abs(ann! - ben!) < 500, `${status}: ${Math.round(Math.abs(ann! - ben!))} ms apart`)
  }
  t.same(
    people.flatMap(({ problems }) => problems),
    [],
  )
})

test('a command is sent, watched and stopped with confirmation, and a page opened later sees its end', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  let word = (_: string) => {}
  await place.agent({
    id: 'writer',
    handlers: {
      async prompt(run) {
        const message = run.message()
        word = text => message.append(text)
        await new Promise(resolve => run.signal.addEventListener('abort', resolve))
        message.end()
        return { status: 'cancelled' }
      },
    },
  })
  const url = `${place.url}/agents/writer?tab=conversation`
  const ann = await person(browser, { url, token: place.token })
  await connection(ann.page, 'online')
  await ann.page.getByRole('textbox', { name: 'Command' }).fill('Write a story')
  await ann.page.getByRole('button', { name: 'Send', exact: true }).click()
  await ann.page.locator('[data-command-id][data-status=running]').first().waitFor()
  word('Once upon a time ')
  await ann.page.getByText('Once upon a time').first().waitFor()

  const ben = await person(browser, { url, token: place.token })
  await ben.page.getByText('Once upon a time').first().waitFor()
  word('there was a fleet.')
  for (const { page } of [ann, ben]) await page.getByText('Once upon a time there was a fleet.').first().waitFor()

  await ann.page.getByRole('button', { name: 'Stop', exact: true }).click()
  await ann.page.locator('[data-command-id][data-status=cancelled]').first().waitFor()
  await ann.page
    .getByText(/confirmed/i)
    .first()
    .waitFor()
  const { items } = await place.api<{ items: { status: string; confirmed?: boolean }[] }>('GET', '/commands')
  t.match(items, [{ status: 'cancelled', confirmed: true }])
  await ben.page.locator('[data-agent-id=writer][data-status=idle]').first().waitFor()
  t.same([...ann.problems, ...ben.problems], [])
})

test('a shell runs in the terminal, which accepts typing, vim included', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  if (!isInstalled(t, 'vi')) return
  const place = await house(t)
  const settings = { FLEETWIRE_URL: place.url, FLEETWIRE_TOKEN: await place.mint('shell-1', 'agent') }
  const agent = fleetwire(t, ['agent', 'exec', '--id', 'shell-1'], settings, temporaryFolder(t))
  const { page, problems } = await person(browser, {
    ...{ url: `${place.url}/agents/shell-1?tab=terminal`, token: place.token },
  })
  await page.locator('[data-agent-id=shell-1][data-status=idle]').first().waitFor()
  const send = async (input: string) => {
    await page.getByRole('textbox', { name: 'Command' }).fill(input)
    await page.getByRole('button', { name: 'Send', exact: true }).click()
  }
  const screen = async () =>
    (
      await fetch(`${place.url}/api/v1/agents/shell-1/terminal`, {
        headers: { authorization: `Bearer ${place.token}` },
      })
    ).text()
  const shows = async (pattern: RegExp) => {
    for (;;) {
      const text = await screen()
      if (pattern.test(text)) return text
      await page.waitForTimeout(100)
    }
  }
  await send('cat')
  await shows(/^$/m)
  await page.locator('[data-command-id][data-status=running]').first().waitFor()
  await page.locator('[data-terminal]').click()
  await page.keyboard.type('hello from a page')
  await page.keyboard.press('Enter')
  await shows(/hello from a page\s+hello from a page/)
  await page.keyboard.press('Control+d')
  await page.locator('[data-agent-id=shell-1][data-status=idle]').first().waitFor()

  await send('vi note.txt')
  await page.locator('[data-command-id][data-status=running]').first().waitFor()
  await shows(/^~/m)
  await page.locator('[data-terminal]').click()
  await page.keyboard.type('iwritten in vim')
  await page.keyboard.press('Escape')
  await shows(/written in vim/)
  await page.keyboard.type(':wq')
  await page.keyboard.press('Enter')
  await page.locator('[data-agent-id=shell-1][data-status=idle]').first().waitFor()
  await send('cat note.txt')
  await shows(/written in vim/)
  t.ok(agent.child.exitCode === null)
  t.same(problems, [])
})
