import type { Page } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import { connection, desktop, house, launch, type Person, person, phone } from '../helpers/browser.ts'
import { fleetwire } from '../helpers/processes.ts'
import { size, some } from '../helpers/sizes.ts'

// Several browsers, one after the other, on a machine that also runs everything else.
tap.setTimeout(300_000)

/** In a full run, as long as an event may be. */
const CODE_LINES = size('HOSTILE_CODE_LINES', { quick: 2000, full: 20_000 })
/** Wide lines overflow a phone first. */
const viewports = some('HOSTILE_VIEWPORTS', 1, [phone, desktop])
const endless = 'W'.repeat(450)
const bars = (cell: string, columns: number) => `|${` ${cell} |`.repeat(columns)}`
const table = [bars('head', 60), bars('-', 60), bars(endless.slice(0, 40), 60)].join('\n')
const nested = (mark: string, depth: number) =>
  Array.from({ length: depth }, (_, i) => `${' '.repeat(2 * i)}${mark} level ${i}`).join('\n')

/** What the answer of a manipulated model may contain. Each ends in a unique word. */
const answers: Record<string, string> = {
  links: [
    '[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>alert(1)</script>)',
    '[d](vbscript:x) [e](file:///etc/passwd) <javascript:alert(1)> [f](\u0001javascript:alert(1)) [g](//evil.test/x)',
    '[h][ref] [i](https://evil.test/?q=1 "title") [j](/tokens) [k](#login=code) [l](https://HERE/#login=code) [m](mailto:a@b.test)',
    '',
    '[ref]: javascript:alert(1)',
    '',
    'links end',
  ].join('\n'),
  pictures: [
    '![one](https://evil.test/a.png) ![two](data:image/svg+xml,<svg/onload=alert(1)>) <img src="https://evil.test/b.png">',
    '<iframe src="https://evil.test"></iframe><style>*{display:none}</style><svg onload=alert(1)>',
    '[![three](https://evil.test/c.png)](javascript:alert(1))',
    '',
    'pictures end',
  ].join('\n'),
  tables: `${table}\n\ntables end`,
  lists: `${nested('-', 60)}\n\n${nested('1.', 60)}\n\n${'>'.repeat(500)} quoted\n\nlists end`,
  emphasis: `${'*'.repeat(3000)}a${'*'.repeat(3000)} ${'['.repeat(5000)} ${'`'.repeat(2001)}\n\nemphasis end`,
  wide: `${endless.repeat(20)} \`${endless.repeat(5)}\` https://evil.test/${endless}\n\nwide end`,
  hidden: `hidden \u202e\u2066\u200b\u0000\u001b[31m\ufeff text\u2069\u202c\n\nhidden end`,
  footnotes: `${Array.from({ length: 50 }, (_, i) => `[^${i}]`).join('')}\n\n${Array.from({ length: 50 }, (_, i) => `[^${i}]: x`).join('\n')}\n\nfootnotes end`,
  code: `\`\`\`js\n${'const x = "</script><img src=x onerror=alert(1)>";\n'.repeat(CODE_LINES)}\`\`\`\n\ncode end`,
  fence: `\`\`\`"><img src=x onerror=alert(1)>\nx\n\`\`\`\n\nfence end`,
}

