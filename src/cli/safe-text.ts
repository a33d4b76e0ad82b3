/**
 * Text from agents and other people is printed to the user's terminal and must not control it: no title, no clipboard
 * (OSC 52), no cursor movement, no line that looks like one of ours, no text that is displayed in another order.
 */

/** Colours and weights (SGR): the only control sequences that are kept. */
const COLOUR = String.raw`\u001b\[[0-9;:]{0,64}m`

/** After colours, matched in this order: a control string (OSC, DCS, APC, PM, SOS); CSI; other escapes. */
const STRING = String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?`
const CSI = String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?`
const ESCAPE = String.raw`\u001b[ -/]*[0-~]?`

/** Characters that reorder, move or hide text: bidirectional marks, line separators, invisible characters. */
const MARKS = String.raw`[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]`
const CONTROLS = String.raw`[\u0000-\u001f\u007f-\u009f]`

const UNSAFE = new RegExp(`(${COLOUR})|(${STRING}|${CSI}|${ESCAPE}|${MARKS})|(${CONTROLS})`, 'gu')
const JSON_UNSAFE = new RegExp(`[\\u007f-\\u009f]|${MARKS}`, 'gu')
const RESET = '\u001b[0m'

/** One line: control sequences are removed, line breaks and other control characters become spaces. */
export const safeLine = (text: string): string =>
  text.replace(UNSAFE, (_, _colour, _sequence, control) => (control === undefined ? '' : ' '))

/** One line that keeps its colours; they are reset at its end. */
export function safeColoured(text: string): string {
  let isColoured = false
  const safe = text.replace(UNSAFE, (_, colour, _sequence, control) => {
    if (colour !== undefined) isColoured = true
    return colour ?? (control === undefined ? '' : control === '\t' ? '\t' : ' ')
  })
  return isColoured ? safe + RESET : safe
}

/** Text of several lines, such as an error message of the server. */
export const safeLines = (text: string): string =>
  text
    .split(/\r*\n/)
    .map(line => safeLine(line))
    .join('\n')

/**
 * JSON.stringify escapes only the C0 control characters. This escapes the others too, so that a terminal shows the
 * value as it is.
 */
export const safeJson = (value: unknown): string =>
  JSON.stringify(value).replace(JSON_UNSAFE, mark => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
