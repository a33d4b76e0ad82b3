import { type CommandOutcome, depthOfText, MAX_VALUE_DEPTH, TOO_DEEP } from '@fleetwire/protocol'
import { messageOf } from '../errors.ts'

/** Sizes of the head and tail kept of a long output, tried in this order. Failures usually show at the end. */
const KEPT_CHARS = [16 * 1024, 4 * 1024, 512, 64]
const ROOM_FOR_IDS_BYTES = 256
const statuses: readonly unknown[] = ['succeeded', 'failed', 'cancelled']

/**
 * Makes an outcome fit to send: a result must arrive, whatever a handler returned. Output over the frame limit is cut
 * and marked; a value that is not an outcome or not JSON makes the command failed.
 */
export function fitOutcome(outcome: CommandOutcome, fits: (jsonBytes: number) => boolean): CommandOutcome {
  if (!statuses.includes(outcome?.status)) return failed('no_outcome', 'The handler returned no outcome.')
  const tooDeep = () => failed('too_deep', `The output is ${TOO_DEEP}.`)
  let json: string
  try {
    json = JSON.stringify({ ...outcome, ...(outcome.detail !== undefined && { detail: short(outcome.detail) }) })
  } catch (error) {
    // A value that overflows the stack is deeper than anything that may be sent.
    if (error instanceof RangeError) return tooDeep()
    return failed('not_json', `The output cannot be converted to JSON: ${messageOf(error)}`)
  }
  if (depthOfText(json) > MAX_VALUE_DEPTH + 1) return tooDeep()
  if (fits(bytesOf(json))) return JSON.parse(json) as CommandOutcome
  for (const kept of KEPT_CHARS) {
    const shorter = shorten(outcome, kept)
    if (fits(bytesOf(JSON.stringify(shorter)))) return shorter
  }
  return { status: outcome.status }
}

function shorten(outcome: CommandOutcome, kept: number): CommandOutcome {
  const { status, output, error, exitCode, detail } = outcome
  const text = typeof output === 'string' ? output : JSON.stringify(output ?? '')
  return {
    status,
    output: cut(text, kept),
    outputBytes: outcome.outputBytes ?? new TextEncoder().encode(text).length,
    outputTruncated: outcome.outputTruncated || text.length > 2 * kept,
    ...(error !== undefined && { error: cut(typeof error === 'string' ? error : error.message, kept) }),
    ...(exitCode !== undefined && { exitCode }),
    ...(detail !== undefined && { detail: short(detail) }),
  }
}

const MAX_DETAIL_CHARS = 4096
export const short = (detail: string): string => String(detail).slice(0, MAX_DETAIL_CHARS)

function cut(text: string, kept: number): string {
  if (text.length <= 2 * kept) return text
  const mark = `\n[… ${text.length - 2 * kept} characters cut: over the frame limit …]\n`
  return text.slice(0, kept) + mark + text.slice(-kept)
}

const failed = (code: string, message: string): CommandOutcome => ({ status: 'failed', error: { code, message } })

const bytesOf = (json: string): number => new TextEncoder().encode(json).length + ROOM_FOR_IDS_BYTES
