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
/** Claude Code waits no longer than this for a report to reach the wrapper. */
const TELL_WITHIN_MS = 1000
/** Long enough for a server to restart. After that, the question is left to Claude Code's own prompt. */
const PATIENCE_MS = 30_000
/** When the question expires, the server still sends an answer that says so. */
const EXPIRY_GRACE_MS = 5000
/** How much of the end of a transcript is read. */
const MAX_TRANSCRIPT_BYTES = 2 * 1024 * 1024
/** Tool results may be long. Longer events are neither read nor reported. */
const MAX_INPUT_BYTES = 32 * 1024 * 1024

/**
 * Runs one hook of Claude Code: reports its event to the wrapper, and asks people if it is a permission. If anything
 * goes wrong, it exits with 0 and leaves the decision to Claude Code: it neither blocks nor allows by accident.
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

/** The usage of a turn that has ended: no hook contains it, but the transcript does. */
async function used({ hook_event_name, transcript_path = '' }: HookInput): Promise<SentFrame[]> {
  if (!/^(?:Stop|StopFailure|SessionEnd)$/.test(hook_event_name)) return []
  return usageOf(await endOfFile(transcript_path, MAX_TRANSCRIPT_BYTES))
}

function print(output: HookOutput): void {
  if (output !== undefined) process.stdout.write(`${JSON.stringify(output)}\n`)
}
