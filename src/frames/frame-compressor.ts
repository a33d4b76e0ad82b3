import { constants, deflateRawSync } from 'node:zlib'
import { deflatedFrame } from './text-frame.ts'

/** In characters. Below this, compression costs more than it saves. */
export const COMPRESS_FROM = 1024
/** Z_SYNC_FLUSH ends a message with these bytes; permessage-deflate leaves them out (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4
const options = { finishFlush: constants.Z_SYNC_FLUSH, level: constants.Z_BEST_SPEED }

/**
 * Compresses frames for all peers that agreed to permessage-deflate without context takeover: each frame is
 * independent, so one result serves all receivers. It runs synchronously rather than in a thread: it happens once per
 * frame, and the order is kept.
 */
export class FrameCompressor {
  #frames = 0

  /** How many frames were compressed. */
  get frames(): number {
    return this.#frames
  }

  /** Undefined if compression would save nothing. */
  frameOf(text: string | Buffer): Buffer | undefined {
    if (text.length < COMPRESS_FROM) return undefined
    this.#frames++
    const deflated = deflateRawSync(text, options)
    return deflated.length < text.length ? deflatedFrame(deflated.subarray(0, -TAIL_BYTES)) : undefined
  }
}
