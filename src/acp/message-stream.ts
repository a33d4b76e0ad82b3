import type { Readable, Writable } from 'node:stream'
import type { AnyMessage, Stream } from '@agentclientprotocol/sdk'
import { isObject } from '../is-object.ts'

export interface MessageStreamOptions {
  /** The program's output: one message per line. */
  stdout: Readable
  stdin: Writable
  /** Receives output that is not a message, as text: some programs print to stdout for people to read. */
  onNoise(text: string): void
  maxLineBytes?: number
}

/** A longer line is dropped. The limit is generous, since messages may contain files. */
const MAX_LINE_BYTES = 32 * 1024 * 1024
const NEWLINE = 0x0a
const SHOWN_CHARS = 500

/** The stable updates of version 1. The library rejects all others, so each unknown one is reported here once. */
const KNOWN_UPDATES: ReadonlySet<unknown> = new Set([
  ...['user_message_chunk', 'agent_message_chunk', 'agent_thought_chunk', 'tool_call', 'tool_call_update', 'plan'],
  ...['available_commands_update', 'current_mode_update', 'config_option_update', 'session_info_update'],
  ...['usage_update', 'notice', 'compaction_update', 'compaction_summary_chunk'],
])

/**
 * The messages of a program, for the library. Replaces the library's own reader, which responds to each stray line with
 * an error: the program would receive a response to a request that it never sent.
 */
export function messageStream({ stdout, stdin, onNoise, maxLineBytes = MAX_LINE_BYTES }: MessageStreamOptions): Stream {
  const toldOf = new Set<unknown>()
  async function* messages(): AsyncGenerator<AnyMessage> {
    for await (const line of linesOf(stdout, maxLineBytes)) {
      if (typeof line === 'number') {
        onNoise(`a line of ${line} bytes was dropped: the limit is ${maxLineBytes}`)
        continue
      }
      if (line.trim() === '') continue
      const read = readMessage(line)
      if (read.kind === 'message') yield read.message
      else if (read.kind === 'noise') onNoise(read.text.slice(0, SHOWN_CHARS))
      else if (!toldOf.has(read.name)) {
        toldOf.add(read.name)
        onNoise(`an update of an unknown kind was skipped: ${read.name.slice(0, SHOWN_CHARS)}`)
      }
    }
  }
  // Writing fails when the program has ended, which is reported separately and in more detail.
  stdin.on('error', () => {})
  const read = messages()
  return {
    readable: new ReadableStream<AnyMessage>({
      async pull(controller) {
        const { done, value } = await read.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: async () => void (await read.return(undefined)),
    }),
    writable: new WritableStream<AnyMessage>({
      write: message =>
        new Promise((resolve, reject) => {
          stdin.write(`${JSON.stringify(message)}\n`, error => (error ? reject(error) : resolve()))
        }),
    }),
  }
}

type Read =
  | { kind: 'message'; message: AnyMessage }
  | { kind: 'noise'; text: string }
  | { kind: 'unknown update'; name: string }

export function readMessage(line: string): Read {
  const noise = { kind: 'noise', text: line } as const
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return noise
  }
  if (!isObject(value) || value.jsonrpc !== '2.0') return noise
  if (typeof value.method === 'string') {
    const update = value.method === 'session/update' && isObject(value.params) ? value.params.update : undefined
    if (isObject(update) && !KNOWN_UPDATES.has(update.sessionUpdate))
      return { kind: 'unknown update', name: String(update.sessionUpdate) }
    return { kind: 'message', message: value as AnyMessage }
  }
  // Our requests have numeric ids, so anything else is not a response to them.
  return typeof value.id === 'number' ? { kind: 'message', message: value as AnyMessage } : noise
}

/** Yields lines of text; for a line that is too long, only its size in bytes. */
async function* linesOf(stdout: Readable, maxLineBytes: number): AsyncGenerator<string | number> {
  let parts: Buffer[] = []
  let size = 0
  const add = (part: Buffer) => {
    size += part.length
    if (size <= maxLineBytes) parts.push(part)
    else parts = []
  }
  const take = (): string | number => {
    const line = size > maxLineBytes ? size : Buffer.concat(parts).toString('utf8')
    parts = []
    size = 0
    return line
  }
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at))
      yield take()
      from = at + 1
    }
    if (from < chunk.length) add(chunk.subarray(from))
  }
  if (size > 0) yield take()
}
