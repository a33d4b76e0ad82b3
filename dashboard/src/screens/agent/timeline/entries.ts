import type { Agent, Command, EventPayloads, Interaction, Session, WireEvent } from '@fleetwire/protocol'
import { commandStatus, commandTitle, errorText, type Tone } from '../../../model/command-status.ts'
import { count, money, took } from '../../../model/format.ts'

export interface Entry {
  cursor: string
  at: number
  tone: Tone
  title: string
  detail?: string | undefined
  mono?: boolean
  commandId?: string | undefined
  sessionId?: string | undefined
}

/** Events that say little, or are so frequent that they would hide the rest. */
const LEFT_OUT = new Set([
  ...['message:start', 'message:delta', 'state:patch', 'state:snapshot', 'session:activity', 'session:typing'],
  ...['command:progress', 'command:dispatched'],
])

/** The entry of an event; undefined for events that are left out. `before`: the agent's record before the event. */
export function entryOf(event: WireEvent, before: Agent | undefined): Entry | undefined {
  if (LEFT_OUT.has(event.type)) return undefined
  const words = wordsOf(event, before)
  return words && { cursor: event.cursor, at: event.at, ...words }
}

type Words = Omit<Entry, 'cursor' | 'at'>

function wordsOf({ type, payload }: WireEvent, before: Agent | undefined): Words | undefined {
  if (type.startsWith('command:')) return commandWords(type, payload as Command)
  if (type.startsWith('interaction:')) return interactionWords(type, payload as Interaction)
  switch (type) {
    case 'agent:lifecycle':
      return lifecycleWords(payload as EventPayloads['agent:lifecycle'])
    case 'agent:status':
      return statusWords(payload as Agent, before)
    case 'agent:error': {
      const { message, code, fatal } = payload as EventPayloads['agent:error']
      return {
        tone: 'bad',
        title: fatal ? 'Fatal error' : 'Error',
        detail: code === undefined ? message : `${code}: ${message}`,
      }
    }
    case 'agent:removed':
      return { tone: 'quiet', title: 'Removed' }
    case 'usage:reported':
      return usageWords(payload as EventPayloads['usage:reported'])
    case 'session:started':
    case 'session:ended': {
      const { title, sessionId } = payload as Session
      return {
        tone: 'quiet',
        title: type === 'session:started' ? 'Conversation started' : 'Conversation ended',
        detail: title || sessionId,
        sessionId,
      }
    }
    case 'message:end': {
      const { incomplete, text, sessionId } = payload as EventPayloads['message:end']
      return incomplete ? { tone: 'warn', title: 'Message cut off', detail: text, sessionId } : undefined
    }
    default:
      return { tone: 'quiet', title: type.replace(/^custom:/, '') }
  }
}

function commandWords(type: string, command: Command): Words {
  const { commandId, createdBy, startedAt, endedAt, exitCode, error, confirmed } = command
  const title = commandTitle(command)
  const { word, tone } = commandStatus(command)
  const of = { commandId, mono: true }
  switch (type) {
    case 'command:queued':
      return { ...of, tone: 'quiet', title: `Queued by ${createdBy}`, detail: title }
    case 'command:cancelling':
      return { ...of, tone: 'warn', title: 'Stop requested', detail: title }
    case 'command:running':
      return {
        ...of,
        tone: tone === 'work' ? 'quiet' : tone,
        title: word === 'Running' ? 'Started' : word,
        detail: title,
      }
    default: {
      const facts = [
        word,
        exitCode !== undefined && exitCode !== 0 && `exit code ${exitCode}`,
        startedAt !== undefined && endedAt !== undefined && `after ${took(endedAt - startedAt)}`,
        confirmed === true && 'confirmed by the agent',
      ].filter(Boolean)
      return { ...of, tone, title: facts.join(', '), detail: errorText(error) ?? title, mono: error === undefined }
    }
  }
}

function interactionWords(type: string, { title, resolution, options }: Interaction): Words {
  if (type === 'interaction:requested') return { tone: 'needs', title: 'Asked', detail: title }
  if (type === 'interaction:resolved') {
    const option = options.find(({ id }) => id === resolution?.optionId)
    const answer = option?.label ?? resolution?.text ?? 'answered'
    return {
      tone: option?.effect === 'deny' ? 'quiet' : 'ok',
      title: `${answer} by ${resolution?.by ?? 'the agent'}`,
      detail: title,
    }
  }
  return {
    tone: 'warn',
    title: type === 'interaction:expired' ? 'Not answered in time' : 'Request withdrawn',
    detail: title,
  }
}

