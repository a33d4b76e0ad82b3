import { constants, deflateRawSync } from 'node:zlib'
import { deflatedFrame } from './text-frame.ts'

/** Below this many characters the header of a frame and the work outweigh what is saved. */
export const COMPRESS_FROM = 1024
/** Z_SYNC_FLUSH ends a message so; permessage-deflate leaves it out (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4
const options = { finishFlush: constants.Z_SYNC_FLUSH, level: constants.Z_BEST_SPEED }

/**
 * Makes frames that every peer can read which agreed to permessage-deflate without context takeover: each stands for
 * itself, so one serves all receivers. In the turn itself and not in a thread: it is done once, and the order stays.
 */
export class FrameCompressor {
  #frames = 0

  /** How many frames were compressed. */
  get frames(): number {
    return this.#frames
  }

  /** Undefined where nothing would be saved. */
  frameOf(text: string): Buffer | undefined {
    if (text.length < COMPRESS_FROM) return undefined
    this.#frames++
    const deflated = deflateRawSync(text, options)
    return deflated.length < text.length ? deflatedFrame(deflated.subarray(0, -TAIL_BYTES)) : undefined
  }
}
