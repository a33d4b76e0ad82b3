import { type Reply, type SentFrame, sendReports, Unreached } from '../report/report-client.ts'
import { CliError } from './cli-error.ts'

const VARIABLE = 'FLEETWIRE_REPORT'
/** A wrapper that takes longer than this to reply counts as gone; questions wait longer. */
const REPLY_MS = 10_000

export const reportAddress = (): string | undefined => process.env[VARIABLE] || undefined

/** Sends frames to the wrapper; throws a CliError if one is refused. */
export async function tell(frames: SentFrame[]): Promise<void> {
  for (const reply of await sent(frames)) if (!reply.ok) throw refused(reply)
}

export async function sent(frames: SentFrame[], withinMs = REPLY_MS): Promise<Reply[]> {
  const address = reportAddress()
  if (address === undefined)
    throw new CliError(
      'unreachable',
      `${VARIABLE} is not set: only a program that fleetwire agent wrap has started, and what that program starts, can report.`,
    )
  try {
    return await sendReports(address, frames, AbortSignal.timeout(withinMs))
  } catch (error) {
    if (error instanceof Unreached)
      throw new CliError(
        'unreachable',
        `The wrapper of this program does not answer at ${address} (${error.code}: ${error.message}). Has it ended?`,
      )
    if ((error as Error).name === 'TimeoutError')
      throw new CliError(
        'timedOut',
        `The wrapper of this program has not answered in ${Math.round(withinMs / 1000)} s.`,
      )
    throw error
  }
}

export const refused = (reply: Reply | undefined): CliError => {
  const { code, message } = reply?.ok === false ? reply.error : { code: 'internal', message: 'There was no reply.' }
  return new CliError(code === 'unavailable' ? 'unreachable' : 'failed', message)
}
