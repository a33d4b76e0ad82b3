import type { FrameForm } from '../frames/frame-encoder.ts'

/** What a connection needs of a WebSocket. One adapter implements it (ws-socket.ts); tests script it. */
export interface SocketPort {
  readonly isOpen: boolean
  /** How the peer takes events. */
  readonly form: FrameForm
  /** Bytes written that the kernel has not taken. */
  readonly bufferedBytes: number
  /** The kernel takes no more: `onDrain` will be called. A write is still possible, and costs memory. */
  readonly isCongested: boolean
  /** One or more whole, unmasked text frames (text-frame.ts), in one write. */
  write(frames: Buffer): void
  ping(): void
  pong(data: Buffer): void
  close(code: number, reason: string): void
  /** After a close frame: ends the connection from this side and reads nothing more, whatever the peer goes on to send. */
  stopReading(): void
  /** Destroys the socket: `onClosed` follows. */
  terminate(): void
  /** Called once, in the turn of the upgrade: frames that arrive earlier would be lost. */
  listen(handlers: SocketHandlers): void
}

export interface SocketHandlers {
  onText(text: string): void
  onBinary(): void
  onPing(data: Buffer): void
  onPong(): void
  /** Parts of messages, none of them the last one, that came. */
  onFragments(count: number): void
  onDrain(): void
  /** The peer broke the WebSocket protocol or a size limit; a close frame with this code was sent. */
  onFailed(code: number): void
  /** Nothing follows. 1006: without a close frame. */
  onClosed(code: number): void
}