const tools: { name: string; args: unknown; result?: unknown; error?: { code: string; message: string } }[] = [
  { name: '<img src=x onerror=alert(1)>', args: { path: '<script>alert(1)</script>' }, result: { html: '<b>no</b>' } },
  { name: endless.slice(0, 200), args: { [endless]: endless }, result: endless.repeat(200) },
  { name: 'deep', args: JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`), result: null },
  { name: '__proto__', args: JSON.parse('{"__proto__":{"toString":1},"constructor":2}'), result: '\u202eturned\u0007' },
  { name: 'fails', args: 'not an object', error: { code: 'odd', message: '<img src=x onerror=alert(1)>'.repeat(30) } },
]

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

async function staysAsWide(t: Test, page: Page, what: string): Promise<void> {
  t.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    `${what}: the page keeps its width`,
  )
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('main, main [role=log], main section')]
      .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
      .map(element => element.outerHTML.slice(0, 200)),
  )
  t.same(wide, [], what)
}

test('an answer and its tools can show anything, but reach nothing', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  await place.agent({
    id: 'evil',
    handlers: {
      async prompt(run) {
        const { input } = run
        if (input === 'tools') {
          for (const { name, args, result, error } of tools) {
            const call = run.tool(name)
            call.args(JSON.stringify(args))
            if (error === undefined) call.end(result)
            else call.fail(error)
          }
          const message = run.message()
          message.append('tools end')
          message.end()
        } else {
          const message = run.message()
          message.append(answers[String(input)]!.replace('https://HERE', place.url))
          message.end()
        }
        return { status: 'succeeded' }
      },
    },
  })
  for (const viewport of viewports) {
    const someone = await person(browser, {
      ...{ url: `${place.url}/agents/evil?tab=conversation`, token: place.token, viewport },
    })
    const { page, problems } = someone
    const seen = watch(someone, place.url)
    await connection(page, 'online')
    for (const input of [...Object.keys(answers), 'tools']) {
      await place.api('POST', '/agents/evil/commands?wait=20', { kind: 'prompt', input, sessionId: 'ses_evil' })
      await page.getByText(`${input} end`, { exact: true }).last().waitFor()
      await staysAsWide(t, page, input)
      const links = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLAnchorElement>('main a[target=_blank]')].map(a => a.href),
      )
      const own = links.filter(href => !/^(https:\/\/evil\.test\/|mailto:)/.test(href))
      t.same(own, [], `${input}: only links to other origins`)
    }
    await page.evaluate(() => {
      for (const row of document.querySelectorAll<HTMLElement>('main button[aria-expanded=false]')) row.click()
    })
    await page.getByRole('region', { name: 'Arguments' }).last().waitFor()
    await staysAsWide(t, page, 'open tools')
    t.same([...problems, ...seen], [], `at ${viewport.width} px`)
    await someone.leave()
  }
})

test('a program cannot set the clipboard or the title, or disguise where a link leads', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  const settings = { FLEETWIRE_URL: place.url, FLEETWIRE_TOKEN: await place.mint('shell-1', 'agent') }
  fleetwire(t, ['agent', 'exec', '--id', 'shell-1'], settings)
  const someone = await person(browser, { url: `${place.url}/agents/shell-1?tab=terminal`, token: place.token })
  const { page, context, problems } = someone
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const seen = watch(someone, place.url)
  // There is nothing to open, and a page in the background draws nothing.
  const opened = await page.evaluateHandle(() => {
    const calls: string[] = []
    window.open = (...how) => {
      calls.push(how.join(' '))
      return null
    }
    return calls
  })
  await page.locator('[data-agent-id=shell-1][data-status=idle]').first().waitFor()
  const title = await page.title()
  const link = (to: string, text: string) => `\\033]8;;${to}\\033\\\\${text}\\033]8;;\\033\\\\`
  const odd = [
    ...[link('javascript:alert(1)', 'one-one-one'), link(`${place.url}/#login=x`, 'two-two-two')],
    ...[
      link('https://evil.test/', 'https://good.test/'),
      '\\033]52;c;aGk=\\007',
      '\\033]0;<img src=x>\\007\\033]2;evil\\007',
    ],
    ...['\\033]1337;File=inline=1:aGk=\\007', '\\033_Gf=100;aGk=\\033\\\\', '\\033[5i\\033[?2026h', 'all there'],
  ]
  await page.getByRole('textbox', { name: 'Command' }).fill(
    // Repeats, because a later viewer gets the screen, which has the text of links but not their targets.
    // The terminal goes away with the agent, which ends the loop.
    `while printf '\\033[H${odd.join(' ')}\\n'; do sleep 0.5; done`,
  )
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.locator('[data-command-id][data-status=running]').first().waitFor()
  const screen = () => page.locator('[data-terminal] .xterm-screen')
  const deadline = Date.now() + 40_000
  for (;;) {
    const answer = await fetch(`${place.url}/api/v1/agents/shell-1/terminal`, {
      headers: { authorization: `Bearer ${place.token}` },
    })
    if (/all there/.test(await answer.text()) || Date.now() > deadline) break
    await page.waitForTimeout(50)
  }
  await screen().waitFor()
  const addresses = new Set<string>()
  /** Hovers over the first line from left to right, and clicks. */
  const sweep = async () => {
    for (let x = 10; x < 400; x += 40) {
      await screen().hover({ position: { x, y: 8 } })
      addresses.add(await screen().evaluate(element => element.closest('[title]')?.getAttribute('title') ?? ''))
      await screen().click({ position: { x, y: 8 } })
    }
  }
  const follows = (to: string) => `${to} _blank noopener,noreferrer`
  const calls = () => opened.evaluate(calls => calls)
  // The page draws the line at its own pace. A last sweep follows, so that each link was clicked once it was drawn.
  while (!addresses.has('https://evil.test/') || !(await calls()).includes(follows('https://evil.test/'))) {
    if (Date.now() > deadline) break
    await sweep()
  }
  await sweep()
  t.ok(addresses.has('https://evil.test/'), 'the target of a link is shown before it is followed')
  const followed = new Set(await calls())
  t.ok(followed.delete(follows('https://evil.test/')), 'followed by a click')
  // Text that looks like an address links to it, unless the text already links elsewhere.
  followed.delete(follows('https://good.test/'))
  t.same([...followed], [])
  t.same(seen, [])
  t.equal((await page.title()).replace(/^\(\d+\) /, ''), title)
  t.equal(await page.evaluate(() => navigator.clipboard.readText()), '')
  t.same(problems, [])
})
