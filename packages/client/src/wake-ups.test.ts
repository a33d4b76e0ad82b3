import t from 'tap'
import { pageWakeUps } from './wake-ups.ts'

/** A stand-in for the page's document. */
class Document extends EventTarget {
  visibilityState = 'visible'
}

t.test('a page wakes when its network, its tab or the whole page is back', t => {
  const document = new Document()
  const window = new EventTarget()
  const globals = {
    document,
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
  }
  Object.assign(globalThis, globals)
  t.teardown(() => {
    for (const name of Object.keys(globals)) Reflect.deleteProperty(globalThis, name)
  })
  let woken = 0
  const leave = pageWakeUps(() => woken++)
  const say = () => {
    for (const type of ['online', 'offline', 'pageshow']) window.dispatchEvent(new Event(type))
    for (const type of ['resume', 'visibilitychange']) document.dispatchEvent(new Event(type))
  }
  say()
  t.equal(woken, 4)
  document.visibilityState = 'hidden'
  document.dispatchEvent(new Event('visibilitychange'))
  t.equal(woken, 4, 'a tab that is hidden is no reason')
  leave()
  say()
  t.equal(woken, 4)
  t.end()
})

t.test('without a page there are no listeners', t => {
  t.doesNotThrow(() => pageWakeUps(() => {})())
  t.end()
})
