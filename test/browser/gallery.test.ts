import t from 'tap'
import { serveGallery } from '../../scripts/gallery.ts'
import { connection, desktop, flaws, launch, type Person, person, phone } from '../helpers/browser.ts'
import { size } from '../helpers/sizes.ts'

// Many pages, one after the other, on a machine that also runs everything else.
t.setTimeout(300_000)

const looks = [desktop, phone].flatMap(viewport => (['dark', 'light'] as const).map(theme => ({ viewport, theme })))
type Viewport = typeof desktop

/** Rarely seen, and checked with axe: the screens of a working fleet are in `looks.test.ts`. */
const rare = new Set([
  ...['needs-you', 'needs-you-form', 'needs-you-question', 'needs-you-alike', 'needs-you-failure', 'needs-you-stalled'],
  ...['needs-you-viewer', 'fleet-lost', 'fleet-viewer', 'fleet-refused', 'fleet-none', 'agent-asks', 'agent-offline'],
  ...['command-failed', 'command-unconfirmed', 'task-failed', 'login-expired', 'not-found'],
])

/** In the page: shows the state with this id instead of the previous one. */
const change = (id: string) =>
  new Promise(resolve => {
    addEventListener('hashchange', resolve, { once: true })
    location.hash = id
  })

/** In the page: it has loaded and drawn everything. A busy article is an answer that is still streaming. */
const isCalm = (isEverLoading: boolean) =>
  new Promise<void>(resolve => {
    let frames = 0
    const observer = new MutationObserver(() => {
      frames = 0
    })
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
    const frame = () => {
      if (!isEverLoading && document.querySelector('div[aria-busy=true]') !== null) frames = 0
      if (++frames < 4) return requestAnimationFrame(frame)
      observer.disconnect()
      resolve()
    }
    requestAnimationFrame(frame)
  })

/** Shows one state after the other in a page that is loaded once. */
function visitor({ page }: Person): (id: string) => Promise<void> {
  let asked = 0
  let answered = 0
  page.on('request', () => void asked++)
  page.on('requestfinished', () => void answered++)
  page.on('requestfailed', () => void answered++)
  return async id => {
    await page.evaluate(change, id)
    await page.locator('h1').first().waitFor({ state: 'attached' })
    if (id === 'fleet-lost') await connection(page, 'reconnecting')
    if (id === 'fleet-loading') await page.locator('div[aria-busy=true] > :not(.sr-only)').first().waitFor()
    for (let before = -1; before < asked || answered < asked; ) {
      before = asked
      await page.evaluate(isCalm, id === 'fleet-loading')
    }
  }
}

t.test(
  'every state of every page has a title, fits, and breaks neither an accessibility rule nor the policy',
  async t => {
    const browser = await launch(t)
    if (browser === undefined) return
    const gallery = await serveGallery()
    t.teardown(() => gallery.close())
    const visit = (viewport: Viewport) => person(browser, { viewport, url: gallery.url, hasMotion: false })

    const { page, leave } = await visit(desktop)
    const links = page.locator('a[href^="#"]')
    await links.first().waitFor()
    const ids = await links.evaluateAll(all => all.map(link => link.getAttribute('href')!.slice('#'.length)))
    await leave()
    t.ok(ids.length > 35, `${ids.length} states`)
    t.same(
      [...rare].filter(id => !ids.includes(id)),
      [],
      'the rare states are among them',
    )

    // In a quick run each state gets one look, and the looks take turns.
    const each = size('GALLERY_LOOKS', { quick: 1, full: looks.length })
    const see = async (viewport: Viewport) => {
      const someone = await visit(viewport)
      const { page, problems } = someone
      const show = visitor(someone)
      for (const [nth, look] of looks.entries()) {
        if (look.viewport !== viewport) continue
        await page.emulateMedia({ colorScheme: look.theme })
        for (const id of ids.filter((_, index) => (index + nth) % looks.length < each)) {
          const name = `${id} ${look.theme} ${viewport.width}`
          await show(id)
          const { headings, width, words } = await page.evaluate(() => ({
            headings: document.querySelectorAll('h1').length,
            width: document.documentElement.scrollWidth,
            words: document.body.innerText.trim().length,
          }))
          t.equal(headings, 1, `${name}: one h1`)
          t.ok(words > 0, `${name}: not empty`)
          t.ok(width <= viewport.width, `${name}: nothing is wider than the page`)
          if (rare.has(id)) t.same(await flaws(page), [], `${name}: axe finds nothing serious`)
          t.same(problems, [], `${name}: no violation, no error`)
        }
      }
      await someone.leave()
    }
    await Promise.all([see(desktop), see(phone)])
  },
)