const lifecycles: Record<EventPayloads['agent:lifecycle']['lifecycle'], { title: string; tone: Tone }> = {
  started: { title: 'Agent started', tone: 'ok' },
  stopped: { title: 'Agent stopped', tone: 'quiet' },
  restarted: { title: 'Agent restarted', tone: 'warn' },
  crashed: { title: 'Agent crashed', tone: 'bad' },
}

function lifecycleWords({ lifecycle, message, exitCode, signal }: EventPayloads['agent:lifecycle']): Words {
  const detail =
    message ??
    (signal !== undefined ? `signal ${signal}` : exitCode === undefined ? undefined : `exit code ${exitCode}`)
  return { ...lifecycles[lifecycle], detail }
}

/** Status events carry the whole record: describes only what has changed. */
function statusWords(agent: Agent, before: Agent | undefined): Words | undefined {
  const { link, work, detail, evidence } = agent
  if (before === undefined || link !== before.link) {
    const tone: Tone = link === 'online' ? 'ok' : link === 'late' ? 'warn' : 'quiet'
    const words = { online: 'Connected', late: 'Heartbeat overdue', offline: 'Connection lost' }
    return { tone, title: words[link] }
  }
  // Work inferred from commands is already in their entries.
  const isOfCommands = evidence === 'inferred' && (work === 'idle' || work === 'working')
  if (!isOfCommands && (work !== before.work || detail !== before.detail)) {
    const tone: Tone = work === 'error' ? 'bad' : work === 'stalled' ? 'warn' : work === 'waiting' ? 'needs' : 'quiet'
    return { tone, title: `Now ${work}`, detail: detail || (evidence === 'reported' ? undefined : evidence) }
  }
  return undefined
}

function usageWords({ inputTokens, outputTokens, costUsd, model }: EventPayloads['usage:reported']): Words {
  const facts = [
    costUsd !== undefined && money(costUsd),
    inputTokens !== undefined && `${count(inputTokens)} tokens in`,
    outputTokens !== undefined && `${count(outputTokens)} tokens out`,
    model,
  ].filter(Boolean)
  return { tone: 'quiet', title: 'Usage', detail: facts.join(', ') }
}

/** The entries of events in any order, newest first. */
export function entriesOf(events: Iterable<WireEvent>): Entry[] {
  const ordered = [...events].sort((a, b) => a.at - b.at)
  const ended = new Set(ordered.filter(({ type }) => type === 'tool:end').map(toolOf))
  const begun = new Map<string, WireEvent>()
  const entries: Entry[] = []
  let agent: Agent | undefined
  for (const event of ordered) {
    if (event.type === 'tool:start') begun.set(toolOf(event), event)
    const entry = event.type.startsWith('tool:') ? toolEntry(event, begun, ended) : entryOf(event, agent)
    if (event.type === 'agent:status') agent = event.payload as Agent
    if (entry !== undefined) entries.push(entry)
  }
  return entries.reverse()
}

const toolOf = ({ payload }: WireEvent): string => (payload as { toolCallId: string }).toolCallId

/** A tool call is one entry: its end, with name and time of its start, or its start while it runs. */
function toolEntry(
  event: WireEvent,
  begun: ReadonlyMap<string, WireEvent>,
  ended: ReadonlySet<string>,
): Entry | undefined {
  const { type, cursor, at } = event
  const id = toolOf(event)
  const start = begun.get(id)
  const { name = 'tool', sessionId } = (start?.payload ?? event.payload) as { name?: string; sessionId: string }
  const base = { cursor, at, sessionId }
  if (type === 'tool:start') return ended.has(id) ? undefined : { ...base, tone: 'work', title: `Tool ${name} started` }
  if (type !== 'tool:end') return undefined
  const { error } = event.payload as EventPayloads['tool:end']
  const after = start === undefined ? '' : ` after ${took(at - start.at)}`
  if (error === undefined) return { ...base, tone: 'quiet', title: `Tool ${name} ended${after}` }
  return { ...base, tone: 'bad', title: `Tool ${name} failed${after}`, detail: errorText(error) }
}

/** Shortest pause between events that is shown as a gap. */
const GAP_MS = 60_000

export type Row = { kind: 'entry'; key: string; entry: Entry } | { kind: 'gap'; key: string; ms: number }

/** The entries with the gaps between them. */
export function rowsOf(entries: readonly Entry[]): Row[] {
  const rows: Row[] = []
  entries.forEach((entry, index) => {
    const later = entries[index - 1]
    if (later !== undefined && later.at - entry.at >= GAP_MS) {
      rows.push({ kind: 'gap', key: `gap ${entry.cursor}`, ms: later.at - entry.at })
    }
    rows.push({ kind: 'entry', key: entry.cursor, entry })
  })
  return rows
}
