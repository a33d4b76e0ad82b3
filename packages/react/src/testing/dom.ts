// Import this before anything that looks for a document.
import { GlobalRegistrator } from '@happy-dom/global-registrator'

GlobalRegistrator.register({ url: 'http://fleet.test/' })
