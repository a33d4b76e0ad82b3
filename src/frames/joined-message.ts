import { emptyTextFrame, framesIn } from './text-frame.ts'

/** A longer message would delay what follows it at its reader. A single larger frame becomes its own message. */
export const MAX_JOINED_BYTES = 64 * 1024
const LINE_FEED = 0x0a

/** Frames that become one message, and the length of its payload. */
interface Message {
  texts: Buffer[]
  length: number
}

/**
 * Joins whole text frames, in order, into as few messages as possible, one frame a line (FR20). Deflated frames are
 * left as they are.
 */
export function joinMessages(chunks: readonly Buffer[]): Buffer {
  const parts: (Buffer | Message)[] = []
  let open: Message | undefined
  for (const chunk of chunks) {
    for (const { frame, text, deflated } of framesIn(chunk)) {
      if (deflated) {
        parts.push(frame)
        open = undefined
      } else if (open !== undefined && open.length + 1 + text.length <= MAX_JOINED_BYTES) {
        open.texts.push(text)
        open.length += 1 + text.length
      } else {
        open = { texts: [text], length: text.length }
        parts.push(open)
      }
    }
  }
  return Buffer.concat(parts.map(part => (Buffer.isBuffer(part) ? part : lines(part))))
}

function lines({ texts, length }: Message): Buffer {
  const { frame, at } = emptyTextFrame(length)
  let end = at
  for (const text of texts) {
    if (end > at) frame[end++] = LINE_FEED
    end += text.copy(frame, end)
  }
  return frame
}
