import {
  customTopics,
  type EventNote,
  type EventType,
  eventNotes,
  eventPayloads,
  topicKind,
  topics,
} from '@fleetwire/protocol'
import type { TSchema } from '@sinclair/typebox'
import { type Field, fieldsOf, typeOf, type Words } from './describe.ts'

type TopicName = keyof typeof topics

const kinds = {
  record: 'A record: each event carries the whole state after the change, and the topic keeps the latest.',
  latest: 'Only the latest value counts: a slow receiver skips the others.',
  stream: 'A stream: every event counts, in order.',
}
const producers = {
  agent: 'a frame of an agent',
  client: 'a request of a person or a backend',
  server: 'what the server noticed by itself',
}

const cell = (text: string) => text.replaceAll('|', '\\|')

/** A Markdown table with aligned columns. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map(row => row.map(cell))
  const widths = head.map((_, i) => Math.max(...cells.map(row => row[i]!.length)))
  const [first, ...rest] = cells.map(row => `| ${row.map((text, i) => text.padEnd(widths[i]!)).join(' | ')} |`)
  return [first, `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`, ...rest].join('\n')
}

const anchor = (title: string) => `#${title.toLowerCase().replace(/[^\w-]/g, '')}`
const link = (title: string) => `[${title}](${anchor(title)})`
const words = (type: Words) => type.map(word => (typeof word === 'string' ? word : link(word.ref))).join('')

const nameOf = (name: TopicName): string => {
  const topic: string | ((...ids: string[]) => string) = topics[name]
  return typeof topic === 'string' ? topic : topic('<id>', '<id>')
}

const types = Object.keys(eventPayloads) as EventType[]
const notes: Record<EventType, EventNote> = eventNotes
/** A named payload schema is shown once; other payloads are shown under the type of their event. */
const payloadName = (type: EventType): string => (eventPayloads[type] as TSchema).$id ?? type

function topicSection(name: TopicName): string {
  const here = types.filter(type => notes[type].topic === name)
  const rows = here.map(type => {
    const { by, says } = notes[type]
    return [`\`${type}\``, by.join(', ') || 'nobody yet', says, link(payloadName(type))]
  })
  if (customTopics.includes(name)) rows.push(['`custom:<name>`', 'client', 'What a backend published.', 'any JSON'])
  const topic = nameOf(name)
  return `## \`${topic}\`\n\n${kinds[topicKind(topic)]}\n\n${table(['type', 'by', 'says', 'payload'], rows)}`
}

/** Nested fields get dotted names. */
const flat = (fields: readonly Field[], prefix = ''): string[][] =>
  fields.flatMap(({ name, optional, type, description = '', fields: inner }) => [
    [`\`${prefix}${name}\`${optional ? '?' : ''}`, words(type), description],
    ...flat(inner, `${prefix}${name}.`),
  ])

function payloadSection(name: string): string {
  const schema = eventPayloads[types.find(type => payloadName(type) === name)!] as TSchema
  const free = schema.additionalProperties
  const rows = flat(fieldsOf(schema))
  if (free !== undefined) rows.push(['any other', words(typeOf(free)), 'Chosen by the agent'])
  return `### ${name}\n\n${table(['field', 'type', 'about'], rows)}`
}

/** Every event of the log, as a Markdown page. */
export function eventCatalogue(): string {
  const by = Object.entries(producers).map(([name, meaning]) => `- \`${name}\`: ${meaning}`)
  const payloads = [...new Set(types.map(payloadName))]
  return `# Event catalogue

Every event of the log, by the topic that it appears on. Generated from the schemas by \`npm run docs:catalogue\`, which
a test checks. An event is \`{ type, topic, cursor, at, payload }\`; how to get them: [realtime](realtime.md). Terminal
output is not in the log: [terminals](terminals.md).

\`by\` says who causes an event:

${by.join('\n')}

An event that concerns a task also matches patterns under \`tasks.<id>\` that end in \`>\`.

${(Object.keys(topics) as TopicName[]).map(topicSection).join('\n\n')}

## Payloads

A \`?\` marks an optional field.

${payloads.map(payloadSection).join('\n\n')}
`
}
