import { writeFileSync } from 'node:fs'
import { eventCatalogue } from '../src/reference/event-catalogue.ts'

// Compiled, this file stands in dist/scripts.
writeFileSync(new URL('../../docs/event-catalogue.md', import.meta.url), eventCatalogue())
