import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { FrameForm } from '../frames/frame-encoder.ts'
import { framesIn } from '../frames/text-frame.ts'
import { FragmentCounter } from './fragment-counter.ts'
import type { SocketHandlers, SocketPort } from './socket-port.ts'

const TOO_BIG = 1009
const FRAME_TOO_LARGE = 4413

/**
 * The server's WebSocket class. `ws` closes with 1009 on an oversized frame; our protocol requires 4413. An echo of the
 * peer's own 1009 is left alone: it has a reason, even if empty, while `ws` passes none.
 */
export class FleetwireWebSocket extends WebSocket {
  /** The handlers of this socket. Storing them here lets all sockets share the same listener functions. */
  handlers: SocketHandlers | undefined
  readonly fragments = new FragmentCounter()

  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === TOO_BIG && reason === undefined ? FRAME_TOO_LARGE : code, reason)
  }
}

/** The options of the `ws` server that this adapter relies on. `maxPayload` limits the size after inflating. */
export const wsServerOptions = (maxFrameBytes: number, compression = false) => ({
  // `never`: the server's `ws` types are for CommonJS and these for modules, so TypeScript sees two classes.
  WebSocket: FleetwireWebSocket as never,
  maxPayload: maxFrameBytes,
  /** Receivers share frames, so each frame must be decodable without those before it. */
  perMessageDeflate: compression && { serverNoContextTakeover: true, clientNoContextTakeover: true },
  /** A flood of pings must not fill the send buffer with pongs, so the connection answers them itself. */
  autoPong: false,
  /** ConnectionRegistry tracks them all. */
  clientTracking: false,
})

const DEFLATE = 'permessage-deflate'
const FULL_WINDOW_BITS = 15

/**
 * Whether the peer can read frames that were deflated one by one, with the full window. `ws` keeps the negotiated
 * parameters in an internal field; if that is missing, `ws` itself does the framing.
 */
function takesShared(ws: WebSocket): boolean {
  if (ws.extensions !== DEFLATE) return false
  const { _extensions } = ws as unknown as { _extensions?: Record<string, { params?: Record<string, unknown> }> }
  const params = _extensions?.[DEFLATE]?.params
  if (params?.server_no_context_takeover !== true) return false
  return (params.server_max_window_bits ?? FULL_WINDOW_BITS) === FULL_WINDOW_BITS
}

/** The code of the close frame that `ws` sent for this error; undefined if the peer did not cause it. */
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

const webSocket = Symbol('the WebSocket of a socket')
type RawSocket = Socket & { [webSocket]?: FleetwireWebSocket }

function onRawDrain(this: RawSocket): void {
  this[webSocket]?.handlers?.onDrain()
}

function onRawData(this: RawSocket, chunk: Buffer): void {
  const count = this[webSocket]?.fragments.count(chunk) ?? 0
  if (count > 0) this[webSocket]?.handlers?.onFragments(count)
}

/**
 * The only place that knows `ws`. Pre-encoded frames are written unchanged to the raw socket, in one system call. They
 * may be mixed with frames that `ws` writes itself, because every write holds whole frames and no frame depends on
 * another. If anything else was negotiated, `ws` does the framing.
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

  /** A write that the kernel accepted at once also sets `writableNeedDrain`, but leaves nothing buffered. */
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

  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#ws.resume()
  }

  stopReading(): void {
    // After a protocol error, `ws` resumes the socket in the next tick.
    process.nextTick(() => this.#ws.pause())
    // A close frame that still waits for compression would come after the end.
    if (!this.#framesItself) this.#raw.end()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  listen(handlers: SocketHandlers): void {
    const ws = this.#ws as FleetwireWebSocket
    const raw: RawSocket = this.#raw
    ws.handlers = handlers
    raw[webSocket] = ws
    // The listener of @fastify/websocket ends the socket before its close code is sent, and retains the request and
    // reply of the upgrade for the lifetime of the socket.
    ws.removeAllListeners('error')
    ws.on('error', onError).on('message', onMessage).on('ping', onPing).on('pong', onPong).on('close', onClose)
    raw.on('drain', onRawDrain)
    // Added before the listener of `ws`, so that fragments are counted before their message arrives.
    raw.prependListener('data', onRawData)
  }
}
