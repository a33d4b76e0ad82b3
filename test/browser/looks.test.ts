import type { Browser } from 'playwright-core'
import { type Test, test } from 'tap'
import {
  connection,
  desktop,
  flaws,
  follow,
  type House,
  house,
  launch,
  type Person,
  person,
  phone,
} from '../helpers/browser.ts'
import { size } from '../helpers/sizes.ts'

/** A fleet in which every screen has something to show. */
async function busyHouse(t: Test): Promise<House & { taskId: string; commandId: string }> {
  const place = await house(t)
  const worker = await place.agent({
    id: 'build-7',
    labels: { team: 'web' },
    capabilities: { kinds: ['prompt', 'shell'] },
    handlers: {
      async prompt(run) {
        if (run.input === 'fail') throw new Error('lock held by ci-114')
        const message = run.message()
        message.append(
          '# Found\n\nThree files differ:\n\n| file | lines |\n| --- | --- |\n| a.ts | 12 |\n\n```ts\nconst a = 1\n```\n',
        )
        run.tool('read_file', { path: 'README.md' }).end('12 lines')
        message.end()
        return { status: 'succeeded', output: 'done' }
      },
      async shell(run) {
        await new Promise(resolve => run.signal.addEventListener('abort', resolve))
        return { status: 'cancelled' }
      },
    },
  })
  await place.agent({ id: 'review-2', handlers: {} })
  void worker
    .ask({
      ...{ interactionId: 'int_1', kind: 'permission', title: 'Delete the build folder?', risk: 'high' },
      subject: { type: 'command', preview: 'rm -rf build && make release' },
      options: [
        { id: 'yes', label: 'Delete it', effect: 'allow' },
        { id: 'no', label: 'Keep it', effect: 'deny' },
      ],
    } as never)
    .catch(() => {})
  const { taskId } = await place.api<{ taskId: string }>('POST', '/tasks', { title: 'Move orders', agentId: 'build-7' })
  await place.api('POST', '/tasks', { title: 'Copy rows', agentId: 'build-7', parentTaskId: taskId })
  const submit = (kind: string, input: string, wait = true) =>
    place.api<{ commandId: string }>('POST', `/agents/build-7/commands${wait ? '?wait=20' : ''}`, { kind, input })
  await submit('prompt', 'Compare the two branches')
  const { commandId } = await submit('prompt', 'fail')
  await submit('shell', 'sleep 600', false)
  await submit('shell', 'make release', false)
  return Object.assign(place, { taskId, commandId })
}

const themes = ['dark', 'light'] as const
const looks = [desktop, phone].flatMap(viewport => themes.map(theme => ({ viewport, theme })))

async function look(t: Test, { page, problems }: Person, url: string, shows: string, how: (typeof looks)[number]) {
  if (page.url() !== url) await follow(page, url)
  const { pathname, search } = new URL(url)
  const name = `${pathname}${search} ${how.theme} ${how.viewport.width}`
  await connection(page, 'online')
  await page.getByText(shows).filter({ visible: true }).first().waitFor()
  t.same(await flaws(page), [], `${name}: axe finds nothing serious`)
  t.equal(await page.locator('h1').count(), 1, `${name}: one h1`)
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  t.ok(width <= how.viewport.width, `${name}: nothing is wider than the page`)
  t.same(problems, [], `${name}: no violation, no error`)
}

async function screens(t: Test, browser: Browser, place: Awaited<ReturnType<typeof busyHouse>>) {
  const screens: [path: string, shows: string][] = [
    ['/', 'build-7'],
    ['/needs-you', 'Delete the build folder?'],
    ['/agents/build-7?tab=conversation', 'build-7'],
    ['/agents/build-7?tab=timeline', 'build-7'],
    ['/tasks', 'Copy rows'],
    [`/tasks/${place.taskId}`, 'Move orders'],
    ['/commands', 'Compare the two branches'],
    [`/commands/${place.commandId}`, 'lock held by ci-114'],
    ['/system', 'Commands are accepted and stored.'],
    ['/system?tab=connections', 'build-7'],
    ['/system?tab=tokens', 'New token'],
    ['/system?tab=events&topics=agents.%3E', 'Listen'],
    ['/system?tab=browser', 'Theme'],
  ]
  // In a quick run each screen gets one look, and the looks take turns.
  const each = size('LOOKS', { quick: 1, full: looks.length })
  for (const viewport of [desktop, phone]) {
    const someone = await person(browser, { url: place.url, token: place.token, viewport, hasMotion: false })
    for (const [nth, how] of looks.entries()) {
      if (how.viewport !== viewport) continue
      await someone.page.emulateMedia({ colorScheme: how.theme })
      for (const [path, shows] of screens.filter((_, index) => (index + nth) % looks.length < each)) {
        await look(t, someone, place.url + path, shows, how)
      }
    }
    await someone.leave()
  }
}

async function overlays(t: Test, browser: Browser, place: House) {
  for (const theme of themes.slice(0, size('OVERLAY_THEMES', { quick: 1, full: themes.length }))) {
    const { page, problems } = await person(browser, { url: place.url, token: place.token, theme, hasMotion: false })
    await connection(page, 'online')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Search actions and agents' }).waitFor()
    t.same(await flaws(page), [], `${theme}: the palette`)
    await page.keyboard.type('review-2')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/agents/review-2')
    await page.locator('h1').first().click()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    t.same(await flaws(page), [], `${theme}: the keys`)
    await page.keyboard.press('Escape')
    // While the dialog is open, it handles all keys.
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('s')
    await page.waitForURL('**/system')
    await page.getByRole('tab', { name: 'Tokens' }).click()
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByRole('dialog', { name: 'New token' }).waitFor()
    t.same(await flaws(page), [], `${theme}: the new token`)
    t.same(problems, [])
  }
  const { page, problems } = await person(browser, { url: place.url, expected: /Failed to load resource/ })
  await page.getByRole('textbox', { name: 'Token' }).waitFor()
  t.same(await flaws(page), [], 'the login')
  t.same(problems, [])
  const lost = await person(browser, { url: `${place.url}/agents/nobody`, token: place.token, expected: /404/ })
  await connection(lost.page, 'online')
  await lost.page.getByText('There is no such agent').or(lost.page.getByText('no agent')).first().waitFor()
  t.same(lost.problems, [])
}

test('the screens of a busy fleet', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await busyHouse(t)
  await t.test('every screen works in both themes, on a desktop and on a phone', t => screens(t, browser, place))
  await t.test('overlays, the login and the not-found page work', t => overlays(t, browser, place))
})
