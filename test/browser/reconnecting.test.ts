import type { Browser } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import { connection, house, houseProcess, launch, person } from '../helpers/browser.ts'

// On a machine that also runs everything else.
tap.setTimeout(120_000)

const expected = /WebSocket connection|Failed to load resource|ERR_CONNECTION/

async function tokensEnd(t: Test, browser: Browser): Promise<void> {
  const place = await house(t)
  const { token, jti } = await place.api<{ token: string; jti: string }>('POST', '/tokens', {
    sub: 'ann',
    role: 'viewer',
  })
  const { page, problems } = await person(browser, { url: place.url, token, expected: /401|WebSocket|Failed to load/ })
  await connection(page, 'online')
  await place.api('DELETE', `/tokens/${jti}`)
  await page.getByText('The server refused this token').waitFor()

  const field = page.getByRole('textbox', { name: 'Token' })
  const logIn = page.getByRole('button', { name: 'Log in' })
  await logIn.click()
  await page.getByText('Paste a token first.').waitFor()
  await field.fill(await place.mint('build-7', 'agent'))
  await logIn.click()
  await page.getByText('it needs the role viewer').waitFor()
  await field.fill('no token')
  await logIn.click()
  await page.getByText('The server refused this token').waitFor()

  const short = await place.api<{ token: string }>('POST', '/tokens', { sub: 'ben', role: 'viewer', ttlSeconds: 3 })
  await field.fill(` ${short.token}\n`)
  await logIn.click()
  await connection(page, 'online')
  await page.getByText('This token expired').waitFor()
  await field.fill(place.token)
  await logIn.click()
  await connection(page, 'online')
  t.same(problems, [])
}

async function linkWorksOnce(t: Test, browser: Browser): Promise<void> {
  const place = await house(t)
  const { code } = await place.api<{ code: string }>('POST', '/login/codes', {})
  const ann = await person(browser, { url: `${place.url}/#login=${code}` })
  await connection(ann.page, 'online')
  t.equal(ann.page.url(), `${place.url}/`)
  const ben = await person(browser, { url: `${place.url}/#login=${code}`, expected: /401/ })
  await ben.page.getByText('This login link was used before').waitFor()
  t.notMatch(ben.page.url(), code)
  await ann.page.reload()
  await connection(ann.page, 'online')
  t.same([...ann.problems, ...ben.problems], [])
}

test('pages survive a server that is killed', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await houseProcess(t)
  const agent = await place.agent({
    id: 'summariser',
    handlers: {
      async prompt() {
        return { status: 'succeeded', output: 'done' }
      },
    },
  })

  // Written only from docs/dashboard.md, "For tests and scripts", like `handles.test.ts`.
  const ann = await person(browser, { url: place.url, hasOwnClock: true, expected })
  const live = (state: string) => ann.page.locator(`[role=status][aria-label=Connection][data-state=${state}]`)
  await ann.page.getByRole('textbox', { name: 'Token' }).fill(await place.mint('ann', 'operator'))
  await ann.page.getByRole('button', { name: 'Log in' }).click()
  await live('online').waitFor()

  const { page, problems } = await person(browser, { url: `${place.url}/commands`, token: place.token, expected })
  await connection(page, 'online')
  const submit = (input: string) => place.api('POST', '/agents/summariser/commands?wait=20', { kind: 'prompt', input })

  await t.test('before the kill, a connection shows that it was stopped, and can be reopened', async t => {
    const { items } = await place.api<{ items: { connectionId: string; sub: string }[] }>('GET', '/connections')
    const ofAnn = items.filter(({ sub }) => sub === 'ann')
    t.equal(ofAnn.length, 1)
    await place.api('DELETE', `/connections/${ofAnn[0]!.connectionId}`)
    await live('stopped').waitFor()
    await ann.page.getByText('An administrator closed this connection').first().waitFor()
    await ann.page.getByRole('button', { name: 'Retry now' }).click()
    await live('online').waitFor()
    await place.agent({ id: 'came-later', handlers: {} })
    await ann.page.locator('[data-agent-id=came-later][data-status=idle]').first().waitFor()
    for (const input of ['one', 'two', 'three']) await submit(input)
    await page.getByRole('row', { name: /three/ }).waitFor()
  })

  await ann.page.clock.install()
  await place.server.kill('SIGKILL')
  await t.test('the connection shows that it is reconnecting, and later that it has given up for now', async () => {
    await ann.page.clock.runFor(3000)
    await live('reconnecting').waitFor()
    await ann.page.clock.runFor(60_000)
    await live('offline').waitFor()
    await connection(page, 'reconnecting')
    await page.getByText('Reconnecting').waitFor()
  })
  const notifications = page.getByRole('region', { name: 'Notifications' })
  await Promise.all([
    // The notification appears some time after the connection is lost; other pages are tested in the meantime.
    notifications.getByText('No connection to the server').waitFor(),
    (async () => {
      await t.test(
        'with an expired, revoked, agent or malformed token, the page says which it is and accepts another',
        t => tokensEnd(t, browser),
      )
      await t.test('a login link works once, and is removed from the address bar and the history at once', t =>
        linkWorksOnce(t, browser),
      )
    })(),
  ])

  // The toast disappears after some seconds, so the wait starts before it appears and lasts as long as a server start
  // may take.
  const toast = notifications.getByText('Back', { exact: true })
  const back = toast.waitFor({ timeout: 120_000 })
  await place.restart()
  await t.test('afterwards the page is live again, by itself or at once on request, and missed no event', async t => {
    // The page reconnects by itself, which is under test; the agent need not wait for its backoff.
    agent.reconnectNow()
    await ann.page.getByRole('button', { name: 'Retry now' }).click()
    await ann.page.clock.resume()
    await Promise.all([back, live('online').waitFor()])
    await connection(page, 'online')
    for (const input of ['four', 'five']) await submit(input)
    for (const input of ['one', 'two', 'three', 'four', 'five']) {
      await page.locator('[data-command-id][data-status=succeeded]').filter({ hasText: input }).waitFor()
    }
    const { items } = await place.api<{ items: { commandId: string }[] }>('GET', '/commands?limit=100')
    const shown = await page
      .locator('[role=row][data-command-id]')
      .evaluateAll(rows => rows.map(row => row.getAttribute('data-command-id')))
    t.same(
      shown.toSorted(),
      items.map(({ commandId }) => commandId).toSorted(),
      'the page shows what the server has, each command once',
    )
    t.ok(agent.status.value.state === 'online')
    t.same([...ann.problems, ...problems], [])
  })
})
