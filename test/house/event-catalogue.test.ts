import { customTopics, eventNotes, eventPayloads, topics } from '@fleetwire/protocol'
import t from 'tap'
import { draftOfPublication } from '../../src/events/publishing.ts'
import { eventCatalogue } from '../../src/reference/event-catalogue.ts'
import { read, tableRows, unquoted } from './repository.ts'

const page = read('docs/event-catalogue.md')

t.test('docs/event-catalogue.md is what `npm run docs:catalogue` generates', async t => {
  t.equal(page, eventCatalogue())
})

t.test('docs/event-catalogue.md lists every event type once, and no others', async t => {
  const told = tableRows(page.slice(0, page.indexOf('## Payloads'))).map(([type]) => unquoted(type))
  const known = told.filter(type => type !== 'custom:<name>')
  t.same(known.toSorted(), Object.keys(eventPayloads).toSorted())
  t.equal(told.length - known.length, customTopics.length)
  t.same(Object.keys(eventNotes).toSorted(), Object.keys(eventPayloads).toSorted())
})

t.test('[EV8] custom events are listed under the topics where they may be published, and no others', async t => {
  const headings = [...page.matchAll(/^## `(.+)`$/gm)].map(([, topic]) => topic!)
  t.equal(headings.length, Object.keys(topics).length)
  for (const topic of headings) {
    const section = page.split(`## \`${topic}\`\n`)[1]!.split('\n## ')[0]!
    const verdict = draftOfPublication({ topic: topic.replaceAll('<id>', 'x'), type: 'custom:x', payload: {} })
    t.equal(section.includes('custom:<name>'), 'draft' in verdict, topic)
  }
})
