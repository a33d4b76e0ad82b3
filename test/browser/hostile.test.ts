import type { Page } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import { connection, house, launch, type Person, person, phone } from '../helpers/browser.ts'
import { some } from '../helpers/sizes.ts'

// Several browsers, one after the other, on a machine that also runs everything else.
tap.setTimeout(300_000)

const markup = '<img src=x onerror=alert(1)><script>alert(2)</script>'
const endless = 'W'.repeat(450)
/** Reads as `rm -rf` reversed, and hides what follows. */
const turned = 'ls # \u202e;fr- mr\u200b'

/** Records dialogs, windows and requests that the page must not open by itself, next to its errors. */
function watch({ page }: Person, origin: string): string[] {
  const seen: string[] = []
  page.on('dialog', dialog => {
    seen.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('popup', popup => seen.push(`opens ${popup.url()}`))
  page.on('request', request => {
    if (/^(https?|wss?):/.test(request.url()) && !request.url().startsWith(origin)) seen.push(`asks ${request.url()}`)
  })
  return seen
}

/** Elements that overflow the edge of the page, except those that scroll themselves. */
const sticksOut = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth
    return [...document.querySelectorAll('main article, main article :is(h2, p, button, label, span)')]
      .filter(element => element.getBoundingClientRect().right > width + 1)
      .map(element => element.outerHTML.slice(0, 200))
  })

async function noneSticksOut(t: Test, page: Page, what: string): Promise<void> {
  t.same(await sticksOut(page), [], what)
  t.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    `${what}: the page keeps its width`,
  )
}

test('a request shows what is hidden in it, and whether an answer allows or denies', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  const agent = await place.agent({ id: 'evil', handlers: {} })
  const ask = (interactionId: string, request: object) =>
    agent.ask({
      interactionId,
      kind: 'permission',
      title: interactionId,
      risk: 'low',
      options: [],
      ...request,
    } as never)
  const someone = await person(browser, { url: `${place.url}/needs-you`, token: place.token, viewport: phone })
  const { page, problems } = someone
  const seen = watch(someone, place.url)
  await connection(page, 'online')

  const unanswered = ask('int_turned', {
    ...{ title: `Run ${turned}`, description: markup, subject: { type: 'command', preview: turned } },
    options: [
      { id: 'first', label: 'Deny', effect: 'allow' },
      { id: 'second', label: `Allow${endless}`, effect: 'deny' },
      { id: 'third', label: ' ', effect: 'deny' },
    ],
  })
  unanswered.catch(() => {})
  await page.locator('[role=option][data-interaction-id=int_turned]').click()
  const card = page.locator('article[data-interaction-id=int_turned]')
  t.equal(await card.locator('pre').innerText(), 'ls # ⟨U+202E⟩;fr- mr⟨U+200B⟩')
  t.match(await card.getByRole('heading').innerText(), /^Run ls # ⟨U\+202E⟩/)
  t.equal(await card.getByRole('button', { name: 'Deny' }).getAttribute('title'), 'Allows it')
  t.equal(await card.getByRole('button', { name: 'Allow' }).getAttribute('title'), 'Denies it')
  await card.getByRole('button', { name: 'third' }).waitFor()
  await noneSticksOut(t, page, 'a long label')

  // As text: an object literal would set the prototype.
  const names = ['__proto__', 'constructor', 'toString']
  const fields = names.map(name => `"${name}":{"type":"string","title":"${name} ${endless}"}`)
  const schema = JSON.parse(
    `{"type":"object","required":["constructor"],"properties":{${fields.join()},"odd":3,"self":{"$ref":"#"},"yes":{"type":"boolean","title":"${endless}"}}}`,
  )
  const answered = ask('int_form', { kind: 'form', schema })
  await page.goto(`${place.url}/needs-you?id=int_form`)
  const form = page.locator('article[data-interaction-id=int_form]')
  await form.getByRole('button', { name: 'Send answers' }).click()
  await form.getByText(/constructor .* is required/).waitFor()
  await noneSticksOut(t, page, 'long labels of fields')
  await form.getByLabel(/^constructor/).fill('x')
  await form.getByRole('button', { name: 'Send answers' }).click()
  t.match(await answered, { answers: { constructor: 'x' } })

  for (let i = 0; i < 12; i++) ask(`int_many_${i}`, {}).catch(() => {})
  await page.goto(`${place.url}/agents/evil`)
  // One of the earlier requests is open too.
  await page.getByRole('link', { name: '3 more in Needs you' }).waitFor()
  t.equal(await page.locator('article[data-interaction-id]').count(), 10)
  t.same([...problems, ...seen], [])
})

