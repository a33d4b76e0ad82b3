import type { FrameForm } from '../frames/frame-encoder.ts'

/** A WebSocket, as a connection uses it. `WsSocket` implements it; tests script it. */
export interface SocketPort {
  readonly isOpen: boolean
  /** The encoding in which the peer accepts events. */
  readonly form: FrameForm
  /** Bytes written that the kernel has not taken. */
  readonly bufferedBytes: number
  /** The kernel accepts no more; `onDrain` will be called when it does. Writing is still possible, but costs memory. */
  readonly isCongested: boolean
  /** Writes one or more whole, unmasked text frames (text-frame.ts) at once. */
  write(frames: Buffer): void
  ping(): void
  pong(data: Buffer): void
  close(code: number, reason: string): void
  /** Stops reading until `resume`: the peer can send no more than the kernel buffers hold. */
  pause(): void
  resume(): void
  /** After a close frame: ends the connection from this side and ignores whatever the peer still sends. */
  stopReading(): void
  /** Destroys the socket; `onClosed` follows. */
  terminate(): void
  /** Called once, in the event loop turn of the upgrade: frames that arrive before it would be lost. */
  listen(handlers: SocketHandlers): void
}

export interface SocketHandlers {
  onText(text: string): void
  onBinary(): void
  onPing(data: Buffer): void
  onPong(): void
  /** This many fragments of messages arrived, none of them the last of its message. */
  onFragments(count: number): void
  onDrain(): void
  /** The peer broke the WebSocket protocol or a size limit; a close frame with this code was sent. */
  onFailed(code: number): void
  /** The last call. 1006: there was no close frame. */
  onClosed(code: number): void
}
