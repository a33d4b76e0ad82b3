// Import this before anything that looks for a document. Test files that run in one process share it.
import { GlobalRegistrator } from '@happy-dom/global-registrator'

if (!GlobalRegistrator.isRegistered) GlobalRegistrator.register({ url: 'http://fleet.test/' })