test('browser storage may be forbidden, full or corrupt, and a login link works in an open page', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  await place.agent({ id: 'build-1', handlers: {} })
  const log = async ({ page }: Person) => {
    await page.getByRole('textbox', { name: 'Token' }).fill(place.token)
    await page.keyboard.press('Enter')
    await connection(page, 'online')
    await page.getByRole('link', { name: 'build-1' }).first().click()
    await page.getByRole('textbox', { name: 'Command' }).fill('ls')
  }

  const refusals = {
    forbidden: () => {
      for (const name of ['sessionStorage', 'localStorage']) {
        Object.defineProperty(window, name, {
          get() {
            throw new DOMException('denied', 'SecurityError')
          },
        })
      }
    },
    full: () => {
      Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError')
      }
    },
    nonsense: () =>
      localStorage.setItem(
        'fleetwire',
        JSON.stringify({
          version: 9,
          state: { theme: 5, pinned: 'abc', tabs: { 'build-1': 'no' }, drafts: { 'build-1': {} }, seen: null },
        }),
      ),
  }
  for (const [what, prepare] of Object.entries(refusals)) {
    const someone = await person(browser, {})
    await someone.atEachLoad(prepare, undefined)
    await someone.page.goto(place.url)
    await log(someone)
    t.same(someone.problems, [], what)
    await someone.leave()
  }

  const { page, problems } = await person(browser, { url: `${place.url}/tasks`, expected: /401/ })
  await page.getByRole('textbox', { name: 'Token' }).waitFor()
  const { code } = await place.api<{ code: string }>('POST', '/login/codes')
  await page.evaluate(hash => {
    location.hash = hash
  }, `login=${code}`)
  await connection(page, 'online')
  t.equal(page.url(), `${place.url}/tasks`, 'the code is gone from the address, and the page is the requested one')
  const refused = page.waitForResponse(/\/login$/)
  await page.evaluate(hash => {
    location.hash = hash
  }, `login=${code}%`)
  await refused
  await connection(page, 'online')
  await page.goto(`${place.url}/commands#login=${code}`)
  await connection(page, 'online')
  t.same(problems, [])
})

test('ages are right on a machine whose clock is wrong', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  await place.agent({ id: 'build-1', handlers: {} })
  // With a clock three days ahead, a valid token seems to have expired.
  for (const wrongByMs of some('WRONG_CLOCKS', 2, [3 * 86_400_000, -10 * 60_000, 10 * 60_000])) {
    const { page, atEachLoad, leave, problems } = await person(browser, {})
    await atEachLoad(ms => {
      const now = Date.now.bind(Date)
      Date.now = () => now() + ms
    }, wrongByMs)
    await page.goto(place.url)
    await page.getByRole('textbox', { name: 'Token' }).fill(place.token)
    await page.keyboard.press('Enter')
    await connection(page, 'online')
    const card = page.locator('[data-agent-id=build-1]').first()
    await card.getByText(/idle (now|[1-5]?\ds|1m|2m)$/).waitFor()
    t.notMatch(await card.innerText(), /\b\d*[3-9]m\b|\b1\dm\b/)
    // A current failure must not count as seen because a wrong clock dates the last visit later.
    await card.getByRole('link').first().click()
    await page.getByRole('textbox', { name: 'Command' }).waitFor()
    const seen = await page.evaluate(() => JSON.parse(localStorage.getItem('fleetwire')!).state.seen['build-1'])
    t.ok(Math.abs(seen - Date.now()) < 120_000, `seen at ${seen}`)
    t.same(problems, [])
    await leave()
  }
})

test('the Enter that ends a composition sends nothing', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  await place.agent({ id: 'build-1', handlers: { shell: async () => ({ status: 'succeeded', output: 'done' }) } })
  const { page, problems } = await person(browser, { url: `${place.url}/agents/build-1`, token: place.token })
  await connection(page, 'online')
  const field = page.getByRole('textbox', { name: 'Command' })
  await field.fill('かな')
  await field.evaluate(element => {
    for (const isComposing of [true, false]) {
      element.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, isComposing, bubbles: true, cancelable: true }),
      )
    }
  })
  t.equal(await field.inputValue(), 'かな')
  await field.press('Enter')
  await page.locator('[data-command-id]').first().waitFor()
  t.equal((await place.api<{ items: unknown[] }>('GET', '/agents/build-1/commands')).items.length, 1)
  t.same(problems, [])
})

test('clicking a notification opens what it is about', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  const agent = await place.agent({ id: 'build-1', handlers: {} })
  const ask = (interactionId: string) =>
    void agent
      .ask({ interactionId, kind: 'permission', title: interactionId, risk: 'low', options: [] } as never)
      .catch(() => {})
  // What existed before the page opened is no news: the first one shows that the page has read the requests.
  ask('int_before')
  const { page, problems } = await person(browser, { url: `${place.url}/tasks`, token: place.token, hasMotion: true })
  await page.waitForFunction(() => document.title.startsWith('(1)'))
  ask('int_new')
  await page.waitForFunction(() => document.title.startsWith('(2)'))
  // Not by its role: until it has the focus, Base UI announces it to screen readers from a separate element.
  await page.locator('button', { hasText: 'build-1 needs an answer' }).click()
  await page.locator('article[data-interaction-id=int_new]').waitFor()
  t.same(problems, [])
})
