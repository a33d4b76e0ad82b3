import * as protocol from '@fleetwire/protocol'
import type { TSchema } from '@sinclair/typebox'
import { channels, securitySchemes } from './asyncapi.ts'
import { type Field, fieldsOf, typeOf, type Words } from './describe.ts'
import { type FrameEntry, type FrameGroup, frameGroups } from './frame-groups.ts'
import { pageStyle } from './page-style.ts'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string) => text.replace(/[&<>"]/g, char => entities[char]!)
/** Descriptions in the schemas mark literals as Markdown does. */
const prose = (text: string) => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')
const code = (text: string) => `<code>${escaped(text)}</code>`
const link = (id: string, html: string) => `<a href="#${escaped(id)}">${html}</a>`
const schemaId = (name: string) => `schema.${name}`

const words = (type: Words) =>
  type.map(word => (typeof word === 'string' ? escaped(word) : link(schemaId(word.ref), code(word.ref)))).join('')

function fieldList(fields: readonly Field[]): string {
  if (fields.length === 0) return ''
  const items = fields.map(({ name, optional, type, description, fields }) => {
    const about = [words(type), optional ? 'optional' : ''].filter(Boolean).join(', ')
    const told = description === undefined ? '' : `<p class="dim">${prose(description)}</p>`
    return `<li><b>${code(name)}</b> ${about}${told}${fieldList(fields)}</li>`
  })
  return `<ul class="fields">${items.join('')}</ul>`
}

/** A link to the frame that answers another: it is sent by the server to the same kind of peer. */
function answerOf({ peer }: FrameGroup, answer: string): string {
  const other = frameGroups.find(group => group.peer === peer && group.action === 'send')!
  const frame = other.frames.find(({ type }) => type === answer)!
  return link(frame.id, code(answer))
}

function frameHtml(group: FrameGroup, { id, type, says, answer, schema, example }: FrameEntry): string {
  const { payload, n } = schema.properties as Record<string, TSchema>
  const fields = payload?.$id === undefined ? fieldList(fieldsOf(payload!)) : ''
  const facts = [
    group.title,
    payload?.$id === undefined ? '' : `payload: ${words(typeOf(payload))}`,
    n === undefined ? '' : `numbered by ${code('n')}`,
    answer === undefined ? '' : `answered with ${answerOf(group, answer)}`,
  ].filter(Boolean)
  return `<article id="${escaped(id)}"><h3>${link(id, code(type))}</h3><p>${prose(says)}</p>
<p class="dim">${facts.join(' · ')}</p>${fields}
<pre>${escaped(JSON.stringify(example))}</pre></article>`
}

const addressesOf = ({ peer }: FrameGroup) =>
  channels
    .filter(channel => channel.peer === peer)
    .map(({ address }) => code(address))
    .join(', ')

const groupHtml = (group: FrameGroup) => `<section id="${group.id}"><h2>${escaped(group.title)}</h2>
<p>On ${addressesOf(group)}.</p>
${group.frames.map(frame => frameHtml(group, frame)).join('\n')}</section>`

type Shared = TSchema & { $id: string }
const isShared = (value: unknown): value is Shared => typeof value === 'object' && value !== null && '$id' in value

/** The shared schemas that frames refer to, directly or through other schemas. */
function sharedSchemas(): Shared[] {
  const named = (Object.values(protocol) as unknown[]).filter(isShared)
  const all = new Map(named.map(schema => [schema.$id, schema]))
  const found = new Set<string>()
  const look = (text: string) => {
    for (const [, id] of text.matchAll(/"\$id":"(\w+)"/g)) if (all.has(id!)) found.add(id!)
  }
  look(JSON.stringify(frameGroups))
  return [...found].sort().map(id => all.get(id)!)
}

const schemaHtml = (schema: Shared) =>
  `<article id="${schemaId(schema.$id)}"><h3>${link(schemaId(schema.$id), code(schema.$id))}</h3>${fieldList(fieldsOf(schema))}</article>`

const contents = (title: string, id: string, items: readonly { id: string; type: string }[]) =>
  `<details><summary>${link(id, escaped(title))}</summary><ul>${items.map(item => `<li>${link(item.id, code(item.type))}</li>`).join('')}</ul></details>`

/** Every frame of every socket, as one HTML page. */
export function protocolPage({ version, queryToken }: { version: string; queryToken: boolean }): string {
  const schemas = sharedSchemas()
  const { query, ...always } = securitySchemes
  const ways = Object.values(queryToken ? { ...always, query } : always)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fleetwire over WebSockets</title><style>${pageStyle}</style></head>
<body><header><h1>Fleetwire over WebSockets</h1>
<p>Version ${escaped(version)}. One JSON object a line, one or several in a text message: ${code('{ type, id?, payload }')}.</p>
<p>For programs: <a href="asyncapi.json">asyncapi.json</a>. REST: <a href="docs">docs</a>.</p></header>
<nav aria-label="Contents"><p>${link('connecting', 'Connecting')}</p>${frameGroups
    .map(({ id, title, frames }) => contents(title, id, frames))
    .join('')}${contents(
    'Schemas',
    'schemas',
    schemas.map(({ $id }) => ({ id: schemaId($id), type: $id })),
  )}</nav>
<main><section id="connecting"><h2>Connecting</h2><dl>${channels
    .map(({ address, description }) => `<dt>${code(address)}</dt><dd>${prose(description)}</dd>`)
    .join('')}</dl>
<p>The token is looked for in this order:</p><ol>${ways.map(({ description }) => `<li>${prose(description)}</li>`).join('')}</ol></section>
${frameGroups.map(groupHtml).join('\n')}
<section id="schemas"><h2>Schemas</h2>
${schemas.map(schemaHtml).join('\n')}</section></main></body></html>
`
}
