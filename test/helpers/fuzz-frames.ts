import { agentPayloads, clientPayloads, isNumbered } from '@fleetwire/protocol'
import type { TSchema } from '@sinclair/typebox'
import type { seededRandom } from './random.ts'

type Random = ReturnType<typeof seededRandom>

const some = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
/** Few values, so that frames refer to each other: they answer questions, continue messages or name others' tasks. */
const pools: Record<string, readonly unknown[]> = {
  agentId: ['fuzz0', 'fuzz1', 'fuzz2', 'nobody'],
  sessionId: some('s', 6),
  messageId: some('m', 12),
  toolCallId: some('t', 6),
  taskId: some('k', 8),
  parentTaskId: some('k', 8),
  terminalId: some('x', 4),
  interactionId: some('q', 20),
  bootId: ['b0', 'b1'],
  optionId: ['yes', 'no'],
  attempt: [1, 1, 1, 2, 9],
  offset: [0, 0, 5, 100, 2 ** 52],
  inputSeq: [0, 1, 2, 3, 2 ** 53 - 1],
  kind: ['shell', 'prompt', 'question', 'permission', 'form'],
  path: ['', '/a', '/a/b', '/list/0', '/list/-', '/list/01', '/__proto__/x', '/~2', '/a~1b', '/'],
  from: ['', '/a', '/a/b', '/list/0', '/none'],
  topics: [
    '>',
    '*',
    'agents.*.status',
    'agents.fuzz0.>',
    'tasks.k1.>',
    'tasks.*.status',
    'users.x.inbox',
    'system.>',
    '$x',
    'a..b',
    'agents.*.sessions.*.messages',
  ],
  subscribe: ['agents.*.status', 'tasks.k1.>', '>', 'nothing'],
  cursor: ['0', '', 'x.1', 'aaaaaaaaaaaaaaaa.zz'],
  queueTtlMs: [0, 1, 1000, 60_000],
  timeoutMs: [0, 1, 1000],
  runTimeoutMs: [0, 1, 1000],
}
const texts = [
  '',
  'x',
  'hello',
  '\u0000',
  '\u001b[31m',
  '😀',
  '\ud800',
  '"\\"',
  '__proto__',
  '=1+1',
  '\u2028',
  'é'.repeat(300),
]
const hostile = [
  ...['null', 'true', '[]', '{}', '""', '-1', '0.5', '1e400', '-1e400', '9007199254740993', '1e308', '-0', '"\\ud800"'],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"toString":1,"valueOf":1}'],
  ...[
    '{"then":1}',
    '{"toJSON":1}',
    '{"length":1e9}',
    '[[[[[[]]]]]]',
    `${'['.repeat(70)}${']'.repeat(70)}`,
    '['.repeat(200),
  ],
  ...[
    `"${'x'.repeat(20_000)}"`,
    `[${'0,'.repeat(5000)}0]`,
    '"a b"',
    '"../x"',
    '"*"',
    '">"',
    '"\\u0000"',
    '12345678901234567890',
  ],
]
const pieces = ['{', '}', '[', ']', '"', ':', ',', '\\', '\u0000', ' ', '-', '1e999', '\n', '\r\n', '{"type":"ping"}']

export interface Fuzzer {
  /** A message of one or more frames, valid or not. */
  next(): string | Buffer
  /** Ids of commands that the peer has received, for use in frames. */
  readonly commands: string[]
  /** Sets the last number that the server has stored; frames are numbered from there. */
  stored(n: number): void
}

