import t from 'tap'
import { serveGallery } from '../../scripts/gallery.ts'
import { connection, desktop, flaws, launch, type Person, person, phone } from '../helpers/browser.ts'
import { size } from '../helpers/sizes.ts'

// On a machine that also runs everything else: many pages, one after the other.
t.setTimeout(300_000)

const looks = [desktop, phone].flatMap(viewport => (['dark', 'light'] as const).map(theme => ({ viewport, theme })))
type Look = (typeof looks)[number]

/** Rarely seen, and looked at with axe: the screens of a fleet at work are in `looks.test.ts`. */
const rare = new Set([
  ...['needs-you', 'needs-you-form', 'needs-you-question', 'needs-you-alike', 'needs-you-failure', 'needs-you-stalled'],
  ...['needs-you-viewer', 'fleet-lost', 'fleet-viewer', 'fleet-refused', 'fleet-none', 'agent-asks', 'agent-offline'],
  ...['command-failed', 'command-unconfirmed', 'task-failed', 'login-expired', 'not-found'],
])

t.test('every state of every page has a title, fits, and breaks neither a rule nor the policy', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const gallery = await serveGallery()
  t.teardown(() => gallery.close())
  const visit = (look: Look): Promise<Person> => person(browser, { ...look, url: gallery.url, reducedMotion: true })

  const { page, leave } = await visit(looks[0]!)
  const links = page.locator('a[href^="?state="]')
  await links.first().waitFor()
  const ids = await links.evaluateAll(all => all.map(link => link.getAttribute('href')!.slice('?state='.length)))
  await leave()
  t.ok(ids.length > 35, `${ids.length} states`)
  t.same(
    [...rare].filter(id => !ids.includes(id)),
    [],
    'they are among them',
  )

  // In a quick run each state in one look, another for each.
  const each = size('GALLERY_LOOKS', { quick: 1, full: looks.length })
  const see = async (nth: number) => {
    const look = looks[nth]!
    const { page, leave, problems } = await visit(look)
    for (const id of ids.filter((_, index) => (index + nth) % looks.length < each)) {
      const name = `${id} ${look.theme} ${look.viewport.width}`
      // Idle: what a page loads later is there, and has drawn.
      await page.goto(`${gallery.url}?state=${id}`, { waitUntil: 'networkidle' })
      await page.locator('h1').first().waitFor({ state: 'attached' })
      if (id === 'fleet-lost') await connection(page, 'reconnecting')
      const { headings, width, words } = await page.evaluate(() => ({
        headings: document.querySelectorAll('h1').length,
        width: document.documentElement.scrollWidth,
        words: document.body.innerText.trim().length,
      }))
      t.equal(headings, 1, `${name}: one h1`)
      t.ok(words > 0, `${name}: not empty`)
      t.ok(width <= look.viewport.width, `${name}: nothing is wider than the page`)
      if (rare.has(id)) t.same(await flaws(page), [], `${name}: axe finds nothing serious`)
      t.same(problems, [], `${name}: no violation, no error`)
    }
    await leave()
  }
  // Most of the time a page waits to be idle: beside another one.
  await Promise.all([see(0), see(2)])
  await Promise.all([see(1), see(3)])
})
