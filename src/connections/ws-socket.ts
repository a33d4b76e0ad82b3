import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { FrameForm } from '../frames/frame-encoder.ts'
import { framesIn } from '../frames/text-frame.ts'
import { FragmentCounter } from './fragment-counter.ts'
import type { SocketHandlers, SocketPort } from './socket-port.ts'

const TOO_BIG = 1009
const FRAME_TOO_LARGE = 4413

/**
 * The class that the server makes its sockets of: `ws` answers an oversized frame with 1009, the protocol with 4413. An
 * echo of the peer's own 1009 is left as it is: it has a reason, if an empty one, and the verdict of `ws` has none.
 */
export class FleetwireWebSocket extends WebSocket {
  /** Who hears of it. Kept here, the listeners are the same functions for all sockets. */
  handlers: SocketHandlers | undefined

  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === TOO_BIG && reason === undefined ? FRAME_TOO_LARGE : code, reason)
  }
}

/** Options of the `ws` server that this adapter relies on. `maxPayload` holds for what a message inflates to. */
export const wsServerOptions = (maxFrameBytes: number, compression = false) => ({
  // `never`: the types of ws for CommonJS, which the server's are made of, and those for modules know two classes.
  WebSocket: FleetwireWebSocket as never,
  maxPayload: maxFrameBytes,
  /** Frames are shared between receivers: each must be readable without those before it. */
  perMessageDeflate: compression && { serverNoContextTakeover: true, clientNoContextTakeover: true },
  /** A flood of pings must not fill the send buffer with pongs: the connection answers them. */
  autoPong: false,
})

const DEFLATE = 'permessage-deflate'
const FULL_WINDOW_BITS = 15

/**
 * Whether the peer can read frames that were deflated each by itself, with the full window. `ws` says only internally
 * what was agreed; where that is not found, the peer is served by `ws` itself.
 */
function takesShared(ws: WebSocket): boolean {
  if (ws.extensions !== DEFLATE) return false
  const { _extensions } = ws as unknown as { _extensions?: Record<string, { params?: Record<string, unknown> }> }
  const params = _extensions?.[DEFLATE]?.params
  if (params?.server_no_context_takeover !== true) return false
  return (params.server_max_window_bits ?? FULL_WINDOW_BITS) === FULL_WINDOW_BITS
}

/** Errors of `ws` that are a verdict on what the peer sent, and the code of the close frame that went out for them. */
function verdict(error: Error & { code?: string }): number | undefined {
  switch (error.code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return FRAME_TOO_LARGE
    case 'WS_ERR_INVALID_UTF8':
      return 1007
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 1008
    default:
      return error.code?.startsWith('WS_ERR_') ? 1002 : undefined
  }
}

const handlersOf = (ws: WebSocket): SocketHandlers | undefined => (ws as FleetwireWebSocket).handlers

function onError(this: WebSocket, error: Error): void {
  const code = verdict(error)
  if (code !== undefined) handlersOf(this)?.onFailed(code)
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  if (isBinary) handlersOf(this)?.onBinary()
  else handlersOf(this)?.onText(data.toString())
}

function onPing(this: WebSocket, data: Buffer): void {
  handlersOf(this)?.onPing(data)
}

function onPong(this: WebSocket): void {
  handlersOf(this)?.onPong()
}

function onClose(this: WebSocket, code: number): void {
  handlersOf(this)?.onClosed(code)
}

/**
 * The only place that knows `ws`. Frames made once are written to the raw socket as they are: one system call for all
 * that is due. That is legal beside the frames `ws` writes itself because every write holds whole frames, and no frame
 * needs another to be read; where anything else was negotiated, `ws` does the framing.
 */
export class WsSocket implements SocketPort {
  readonly #ws: WebSocket
  readonly #raw: Socket
  readonly #framesItself: boolean
  readonly form: FrameForm

  /** `raw` is the socket of the upgrade: `request.raw.socket`. */
  constructor(ws: WebSocket, raw: Socket) {
    this.#ws = ws
    this.#raw = raw
    this.form = takesShared(ws) ? 'deflated' : 'text'
    this.#framesItself = ws.extensions !== '' && this.form === 'text'
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN && this.#raw.writable
  }

  get bufferedBytes(): number {
    return this.#framesItself ? this.#ws.bufferedAmount : this.#raw.writableLength
  }

  /** A write that the kernel took at once also asks for a drain, but leaves nothing buffered. */
  get isCongested(): boolean {
    return this.#raw.writableNeedDrain && this.#raw.writableLength > 0
  }

  write(frames: Buffer): void {
    if (!this.isOpen) return
    if (this.#framesItself) for (const { text, fin } of framesIn(frames)) this.#ws.send(text, { binary: false, fin })
    else this.#raw.write(frames)
  }

  ping(): void {
    if (this.isOpen) this.#ws.ping()
  }

  pong(data: Buffer): void {
    if (this.isOpen) this.#ws.pong(data)
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason)
  }

  stopReading(): void {
    // `ws` lets a socket flow again in the next tick after a breach of its protocol.
    process.nextTick(() => this.#ws.pause())
    // A close frame that waits for its compression would come after the end.
    if (!this.#framesItself) this.#raw.end()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  listen(handlers: SocketHandlers): void {
    const ws = this.#ws
    ;(ws as FleetwireWebSocket).handlers = handlers
    // The listener of @fastify/websocket ends the socket before its close code is sent, and holds the request and the
    // reply of the upgrade for as long as the socket lives.
    ws.removeAllListeners('error')
    ws.on('error', onError).on('message', onMessage).on('ping', onPing).on('pong', onPong).on('close', onClose)
    this.#raw.on('drain', () => handlers.onDrain())
    const parts = new FragmentCounter()
    // Before the listener of `ws`: what counts is known when its messages come.
    this.#raw.prependListener('data', (chunk: Buffer) => {
      const count = parts.count(chunk)
      if (count > 0) handlers.onFragments(count)
    })
  }
}
