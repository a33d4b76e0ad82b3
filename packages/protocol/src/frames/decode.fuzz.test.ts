import t from 'tap'
import { errorCodes } from '../error-codes.ts'
import { agentSamples, agentServerSamples } from '../samples/agent.ts'
import { clientSamples, serverSamples } from '../samples/client.ts'
import { eventSamples } from '../samples/events.ts'
import {
  type Decoded,
  decodeAgentFrame,
  decodeAgentServerFrame,
  decodeClientFrame,
  decodeServerFrame,
} from './decode.ts'

const SEED = 20_260
const ROUNDS = process.env.FULL === '1' ? 8000 : 3000

/** mulberry32 */
let state = SEED
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
const below = (end: number) => Math.floor(random() * end)
const pick = <T>(items: readonly T[]): T => items[below(items.length)]!

const decoders = [decodeClientFrame, decodeAgentFrame, decodeAgentServerFrame, decodeServerFrame]

const valid = Object.entries({
  ...{ ...clientSamples, ...serverSamples },
  ...{ ...agentSamples, ...agentServerSamples, ...eventSamples },
}).map(([type, { minimal }]) =>
  JSON.stringify({ type, id: 'x', n: 1, topic: 't', cursor: 'c', at: 0, payload: minimal }),
)

/** JSON that parsers, schemas or consumers of the frame may fail on. */
const hostile = [
  ...['1e400', '-1e400', '-0', '9007199254740993', '1e-400', '0.1e21', '123456789012345678901234567890'],
  ...['null', 'true', '[]', '{}', '""', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"__proto__"', '"\ud83d"'],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"toString":1,"valueOf":1}'],
  ...['{"length":1e9}', '{"then":1}', '{"toJSON":1}', '{"ok":true,"ok":false}', '[1,2,'.repeat(50)],
  ...['['.repeat(99) + ']'.repeat(99), '['.repeat(5000), '{"a":'.repeat(5000), `"${'x'.repeat(20_000)}"`],
]
const keys = [
  '"__proto__"',
  '"constructor"',
  '"type"',
  '"id"',
  '"n"',
  '"payload"',
  '"commandId"',
  '"status"',
  '"\\ud800"',
]

const bytes = () => Buffer.from(Array.from({ length: below(80) }, () => below(256))).toString('latin1')

/** Makes one small change somewhere in a text. */
function mutate(text: string): string {
  const at = below(text.length + 1)
  const [head, tail] = [text.slice(0, at), text.slice(at)]
  switch (below(7)) {
    case 0:
      return head + tail.slice(1 + below(8))
    case 1:
      return head + pick(['{', '}', '[', ']', '"', ':', ',', '\\', '\u0000', '\ud800', ' ', '-', '1e999']) + tail
    case 2:
      return text.replace(/(?<=:)("[^"]*"|[\d.]+|true|false|null)/, () => pick(hostile))
    case 3:
      return text.replace(/"[A-Za-z]+"(?=:)/g, key => (random() < 0.3 ? pick(keys) : key))
    case 4:
      return text.replace(/\{/g, brace => (random() < 0.3 ? `{${pick(keys)}:${pick(hostile)},` : brace))
    case 5:
      return head + text + tail
    default:
      return text.replace(/:[^:]*$/, `:${pick(hostile)}}}`)
  }
}

function aText(): string {
  if (random() < 0.1) return bytes()
  let text = pick(valid)
  for (let left = 1 + below(3); left > 0; left--) text = mutate(text)
  return text
}

/** What is wrong with a decoder's result; undefined if nothing is. */
function misbehaviour(decoded: Decoded<unknown>): string | undefined {
  if (!decoded.ok) {
    if (!Object.hasOwn(errorCodes, decoded.code)) return `code ${decoded.code}`
    return decoded.message.length > 0 && decoded.message.length < 600 ? undefined : 'message too long or empty'
  }
  const { type, payload, ...rest } = decoded.frame as { type: unknown; payload: object }
  if (typeof type !== 'string' || payload === undefined) return 'no type or no payload'
  const isEvent = 'cursor' in rest
  if (!isEvent && Object.getPrototypeOf(payload) !== Object.prototype) return 'payload with another prototype'
  JSON.stringify(decoded.frame)
  return undefined
}

t.test(`[FR10] [FR11] no text makes a decoder throw (seed ${SEED})`, async t => {
  let accepted = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = aText()
    for (const decode of decoders) {
      try {
        const decoded = decode(text)
        if (decoded.ok) accepted++
        const what = misbehaviour(decoded)
        if (what !== undefined) return t.fail(`round ${round}: ${what}`, { text })
      } catch (error) {
        return t.fail(`round ${round}: ${error}`, { text })
      }
    }
  }
  t.equal(({} as { polluted?: unknown }).polluted, undefined, 'no prototype was changed')
  t.ok(accepted > ROUNDS / 20, `${accepted} texts were accepted: the fuzz reaches what stands behind the parser`)
})
