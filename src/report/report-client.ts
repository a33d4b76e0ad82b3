import { createConnection, type Socket } from 'node:net'
import type { AgentFrame, AgentServerPayloads, WireError } from '@fleetwire/protocol'

// Hooks start this before every tool call of a program, so it loads nothing but node:net.

/** A frame as a program may send it. The wrapper fills in missing fields. */
export interface SentFrame {
  type: AgentFrame['type']
  payload: object
  /** How long the sender waits for an answer while the server is unreachable. If missing, forever. */
  patienceMs?: number
  /** No reply is wanted. */
  quiet?: true
}

export type Answer = AgentServerPayloads['interaction:answer']
export type Reply = { ok: true; answer?: Answer } | { ok: false; error: Pick<WireError, 'message'> & { code: string } }

/** The wrapper cannot be reached. `message` says why; `code` is the system's error code. */
export class Unreached extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Sends frames to the wrapper and resolves with its reply to each. Rejects with Unreached if nobody listens or the
 * connection closes before all replies have arrived, and with the reason of `signal` when it aborts.
 */
export function sendReports(address: string, frames: readonly SentFrame[], signal?: AbortSignal): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(address)
    const replies = new Map<string, Reply>()
    const settle = (how: () => void) => {
      signal?.removeEventListener('abort', abort)
      socket.destroy()
      how()
    }
    const abort = () => settle(() => reject(signal?.reason))
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort)
    socket.on('connect', () => socket.write(linesOf(frames)))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      settle(() => reject(new Unreached(error.code ?? 'EIO', error.message))),
    )
    socket.on('close', () =>
      settle(() => reject(new Unreached('ECLOSED', 'it closed the connection before it answered'))),
    )
    eachLine(socket, line => {
      const { id, type, payload } = JSON.parse(line)
      const reply: Reply = type === 'interaction:answer' ? { ok: true, answer: payload } : payload
      // The reply to a line that the wrapper could not parse has no id.
      if (id === undefined) return settle(() => resolve(frames.map(() => reply)))
      replies.set(id, reply)
      if (replies.size === frames.length) settle(() => resolve(frames.map((_, i) => replies.get(String(i))!)))
    })
    if (frames.length === 0) settle(() => resolve([]))
  })
}

/** Sends frames without waiting for replies. Resolves when the system has taken them, or on any failure. */
export function dropReports(address: string, frames: readonly SentFrame[], withinMs: number): Promise<void> {
  return new Promise(resolve => {
    const socket = createConnection(address)
    const end = () => {
      socket.destroy()
      resolve()
    }
    socket.setTimeout(withinMs, end)
    socket.on('error', end)
    // Quiet, since an unread reply would reset the connection before the wrapper has read everything.
    socket.on('connect', () => socket.end(linesOf(frames.map(frame => ({ ...frame, quiet: true })))))
    socket.on('finish', end)
  })
}

const linesOf = (frames: readonly SentFrame[]): string =>
  frames.map((frame, i) => `${JSON.stringify({ ...frame, id: String(i) })}\n`).join('')

function eachLine(socket: Socket, take: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
}
