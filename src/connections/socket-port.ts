import type { FrameForm } from '../broadcast/frame-encoder.ts'

/** What a connection needs of a WebSocket. One adapter implements it (ws-socket.ts); tests script it. */
export interface SocketPort {
  readonly isOpen: boolean
  /** How the peer takes events. */
  readonly form: FrameForm
  /** Bytes written that the kernel has not taken. */
  readonly bufferedBytes: number
  /** The kernel takes no more: `drained` will be called. A write is still possible, and costs memory. */
  readonly isCongested: boolean
  /** One or more whole, unmasked text frames (text-frame.ts), in one write. */
  write(frames: Buffer): void
  ping(): void
  pong(data: Buffer): void
  close(code: number, reason: string): void
  /** Destroys the socket: `closed` follows. */
  terminate(): void
  /** Called once, in the turn of the upgrade: frames that arrive earlier would be lost. */
  listen(handlers: SocketHandlers): void
}

export interface SocketHandlers {
  text(text: string): void
  binary(): void
  ping(data: Buffer): void
  pong(): void
  drained(): void
  /** The peer broke the WebSocket protocol or a size limit; a close frame with this code was sent. */
  failed(code: number): void
  /** Nothing follows. 1006: without a close frame. */
  closed(code: number): void
}
