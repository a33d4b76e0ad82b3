import { parse } from '@lukeed/ms'
import { InvalidArgumentError, Option } from 'commander'

// Parsers that commander calls for each value. If one throws, the program ends with a usage error.

/** A whole number of at least `least`. */
export const wholeNumber =
  (least = Number.MIN_SAFE_INTEGER) =>
  (text: string): number => {
    const number = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(number) || number < least)
      throw new InvalidArgumentError(
        `Not a whole number${least > Number.MIN_SAFE_INTEGER ? ` of at least ${least}` : ''}.`,
      )
    return number
  }

/** `30d`, `12h`, `90s` … in ms. */
export function durationMs(text: string): number {
  const ms = parse(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('Write it as 90s, 15m, 12h or 30d.')
  return ms
}

/** An option in ms whose default is shown as it is written: `10m`. */
export const durationOption = (name: string, description: string, byDefault: string): Option =>
  new Option(`${name} <duration>`, description).argParser(durationMs).default(durationMs(byDefault), byDefault)

export function anId(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) throw new InvalidArgumentError('Letters, digits, _ and -, at most 64.')
  return text
}

/** The subject of a token: issuers are free in how they name users. */
export function aSubject(text: string): string {
  if (!/^[^\p{Cc}]{1,255}$/u.test(text)) throw new InvalidArgumentError('1 to 255 characters, no control characters.')
  return text
}

/** Adds a `key=value` pair to the previous ones. */
export function label(pair: string, before: Record<string, string> = {}): Record<string, string> {
  const [key = '', ...value] = pair.split('=')
  if (key === '' || value.length === 0) throw new InvalidArgumentError('Write it as key=value.')
  return { ...before, [key]: value.join('=') }
}
