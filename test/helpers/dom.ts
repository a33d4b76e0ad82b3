// A document for React, with everything of Node left as it is: the server runs in the same process. Import this first.
// In a run of all tests it is also the window of the other files that need one.
import { GlobalRegistrator } from '@happy-dom/global-registrator'

/** What Node has too, and React and the document need of one kind. */
const ofDocument = new Set(['navigator', 'Event', 'CustomEvent', 'EventTarget', 'FormData'])

if (!GlobalRegistrator.isRegistered) {
  const own = Object.getOwnPropertyDescriptors(globalThis)
  GlobalRegistrator.register({ url: 'http://fleet.test/' })
  for (const [name, descriptor] of Object.entries(own)) {
    if (!ofDocument.has(name)) Object.defineProperty(globalThis, name, descriptor)
  }
}
