import { writeFileSync } from 'node:fs'
import { eventCatalogue } from '../src/reference/event-catalogue.ts'

// The compiled file is in dist/scripts.
writeFileSync(new URL('../../docs/event-catalogue.md', import.meta.url), eventCatalogue())
