import type { CommandOutcome } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import { FlakyService } from './flaky-service.ts'
import { type Part, textOf } from './part.ts'
import { pause } from './pause.ts'

const DEADLINE_MS = 10_000
/** A delay, so that people see the request being made. */
const BEFORE_MS = 1200

/** Checks whether a URL answers: the one in the prompt, or that of its own flaky service. */
export function linkChecker(): Part {
  const service = new FlakyService()
  return {
    kind: 'sdk',
    begin: () => service.start(),
    end: () => service.stop(),
    handlers: {
      async prompt(run) {
        const url = /https?:\/\/\S+/.exec(textOf(run.input))?.[0] ?? service.url
        run.progress({ message: `Asking ${url}` })
        await pause(BEFORE_MS, run.signal)
        return check(url, run.signal)
      },
    },
  }
}

async function check(url: string, signal: AbortSignal): Promise<CommandOutcome> {
  const from = systemClock.monotonic()
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]) })
    const text = await response.text()
    const told = `${url} answered ${response.status} in ${Math.round(systemClock.monotonic() - from)} ms, ${text.length} characters`
    if (response.ok) return { status: 'succeeded', output: `${told}.` }
    return { status: 'failed', error: { code: String(response.status), message: told } }
  } catch (error) {
    if (signal.aborted) return { status: 'cancelled' }
    const { code = 'failed', message } = ((error as Error).cause ?? error) as Error & { code?: string }
    return { status: 'failed', error: { code, message: `${url} does not answer: ${message || code}` } }
  }
}
