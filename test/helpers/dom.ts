// A document for React that leaves Node's globals as they are, because the server runs in the same process. Import this
// first. In a run of all tests, other files that need a window share this one.
import { GlobalRegistrator } from '@happy-dom/global-registrator'

/** Globals that Node has too, but that React needs from the same implementation as the document. */
const ofDocument = new Set(['navigator', 'Event', 'CustomEvent', 'EventTarget', 'FormData'])

if (!GlobalRegistrator.isRegistered) {
  const own = Object.getOwnPropertyDescriptors(globalThis)
  GlobalRegistrator.register({ url: 'http://fleet.test/' })
  for (const [name, descriptor] of Object.entries(own)) {
    if (!ofDocument.has(name)) Object.defineProperty(globalThis, name, descriptor)
  }
}
