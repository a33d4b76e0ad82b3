// Import this before anything that looks for a document. Files that run in one process share one.
import { GlobalRegistrator } from '@happy-dom/global-registrator'

if (!GlobalRegistrator.isRegistered) GlobalRegistrator.register({ url: 'http://fleet.test/' })
