import { parse } from '@lukeed/ms'
import { CliError } from './cli-error.ts'

/** `30d`, `12h`, `90s` … in ms. */
export function durationMs(text: string): number {
  const ms = parse(text)
  if (ms === undefined || ms <= 0)
    throw new CliError('usage', `Not a duration: "${text}". Write it as 90s, 15m, 12h or 30d.`)
  return ms
}
