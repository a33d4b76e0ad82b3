import { type EventNote, eventNotes, matchTopic, topics } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { EventLog } from '../../src/log/event-log.ts'

const notes: Record<string, EventNote> = eventNotes

const patternOf = (name: keyof typeof topics): string => {
  const topic: string | ((...ids: string[]) => string) = topics[name]
  return typeof topic === 'string' ? topic : topic('*', '*')
}

/** Fails the test if an event appears on a topic that the catalogue does not list for its type. */
export function expectCatalogued(t: Test, log: EventLog): void {
  log.follow(events => {
    for (const { type, topic } of events) {
      if (topic.startsWith('$')) continue
      const note = notes[type]
      if (note !== undefined && !matchTopic(patternOf(note.topic), topic)) t.fail(`${type} appeared on ${topic}`)
    }
  })
}