/** Generates frames of one direction from the schemas. Most are valid; the others are mutated. */
export function fuzzer(peer: 'agent' | 'client', { next: random, below, pick }: Random): Fuzzer {
  const schemas: Record<string, TSchema> = peer === 'agent' ? agentPayloads : clientPayloads
  const types = Object.keys(schemas)
  const commands: string[] = ['cmd_unknown']
  let n = 0

  function json(depth: number): unknown {
    switch (below(depth > 0 ? 7 : 5)) {
      case 0:
        return pick(texts)
      case 1:
        return below(1000) - 500
      case 2:
        return random()
      case 3:
        return null
      case 4:
        return random() < 0.5
      case 5:
        return Array.from({ length: below(5) }, () => json(depth - 1))
      default:
        return Object.fromEntries(
          Array.from({ length: below(5) }, () => [pick(['a', 'list', 'b', '']), json(depth - 1)]),
        )
    }
  }

  function value(schema: TSchema, key: string): unknown {
    if (schema.const !== undefined) return schema.const
    if (schema.anyOf !== undefined) return value(pick(schema.anyOf as TSchema[]), key)
    if (key === 'commandId') return pick(commands)
    if (schema.type !== 'array' && schema.type !== 'object' && pools[key] !== undefined) return pick(pools[key])
    switch (schema.type) {
      case 'string':
        return schema.pattern?.includes('A-Z') ? pick(commands) : pick(texts)
      case 'integer':
        return pick([schema.minimum ?? 0, (schema.minimum ?? 0) + below(100), schema.maximum ?? 1])
      case 'number':
        return pick([0, 1, random(), schema.maximum ?? 1e308])
      case 'boolean':
        return random() < 0.5
      case 'array':
        return Array.from({ length: below(4) }, () => value(schema.items, key))
      case 'object':
        return object(schema)
      default:
        return json(3)
    }
  }

  function object(schema: TSchema): Record<string, unknown> {
    const fields = Object.entries((schema.properties ?? {}) as Record<string, TSchema>)
    const said = fields.filter(([name]) => schema.required?.includes(name) || random() < 0.4)
    const named = Object.fromEntries(said.map(([name, field]) => [name, value(field, name)]))
    const others =
      Object.values((schema.patternProperties ?? {}) as Record<string, TSchema>)[0] ?? schema.additionalProperties
    if (typeof others === 'object')
      for (let i = below(4); i > 0; i--) named[pick(['a', 'b', 'c d', '__proto__'])] = value(others, '')
    return named
  }

  function frame(): string {
    const type = pick(types)
    const isCounted = peer === 'agent' && (isNumbered(type) ? random() < 0.9 : random() < 0.05)
    const number = random() < 0.97 ? ++n : pick([0, 1, n, n + 5, -1, 2 ** 53 - 1, 2 ** 53])
    return JSON.stringify({
      type,
      ...(random() < 0.5 && { id: `f${below(1000)}` }),
      ...(isCounted && { n: number }),
      payload: value(schemas[type]!, ''),
    })
  }

  /** Makes one change, anywhere. */
  function mutate(text: string): string {
    const at = below(text.length + 1)
    switch (below(8)) {
      case 0:
        return text.slice(0, at)
      case 1:
        return text.slice(0, at) + text.slice(at + 1 + below(8))
      case 2:
        return text.slice(0, at) + pick(pieces) + text.slice(at)
      case 3:
        return text.replace(
          /"type":"[^"]*"/,
          `"type":${pick(['"__proto__"', '"nothing"', '1', 'null', JSON.stringify(pick(types))])}`,
        )
      case 4:
        return text.replace(/\{/g, brace => (random() < 0.3 ? `{"__proto__":${pick(hostile)},` : brace))
      case 5:
        return text.slice(0, at) + text + text.slice(at)
      default: {
        // Replaces the value of one field.
        const fields = [...text.matchAll(/(?<=":)("(?:[^"\\]|\\.)*"|-?[\d.e+]+|true|false|null)/g)]
        const field = fields.length === 0 ? undefined : pick(fields)
        if (field === undefined) return pick(hostile)
        return text.slice(0, field.index) + pick(hostile) + text.slice(field.index + field[0].length)
      }
    }
  }

  return {
    commands,
    stored: acked => {
      n = acked
    },
    next() {
      const dice = random()
      if (dice < 0.75) return frame()
      if (dice < 0.95) return mutate(frame())
      if (dice < 0.97) return mutate(mutate(mutate(frame())))
      if (dice < 0.99) return Array.from({ length: 1 + below(4) }, frame).join('\n')
      return Buffer.from(Array.from({ length: below(100) }, () => below(256)))
    },
  }
}
