import { shortText } from '../short-text.ts'
import type { Message } from './message.ts'

/** Slack truncates a message at 40,000 characters; people read less. */
const MAX_TEXT = 2000
const MAX_FACT = 500

/**
 * The body for a Slack incoming webhook: one text. Anything written by agents and people stays plain text in it: it
 * causes no mention, no link with another label, and no link preview.
 */
export function slackMessage(message: Message): string {
  const { title, facts } = told(message)
  const lines = [title, ...facts.map(fact => `> ${escaped(fact, MAX_FACT)}`)]
  const text = lines.join('\n')
  return JSON.stringify({ text, mrkdwn: true, link_names: false, unfurl_links: false, unfurl_media: false })
}

/** The three characters that are markup anywhere in a text; other markup affects only its own line, at worst. */
const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Invisible and direction-changing characters, and line breaks, become blanks. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** Shortens first, so that no entity is cut in two. */
export function escaped(text: string, most = MAX_TEXT): string {
  const short = shortText(text.replace(UNSEEN, ' ').trim(), most)
  return short.replace(/[&<>]/g, char => entities[char]!)
}

interface Told {
  /** Slack markup; foreign text in it is escaped. */
  title: string
  facts: string[]
}

type Fields = Record<string, unknown>

/** The facts that a person wants to know first for each kind of event. */
function told({ type, topic, json }: Message): Told {
  const payload: unknown = JSON.parse(json)
  const fields: Fields = typeof payload === 'object' && payload !== null ? (payload as Fields) : {}
  const [noun = '', verb = ''] = type.split(':', 2)
  const agent = textOf(fields.agentId) ?? (topic.startsWith('agents.') ? topic.split('.', 2)[1] : undefined)
  const title = (what: string, subject = agent) =>
    `${subject === undefined ? '' : `*${escaped(subject, 100)}* `}${escaped(what, 200)}`
  switch (noun) {
    case 'command':
      return {
        title: title(`command ${verb.replace('_', ' ')}`),
        facts: present(inputOf(fields.input), fields.reason, errorOf(fields.error), exitOf(fields.exitCode)),
      }
    case 'task':
      return {
        title: title(`task ${verb}`),
        facts: present(fields.title ?? fields.taskId, fields.message, errorOf(fields.error)),
      }
    case 'interaction':
      return { title: title(`question ${verb}`), facts: present(fields.title, fields.description) }
    case 'agent':
      return {
        title: title(type === 'agent:status' ? `is ${textOf(fields.status) ?? 'changed'}` : type.replace(':', ' ')),
        facts: present(fields.detail, fields.lifecycle, fields.message),
      }
    case 'notification':
      return { title: title(textOf(fields.title) ?? type, undefined), facts: present(fields.message) }
    case 'webhook':
      return { title: notices[verb] ?? title(type, 'Fleetwire'), facts: present(fields.message) }
    default:
      return { title: title(type), facts: present(fields.title, fields.message, fields.text, fields.lastMessage) }
  }
}

const notices: Record<string, string> = {
  test: '*Fleetwire* reaches this channel',
  gap: '*Fleetwire* could not send some events',
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const present = (...values: unknown[]): string[] => values.map(textOf).filter(text => text !== undefined)
const errorOf = (error: unknown) => (typeof error === 'object' && error !== null ? (error as Fields).message : error)
const exitOf = (code: unknown) => (typeof code === 'number' && code !== 0 ? `exit code ${code}` : undefined)
const inputOf = (input: unknown) => (typeof input === 'string' ? input : JSON.stringify(input))
