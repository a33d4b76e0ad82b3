import { isObject } from '../../is-object.ts'
import type { SentFrame } from '../report-client.ts'

/**
 * How many of the last requests are reported, even if they were reported before. The server counts each request only
 * once as long as it remembers it, and it remembers twice as many.
 */
const MAX_REQUESTS = 100

/**
 * The usage of the last requests of a conversation, from the end of Claude Code's transcript. Each line is an entry in
 * JSON. A request to the model may have several entries, each with its usage so far. The format is internal to Claude
 * Code, so unknown entries are skipped. Pure.
 */
export function usageOf(transcript: string): SentFrame[] {
  const requests = new Map<string, object>()
  for (const line of transcript.split('\n')) {
    const usage = requestOf(line)
    if (usage === undefined) continue
    requests.delete(usage.requestId)
    requests.set(usage.requestId, usage)
  }
  return [...requests.values()].slice(-MAX_REQUESTS).map(payload => ({ type: 'usage:report', payload }))
}

function requestOf(line: string) {
  if (!line.includes('"usage"')) return undefined
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!isObject(entry) || entry.type !== 'assistant' || !isObject(entry.message)) return undefined
  const { id, model, usage } = entry.message
  if (typeof id !== 'string' || id === '' || id.length > 128 || !isObject(usage)) return undefined
  const tokens = (name: string) => (Number.isSafeInteger(usage[name]) ? Math.max(0, usage[name] as number) : 0)
  return {
    source: 'claude-code',
    // Entries are written while an answer is still being generated.
    mode: 'cumulative',
    requestId: id,
    inputTokens: tokens('input_tokens') + tokens('cache_creation_input_tokens') + tokens('cache_read_input_tokens'),
    outputTokens: tokens('output_tokens'),
    ...(typeof model === 'string' && model.length <= 128 && { model }),
  }
}
