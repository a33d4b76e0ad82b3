import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock, Timer } from '../clock.ts'
import { type BucketLimits, TokenBucket } from '../connections/rate-limit.ts'
import type { DeskReply } from './report-desk.ts'
import { type Defaults, type ReportFrame, type ReportLine, readReportLine } from './report-line.ts'

/** Handles reports, as `ReportDesk` does. */
export interface ReportTaker {
  take(frame: ReportFrame, from: { signal: AbortSignal; patienceMs?: number }): Promise<DeskReply>
  applied(interactionId: string): void
}

export interface ReportServerOptions {
  taker: ReportTaker
  clock: Clock
  defaults(): Defaults
  /** Reports beyond this rate are delayed. */
  rate?: BucketLimits
  /** A longer line is refused and ends its connection. Default: the frame limit of a server. */
  maxLineBytes?: number
  /** Further concurrent connections are closed. */
  maxConnections?: number
}

const RATE: BucketLimits = { ratePerSecond: 500, burst: 1000 }
const MAX_LINE_BYTES = 256 * 1024
const MAX_CONNECTIONS = 256
/** A socket's path may have at most 104 bytes on some systems, including the name inside the folder. */
const LONGEST_FOLDER = 80
const NEWLINE = 0x0a

/**
 * The local socket on which a program reports to its wrapper: lines of JSON, each with one reply. Only the same user
 * can access it: it is in a folder with mode 0700 (on Windows, it is a named pipe with an unguessable name that other
 * users may not write to). It ends with its process and stores nothing.
 */
export class ReportServer {
  readonly #options: ReportServerOptions
  readonly #bucket: TokenBucket
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  #folder: string | undefined

  constructor(options: ReportServerOptions) {
    this.#options = options
    this.#bucket = new TokenBucket(options.rate ?? RATE, options.clock.monotonic())
  }

  /**
   * Resolves with the address for `FLEETWIRE_REPORT`. Rejects if no socket can be created. `temporary`: its parent
   * folder.
   */
  async start(temporary: string = tmpdir()): Promise<string> {
    const address = await this.#newAddress(temporary)
    const server = createServer(socket => this.#accept(socket))
    this.#server = server
    server.maxConnections = this.#options.maxConnections ?? MAX_CONNECTIONS
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(address, resolve)
      })
    } catch (error) {
      await this.#removeFolder()
      throw error
    }
    server.on('error', () => {})
    if (this.#folder !== undefined) await chmod(address, 0o600)
    return address
  }

  /** Idempotent. Closes all connections, which gives up their open questions. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    for (const connection of this.#connections) connection.close()
    await new Promise<void>(resolve => server.close(() => resolve()))
    await this.#removeFolder()
  }

  async #newAddress(temporary: string): Promise<string> {
    if (process.platform === 'win32') return `\\\\.\\pipe\\fleetwire-${randomBytes(16).toString('hex')}`
    const folder = temporary.length > LONGEST_FOLDER ? '/tmp' : temporary
    this.#folder = await mkdtemp(join(folder, 'fleetwire-'))
    return join(this.#folder, 'report')
  }

  async #removeFolder(): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.#options, this.#bucket, () => this.#connections.delete(connection))
    this.#connections.add(connection)
  }
}

/** One connection of the program. Its lines are handled in order. Answers to questions may come at any time. */
class Connection {
  readonly #socket: Socket
  readonly #options: ReportServerOptions
  readonly #bucket: TokenBucket
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  readonly #gone = new AbortController()
  #rest: Buffer = Buffer.alloc(0)
  #replied: Promise<void> = Promise.resolve()
  #wait: Timer | undefined

  constructor(socket: Socket, options: ReportServerOptions, bucket: TokenBucket, onGone: () => void) {
    this.#socket = socket
    this.#options = options
    this.#bucket = bucket
    socket.on('data', chunk => this.#receive(chunk))
    // A sender that has ended looks the same as one that only ended its side. Its questions are given up in both cases.
    socket.on('end', () => this.#gone.abort())
    socket.on('error', () => {})
    // Lines that were already received are still handled, as the rate allows.
    socket.on('close', () => {
      this.#gone.abort()
      onGone()
    })
  }

  close(): void {
    this.#gone.abort()
    this.#wait?.cancel()
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    this.#next()
  }

  #next() {
    const { clock, maxLineBytes = MAX_LINE_BYTES } = this.#options
    let from = 0
    for (let end = this.#rest.indexOf(NEWLINE); end >= 0; end = this.#rest.indexOf(NEWLINE, from)) {
      const waitMs = this.#bucket.take(clock.monotonic())
      if (waitMs > 0) {
        this.#socket.pause()
        this.#wait = clock.setTimeout(() => {
          this.#socket.resume()
          this.#next()
        }, waitMs)
        break
      }
      const line = this.#rest.subarray(from, end)
      from = end + 1
      if (line.length > maxLineBytes) return this.#refuseTooLong(maxLineBytes)
      this.#take(line)
    }
    this.#rest = this.#rest.subarray(from)
    if (this.#rest.length > maxLineBytes && !this.#rest.includes(NEWLINE)) this.#refuseTooLong(maxLineBytes)
  }

  /** Ends the connection instead of searching for the start of the next line. */
  #refuseTooLong(maxLineBytes: number) {
    this.#rest = Buffer.alloc(0)
    const message = `A report is at most ${maxLineBytes} bytes long.`
    this.#reply(undefined, { ok: false, error: { code: 'too_large', message } })
    this.#socket.end()
    this.#socket.removeAllListeners('data').resume()
  }

  #take(line: Buffer): void {
    let text: string
    try {
      text = this.#decoder.decode(line).trim()
    } catch {
      const error = { code: 'bad_json', message: 'The line is not UTF-8.' } as const
      this.#replied = this.#replied.then(() => this.#reply(undefined, { ok: false, error }))
      return
    }
    if (text === '') return
    const read = readReportLine(text, this.#options.defaults())
    const reply = (reply: DeskReply) => {
      if (!read.isQuiet) this.#reply(read.id, reply)
    }
    const replied = this.#handle(read)
    // Senders without ids rely on the order of replies. Only answers to questions may come later.
    if (read.ok && read.frame.type === 'interaction:request') void replied.then(reply)
    else this.#replied = this.#replied.then(() => replied).then(reply)
  }

  async #handle(read: ReportLine): Promise<DeskReply> {
    if (!read.ok) return { ok: false, error: { code: read.code, message: read.message } }
    const { frame, patienceMs } = read
    const from = { signal: this.#gone.signal, ...(patienceMs !== undefined && { patienceMs }) }
    return this.#options.taker.take(frame, from)
  }

  #reply(id: string | undefined, reply: DeskReply): void {
    if (!this.#socket.writable) return
    const { answer, ...payload } = 'answer' in reply ? reply : { ...reply, answer: undefined }
    const frame = answer === undefined ? { type: 'reply', payload } : { type: 'interaction:answer', payload: answer }
    this.#socket.write(`${JSON.stringify({ ...frame, ...(id !== undefined && { id }) })}\n`, error => {
      if (!error && answer !== undefined) this.#options.taker.applied(answer.interactionId)
    })
  }
}
