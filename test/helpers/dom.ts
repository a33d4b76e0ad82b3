// A document for React, with everything of Node left as it is: the server runs in the same process. Import this first.
import { GlobalRegistrator } from '@happy-dom/global-registrator'

const own = Object.getOwnPropertyDescriptors(globalThis)
GlobalRegistrator.register()
for (const [name, descriptor] of Object.entries(own)) {
  if (name !== 'navigator') Object.defineProperty(globalThis, name, descriptor)
}
