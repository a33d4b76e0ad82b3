import { parse } from '@lukeed/ms'
import { newId } from '../ids.ts'
import { type HookInput, readHookInput } from '../report/claude-code/hook-input.ts'
import { type HookOutput, permissionOf } from '../report/claude-code/hook-permission.ts'
import { reportsOf } from '../report/claude-code/hook-reports.ts'
import { usageOf } from '../report/claude-code/transcript-usage.ts'
import { dropReports, type SentFrame, sendReports } from '../report/report-client.ts'
import { endOfFile } from './end-of-file.ts'
import { readInput } from './read-input.ts'

interface HookOptions {
  ask?: boolean
  timeout?: string
}

const TIMEOUT_MS = 600_000
/** The program goes on by then, whether or not the wrapper has heard. */
const TELL_WITHIN_MS = 1000
/** A server that restarts is back by then; one that is not leaves the question to the program's own prompt. */
const PATIENCE_MS = 30_000
/** After the question has expired there is an answer, which says so. */
const EXPIRY_GRACE_MS = 5000
/** What tools give back may be long; more than this is not read, and then not told. */
/** Of the end of a transcript. */
const MAX_TRANSCRIPT_BYTES = 2 * 1024 * 1024
const MAX_INPUT_BYTES = 32 * 1024 * 1024

/**
 * One hook of Claude Code: tells the wrapper what it says, and asks people where it is a permission. Whatever goes wrong,
 * it ends with 0 and leaves the decision to Claude Code: it neither blocks nor allows by accident.
 */
export async function runClaudeHook(address: string | undefined, { ask = false, timeout }: HookOptions): Promise<void> {
  const input = readHookInput((await readInput(MAX_INPUT_BYTES)) ?? '')
  const asks = input?.hook_event_name === 'PermissionRequest' || (ask && input?.hook_event_name === 'PreToolUse')
  if (input === undefined) return
  if (!asks) {
    if (address) await dropReports(address, [...(await used(input)), ...reportsOf(input, newId)], TELL_WITHIN_MS)
    return
  }
  const timeoutMs = parse(timeout ?? '') || TIMEOUT_MS
  const { question, output } = permissionOf(input, { interactionId: newId('int'), timeoutMs })
  const asked = { type: 'interaction:request', payload: question, patienceMs: PATIENCE_MS } as const
  const replies = address
    ? await sendReports(address, [asked], AbortSignal.timeout(timeoutMs + EXPIRY_GRACE_MS)).catch(() => [])
    : []
  const [reply] = replies
  print(output(reply?.ok ? reply.answer : undefined))
}

/** A turn has ended: no hook says what it used, but the transcript does. */
async function used({ hook_event_name, transcript_path = '' }: HookInput): Promise<SentFrame[]> {
  if (!/^(?:Stop|StopFailure|SessionEnd)$/.test(hook_event_name)) return []
  return usageOf(await endOfFile(transcript_path, MAX_TRANSCRIPT_BYTES))
}

function print(output: HookOutput): void {
  if (output !== undefined) process.stdout.write(`${JSON.stringify(output)}\n`)
}
